"""How many records there are and how they ended: choices, success, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.agreement import Scorer
from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import Buckets, buckets, llm_names, ranked
from llm_bench.analysis.queries.shapes import Choices, FailureCount, Failures, RatePoint, Success
from llm_bench.analysis.statistics import Codes, Floats, Interval
from llm_bench.analysis.statistics.success import rate
from llm_bench.analysis.view import IS_CACHED, View
from llm_bench.records import UNNAMED, WARM_SQL

Numbers = TypeVar("Numbers", Codes, Floats)


def choices(records: Records) -> Choices:
    """What a filter can choose from, of the whole study."""
    return records.once("choices", _choices)


def _choices(records: Records) -> Choices:
    row = records.rows(
        "SELECT min(slot) AS first, max(slot) AS last, count(*) AS records, count(suspect) AS suspect, "  # noqa: S608
        f"count(*) FILTER ({WARM_SQL}) AS warm, count(*) FILTER ({IS_CACHED}) AS cached FROM records"
    )[0]
    names = {
        "llms": "SELECT llm FROM llms SEMI JOIN records USING (llm_no)",
        "industries": "SELECT DISTINCT industry FROM questions SEMI JOIN records USING (question_no)",
        "run_types": "SELECT DISTINCT run_type FROM records",
    }
    lists = {key: tuple(sorted(str(*chosen.values()) for chosen in records.rows(sql))) for key, sql in names.items()}
    held = strata.strata(records)
    for key, known in (("upstreams", strata.upstreams(records)), ("clients", strata.clients(records))):
        there = [known[number] for number in np.unique(held[f"{key[:-1]}_no"])]
        lists[key] = tuple(sorted(there, key=lambda name: (name == UNNAMED, name))) if there != [UNNAMED] else ()
    return Choices(**row | lists)


def scorers(records: Records, view: View) -> list[Scorer]:
    """What scored the view's records: where there are several, their scores can't be compared."""
    held = strata.scorers(records)
    taken = strata.taken(records, held, view, buckets(records, view).place >= 0, llm_names(records))
    known, numbers = records.once("scorers by number", lambda _: _numbered(held))
    return [known[number] for number in np.flatnonzero(np.bincount(numbers[taken])).tolist()]


def _numbered(held: strata.Table) -> tuple[Sequence[Scorer], Codes]:
    """Different scorers in order, and the place of each of those held among them."""
    pairs = list(zip(held["version"].tolist(), held["model"].tolist(), strict=True))
    known = sorted(set(pairs))
    place = {pair: number for number, pair in enumerate(known)}
    return [Scorer(version or None, model) for version, model in known], np.array([place[p] for p in pairs], np.intp)


def unscored(records: Records, view: View) -> dict[str, int]:
    """Why answers of the view weren't scored, the most frequent reason first, and how many."""
    held = strata.score_notes(records)
    taken = strata.taken(records, held, view, buckets(records, view).place >= 0, llm_names(records))
    counts: Counter[str] = Counter()
    for note, count in zip(held["score_note"][taken].tolist(), held["n"][taken].tolist(), strict=True):
        counts[note] += count
    return dict(counts.most_common())


def total(records: Records, view: View) -> int:
    """How many records the view has."""
    held = strata.strata(records)
    taken = strata.taken(records, held, view, buckets(records, view).place >= 0, llm_names(records))
    return int(held["records"][taken].sum())


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts by LLM and slot, arrays of the shape (LLMs, slots of the view), but for costs, which are by LLM.

    :param llms: in name order.
    :param cut: records whose answer reached its limit of tokens.
    :param finished: records that say why the LLM stopped.
    :param cached: tokens of prompts that were read from the provider's cache.
    :param cacheable: tokens of the prompts of which that is known.
    :param cache_known: records of which that is known, by LLM.
    """

    llms: tuple[str, ...]
    buckets: Buckets
    records: Codes
    succeeded: Codes
    suspect: Codes
    cost_usd: Floats
    cost_known: Codes
    cut: Codes
    finished: Codes
    cached: Floats
    cacheable: Floats
    cache_known: Codes

    def rate(self, llm: int) -> Interval:
        """How often an LLM succeeded (see ``success.rate``)."""
        return rate(self.succeeded[llm], self.records[llm]).interval

    def cut_rate(self, llm: int) -> Interval:
        """How often an LLM's answer was cut, of those that say why they ended."""
        return rate(self.cut[llm], self.finished[llm]).interval

    def cached_share(self, llm: int) -> Interval | None:
        """The share of an LLM's prompt tokens that were read from its provider's cache; None where it isn't known."""
        cached, tokens = self.by_bucket(self.cached), self.by_bucket(self.cacheable)
        return statistics.share(cached[llm], tokens[llm], int(self.cache_known[llm]))

    def by_bucket(self, counts: Numbers) -> Numbers:
        """Counts by slot as counts by bucket, along the last axis."""
        return np.add.reduceat(counts, np.arange(0, counts.shape[-1], self.buckets.size), axis=-1)


