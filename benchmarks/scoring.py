"""How well coverage and groundedness order graded answers, beside simple baselines; and what scoring costs.

The grades and the rules behind them: benchmarks/labelled. The last line says whether the goals are met.
"""

from __future__ import annotations

import math
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from llm_bench.rag.embeddings import Embedder
from llm_bench.rag.prompt import context_hash
from llm_bench.records import Record, complete
from llm_bench.scoring.score import score
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

LABELLED = Path(__file__).parent / "labelled"
GOALS = {"coverage": 0.70, "groundedness": 0.54}
"""No worse than version 3 of the scoring: the public sets (judged.py) say whether it is better."""
FIELDS = {"coverage": "coverage_score", "groundedness": "groundedness"}
BATCH_SEC, BATCH_GB, ANSWERS_A_SEC = 10.0, 1.2, 100.0
WARM_ANSWERS = 10_000

_WORD = re.compile(r"\w+(?:\.\d+)?")


@dataclass
class Row:
    """One graded answer: its case, its label, and each way's pair of scores (coverage, groundedness)."""

    case: dict[str, Any]
    label: dict[str, Any]
    scores: dict[str, tuple[float | None, float | None]]


def main() -> int:
    if sys.argv[1:] == ["batch"]:
        return batch()
    embedder = Embedder(DEFAULT_EMBEDDING_MODEL, threads=os.cpu_count() or 1)
    met = []
    for name in ("development", "held_apart"):
        cases = yaml.safe_load((LABELLED / f"{name}.yaml").read_text(encoding="utf-8"))["cases"]
        rows = scored(cases, embedder)
        print(f"\n{name}: {len(rows)} answers to {len(cases)} questions")
        results = {metric: report(rows, metric) for metric in FIELDS}
        declining(rows)
        if name == "held_apart":
            for metric, (rho, best) in results.items():
                met += [
                    (f"ρ of {metric} {rho:.2f} ≥ {GOALS[metric]:.2f}", rho >= GOALS[metric]),
                    (f"ρ of {metric} {rho:.2f} above every baseline's ({best:.2f} at most)", rho > best),
                ]
    met += costs(embedder)
    print()
    for what, good in met:
        print(f"{'met   ' if good else 'MISSED'} {what}")
    print(f"{sum(good for _, good in met)} of {len(met)} goals met")
    return 0 if all(good for _, good in met) else 1


def scored(cases: Sequence[dict[str, Any]], embedder: Embedder) -> list[Row]:
    """Every labelled answer with the scores of every way."""
    rows = []
    for without in (False, True):
        prompts = {case["id"]: prompt(case, without_points=without) for case in cases}
        records = [record(case, label) for case in cases for label in case["answers"]]
        results = score(records, prompts, embedder)
        if not without:
            rows = [Row(case, label, {}) for case in cases for label in case["answers"]]
        for row, result in zip(rows, results, strict=True):
            way = "llm-bench, no reference points" if without else "llm-bench"
            row.scores[way] = (result["coverage_score"], result["groundedness"])
            row.label["declined"] = result["declined"]
    for name, baseline in BASELINES.items():
        for row in rows:
            row.scores[name] = baseline(" ".join(row.case["context"]), row.label["text"], embedder)
    return rows


def prompt(case: dict[str, Any], *, without_points: bool) -> dict[str, Any]:
    return {
        "question": case["question"],
        "passages": case["context"],
        "points": [] if without_points else case["facts"],
        "answerable": bool(case["facts"]),
    }


def record(case: dict[str, Any], label: dict[str, Any]) -> Record:
    return complete(
        {
            "question_id": case["id"],
            "llm_model": label["id"],
            "success": True,
            "answer": label["text"],
            "context_hash": context_hash(case["context"]),
        }
    )


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def token_overlap(context: str, answer: str, _: Embedder) -> tuple[float, float]:
    """Recall and precision of words."""
    given, answered = words(context), words(answer)
    shared = sum((Counter(given) & Counter(answered)).values())
    return shared / len(given), shared / max(len(answered), 1)


def rouge_l(context: str, answer: str, _: Embedder) -> tuple[float, float]:
    """Recall and precision of the longest common subsequence of words (Lin 2004)."""
    given, answered = words(context), words(answer)
    places: dict[str, int] = {}
    for at, word in enumerate(given):
        places[word] = places.get(word, 0) | 1 << at
    # One number has a bit for each word of the context, 0 where the subsequence grew by it (Hyyrö 2004).
    every = (1 << len(given)) - 1
    row = every
    for word in answered:
        shared = row & places.get(word, 0)
        row = (row + shared | row - shared) & every
    length = len(given) - row.bit_count()
    return length / max(len(given), 1), length / max(len(answered), 1)


