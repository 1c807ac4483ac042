"""Sets of answers that people judged, and how well values agree with what they said; judged.py has their format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from llm_bench.errors import LLMBenchError

RESAMPLES = 1000

Row = dict[str, Any]
Values = np.ndarray


class BrokenRowError(LLMBenchError):
    """A row of a set can't be read."""


@dataclass(frozen=True)
class JudgedSet:
    """A file of rows that people judged."""

    name: str
    rows: list[Row]

    @property
    def preference(self) -> bool:
        return "gold" in self.rows[0]

    @cached_property
    def judged(self) -> Values:
        """What people said of each row, 0 or 1 or the preference; shape (rows, people)."""
        return np.array([_judged(row, preference=self.preference) for row in self.rows], float)

    @property
    def texts(self) -> list[tuple[str, list[str], list[str]]]:
        """Of each row the question, the passages and the answers."""
        if self.preference:
            return [(row["question"], [row["gold"]], [row["a1"], row["a2"]]) for row in self.rows]
        return [(row.get("question") or "", row["context"], [row["answer"]]) for row in self.rows]

    def agreement(self, values: Values, rows: Values | slice = slice(None)) -> float:
        """AUROC, or Spearman's ρ; NaN where the rows are all judged alike."""
        people = self.judged[rows]
        return (spearman if self.preference else auroc)(people.ravel(), np.repeat(values[rows], people.shape[1]))

    def resampled(self, values: Values) -> Values:
        """The agreement in resamples of the groups, the same for all values; shape (RESAMPLES,)."""
        groups: dict[str, list[int]] = {}
        for i, row in enumerate(self.rows):
            groups.setdefault(str(row.get("group", i)), []).append(i)
        members = [np.array(group) for group in groups.values()]
        rng = np.random.default_rng(1)
        draws = rng.integers(len(members), size=(RESAMPLES, len(members)))
        return np.array([self.agreement(values, np.concatenate([members[i] for i in draw])) for draw in draws])


def auroc(labels: Values, values: Values) -> float:
    """The chance that a row of label 1 has a higher value than one of label 0, ties half."""
    from scipy.stats import rankdata  # noqa: PLC0415

    ones = int(labels.sum())
    if not 0 < ones < len(labels):
        return float("nan")
    ranks = rankdata(values)[labels == 1].sum()
    return float((ranks - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def spearman(judged: Values, values: Values) -> float:
    """Spearman's rank correlation."""
    from scipy.stats import rankdata  # noqa: PLC0415

    if len({*judged.tolist()}) == 1 or len({*values.tolist()}) == 1:
        return float("nan")
    return float(np.corrcoef(rankdata(judged), rankdata(values))[0, 1])


def interval(draws: Values) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


def read(path: Path) -> JudgedSet:
    """The set of a file.

    :raises BrokenRowError: when a line isn't a row of the kind that the first one is, with the file and the line.
    """
    rows: list[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            _check(row, (rows or [row])[0])
        except (ValueError, TypeError, KeyError) as fault:
            reason = f"it has no {fault}" if isinstance(fault, KeyError) else str(fault)
            raise BrokenRowError(
                f"{path}, line {number} can't be read: {reason}.",
                "Write one JSON object a line, as benchmarks/judged.py describes them; leave out rows without a label.",
            ) from None
        rows.append(row)
    if not rows:
        raise BrokenRowError(f"{path} has no row.", "Remove the file, or write rows into it.")
    return JudgedSet(path.stem, rows)


def _check(row: Row, first: Row) -> None:
    preference = "gold" in first
    judged = _judged(row, preference=preference)
    if preference:
        texts = [row["question"], row["gold"], row["a1"], row["a2"]]
    else:
        texts = [*row["context"], row["answer"]]
        if isinstance(row["context"], str):
            raise TypeError("`context` must be a list of passages, not a text")
        if judged[0] not in (0, 1):
            raise ValueError(f"`label` is {judged[0]!r}, but must be 0 or 1")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text of it is no text")
    if not all(isinstance(value, int | float) for value in judged):
        raise TypeError(f"people said {judged}, which are no numbers")
    if len(judged) != len(_judged(first, preference=preference)):
        raise ValueError(f"{len(judged)} people judged it, but another number judged the first row")


def _judged(row: Row, *, preference: bool) -> list[Any]:
    if preference:
        return list(row.get("completeness_all", [row["completeness"]]))
    return [row["label"]]
