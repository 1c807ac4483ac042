"""How many of the answers that any person would score alike the scores misjudge, by kind; and the twins out of order.

The answers and their values: benchmarks/obvious.yaml. The last line says whether the goals are met.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from llm_bench.rag.embeddings import Embedder
from llm_bench.rag.prompt import context_hash
from llm_bench.records import Record, complete
from llm_bench.scoring.score import score
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

GIVEN, APART = "obvious.yaml", "obvious_apart.yaml"
FIELDS = {"coverage": "coverage_score", "groundedness": "groundedness"}
OTHERS = ("declined", "citations")
OFF = 0.3
OFF_SHARE, TWINS_GOAL = 5 / 60, 0.95


@dataclass
class Answer:
    """An answer with what any person would score it, and its record once it is scored."""

    expected: dict[str, Any]
    record: Record

    @property
    def misses(self) -> dict[str, tuple[Any, Any]]:
        """Score → what is expected and what it is, where the two are more than :data:`OFF` apart or one is null."""
        pairs = {name: (self.expected[name], self.scored(name)) for name in FIELDS if name in self.expected}
        return {name: pair for name, pair in pairs.items() if not near(*pair)}

    @property
    def others(self) -> dict[str, tuple[Any, Any]]:
        """What else differs: whether it declines, and the passages that it cites."""
        pairs = {name: (self.expected[name], self.record.get(name)) for name in OTHERS if name in self.expected}
        return {name: (expected, value) for name, (expected, value) in pairs.items() if expected != value}

    def scored(self, name: str) -> float | None:
        score: float | None = dict(self.record)[FIELDS[name]]  # type: ignore[assignment]
        return score

    def above(self, other: Answer) -> bool:
        """Whether it scores higher than the other wherever both are expected to have a score; null is below all."""
        return all(
            order(self.scored(name)) > order(other.scored(name))
            for name in FIELDS
            if name in self.expected and name in other.expected
        )


def near(expected: float | None, value: float | None) -> bool:
    if expected is None or value is None:
        return expected is value
    return abs(expected - value) <= OFF


def main() -> int:
    embedder = Embedder(DEFAULT_EMBEDDING_MODEL, threads=os.cpu_count() or 1)
    report(APART, embedder)
    return 0 if report(GIVEN, embedder) else 1


def report(name: str, embedder: Embedder) -> bool:
    """Prints the misses of a file's answers by kind, and whether the goals are met on them."""
    answers = scored(yaml.safe_load((Path(__file__).parent / name).read_text(encoding="utf-8"))["contexts"], embedder)
    print(f"\n{name}: {len(answers)} answers")
    ordered = sorted(answers, key=lambda answer: answer.expected["kind"])
    for kind, group in groupby(ordered, key=lambda answer: answer.expected["kind"]):
        of_kind = list(group)
        print(f"  {kind}: {sum(bool(answer.misses) for answer in of_kind)} of {len(of_kind)} off")
        for answer in of_kind:
            for metric, (expected, value) in answer.misses.items():
                print(f"    {answer.expected['id']:26} {metric:12} expected {shown(expected)}, got {shown(value)}")
            for what, (expected, value) in answer.others.items():
                print(f"    {answer.expected['id']:26} {what:12} expected {expected}, got {value}")
    off = sum(bool(answer.misses) for answer in answers)
    twins = in_order(answers)
    share = sum(twins) / len(twins)
    met = off / len(answers) <= OFF_SHARE and share >= TWINS_GOAL
    print(
        f"{'met   ' if met else 'MISSED'} {name}: {off} of {len(answers)} off by more than {OFF} "
        f"(at most {int(OFF_SHARE * len(answers))}), {sum(twins)} of {len(twins)} twins in order "
        f"({share:.0%} ≥ {TWINS_GOAL:.0%})"
    )
    return met


def scored(contexts: Sequence[dict[str, Any]], embedder: Embedder) -> list[Answer]:
    """The answers of all contexts, each scored in the context's language."""
    return [answer for context in contexts for answer in scored_of(context, embedder)]


def scored_of(context: dict[str, Any], embedder: Embedder) -> list[Answer]:
    asked = context["questions"]
    prompts = {
        question["id"]: {
            "question": question["question"],
            "passages": context["passages"],
            "points": question["points"],
            "answerable": bool(question["points"]),
        }
        for question in asked
    }
    pairs = [(question["id"], answer) for question in asked for answer in question["answers"]]
    records = [record(name, answer, context["passages"]) for name, answer in pairs]
    results = score(records, prompts, embedder, context.get("language", "en"))
    return [Answer(answer, result) for (_, answer), result in zip(pairs, results, strict=True)]


def record(question_id: str, answer: dict[str, Any], passages: Sequence[str]) -> Record:
    return complete(
        {
            "question_id": question_id,
            "llm_model": answer["id"],
            "success": True,
            "answer": answer["text"],
            "context_hash": context_hash(passages),
        }
    )


def in_order(answers: Sequence[Answer]) -> list[bool]:
    """For each wrong answer with a right twin, whether the right one is above it."""
    by_id = {answer.expected["id"]: answer for answer in answers}
    return [by_id[wrong.expected["twin"]].above(wrong) for wrong in answers if "twin" in wrong.expected]


def order(score: float | None) -> float:
    return -1.0 if score is None else score


def shown(value: float | None) -> str:
    return "null" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