def bm25(context: str, answer: str, _: Embedder) -> tuple[float, float]:
    """Okapi BM25 of the answer as a query to the context's sentences, summed; for groundedness, per word."""
    documents = [words(sentence) for sentence in re.split(r"(?<=[.!?])\s+", context)]
    mean = sum(map(len, documents)) / len(documents)
    frequency = Counter(word for document in documents for word in set(document))
    total = 0.0
    answered = words(answer)
    for document in documents:
        counts = Counter(document)
        for word in set(answered):
            weight = math.log(1 + (len(documents) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            total += weight * counts[word] * 2.5 / (counts[word] + 1.5 * (0.25 + 0.75 * len(document) / mean))
    return total, total / max(len(answered), 1)


def cosine(context: str, answer: str, embedder: Embedder) -> tuple[float, float]:
    """The cosine of the embeddings of the whole context and the whole answer."""
    vectors = embedder.encode([context, answer])
    return (float(vectors[0] @ vectors[1]),) * 2


BASELINES: dict[str, Callable[[str, str, Embedder], tuple[float, float]]] = {
    "token overlap": token_overlap,
    "ROUGE-L": rouge_l,
    "BM25": bm25,
    "cosine": cosine,
}


def report(rows: Sequence[Row], metric: str) -> tuple[float, float]:
    """Prints a line for each way; ours: ρ, and the best baseline's."""
    from scipy.stats import spearmanr  # noqa: PLC0415  (no part of a cold batch)

    index = list(FIELDS).index(metric)
    graded = [row for row in rows if row.label[metric] is not None]
    print(f"  {metric:30}      ρ   pairs in order   twins in order   (n = {len(graded)})")
    results = {}
    for way in ("llm-bench", "llm-bench, no reference points", *BASELINES):
        if metric == "groundedness" and way == "llm-bench, no reference points":
            continue  # points don't enter it
        # What an honest metric leaves null is taken as its lowest value: it has no figure for a graded answer.
        values = [-1.0 if (value := row.scores[way][index]) is None else value for row in graded]
        rho = float(spearmanr([row.label[metric] for row in graded], values).statistic)
        pairs, twins = orders(graded, values, metric)
        results[way] = rho
        print(f"    {way:30} {rho:5.2f}   {pairs:14.0%}   {twins:14.0%}")
    rho = results["llm-bench"]
    return rho, max(results[way] for way in BASELINES)


def orders(rows: Sequence[Row], values: Sequence[float], metric: str) -> tuple[float, float]:
    """Shares in the right order: of the pairs of one question with distinct grades (ties half), and of the twins."""
    pairs, twins = [], []
    for i, (row, value) in enumerate(zip(rows, values, strict=True)):
        for other, another in zip(rows[:i], values[:i], strict=True):
            if row.case is not other.case or row.label[metric] == other.label[metric]:
                continue
            rightly = (row.label[metric] - other.label[metric]) * (value - another)
            pairs.append(1.0 if rightly > 0 else 0.5 if rightly == 0 else 0.0)
            if row.label["id"] == other.label.get("twin") or other.label["id"] == row.label.get("twin"):
                twins.append(rightly > 0)
    return float(np.mean(pairs)), float(np.mean(twins))


def declining(rows: Sequence[Row]) -> None:
    said = [(bool(row.label.get("declines")), bool(row.label["declined"])) for row in rows]
    print(
        f"  declining: {sum(a and b for a, b in said)} of {sum(a for a, _ in said)} that do are found, "
        f"{sum(b and not a for a, b in said)} of {sum(not a for a, _ in said)} others taken for one"
    )


def costs(embedder: Embedder) -> list[tuple[str, bool]]:
    """Time and memory of a cold batch in a process of its own, and the speed of many answers when warm."""
    started = time.perf_counter()
    cold = subprocess.run([sys.executable, __file__, "batch"], check=True, capture_output=True, text=True)
    seconds, peak = time.perf_counter() - started, float(cold.stdout.split()[-1])
    records, prompts = many(WARM_ANSWERS)
    started = time.perf_counter()
    score(records, prompts, embedder)
    speed = len(records) / (time.perf_counter() - started)
    return [
        (f"80 records, cold start included: {seconds:.1f} s ≤ {BATCH_SEC:.0f} s", seconds <= BATCH_SEC),
        (f"its peak memory: {peak:.2f} GB ≤ {BATCH_GB} GB", peak <= BATCH_GB),
        (f"{len(records)} distinct answers, warm: {speed:.0f} a second ≥ {ANSWERS_A_SEC:.0f}", speed >= ANSWERS_A_SEC),
    ]


def many(count: int) -> tuple[list[Record], dict[str, Any]]:
    """Labelled answers with a word of each sentence exchanged at random, so that hardly two share a sentence."""
    cases = yaml.safe_load((LABELLED / "development.yaml").read_text(encoding="utf-8"))["cases"]
    kinds = {"full", "half", "contradicting", "paraphrased", "wrong_number", "verbatim", "declining", "inventing"}
    labelled = [(case, label) for case in cases for label in case["answers"] if label["kind"] in kinds]
    pool = sorted({word for _, label in labelled for word in re.findall(r"\b[a-z]{4,}\b", label["text"])})
    lots = random.Random(1)

    def exchanged(sentence: str) -> str:
        matches = list(re.finditer(r"\b[a-z]{4,}\b", sentence))
        if not matches:
            return sentence
        for match in sorted(lots.sample(matches, min(2, len(matches))), key=re.Match.start, reverse=True):
            sentence = sentence[: match.start()] + lots.choice(pool) + sentence[match.end() :]
        return sentence

    records = []
    for _ in range(count):
        case, label = lots.choice(labelled)
        lines = re.split(r"(?<=[.!?\n])(?=\s)", label["text"])
        records.append(record(case, {**label, "text": "".join(map(exchanged, lines))}))
    return records, {case["id"]: prompt(case, without_points=False) for case in cases}


def batch() -> int:
    records, prompts = many(80)
    score(records, prompts, Embedder(DEFAULT_EMBEDDING_MODEL))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