def count(records: Records, view: View) -> Counts:
    """The view's records, counted."""
    slots = buckets(records, view)
    return records.of_view(view, f"counts {slots.size}", lambda: _count(records, view, slots))


def _count(records: Records, view: View, slots: Buckets) -> Counts:
    names, held = llm_names(records), strata.strata(records)
    taken = strata.taken(records, held, view, slots.place >= 0, names)
    numbers = held["llm_no"][taken]
    llms, rank = ranked(numbers, names)
    places = rank[numbers] * len(slots.slots) + slots.place[held["slot_no"][taken]]

    def table(name: str, part: Codes | slice = slice(None)) -> Any:
        counts = np.bincount(places[part], held[name][taken][part], len(llms) * len(slots.slots))
        return counts.reshape(len(llms), len(slots.slots))

    def counted(name: str, part: Codes | slice = slice(None)) -> Codes:
        return cast(Codes, table(name, part).astype(np.intp))

    return Counts(
        llms=llms,
        buckets=slots,
        records=counted("records"),
        succeeded=counted("succeeded"),
        suspect=counted("records", np.flatnonzero(held["suspect"][taken])),
        cost_usd=table("cost_usd").sum(axis=1),
        cost_known=counted("cost_known").sum(axis=1),
        cut=counted("cut"),
        finished=counted("finished"),
        cached=table("cached"),
        cacheable=table("cacheable"),
        cache_known=counted("cache_known").sum(axis=1),
    )


def _failed(records: Records, view: View, slots: Buckets) -> Counter[tuple[int, str, str]]:
    """Failures by bucket, LLM and kind."""
    held, names = strata.failures(records), llm_names(records)
    taken = strata.taken(records, held, view, slots.place >= 0, names)
    llms, kinds = max(names, default=0) + 1, strata.failure_kinds(records)
    code = (slots.of_slot[held["slot_no"][taken]] * llms + held["llm_no"][taken]) * len(kinds) + held["kind"][taken]
    totals = np.bincount(code, held["n"][taken])
    counts: Counter[tuple[int, str, str]] = Counter()
    for filled in np.flatnonzero(totals).tolist():
        place, number = divmod(filled, len(kinds))
        counts[place // llms, names[place % llms], kinds[number]] = int(totals[filled])
    return counts


def success(records: Records, view: View) -> list[Success]:
    """How often each LLM succeeded, and how it failed; in name order."""
    counts = count(records, view)
    kinds: dict[str, Counter[str]] = {llm: Counter() for llm in counts.llms}
    for (_, llm, kind), n in sorted(_failed(records, view, counts.buckets).items()):
        kinds[llm][kind] += n
    return [
        Success(
            llm=llm,
            records=int(counts.records[i].sum()),
            succeeded=int(counts.succeeded[i].sum()),
            rate=counts.rate(i),
            cut=int(counts.cut[i].sum()),
            finished=int(counts.finished[i].sum()),
            cut_rate=counts.cut_rate(i),
            kinds=dict(kinds[llm].most_common()),
        )
        for i, llm in enumerate(counts.llms)
    ]


def failures_over_time(records: Records, view: View) -> Failures:
    """Failures by kind and the rate of success, in each slot or bucket that has records."""
    counts = count(records, view)
    failed = _failed(records, view, counts.buckets)
    at = counts.buckets.at
    asked, good = counts.by_bucket(counts.records), counts.by_bucket(counts.succeeded)
    return Failures(
        counts=[FailureCount(at[bucket], llm, kind, n) for (bucket, llm, kind), n in sorted(failed.items())],
        rates=[
            RatePoint(at[bucket], llm, int(asked[i, bucket]), int(good[i, bucket]))
            for i, llm in enumerate(counts.llms)
            for bucket in np.flatnonzero(asked[i]).tolist()
        ],
        bucket=counts.buckets.size,
        width=counts.buckets.width,
    )
