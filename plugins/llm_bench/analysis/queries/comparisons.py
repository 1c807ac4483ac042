"""LLMs side by side: what one has over the other on the same question in the same slot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.noise import NOISE_FLOOR, are_twins, floor
from llm_bench.analysis.queries.numbers import Buckets, Key, Scan
from llm_bench.analysis.queries.shapes import EXPLORATORY, PRIMARY, Comparison
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.statistics.comparisons import HOLM
from llm_bench.analysis.statistics.method import Method
from llm_bench.analysis.statistics.scopes import (
    DIFFERENCE,
    RATIO,
    WON,
    Conclusion,
    Grid,
    concluded,
    mean_of,
    ratio_of_logarithms,
    wins_of,
)
from llm_bench.analysis.statistics.success import RATE_DIFFERENCE, rate_difference
from llm_bench.analysis.verdicts import VERDICTS, verdict
from llm_bench.analysis.view import View
from llm_bench.objectives import Interest

TIMES = ("latency_sec", "ttft_sec", "first_answer_sec")
MAIN = (*TIMES, "throughput_tps", "coverage_score", "groundedness", "cost_usd")
SUCCESS = "success"
Compared = tuple[str, frozenset[str]]
"""A comparison by its metric and its two LLMs."""
_RUNS = 60
"""Days that a comparison rests on, at most; of more, runs of days count as one."""
_CELLS = 20_000_000
"""Sums that are held at once."""
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
    table = _Table(scan, [scan.llms.index(llm) for llm in chosen], how_many_questions(records))
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


class Cells(NamedTuple):
    """Sums of values, and how many these are, by day (or run of days) and question: two tables of one shape."""

    sums: Floats
    counts: Floats

    @property
    def grid(self) -> Grid:
        """The means of the cells."""
        means = np.divide(self.sums, self.counts, out=np.zeros_like(self.sums), where=self.counts > 0)
        return Grid.of_table(means, self.counts)

    def of_questions(self, questions: int) -> Cells:
        """The cells of each question, whichever client or probe they are of."""
        shape = (len(self.sums), -1, questions)
        return Cells(self.sums.reshape(shape).sum(axis=1), self.counts.reshape(shape).sum(axis=1))


def runs_of_days(buckets: Buckets) -> Codes:
    """Where the slots of each day begin in ``buckets.slots``; of many days, of each run of days."""
    by_slot = np.empty(len(buckets.slots), np.intp)
    there = buckets.place >= 0
    by_slot[buckets.place[there]] = buckets.day[there]
    return np.flatnonzero(np.diff(by_slot // max(1, -(-buckets.days // _RUNS)), prepend=-1))


def unless_days_last(conclusion: Conclusion, *, days_last: bool) -> Conclusion:
    """A conclusion, or only its estimate where days aren't clusters."""
    interval = concluded(conclusion.interval, days_last)
    return conclusion if interval is conclusion.interval else Conclusion(interval)


