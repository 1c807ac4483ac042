"""What a provider's cache of prompts is worth: the same question asked cold and, right after, warm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.comparisons import Cells, apart, runs_of_days, unless_days_last
from llm_bench.analysis.queries.counts import choices, count
from llm_bench.analysis.queries.numbers import Key, Scan
from llm_bench.analysis.statistics import Floats, Interval
from llm_bench.analysis.statistics.scopes import mean_of, ratio_of_logarithms
from llm_bench.analysis.view import View
from llm_bench.method import Method

TTFT, COST = METRICS["ttft_sec"], METRICS["cost_usd"]


CACHE_WORTH = Method(
    "Worth of a cache",
    "Each question asked cold is a pair with the same one asked warm, right after, in the same slot. The ratio of "
    "their times to the first token is the geometric mean over the pairs, the saving in dollars the mean difference; "
    "interval and p are made as those of differences of scores, of questions like these. p is corrected over the LLMs "
    "by Holm.",
)


@dataclass(frozen=True, slots=True)
class CacheWorth:
    """What one LLM's requests save when their prompt is known already: cold beside warm, everywhere.

    :param asked: pairs of a cold and a warm record of one question, slot and client.
    :param n: of these, pairs of which both have a time to the first token.
    :param ttft: how many times as long the first token takes cold as it takes warm, for questions like these; None
        without a pair.
    :param p_holm: that it takes as long, corrected over the LLMs; None where there is nothing to test.
    :param usd: cold − warm, of 1,000 questions like these, mean; None where no pair has a known cost.
    :param usd_n: pairs of which both have one.
    :param cached_cold: share of the tokens of cold prompts that were read from a cache; None where it isn't known.
    :param cached_warm: of warm ones.
    """

    llm: str
    asked: int
    n: int
    ttft: Interval | None
    p_holm: float | None
    usd: Interval | None
    usd_n: int
    cached_cold: Interval | None
    cached_warm: Interval | None
    approximate: bool = False


def cache_worth(records: Records, view: View) -> list[CacheWorth]:
    """One for each LLM with pairs, in name order; whichever of cold and warm the view takes."""
    if not choices(records).warm:
        return []
    scan = Scan.of(records, replace(view, cache="all"), [TTFT, COST])
    if len(scan.numbers("warm")) < 2:
        return []
    pairs = _Pairs(scan, strata.questions(records))
    last = {metric: scan.days_last(metric) for metric in (TTFT, COST)}
    ttft = [
        unless_days_last(ratio_of_logarithms(cells.table, "questions like these"), days_last=bool(lasts))
        for cells, lasts in zip(pairs.cells(TTFT, logarithms=True), last[TTFT], strict=True)
    ]
    usd = [
        unless_days_last(mean_of(cells.table, "questions like these"), days_last=bool(lasts)).interval
        for cells, lasts in zip(pairs.cells(COST), last[COST], strict=True)
    ]
    adjusted = statistics.holm([saved.p_value for saved in ttft])
    cold, warm = (_cached(records, replace(view, cache=probe)) for probe in ("cold", "warm"))
    return [
        CacheWorth(
            llm=llm,
            asked=int(pairs.asked[i]),
            n=ttft[i].interval.n,
            ttft=ttft[i].interval if ttft[i].interval.n else None,
            p_holm=adjusted[i],
            usd=_of_a_thousand(usd[i]) if usd[i].n else None,
            usd_n=usd[i].n,
            cached_cold=cold.get(llm),
            cached_warm=warm.get(llm),
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
        if pairs.asked[i]
    ]


def _of_a_thousand(saved: Interval) -> Interval:
    estimate, low, high = (None if usd is None else 1000 * usd for usd in (saved.estimate, saved.low, saved.high))
    return replace(saved, estimate=estimate, low=low, high=high)


def _cached(records: Records, view: View) -> dict[str, Interval | None]:
    counts = count(records, view)
    return {llm: counts.cached_share(i) for i, llm in enumerate(counts.llms)}


class _Pairs:
    """The cold and the warm record of each question of a scan, side by side.

    :ivar asked: of each LLM, how many pairs there are.
    """

    def __init__(self, scan: Scan, questions: int) -> None:
        self._scan, self._questions = scan, questions
        self._runs = np.flatnonzero(np.diff(runs_of_days(scan.buckets), prepend=-1))
        asked, added = apart(scan, questions)  # those that were asked warm come after all that were asked cold
        self._shape = (len(scan.llms), len(scan.buckets.slots), 2, asked // 2)
        slots = np.where(scan.buckets.place < 0, 0, scan.buckets.place)
        place = (np.arange(len(scan.llms))[:, None] * len(scan.buckets.slots) + slots) * asked
        place = np.where(scan.buckets.place < 0, -1, place)
        self._key = Key(int(np.prod(self._shape)), place, np.arange(questions), added=added)
        there = self._cells(TTFT, known=False)
        self.asked = np.count_nonzero(there[:, :, 0] + there[:, :, 1] == 0, axis=(1, 2))

    def cells(self, metric: Metric, *, logarithms: bool = False) -> Iterator[Cells]:
        """Cold less warm of each LLM, by day and question."""
        values = self._cells(metric, known=True)
        if logarithms:
            values = np.log(values, out=np.full(values.shape, np.nan), where=values > 0)
        less = values[:, :, 0] - values[:, :, 1]
        there = ~np.isnan(less)
        less[~there] = 0
        sums, counts = (np.add.reduceat(part, self._runs, axis=1, dtype=np.float64) for part in (less, there))
        return (Cells(*tables).of_questions(self._questions) for tables in zip(sums, counts, strict=True))

    def _cells(self, metric: Metric, *, known: bool) -> Floats:
        """The metric's values; or 0 for each record, whether it has one or not. NaN elsewhere."""
        cells = np.full(self._key.size, np.nan)
        for cell, values in self._scan.each(metric, self._key):
            cells[cell] = values if known else 0
        return cells.reshape(self._shape)
