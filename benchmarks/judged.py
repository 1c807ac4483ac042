"""How well the scores order answers that other people judged, beside simple baselines, and with parts switched off.

The sets are public, and none of them is in this project: `make bench-judged JUDGED=FOLDER` reads each `*.jsonl` of a
folder, one JSON object a line, of one of two kinds:

- an answer that people held against its context: `context` (a list of passages), `answer`, `label` (1: all of it is
  supported, 0: not), and `question`, `group`, `language` (ISO 639-1; of the first row) where there are. Groundedness is
  held against the label by its AUROC. An answer that claims nothing has no groundedness; it says nothing unsupported,
  and so counts as 1.
- two answers that people preferred one of by completeness: `question`, `gold` (a full answer), `a1`, `a2`,
  `completeness` (above 0 where a2 is more complete) and, where there are several, what each person said in
  `completeness_all`. The gold's sentences are reference points, and the difference of the coverages is held against
  each person's word by Spearman's ρ, as RAGChecker's authors do.

`group` is what rows have in common (a document, a question): intervals of 95 % are from a bootstrap of groups.
Baselines get the same rows. docs/metrics.md says where the sets come from; `--write` puts the table there, and what
the Coverage page and the report show into the package. The last line says whether the goals are met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from judged_sets import BrokenRowError, JudgedSet, Values, interval, read
from llm_bench.rag.documents import sentences
from llm_bench.rag.embeddings import Embedder
from llm_bench.rag.prompt import context_hash
from llm_bench.records import complete
from llm_bench.scoring.model import load
from llm_bench.scoring.numbers import Located, located
from llm_bench.scoring.score import SCORING_VERSION, score
from llm_bench.study import DEFAULT_EMBEDDING_MODEL
from scoring import BASELINES

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "metrics.md"
SHOWN = PROJECT / "plugins" / "llm_bench" / "scoring" / "agreement.json"
"""What the Coverage page and the report show."""
BEGIN, END = "<!-- figures of make bench-judged -->", "<!-- end of the figures of make bench-judged -->"

MEAN_GOAL, BEHIND, RHO_GOAL = 0.80, 0.02, 0.58
OURS = "**llm-bench**"


def _years_alone(text: str, *, language: str = "en") -> tuple[list[Located], list[tuple[int, int]]]:
    """What ``located`` gives, less the figures."""
    return [], located(text, language=language)[1]


SWITCHED_OFF: dict[str, dict[str, object]] = {
    "figures": {"statements.located": _years_alone},
    "the words beside figures": {"statements.Evidence.trust": lambda *_: 1.0},
    "what is exchanged": {"statements.Evidence.exchanged": lambda *_: 0.0},
    "years, names and direction": {"coverage.left": lambda _: 1.0},
    "words": {"coverage.WORDS": 0.0},
    "the plain cosine": {"coverage.FINE": 0.0},
}
"""Parts of the scorer → what stands in their place, by the name within llm_bench.scoring."""


class Remembering:
    """An embedder that computes each distinct text once, so that ways and parts switched off share the work."""

    def __init__(self, embedder: Embedder) -> None:
        self.identity, self._embedder = embedder.identity, embedder
        self._known: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.encode(new), strict=True))
        return np.array([self._known[text] for text in texts])


def scored(judged: JudgedSet, models: Sequence[Any]) -> Values:
    """What the product says of each row: groundedness, NaN where it says none; or the difference of the two coverages.

    :param models: the embedder, and the cross-encoder where one judges support.
    """
    prompts, records = {}, []
    for question, passages, answers in judged.texts:
        points = sentences(passages[0]) if judged.preference else []
        prompt = {"question": question, "passages": passages, "points": points, "answerable": True}
        name = f"{context_hash(passages)} {question}"
        prompts[name] = prompt
        records += [
            complete({"question_id": name, "success": True, "answer": text, "context_hash": context_hash(passages)})
            for text in answers
        ]
    language = {"language": judged.rows[0]["language"]} if "language" in judged.rows[0] else {}
    embedder, encoder = models
    results = score(records, prompts, embedder, encoder=encoder, **language)
    if judged.preference:
        # Without a score an answer is empty, or no more than yes or no: it states none of the points.
        first, second = np.array([result["coverage_score"] or 0.0 for result in results]).reshape(-1, 2).T
        return np.asarray(second - first)
    return np.array([result["groundedness"] for result in results], float)


def baseline(judged: JudgedSet, way: str, embedder: Any) -> Values:
    """The same by a baseline: the recall of the gold, or the precision of the answer."""
    values = []
    for _, passages, answers in judged.texts:
        pairs = [WAYS[way]("\n\n".join(passages), answer, embedder) for answer in answers]
        values.append(pairs[1][0] - pairs[0][0] if judged.preference else pairs[0][1])
    return np.array(values)


def best_cosines(context: str, answer: str, embedder: Any) -> tuple[float, float]:
    """The mean of the cosines of each sentence with the closest one of the other side: the context's, the answer's."""
    given, said = sentences(context), sentences(answer)
    if not given or not said:
        return 0.0, 0.0
    cosines = embedder.encode(given) @ embedder.encode(said).T
    return float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())


WAYS = BASELINES | {"cosine": best_cosines}
"""The baselines: the cosine of whole texts is worth less, as long ones are cut."""


@contextmanager
def without(parts: Mapping[str, object]) -> Iterator[None]:
    """The product with something else in the place of some of its parts."""
    places = [(*_place(name), value) for name, value in parts.items()]
    kept = [getattr(owner, name) for owner, name, _ in places]
    try:
        for owner, name, value in places:
            setattr(owner, name, value)
        _forget()
        yield
    finally:
        for (owner, name, _), value in zip(places, kept, strict=True):
            setattr(owner, name, value)
        _forget()


def _place(path: str) -> tuple[Any, str]:
    """Where a part of the product is set: its module or class, and its name there."""
    module, *names = path.split(".")
    owner = import_module(f"llm_bench.scoring.{module}")
    for name in names[:-1]:
        owner = getattr(owner, name)
    getattr(owner, names[-1])  # what isn't there can't be switched off
    return owner, names[-1]


def _forget() -> None:
    """Drops what functions remember of texts, as they may have been computed with other parts."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("llm_bench.scoring."):
            for value in vars(module).values():
                if clear := getattr(value, "cache_clear", None):
                    clear()


