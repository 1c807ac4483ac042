"""LLMs side by side: what one has over the other on the same question in the same slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.noise import are_twins
from llm_bench.analysis.queries.numbers import Key, Scan
from llm_bench.analysis.queries.shapes import EXPLORATORY, Comparison
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.view import View

MAIN = (
    *("latency_sec", "ttft_sec", "first_answer_sec", "throughput_tps"),
    *("coverage_score", "groundedness", "cost_usd"),
)
SUCCESS = "success"
Compared = tuple[str, frozenset[str]]
"""A comparison by its metric and its two LLMs."""
_RUNS = 100
"""Runs of slots that a comparison of many slots rests on, at most."""


def compare(
    records: Records,
    view: View,
    llms: Sequence[str],
    *,
    twins: Mapping[str, str] | None = None,
    roles: Mapping[Compared, str] | None = None,
) -> list[Comparison]:
    """Every pair of the LLMs in each of the main metrics and in success; p corrected over all of these.

    The first of a pair is the one that stands earlier in ``llms``, and a difference is first − second. A pair of
    records is complete where both have the metric; the others are counted as left out. With more than 200 slots, runs
    of them are what is compared, at most 100: the work grows with the square of their number.

    An LLM and its twin are compared whether both are among ``llms`` or not, and whether the view has them or not. They
    are no two LLMs that may differ, so that they don't count in the correction of the others, and are corrected apart.

    :param llms: in the order of the pairs; those of which the view has no record are left alone.
    :param twins: LLM → its twin.
    :param roles: the comparisons that aren't exploratory, as "primary": p is corrected over those of a role apart.
    """
    twins = twins or {}
    measured_twice = dict.fromkeys(name for pair in twins.items() for name in pair)
    seen = replace(view, llms=tuple(dict.fromkeys([*view.llms, *measured_twice]))) if view.llms and twins else view
    scan = Scan.of(records, seen, [METRICS[name] for name in MAIN])
    named = [llm for llm in dict.fromkeys(llms) if llm in scan.llms and (not view.llms or llm in view.llms)]
    chosen = list(dict.fromkeys([*named, *(llm for llm in measured_twice if llm in scan.llms)]))

    pairs = [
        (first, second)
        for first, second in combinations(range(len(chosen)), 2)
        if second < len(named) or are_twins(twins, chosen[first], chosen[second])
    ]
    if not pairs:
        return []
    grid = _Grid(scan, [scan.llms.index(llm) for llm in chosen], how_many_questions(records))
    asked = grid.pairs(METRICS["latency_sec"], np.ones_like).counts.sum(axis=0)
    comparisons = []
    for name in (*MAIN, SUCCESS):
        # Only a success has a latency, and every success has one.
        differences = grid.pairs(METRICS["latency_sec"], _known) if name == SUCCESS else grid.pairs(METRICS[name])
        approximate = scan.approximate and name != SUCCESS and not METRICS[name].share
        for first, second in pairs:
            pair = _comparison(
                name, chosen[first], chosen[second], differences.of(first, second), asked=int(asked[first, second])
            )
            pair = replace(pair, approximate=approximate, twins=are_twins(twins, chosen[first], chosen[second]))
            comparisons.append(replace(pair, role=_role(pair, roles or {})))
    return _corrected(comparisons)


def _role(pair: Comparison, roles: Mapping[Compared, str]) -> str:
    return roles.get((pair.metric, frozenset((pair.first, pair.second))), EXPLORATORY)


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons, in their order, with p corrected over all of the same role; over those of twins apart."""
    families = [("twins" if pair.twins else pair.role) for pair in comparisons]
    adjusted = {
        family: iter(statistics.holm([pair.p for pair, of in zip(comparisons, families, strict=True) if of == family]))
        for family in set(families)
    }
    return [replace(pair, p_holm=next(adjusted[family])) for pair, family in zip(comparisons, families, strict=True)]


def how_many_questions(records: Records) -> int:
    """The questions of the copy."""
    return int(
        records.once("how many questions", lambda known: known.rows("SELECT count(*) AS n FROM questions"))[0]["n"]
    )


def apart(scan: Scan, questions: int) -> tuple[int, Mapping[str, Codes]]:
    """How many cells the questions of a slot take, and what is added to a question's for client and probe.

    So that no two records of an LLM and slot fall into one cell, and only those of the same client and probe are pairs.
    """
    cells, added = questions, {}
    for column in ("client_no", "warm"):
        numbers = scan.numbers(column)
        if len(numbers) > 1:
            added[column] = np.zeros(max(numbers) + 1, np.intp)
            added[column][numbers] = np.arange(len(numbers)) * cells
            cells *= len(numbers)
    return cells, added