class _Table:
    """The records of some LLMs of a scan by LLM, question and slot."""

    def __init__(self, scan: Scan, llms: Sequence[int], questions: int) -> None:
        slots = len(scan.buckets.slots)
        asked, added = apart(scan, questions)
        self._scan, self._llms, self._questions = scan, llms, questions
        self._shape = (len(llms), asked, slots)
        self._runs = runs_of_days(scan.buckets)
        self._bounds = [*self._runs.tolist(), slots]
        there = scan.buckets.place >= 0
        self._day = np.empty(slots, np.intp)
        self._day[scan.buckets.place[there]] = scan.buckets.day[there]
        place = np.full((len(scan.llms), scan.buckets.place.size), -1)
        for row, llm in enumerate(llms):
            place[llm] = np.where(there, row * asked * slots + scan.buckets.place, -1)
        wide = {name: codes * slots for name, codes in added.items()}
        self._key = Key(int(np.prod(self._shape)), place, np.arange(questions) * slots, added=wide)
        self._filled = np.zeros(self._shape)
        self._asked, self._known = np.zeros(self._shape, bool), np.zeros(self._shape, bool)
        self._fill(METRICS[MAIN[0]], is_ratio=True)
        self._succeeded = self._known.copy()  # only a success has a latency, and every success has one

    def _fill(self, metric: Metric, *, is_ratio: bool) -> None:
        """The cells with a metric's values, or with their logarithms."""
        filled, known, asked = self._filled.reshape(-1), self._known.reshape(-1), self._asked.reshape(-1)
        filled.fill(0)
        known.fill(False)
        for cell, values in self._scan.each(metric, self._key):
            there = values > 0 if is_ratio else ~np.isnan(values)
            known[cell], asked[cell] = there, True
            filled[cell] = (
                np.log(values, out=np.zeros_like(values), where=there) if is_ratio else np.where(there, values, 0)
            )

    def pairs(self, metric: Metric, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, Comparison]]:
        """Each pair compared in a metric, without names."""
        is_ratio = not metric.share
        estimate = ratio_of_logarithms if is_ratio else mean_of
        self._fill(metric, is_ratio=is_ratio)
        days_last = self._scan.days_last(metric)[self._llms]
        waits = self._waits() if metric.name in TIMES else None
        for first, second, cells in self._cells(pairs):
            grid, last = cells.grid, bool(days_last[first] or days_last[second])
            size = unless_days_last(estimate(grid, "questions like these"), days_last=last)
            these = unless_days_last(estimate(grid, "these questions"), days_last=last) if is_ratio else None
            asked = self._asked[first] & self._asked[second]
            pair = self._described(metric.name, self._known[first] & self._known[second])
            pair = replace(
                pair,
                left_out=int(np.count_nonzero(asked)) - pair.n,
                size=size.interval if pair.n else None,
                p=size.p_value,
                is_ratio=is_ratio,
                these=these.interval if these and pair.n else None,
                approximate=self._scan.approximate and is_ratio,
            )
            if waits is not None and asked.any():
                wins = self._wins(waits[first], waits[second], asked)
                won = unless_days_last(wins_of(wins.grid, "questions like these"), days_last=last)
                pair = replace(pair, won=won.interval)
            yield first, second, pair

    def successes(self, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, Comparison]]:
        """Each pair compared in how often it succeeded, without names."""
        for first, second in pairs:
            both = self._asked[first] & self._asked[second]
            one, other = ((self._succeeded[llm] & both).sum(axis=0) for llm in (first, second))
            difference = rate_difference(one, other, both.sum(axis=0))
            pair = self._described(SUCCESS, both)
            size = difference.interval if pair.n else None
            yield first, second, replace(pair, size=size, p=difference.p_value, scope="these questions")

    def _described(self, name: str, both: Flags) -> Comparison:
        """A comparison that says how many pairs there are of how many slots, days and questions."""
        slots = both.any(axis=0)
        questions = both.any(axis=1).reshape(-1, self._questions).any(axis=0)
        return Comparison(
            metric=name,
            first="",
            second="",
            n=int(np.count_nonzero(both)),
            slots=int(np.count_nonzero(slots)),
            days=np.unique(self._day[slots]).size,
            questions=int(np.count_nonzero(questions)),
            left_out=0,
            size=None,
        )

    def _cells(self, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, Cells]]:
        """What one LLM has over another, by day and question.

        Σ (first − second) over the slots that both fill is Σ first · [second is there] − Σ second · [first is there]:
        two products of matrices give it for many pairs at once.
        """
        llms, asked, _ = self._shape
        rows = max(1, _CELLS // (len(self._runs) * asked * llms))
        there = self._known.astype(np.float64)
        for start in range(0, llms, rows):
            chosen = [(first, second) for first, second in pairs if start <= first < start + rows]
            if not chosen:
                continue
            sums = np.empty((len(self._runs), asked, min(rows, llms - start), llms))
            counts = np.empty_like(sums)
            for run, (begin, end) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
                values, known = (
                    part[:, :, begin:end].transpose(1, 0, 2) for part in (self._filled, there)
                )  # question, LLM, slot
                mine, my = values[:, start : start + rows], known[:, start : start + rows]
                sums[run] = mine @ known.transpose(0, 2, 1) - my @ values.transpose(0, 2, 1)
                counts[run] = my @ known.transpose(0, 2, 1)
            for first, second in chosen:
                at = (slice(None), slice(None), first - start, second)
                cells = Cells(np.round(sums[at], _DECIMALS), counts[at])
                yield first, second, cells.of_questions(self._questions)

    def _waits(self) -> list[Floats]:
        """Of each LLM how long is waited, by question and slot: for ever, where it failed; NaN where it wasn't asked.

        Logarithms do as well as times: only the order counts.
        """
        every = zip(self._filled, self._known, self._asked, strict=True)
        return [np.where(known, filled, np.where(asked, np.inf, np.nan)) for filled, known, asked in every]

    def _wins(self, first: Floats, second: Floats, asked: Flags) -> Cells:
        """Pairs that the first wins less those that it loses, by day and question.

        :param first: as ``_waits`` has it.
        """
        won = (first < second).view(np.int8) - (first > second).view(np.int8)
        sums, counts = (np.add.reduceat(part, self._runs, axis=1, dtype=np.float64) for part in (won, asked))
        return Cells(sums.T, counts.T).of_questions(self._questions)
