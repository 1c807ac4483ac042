"""What a provider's cache of prompts is worth: the same question asked cold and, right after, warm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries.comparisons import apart, how_many_questions, paired_by_slot
from llm_bench.analysis.queries.counts import choices, count
from llm_bench.analysis.queries.numbers import Key, Scan
from llm_bench.analysis.statistics import Floats, Interval
from llm_bench.analysis.view import View

TTFT, COST = METRICS["ttft_sec"], METRICS["cost_usd"]


@dataclass(frozen=True, slots=True)
class CacheWorth:
    """What one LLM's requests save when their prompt is known already: cold less warm, everywhere.

    :param asked: pairs of a cold and a warm record of one question, slot and client.
    :param n: of these, pairs of which both have a time to the first token.
    :param ttft: Hodges-Lehmann's estimate with its interval, seconds; None without a pair.
    :param p_holm: of the paired test, corrected over the LLMs; None where there is nothing to test.
    :param effect: rank-biserial correlation, positive where warm is faster. None as p.
    :param usd: saved with 1,000 questions, mean; None where no pair has a known cost.
    :param usd_n: pairs of which both have one.
    :param cached_cold: share of the tokens of cold prompts that were read from a cache; None where it isn't known.
    :param cached_warm: of warm ones.
    """

    llm: str
    asked: int
    n: int
    ttft: Interval | None
    p_holm: float | None
    effect: float | None
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
    pairs = _Pairs(scan, how_many_questions(records))
    ttft, usd = pairs.differences(TTFT), pairs.differences(COST)
    tests = [paired_by_slot(sums, counts) for sums, counts in zip(*ttft, strict=True)]
    saved = statistics.means(usd[0] * 1000, usd[1])
    adjusted = statistics.holm([test.p_value for test in tests])
    cold, warm = (_cached(records, replace(view, cache=probe)) for probe in ("cold", "warm"))
    return [
        CacheWorth(
            llm=llm,
            asked=int(pairs.asked[i]),
            n=int(ttft[1][i].sum()),
            ttft=replace(tests[i].difference, n=int(ttft[1][i].sum())) if ttft[1][i].any() else None,
            p_holm=adjusted[i],
            effect=tests[i].effect,
            usd=saved[i],
            usd_n=int(usd[1][i].sum()),
            cached_cold=cold.get(llm),
            cached_warm=warm.get(llm),
            approximate=scan.approximate,
        )
        for i, llm in enumerate(scan.llms)
        if pairs.asked[i]
    ]


def _cached(records: Records, view: View) -> dict[str, Interval | None]:
    counts = count(records, view)
    return {llm: counts.cached_share(i) for i, llm in enumerate(counts.llms)}


class _Pairs:
    """The cold and the warm record of each question of a scan, side by side.

    :ivar asked: of each LLM, how many pairs there are.
    """

    def __init__(self, scan: Scan, questions: int) -> None:
        self._scan = scan
        asked, added = apart(scan, questions)  # those that were asked warm come after all that were asked cold
        self._shape = (len(scan.llms), len(scan.buckets.slots), 2, asked // 2)
        slots = np.where(scan.buckets.place < 0, 0, scan.buckets.place)
        place = (np.arange(len(scan.llms))[:, None] * len(scan.buckets.slots) + slots) * asked
        place = np.where(scan.buckets.place < 0, -1, place)
        self._key = Key(int(np.prod(self._shape)), place, np.arange(questions), added=added)
        there = self._cells(TTFT, known=False)
        self.asked = np.count_nonzero(there[:, :, 0] + there[:, :, 1] == 0, axis=(1, 2))

    def differences(self, metric: Metric) -> tuple[Floats, Floats]:
        """Cold less warm of each LLM, added up by slot or bucket of slots, and how many these are."""
        cells = self._cells(metric, known=True)
        less = cells[:, :, 0] - cells[:, :, 1]
        missing = np.isnan(less)
        less[missing] = 0
        return self._by_bucket(less.sum(axis=2)), self._by_bucket((~missing).sum(axis=2).astype(np.float64))

    def _cells(self, metric: Metric, *, known: bool) -> Floats:
        """The metric's values; or 0 for each record, whether it has one or not. NaN elsewhere."""
        cells = np.full(self._key.size, np.nan)
        for cell, values in self._scan.each(metric, self._key):
            cells[cell] = values if known else 0
        return cells.reshape(self._shape)

    def _by_bucket(self, by_slot: Floats) -> Floats:
        starts = np.arange(0, by_slot.shape[1], self._scan.buckets.size)
        added: Floats = np.add.reduceat(by_slot, starts, axis=1)
        return added