def paired_by_slot(sums: Floats, counts: Floats) -> statistics.Paired:
    """The test of differences, each slot or run of slots with its mean.

    :param sums: of the differences of each.
    :param counts: how many these are.
    """
    kept = np.flatnonzero(counts)
    return statistics.paired(sums[kept] / counts[kept], kept)


def _known(values: Floats) -> Floats:
    return (~np.isnan(values)).astype(float)


class _Pair(NamedTuple):
    """Two LLMs over the questions and slots where both have a value.

    :param sums: of first − second, in each run of slots.
    :param counts: how many of these there are, in each run.
    :param slots: in how many slots there is one.
    """

    sums: Floats
    counts: Floats
    slots: int


class _Pairs(NamedTuple):
    """The same of each two LLMs: arrays of the shape (runs, first, second), and (first, second) for slots."""

    sums: Floats
    counts: Floats
    slots: Codes

    def of(self, first: int, second: int) -> _Pair:
        return _Pair(self.sums[:, first, second], self.counts[:, first, second], int(self.slots[first, second]))


class _Grid:
    """The records of some LLMs of a scan by bucket, LLM, slot and question."""

    def __init__(self, scan: Scan, llms: Sequence[int], questions: int) -> None:
        buckets, size = scan.buckets, scan.buckets.size
        asked, added = apart(scan, questions)
        self._scan = scan
        self._shape = (len(buckets.at), len(llms), size, asked)  # the last bucket may be short of some slots
        bucket, slot = np.divmod(buckets.place, size)
        place = np.full((len(scan.llms), buckets.place.size), -1)
        for row, llm in enumerate(llms):
            place[llm] = np.where(bucket < 0, -1, ((bucket * len(llms) + row) * size + slot) * asked)
        self._key = Key(int(np.prod(self._shape)), place, np.arange(questions), added=added)
        self._filled, self._there = np.zeros(self._key.size), np.zeros(self._key.size)
        self._known = np.zeros(self._key.size, bool)
        self._both = np.zeros((len(buckets.at), size, len(llms), len(llms)))

    def pairs(self, metric: Metric, change: Callable[[Floats], Floats] | None = None) -> _Pairs:
        """What one LLM has over another.

        Σ (first − second) over the cells that both fill is Σ first · [second is there] − Σ second · [first is there]:
        two products of matrices give it for all pairs at once.

        :param change: what is compared instead of the metric's values.
        """
        buckets, llms, size, _ = self._shape
        self._fill(metric, change)
        filled, there = (cells.reshape(buckets, llms, -1) for cells in (self._filled, self._there))
        product = filled @ there.transpose(0, 2, 1)
        sums, counts = product - product.transpose(0, 2, 1), self._both.sum(axis=1)
        if size > 1:
            runs = np.arange(0, buckets, -(-buckets // _RUNS))
            sums, counts = np.add.reduceat(sums, runs), np.add.reduceat(counts, runs)
        return _Pairs(sums, counts, np.count_nonzero(self._both, axis=(0, 1)))

    def _fill(self, metric: Metric, change: Callable[[Floats], Floats] | None) -> None:
        """The cells with their values, and how many two LLMs share in each slot."""
        self._filled.fill(0)
        known = np.zeros(self._key.size, bool)
        for cell, values in self._scan.each(metric, self._key):
            compared = values if change is None else change(values)
            known[cell] = there = ~np.isnan(compared)
            self._filled[cell] = np.where(there, compared, 0)
        if not np.array_equal(known, self._known):  # most metrics stand in the same records
            self._known, self._there = known, known.astype(float)
            by_slot = self._there.reshape(self._shape).transpose(0, 2, 1, 3)
            self._both = by_slot @ by_slot.transpose(0, 1, 3, 2)


def _comparison(metric: str, first: str, second: str, pair: _Pair, *, asked: int) -> Comparison:
    test, n = paired_by_slot(pair.sums, pair.counts), int(pair.counts.sum())
    return Comparison(
        metric=metric,
        first=first,
        second=second,
        n=n,
        slots=pair.slots,
        left_out=asked - n,
        difference=replace(test.difference, n=n) if n else None,
        p=test.p_value,
        p_holm=None,
        effect=test.effect,
    )