@dataclass(frozen=True)
class Results:
    """The values of each way, for each set of one kind; and how many rows of each set the product gives no score."""

    sets: list[JudgedSet]
    values: dict[str, list[Values]]
    nulls: list[int]

    def agreements(self, way: str) -> list[float]:
        return [each.agreement(values) for each, values in zip(self.sets, self.values[way], strict=True)]

    def mean(self, way: str) -> float:
        return float(np.mean(self.agreements(way)))

    def resampled(self, way: str) -> list[Values]:
        """The agreements in resamples, of each set and of their mean."""
        draws = [each.resampled(values) for each, values in zip(self.sets, self.values[way], strict=True)]
        return [*draws, np.mean(draws, axis=0)]

    def table(self, title: str) -> str:
        heads = [title, *(f"{each.name} ({len(each.rows)})" for each in self.sets), "mean"]
        heads = heads[:2] if len(self.sets) == 1 else heads
        lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
        for way in self.values:
            cells = [f"{value:.3f}" for value in (*self.agreements(way), self.mean(way))]
            if way == OURS:
                limits = map(interval, self.resampled(way))
                cells = [f"{cell} [{low:.2f}, {high:.2f}]" for cell, (low, high) in zip(cells, limits, strict=True)]
            lines.append("| " + " | ".join([way, *cells][: len(heads)]) + " |")
        return "\n".join(lines)

    def best_baseline(self, at: int) -> tuple[str, float]:
        """The baseline that does best on a set, and its agreement."""
        return max(((way, self.agreements(way)[at]) for way in WAYS), key=lambda pair: pair[1])

    def shown(self) -> Iterator[dict[str, Any]]:
        """What is shown of each set beside a study's scores."""
        for at, (each, value) in enumerate(zip(self.sets, self.agreements(OURS), strict=True)):
            limits = interval(each.resampled(self.values[OURS][at]))
            best, there = self.best_baseline(at)
            yield {
                "name": each.name,
                "measure": "ρ" if each.preference else "AUROC",
                "metric": "coverage_score" if each.preference else "groundedness",
                "n": len(each.rows),
                "value": round(value, 3),
                "low": round(limits[0], 3),
                "high": round(limits[1], 3),
                "best_baseline": best,
                "best_baseline_value": round(there, 3),
            }

    def goals(self) -> Iterator[tuple[str, bool]]:
        if not self.sets:
            return
        ours, mean = self.agreements(OURS), self.mean(OURS)
        if self.sets[0].preference:
            yield f"mean ρ of completeness {mean:.3f} ≥ {RHO_GOAL:.2f}", mean >= RHO_GOAL
            return
        best = max(WAYS, key=self.mean)
        yield f"mean AUROC of groundedness {mean:.3f} ≥ {MEAN_GOAL:.2f}", mean >= MEAN_GOAL
        low, high = interval(self.resampled(OURS)[-1] - self.resampled(best)[-1])
        ahead = mean - self.mean(best)
        yield f"it is above every baseline's: {ahead:+.3f} [{low:.2f}, {high:.2f}] beside {best}", ahead > 0
        for at, (each, value) in enumerate(zip(self.sets, ours, strict=True)):
            best, there = self.best_baseline(at)
            yield f"{each.name}: {value:.3f} ≥ {there:.3f} of {best} − {BEHIND}", value >= there - BEHIND


