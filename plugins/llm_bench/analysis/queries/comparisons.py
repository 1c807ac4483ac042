"""LLMs side by side: what one has over the other on the same question in the same slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.noise import NOISE_FLOOR, are_twins, floor
from llm_bench.analysis.queries.cells import FAILED, SUCCEEDED, Array, Runs
from llm_bench.analysis.queries.matrices import Side
from llm_bench.analysis.queries.numbers import Buckets, Scan
from llm_bench.analysis.queries.shapes import EXPLORATORY, PRIMARY, Comparison
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.statistics.comparisons import HOLM
from llm_bench.analysis.statistics.scopes import (
    DIFFERENCE,
    RATIO,
    WON,
    Conclusion,
    Table,
    concluded,
    mean_of,
    ratio_of_logarithms,
    wins_of,
)
from llm_bench.analysis.statistics.success import RATE_DIFFERENCE, rate_difference
from llm_bench.analysis.verdicts import VERDICTS, verdict
from llm_bench.analysis.view import View
from llm_bench.method import Method
from llm_bench.objectives import Interest

TIMES = ("latency_sec", "ttft_sec", "first_answer_sec")
MAIN = (*TIMES, "throughput_tps", "coverage_score", "groundedness", "cost_usd")
SUCCESS = "success"
Compared = tuple[str, frozenset[str]]
"""A comparison by its metric and its two LLMs."""
_RUNS = 60
"""Days that a comparison rests on, at most; of more, runs of days count as one."""
_DECIMALS = 11
"""Of sums of scores and of logarithms: what is smaller is their rounding, and no difference."""

Flags = npt.NDArray[np.bool_]


def compare(
    records: Records,
    view: View,
    llms: Sequence[str],
    *,
    twins: Mapping[str, str] | None = None,
    roles: Mapping[Compared, str] | None = None,
    interest: Interest | None = None,
) -> list[Comparison]:
    """Every pair of the LLMs in each of the main metrics and in success, with what can be concluded of it.

    The first of a pair is the one that stands earlier in ``llms``. A pair of records is complete where both have the
    metric; the others are counted as left out. What is compared is the mean of each question on each day, so that days
    and questions are what varies; of success it is the slots. With more than 60 days, runs of them count as one.

    An LLM and its twin are compared whether both are among ``llms`` or not, and whether the view has them or not. They
    are no two LLMs that may differ, so that they don't count in the correction of the others, and are corrected apart.

    :param llms: in the order of the pairs; those of which the view has no record are left alone.
    :param twins: LLM → its twin.
    :param roles: the comparisons that aren't exploratory, as "primary": their p is corrected over those of their role.
        None where nobody chose any: all of the first metric are primary then.
    :param interest: the smallest differences that matter to the study.
    """
    twins, interest = twins or {}, interest or Interest()
    measured_twice = dict.fromkeys(name for pair in twins.items() for name in pair)
    asked_for = [llm for llm in dict.fromkeys(llms) if not view.llms or llm in view.llms]
    if not asked_for and not twins:
        return []
    seen = replace(view, llms=tuple(dict.fromkeys([*asked_for, *measured_twice])))  # no others need be read
    scan = Scan.of(records, seen, [METRICS[name] for name in MAIN])
    named = [llm for llm in asked_for if llm in scan.llms]
    chosen = list(dict.fromkeys([*named, *(llm for llm in measured_twice if llm in scan.llms)]))

    pairs = [
        (first, second)
        for first, second in combinations(range(len(chosen)), 2)
        if second < len(named) or are_twins(twins, chosen[first], chosen[second])
    ]
    if not pairs:
        return []
    table = _Table(scan, [scan.llms.index(llm) for llm in chosen])
    comparisons = []
    for name in (*MAIN, SUCCESS):
        for first, second, pair in table.successes(pairs) if name == SUCCESS else table.pairs(METRICS[name], pairs):
            known = replace(pair, first=chosen[first], second=chosen[second], interest=interest.of(name))
            alike = are_twins(twins, known.first, known.second)
            comparisons.append(replace(known, twins=alike, role=_role(known, roles)))
    return _ruled(_corrected(comparisons))


def _role(pair: Comparison, roles: Mapping[Compared, str] | None) -> str:
    if roles is None:
        return PRIMARY if pair.metric == MAIN[0] else EXPLORATORY
    return roles.get((pair.metric, frozenset((pair.first, pair.second))), EXPLORATORY)


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons, in their order, with p corrected over all of the same role; over those of twins apart.

    What is exploratory is corrected over what is primary, too: it was looked for among all of these.
    """
    adjusted: dict[int, float | None] = {}
    for role in dict.fromkeys(pair.role for pair in comparisons):
        for twins in (True, False):
            family = [
                place
                for place, pair in enumerate(comparisons)
                if pair.twins == twins and (twins or role in (EXPLORATORY, pair.role))
            ]
            known = zip(family, statistics.holm([comparisons[place].p for place in family]), strict=True)
            adjusted |= {place: p for place, p in known if comparisons[place].role == role}
    return [replace(pair, p_holm=adjusted[place]) for place, pair in enumerate(comparisons)]


