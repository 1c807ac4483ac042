"""The numbers of a view's records as arrays, and what can be said of them in groups.

Up to ``EXACT`` records each value is taken as it is. Above, values are counted in bins, each 0.5 % wide, and a value
stands for the middle of its bin. Means are of the values themselves always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, TypeVar, cast

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import BIN, FLOOR
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.cells import STATE, Beside, Layout, Rows, of_records, rows_of_llms, stratum
from llm_bench.analysis.queries.groups import Groups, Ints
from llm_bench.analysis.queries.matrices import Estimated, Few, Grouped, Many, Matrices
from llm_bench.analysis.statistics import LEAST_SLOTS, Codes, Floats
from llm_bench.analysis.statistics.blocks import days_last, days_of
from llm_bench.analysis.statistics.scopes import Ascending
from llm_bench.analysis.threads import each
from llm_bench.analysis.view import View

Item = TypeVar("Item")
Made = TypeVar("Made")

EXACT = 100_000
"""Records up to which values are sorted rather than counted in bins."""
MAX_BUCKETS = 200
"""Points of a line, and clusters of an interval: with more slots, each stands for as many consecutive ones."""
_CELLS = 20_000_000
"""Counts that are held at once; what would take more has fewer clusters."""

_ROWS = 500
"""Rows of matrices that are looked at together."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The slots of a view in runs of ``size``.

    :param slots: every slot, in order.
    :param at: the first slot of each bucket.
    :param of_slot: number of a slot in the copy → bucket; −1 for a slot that isn't in the view.
    :param place: number of a slot in the copy → place in ``slots``.
    :param day: number of a slot in the copy → day, from 0 on; −1 for a slot that isn't in the view.
    """

    slots: Sequence[datetime]
    at: Sequence[datetime]
    of_slot: Codes
    place: Codes
    day: Codes
    size: int

    @property
    def day_of_each(self) -> Codes:
        """The day of each of ``slots``, in their order."""
        days = np.empty(len(self.slots), np.intp)
        there = self.place >= 0
        days[self.place[there]] = self.day[there]
        return days

    @property
    def days(self) -> int:
        """How many days there are with a slot."""
        return int(self.day.max(initial=-1)) + 1

    @property
    def width(self) -> timedelta | None:
        """The time from a bucket to the next, at the median; None where each is a slot."""
        if self.size == 1 or len(self.at) < 2:
            return None
        steps = sorted(later - earlier for earlier, later in pairwise(self.at))
        return steps[len(steps) // 2]


def buckets(records: Records, view: View) -> Buckets:
    """The slots between the view's dates."""
    known = records.once("slots", lambda all_of_them: all_of_them.rows("SELECT * FROM slots ORDER BY slot"))
    within = [
        row
        for row in known
        if (view.start is None or view.start <= row["slot"]) and (view.end is None or row["slot"] < view.end)
    ]
    slots = [row["slot"] for row in within]
    size = max(1, -(-len(slots) // MAX_BUCKETS))
    place = np.full(len(known), -1)
    place[[row["slot_no"] for row in within]] = np.arange(len(slots))
    day = np.full(len(known), -1)
    day[[row["slot_no"] for row in within]] = days_of([slot.timestamp() for slot in slots])
    return Buckets(slots, slots[::size], np.where(place < 0, -1, place // size), place, day, size)


class Key(NamedTuple):
    """Groups that records are put into.

    :param size: how many there are.
    :param place: of each LLM of the scan and slot of the copy: the group; −1: left out.
    :param question: of each question of the copy: what is added to that; None where it makes no difference.
    :param by_industry: it is the same for all questions of an industry.
    :param added: of each number in one of the columns ``strata.NUMBERED``: what is added, too.
    """

    size: int
    place: Codes
    question: Codes | None = None
    by_industry: bool = False
    added: Mapping[str, Codes] = MappingProxyType({})

    @property
    def of_stratum(self) -> bool:
        """Whether all records of a stratum go into the same group."""
        return self.question is None or self.by_industry

    def plus(self, places: Codes, table: strata.Table, rows: Codes) -> Codes:
        """The places with what is added to those that aren't left out.

        :param table: whose columns have the numbers.
        :param rows: of the table, one for each place.
        """
        for name, codes in self.added.items():
            places = np.where(places < 0, -1, places + codes[table[name][rows].astype(np.intp)])
        return places


class _Columns:
    """The columns of the records of a view so small that each value is taken as it is.

    :param announced: which ones will be asked for.
    """

    def __init__(self, records: Records, view: View) -> None:
        self._records, self._view = records, view
        self._read: dict[str, strata.Array] = {}
        self.announced: Sequence[str] = ()

    def column(self, name: str) -> strata.Array:
        """A column, read together with what is announced: a look at the records costs more than one column more."""
        if name not in self._read:
            places = () if self._read else ("llm_no", "slot_no", "question_no", strata.NUMBERED, f"{STATE} AS state")
            columns = ", ".join([*places, *(other for other in self.announced if other not in self._read)])
            where, parameters = self._view.where()
            sql = f"SELECT {columns} FROM records WHERE {where}"  # noqa: S608
            self._read |= strata.table(self._records, sql, parameters)
        return self._read[name]


class Scan:
    """One pass over a view's records."""

    def __init__(self, records: Records, view: View) -> None:
        self._records = records
        self.buckets = buckets(records, view)
        self._held = strata.strata(records)
        names = llm_names(records)
        self._taken = strata.taken(records, self._held, view, self.buckets.place >= 0, names)
        self.llms, self._rank = ranked(self._held["llm_no"][self._taken], names)
        self._grouped: dict[tuple[str, bytes], Grouped] = {}
        self.exact = int(self._held["records"][self._taken].sum()) <= EXACT
        self._of_all = replace(view, llms=())
        self._columns = _Columns(records, view)

    @classmethod
    def of(cls, records: Records, view: View, metrics: Sequence[Metric]) -> Scan:
        """The same pass for all that one reader asks of a view.

        :param metrics: that will be asked for.
        """
        scan = records.shared(view, lambda: cls(records, view))
        scan._columns.announced = [metric.name for metric in metrics]  # noqa: SLF001  (its own)
        return scan

    @property
    def approximate(self) -> bool:
        return not self.exact

    def key(self, size: int, by_llm: int, of_slot: Codes | None = None) -> Key:
        """Groups that an LLM's place and the slot add up to.

        :param by_llm: what an LLM's place in ``llms`` counts.
        :param of_slot: of each slot of the copy; nothing where left out.
        """
        slots = np.zeros(self.buckets.place.size, np.intp) if of_slot is None else of_slot
        return Key(size, np.arange(len(self.llms))[:, None] * by_llm + slots)

    @cached_property
    def llm(self) -> Key:
        """Each LLM is a group, in the order of ``llms``."""
        return self.key(len(self.llms), 1)

    def numbers(self, column: str) -> list[int]:
        """Which numbers the view's records have in one of the columns ``strata.NUMBERED``, in order."""
        return [int(number) for number in np.flatnonzero(np.bincount(self._held[column][self._taken]))]

    def counts(self, what: str, key: Key) -> Ints:
        """What the strata count, in each group and bucket; (groups, buckets).

        :param what: a column of the strata.
        """
        spread = self._by_bucket(key, self.buckets.of_slot)
        size = key.size * len(self.buckets.at)
        totals = np.bincount(self._places(spread), self._held[what][self._taken], size)
        return totals.reshape(-1, key.size).T.astype(np.int64)

    def by_llm(self, of_stratum: strata.Array) -> Floats:
        """What strata add up to, of each LLM."""
        totals: Floats = self.by_llm_and_slot(of_stratum).sum(axis=1)
        return totals

    def by_llm_and_slot(self, of_stratum: strata.Array) -> Floats:
        """What strata add up to, of each LLM in each slot of the view."""
        many = len(self.buckets.slots)
        places = self._places(self.key(len(self.llms) * many, many, self.buckets.place))
        totals = np.bincount(places, of_stratum[self._taken], len(self.llms) * many).astype(np.float64)
        return totals.reshape(len(self.llms), many)

    def each(self, metric: Metric, key: Key) -> Iterator[tuple[Codes, Floats]]:
        """Groups and values of the records, some at a time; NaN where one has none."""
        if self.exact:
            codes, kept = self._codes(key)
            return iter([(codes, self._columns.column(metric.name)[kept])])
        if metric.share:
            return self._parts(key, strata.column(self._records, metric.name))
        place, _ = strata.bins(self._records, metric.name)
        middles = np.append(np.nan, _middles(self._records, metric))
        return ((codes, middles[bins]) for codes, bins in self._parts(key, place))

    def sums(self, metric: Metric, key: Key, *, by_bucket: bool = False) -> tuple[Floats, Ints, Ints]:
        """A metric's sum in each group, how many values it is of, and how many records lack it.

        :param by_bucket: in each group and bucket: arrays of two dimensions.
        """
        many = len(self.buckets.at) if by_bucket else 1
        spread = self._by_bucket(key, self.buckets.of_slot) if by_bucket else key
        totals = tuple(np.zeros(key.size * many) for _ in range(3))
        for codes, *weights in self._weighed(metric, spread):
            for total, weight in zip(totals, weights, strict=True):
                strata.add(total, codes, weight)
        sums, counts, lost = (flat.reshape(many, key.size).T if by_bucket else flat for flat in totals)
        return sums, counts.astype(np.int64), lost.astype(np.int64)

    def _weighed(self, metric: Metric, key: Key) -> Iterator[tuple[Codes, Floats, Floats, Floats]]:
        """Groups with what adds to each: to the sum, to the values and to the records without one."""
        if self.approximate and metric.share and key.of_stratum:
            sums, counts = (total[self._taken] for total in strata.totals(self._records, metric.name))
            yield self._places(key), sums, counts, self._held["records"][self._taken] - counts
            return
        for codes, values in self.each(metric, key):
            lacking = np.isnan(values)
            yield codes, np.where(lacking, 0, values), (~lacking).astype(float), lacking.astype(float)

    @cached_property
    def matrices(self) -> Matrices:
        """The records as matrices."""
        if self.exact:
            names = ("llm_no", "slot_no", "question_no", "client_no", "warm")
            layout = Layout.of({name: self._columns.column(name) for name in names}, strata.questions(self._records))
            return Few(layout, self._rows(layout), self._columns.column)
        return self._bins

    @cached_property
    def _bins(self) -> Many:
        """The records as matrices of bins, however few they are."""
        rows, kept = self.of_copy
        return Many(of_records(self._records), rows, self._records, kept, partial(_middles, self._records))

    def often(self, metric: Metric) -> Ints:
        """How often a value of each LLM is in each bin; the first is for none, and one more at the end for failures.

        :param metric: that is waited for.
        """
        return np.array(self._bins.often(metric)) if self.llms else np.zeros((0, 0), np.int64)

    def by_threads(self, make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """What is made of each item; of few records by one thread, as more take longer to begin."""
        return each(make, items) if self.approximate else [make(item) for item in items]

    @cached_property
    def of_copy(self) -> tuple[Sequence[Rows], strata.Array | None]:
        """The rows of each LLM in the matrices of the whole copy, and which of the records there are the view's.

        1 or 0 of each; None where all of these rows are.
        """
        rows = self._rows(of_records(self._records))
        there = (self.buckets.place[self._held["slot_no"]] >= 0) & np.isin(self._held["llm_no"], self._numbers)
        if np.count_nonzero(there) == self._taken.size:
            return rows, None
        return rows, self._records.of_view(self._of_all, "kept", self._kept)

    def _kept(self) -> strata.Array:
        """Of each question in each row of the matrices of the whole copy, whether it is the view's: 1 or 0."""
        names = llm_names(self._records)
        taken = np.zeros(self._held["slot_no"].size + 1, np.uint8)  # the last one is what wasn't asked
        taken[strata.taken(self._records, self._held, self._of_all, self.buckets.place >= 0, names)] = True
        strata_of_rows = stratum(self._records)
        kept = np.zeros(strata_of_rows.shape, np.uint8)

        def keep(part: slice) -> None:
            taken.take(strata_of_rows[part], out=kept[part], mode="clip")  # the fastest; none is beyond

        self.by_threads(keep, [slice(start, start + _ROWS) for start in range(0, len(kept), _ROWS)])
        return kept

    @cached_property
    def _numbers(self) -> Sequence[int]:
        """Of each LLM, its number in the copy."""
        numbers = {name: number for number, name in llm_names(self._records).items()}
        return [numbers[llm] for llm in self.llms]

    def _rows(self, layout: Layout) -> Sequence[Rows]:
        within = self.buckets
        return list(rows_of_llms(layout, self._numbers, within.place, within.day, within.of_slot))

    def beside(self, llms: Sequence[int]) -> Beside:
        """The rows of some LLMs side by side.

        :param llms: their places.
        """
        return self.matrices.beside([self._numbers[llm] for llm in llms], self.buckets.place)

    def numbered(self, column: str) -> strata.Array:
        """One of the columns ``strata.NUMBERED``, of each question in each row of the matrices."""
        return self.matrices.numbered(column)

    def estimated(
        self, metric: Metric, parts: Codes | None = None, *, where: strata.Array | None = None
    ) -> list[list[Estimated]]:
        """The median or mean of each LLM, in each part of the questions.

        :param parts: of each question of the copy, −1 for none; all are one part where left out.
        :param where: of each question in each row, whether it counts; all do where left out.
        """

        def made() -> list[list[Estimated]]:
            return self.matrices.estimated(metric, self.days_last(metric), parts, where)

        whole = parts is None and where is None
        return self._of_llms(f"estimated {metric.name}", made) if whole else made()

    def ascending(self, metric: Metric) -> list[tuple[Ascending, int, int]]:
        """Of each LLM all values in order, how many records failed, and how many others lack a value."""
        return self.matrices.ascending(metric)

    def by_llm_and(self, of_slot: Codes, metric: Metric, many: int) -> Grouped:
        """A metric's values of each LLM in groups of slots: those of the first LLM in all groups come first.

        :param of_slot: of each slot of the copy: its group; −1 for none.
        :param many: groups.
        """
        name = (metric.name, of_slot.tobytes())
        if name not in self._grouped:
            self._grouped[name] = self.matrices.grouped(metric, of_slot, many)
        return self._grouped[name]

    def by_llm_and_bucket(self, metric: Metric) -> Grouped:
        """A metric's values of each LLM in each bucket."""
        return self.by_llm_and(self.buckets.of_slot, metric, len(self.buckets.at))

    def levels(self, metric: Metric) -> Floats:
        """The median of each LLM in each bucket, (LLMs, buckets); where so many failed, more than any other."""
        medians = self.by_llm_and_bucket(metric).quantile(0.5).reshape(len(self.llms), len(self.buckets.at))
        return np.minimum(medians, np.finfo(np.float64).max)

    def means(self, metric: Metric) -> Floats:
        """The mean of each LLM in each bucket, (LLMs, buckets); NaN without a value."""
        sums, counts, _ = self.sums(metric, self.llm, by_bucket=True)
        means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return means

    def days_last(self, metric: Metric) -> Codes:
        """Of each LLM whether its days aren't clusters, by a metric of its slots: 1 or 0 (``blocks.days_last``)."""
        return np.array(self._of_llms(f"days last {metric.name}", lambda: self._days_last(metric)), np.intp)

    def _days_last(self, metric: Metric) -> Sequence[int]:
        values = self.means(metric) if metric.share else self.levels(metric)
        return cast(list[int], lasting(values, self.buckets.at).tolist())

    def _of_llms(self, name: str, make: Callable[[], Sequence[Made]]) -> list[Made]:
        """What is known of each LLM, whichever others the view has: kept for all pages."""
        how = f"{name} {self.exact} {self.buckets.size}"
        known: dict[str, Made] = self._records.of_view(self._of_all, how, dict)
        if not known.keys() >= set(self.llms):
            known |= zip(self.llms, make(), strict=True)
        return [known[llm] for llm in self.llms]

    def groups(self, metric: Metric, key: Key, *, clusters: bool = False) -> Groups:
        """A metric's values in groups.

        :param clusters: whether there will be intervals.
        """
        if self.exact:
            return self._sorted(metric, key)
        return self._counted(metric, self._count(metric, key, clusters=clusters))

    def _codes(self, key: Key) -> tuple[Codes, Codes]:
        """Groups of the records that are in one, and which records these are."""
        codes = key.place[self._rank[self._columns.column("llm_no")], self._columns.column("slot_no")]
        kept = np.flatnonzero(codes >= 0)
        codes = key.plus(codes[kept], {name: self._columns.column(name) for name in key.added}, kept)
        return codes if key.question is None else codes + key.question[self._columns.column("question_no")[kept]], kept

    def _places(self, key: Key) -> Codes:
        """The place of each stratum of the view."""
        numbers, slots = (self._held[name][self._taken] for name in ("llm_no", "slot_no"))
        places = key.plus(key.place[self._rank[numbers], slots], self._held, self._taken)
        if key.question is not None and key.by_industry:
            places += key.question[self._held["question_no"][self._taken]]
        return places

    def _parts(self, key: Key, column: strata.Array) -> Iterator[tuple[Codes, strata.Array]]:
        places = np.full(self._held["slot_no"].size, -1)
        places[self._taken] = self._places(key)
        stratum = strata.of_record(self._records)
        if key.of_stratum:
            return ((place, values) for place, values in strata.placed(stratum, places, column))
        question = cast(Codes, key.question)
        asked = strata.column(self._records, "question_no")
        placed = strata.placed(stratum, places, column, asked)
        return ((place + question[number], values) for place, values, number in placed)

    def _by_bucket(self, key: Key, of_slot: Codes) -> Key:
        """The same groups in each bucket; those of the first bucket come first."""
        place = np.where(key.place < 0, -1, key.place + of_slot * key.size)
        return key._replace(size=key.size * (int(of_slot.max(initial=0)) + 1), place=place)

    def _count(self, metric: Metric, key: Key, *, clusters: bool) -> Ints:
        """How often each bin stands in each group and bucket, (groups, buckets, bins); the first bin is for nulls."""
        place, used = strata.bins(self._records, metric.name)
        width, many, spread = used.size + 1, 1, key
        if clusters:
            many = len(self.buckets.at)
            merged = -(-many // max(2 * LEAST_SLOTS, _CELLS // max(1, key.size * width)))
            many = -(-many // merged)
            spread = self._by_bucket(key, self.buckets.of_slot // merged)
        counts = np.zeros(many * key.size * width, np.int64)
        question = None if spread.question is None else spread.question * width
        added = {name: codes * width for name, codes in spread.added.items()}
        wide = spread._replace(size=counts.size, place=spread.place * width, question=question, added=added)
        for codes, bins in self._parts(wide, place):
            strata.add(counts, codes + bins)
        return counts.reshape(many, key.size, width).transpose(1, 0, 2)

    def _counted(self, metric: Metric, counts: Ints) -> Groups:
        middles = _middles(self._records, metric)
        totals = counts.sum(axis=1) if counts.shape[1] > 1 else counts[:, 0]
        group, place = np.nonzero(totals[:, 1:])
        return Groups(
            values=middles[place],
            weights=totals[group, place + 1],
            starts=np.searchsorted(group, np.arange(len(totals) + 1)),
            left_out=totals[:, 0],
            counted=counts[:, :, 1:],
            middles=middles,
        )

    def _sorted(self, metric: Metric, key: Key) -> Groups:
        codes, kept = self._codes(key)
        column = self._columns.column(metric.name)[kept]
        known = ~np.isnan(column)
        left_out = np.bincount(codes[~known], minlength=key.size)
        codes, column, kept = codes[known], column[known], kept[known]
        order = np.lexsort((column, codes))
        starts = np.searchsorted(codes[order], np.arange(key.size + 1))
        bucket = self.buckets.of_slot[self._columns.column("slot_no")[kept]]
        return Groups(column[order], np.ones(order.size, np.int64), starts, left_out, clusters=bucket[order])


def _middles(records: Records, metric: Metric) -> Floats:
    """The values that stand for the bins: 0 for the lowest of all, which holds what is below any we know of."""
    _, bins = strata.bins(records, metric.name)
    return np.where(bins == 0, 0.0, FLOOR * np.exp((bins - 0.5) * BIN))


def lasting(values: Floats, moments: Sequence[datetime]) -> Codes:
    """Of each row of values at some moments whether its days aren't clusters: 1 or 0 (``blocks.days_last``).

    :param values: (rows, moments), NaN where there is none.
    """
    at = np.array([moment.timestamp() for moment in moments])
    day = days_of(at)
    known = ~np.isnan(values)
    return np.array([days_last(of[kept], at[kept], day[kept]) for of, kept in zip(values, known, strict=True)], int)


def ranked(numbers: strata.Array, names: Mapping[int, str]) -> tuple[tuple[str, ...], Codes]:
    """Some LLMs in name order; and of each LLM's number in the copy, its place among these.

    :param numbers: of the LLMs; one may stand there again.
    :param names: as `llm_names`.
    """
    llms = tuple(sorted(names[number] for number in np.unique(numbers).tolist()))
    place = {name: rank for rank, name in enumerate(llms)}
    return llms, np.array([place.get(names.get(no, ""), 0) for no in range(max(names, default=0) + 1)], np.intp)


def llm_names(records: Records) -> Mapping[int, str]:
    """Number of an LLM in the copy → the LLM."""
    return records.once("llms", lambda known: {row["llm_no"]: row["llm"] for row in known.rows("FROM llms")})