def measured(sets: Sequence[JudgedSet], models: Sequence[Any]) -> Results:
    """The values of the product, of it with each part switched off, and of the baselines."""
    values = {OURS: [scored(each, models) for each in sets]}
    for part, places in SWITCHED_OFF.items() if models[1] is None else ():  # it judges in the place of the parts
        with without(places):
            values[f"without {part}"] = [scored(each, models) for each in sets]
    for way in WAYS:
        values[way] = [baseline(each, way, models[0]) for each in sets]
    nulls = [int(np.isnan(ours).sum()) for ours in values[OURS]]
    filled = {way: [np.nan_to_num(each, nan=1.0) for each in of] for way, of in values.items()}
    return Results(list(sets), filled, nulls)


def loaded(name: str) -> tuple[Any, Any]:
    """The embedder and the cross-encoder of a study with that ``scoring.model``; each text is embedded once."""
    embedder, encoder = load(name, DEFAULT_EMBEDDING_MODEL, threads=os.cpu_count() or 1)
    return Remembering(embedder), encoder


def all_texts(sets: Iterable[JudgedSet]) -> list[str]:
    """What any way embeds, to do so in one go."""
    texts: list[str] = []
    for each in sets:
        for question, passages, answers in each.texts:
            cut = (*passages, "\n\n".join(passages), *answers)
            texts += [question, *(sentence for text in cut for sentence in sentences(text))]
    return texts


def main() -> int:
    """Measures every set, prints the tables; 0 where the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with *.jsonl")
    parser.add_argument("--model", default=DEFAULT_EMBEDDING_MODEL, help="scoring.model of a study")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/metrics.md and what is shown with scores"
    )
    options = parser.parse_args()
    paths = sorted(path for folder in options.folders for path in folder.glob("*.jsonl"))
    if not paths:
        where = " or ".join(map(str, options.folders)) or "JUDGED, which isn't given"
        print(f"{__doc__}\nThere is no *.jsonl in {where}.", file=sys.stderr)
        return 2
    try:
        sets = [read(path) for path in paths]
    except BrokenRowError as broken:
        print(broken, file=sys.stderr)
        return 2
    started = time.monotonic()
    models = loaded(options.model)
    models[0].encode(all_texts(sets))
    kinds = [measured([each for each in sets if each.preference is kind], models) for kind in (False, True)]
    titles = ("groundedness, AUROC", "completeness, Spearman's ρ")
    text = "\n\n".join(kind.table(title) for kind, title in zip(kinds, titles, strict=True) if kind.sets)
    print(f"{options.model}, {time.monotonic() - started:.0f} s\n\n{text}\n")
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        scorer = {"scoring_version": SCORING_VERSION, "embedding_model": (models[1] or models[0]).identity}
        held = scorer | {"sets": [each for kind in kinds for each in kind.shown()]}
        SHOWN.write_text(json.dumps(held, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for kind in kinds:
        for each, count in zip(kind.sets, kind.nulls, strict=True):
            print(f"{each.name}: {count} of {len(each.rows)} rows have no score")
    return verdict([goal for kind in kinds for goal in kind.goals()], kinds)


def verdict(goals: Sequence[tuple[str, bool]], kinds: Sequence[Results]) -> int:
    for what, good in goals:
        print(f"{'met   ' if good else 'MISSED'} {what}")
    means = " and ".join(f"{kind.mean(OURS):.3f}" for kind in kinds if kind.sets)
    count, met = sum(good for _, good in goals), all(good for _, good in goals)
    print(f"judged by others: {means}, {count} of {len(goals)} goals: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