def _ruled(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with their verdicts; the noise floor is no bound to the twins that it is made of."""
    floors = {metric: floor(comparisons, metric) for metric in {pair.metric for pair in comparisons}}
    ruled = []
    for pair in comparisons:
        noise = floors[pair.metric]
        ruling = verdict(
            pair.size,
            pair.p_holm,
            is_ratio=pair.is_ratio,
            interest=pair.interest,
            noise=None if noise is None or pair.twins else noise.size.estimate,
        )
        ruled.append(replace(pair, verdict=ruling.verdict, reason=ruling.reason))
    return ruled


def methods_of(pairs: Sequence[Comparison]) -> list[Method]:
    """What was run for some comparisons."""
    there = {
        RATIO: any(pair.is_ratio for pair in pairs),
        WON: any(pair.won for pair in pairs),
        DIFFERENCE: any(pair.metric != SUCCESS for pair in pairs),  # of which ratios and shares speak, too
        RATE_DIFFERENCE: any(pair.metric == SUCCESS for pair in pairs),
        HOLM: bool(pairs),
        VERDICTS: bool(pairs),
        NOISE_FLOOR: any(pair.twins and pair.n for pair in pairs),
    }
    return [method for method, run in there.items() if run]


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


class Cells(NamedTuple):
    """Sums of values, and how many these are, by day (or run of days) and question: two tables of one shape."""

    sums: Floats
    counts: Floats

    @property
    def table(self) -> Table:
        """Those that have a value."""
        return Table.of(self.sums, self.counts)

    def of_questions(self, questions: int) -> Cells:
        """The cells of each question, whichever client or probe they are of."""
        shape = (len(self.sums), -1, questions)
        return Cells(self.sums.reshape(shape).sum(axis=1), self.counts.reshape(shape).sum(axis=1))


def runs_of_days(buckets: Buckets) -> Codes:
    """The day of each of ``buckets.slots``; of many days, the run of days."""
    return buckets.day_of_each // max(1, -(-buckets.days // _RUNS))


def unless_days_last(conclusion: Conclusion, *, days_last: bool) -> Conclusion:
    """A conclusion, or only its estimate where days aren't clusters."""
    interval = concluded(conclusion.interval, days_last)
    return conclusion if interval is conclusion.interval else Conclusion(interval)


class _Known:
    """Where one LLM has something, beside others.

    :param flags: (rows, questions).
    :param run: the run of each row.
    :ivar counts: how many there are in each run of rows, for each question.
    :ivar of_rows: how many there are in each row.
    """

    def __init__(self, flags: Flags, runs: Runs, run: Codes) -> None:
        self._flags = flags.ravel()
        self.counts = runs.counts(flags)
        self.lacking = np.flatnonzero(~self._flags)
        row = self.lacking // flags.shape[1]
        self._cells = self.lacking + (run - np.arange(run.size))[row] * flags.shape[1]
        self.of_rows = flags.shape[1] - np.bincount(row, minlength=len(flags))

    def beyond(self, other: _Known) -> _Places:
        """What this has and the other lacks."""
        there = self._flags[other.lacking]
        return _Places(other.lacking[there], other._cells[there], self.counts.shape)


class _Places(NamedTuple):
    """Some questions in some rows.

    :param places: row times questions, and question.
    :param cells: run of rows times questions, and question.
    :param shape: runs of rows, questions.
    """

    places: Codes
    cells: Codes
    shape: tuple[int, ...]

    def in_runs(self, of: Array | None = None) -> Floats:
        """How many there are in each run of rows, for each question; or what their numbers add up to.

        :param of: numbers, (rows, questions).
        """
        weights = None if of is None else of.ravel()[self.places]
        many = self.shape[0] * self.shape[1]
        return np.bincount(self.cells, weights, many).reshape(self.shape).astype(np.float64)

    def in_rows(self, rows: int, where: Flags | None = None) -> Codes:
        """How many there are in each row.

        :param where: of each question in each row, whether it counts; all do where left out.
        """
        places = self.places if where is None else self.places[where.ravel()[self.places]]
        return np.bincount(places // self.shape[1], minlength=rows)


class _Table:
    """The records of some LLMs of a scan side by side.

    Sums over what two LLMs have are those of each, less what the other lacks, which is little.

    :param llms: their places in the scan.
    """

    def __init__(self, scan: Scan, llms: Sequence[int]) -> None:
        self._scan, self._llms, self._matrices = scan, llms, scan.matrices
        self._beside = scan.beside(llms)
        self._day = scan.buckets.day_of_each
        run = runs_of_days(scan.buckets)[self._beside.slot]
        self._runs = Runs(run)
        self._run = np.cumsum(np.diff(run, prepend=run[:1]) != 0)
        states = [self._beside.of(self._matrices.states, place) for place in range(len(llms))]
        self._there = scan.by_threads(lambda state: self._known(state >= FAILED), states)
        self._succeeded = [state >= SUCCEEDED for state in states]
        self._asked_known: dict[tuple[int, int], Floats] = {}

    def pairs(self, metric: Metric, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, Comparison]]:
        """Each pair compared in a metric, without names."""
        is_ratio = not metric.share
        estimate = ratio_of_logarithms if is_ratio else mean_of
        days_last = self._scan.days_last(metric)[self._llms]
        sides = self._matrices.sides(metric, self._beside, len(self._llms))
        known = self._scan.by_threads(lambda side: self._known(side.known), sides)
        totals = self._scan.by_threads(self._summed, sides)
        unit = self._matrices.unit(metric)

        def compared(both_llms: tuple[int, int]) -> tuple[int, int, Comparison]:
            first, second = both_llms
            apart, lost = known[first].beyond(known[second]), known[second].beyond(known[first])
            sums = totals[first] - apart.in_runs(sides[first].values)
            sums -= totals[second] - lost.in_runs(sides[second].values)
            counts = known[first].counts - apart.in_runs()
            table = Cells(np.round(unit * sums, _DECIMALS), counts).table
            last = bool(days_last[first] or days_last[second])
            size = unless_days_last(estimate(table, "questions like these"), days_last=last)
            these = unless_days_last(estimate(table, "these questions"), days_last=last) if is_ratio else None
            asked = self._asked(first, second)
            pair = self._described(metric.name, counts, known[first].of_rows - apart.in_rows(self._rows))
            pair = replace(
                pair,
                left_out=int(asked.sum()) - pair.n,
                size=size.interval if pair.n else None,
                p=size.p_value,
                is_ratio=is_ratio,
                these=these.interval if these and pair.n else None,
                approximate=self._scan.approximate and is_ratio,
            )
            if metric.name in TIMES and asked.any():
                wins = Cells(self._won(first, second, sides), asked).table
                of_all = unless_days_last(wins_of(wins, "questions like these"), days_last=last)
                pair = replace(pair, won=of_all.interval)
            return first, second, pair

        return self._scan.by_threads(compared, pairs)

    def successes(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, Comparison]]:
        """Each pair compared in how often it succeeded, without names."""
        of_rows = [np.count_nonzero(succeeded, axis=1) for succeeded in self._succeeded]

        def compared(both_llms: tuple[int, int]) -> tuple[int, int, Comparison]:
            first, second = both_llms
            apart, lost = (self._there[llm].beyond(self._there[than]) for llm, than in (both_llms, both_llms[::-1]))
            both = self._there[first].of_rows - apart.in_rows(self._rows)
            one = of_rows[first] - apart.in_rows(self._rows, self._succeeded[first])
            other = of_rows[second] - lost.in_rows(self._rows, self._succeeded[second])
            difference = rate_difference(self._by_slot(one), self._by_slot(other), self._by_slot(both))
            pair = self._described(SUCCESS, self._asked(first, second), both)
            size = difference.interval if pair.n else None
            return first, second, replace(pair, size=size, p=difference.p_value, scope="these questions")

        return self._scan.by_threads(compared, pairs)

    def _known(self, flags: Flags) -> _Known:
        return _Known(flags, self._runs, self._run)

    def _asked(self, first: int, second: int) -> Floats:
        """How many pairs were asked in each run of rows, for each question."""
        if (first, second) not in self._asked_known:
            one, other = self._there[first], self._there[second]
            self._asked_known[first, second] = one.counts - one.beyond(other).in_runs()
        return self._asked_known[first, second]

    def _won(self, first: int, second: int, sides: Sequence[Side]) -> Floats:
        """How many pairs the first won, less those that it lost, in each run of rows, for each question."""
        one, other = sides[first].waits, sides[second].waits
        won = (one < other).view(np.int8) - (other < one).view(np.int8)
        for llm in (first, second):
            won.ravel()[self._there[llm].lacking] = 0
        return self._runs.sums(won, np.int16).astype(np.float64)

    def _summed(self, side: Side) -> Floats:
        return self._runs.sums(side.values, side.values.dtype if side.values.dtype.kind == "f" else np.int32)

    @property
    def _rows(self) -> int:
        return self._beside.slot.size

    def _by_slot(self, of_rows: Codes) -> Floats:
        return np.bincount(self._beside.slot, of_rows, len(self._scan.buckets.slots)).astype(np.float64)

    def _described(self, name: str, counts: Floats, of_rows: Codes) -> Comparison:
        """A comparison that says how many pairs there are of how many slots, days and questions.

        :param counts: of pairs in each run of rows, for each question.
        :param of_rows: of pairs in each row.
        """
        slots = np.flatnonzero(self._by_slot(of_rows))
        return Comparison(
            metric=name,
            first="",
            second="",
            n=int(counts.sum()),
            slots=slots.size,
            days=int(np.count_nonzero(np.bincount(self._day[slots]))),
            questions=int(np.count_nonzero(counts.any(axis=0))),
            left_out=0,
            size=None,
        )
