"""A study's records as matrices: a row for each LLM in a slot, client and probe, and in it a column for each question.

So what a day adds up to for a question is a sum of rows that follow one another.

What is read is kept until the data change: 9 bytes for a record, 2 more for each metric in bins (and 2 more where one
waits for it), 8 more for each share, 12 more for lengths and 1 more for who declines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import strata
from llm_bench.analysis.statistics import Codes, Floats
from llm_bench.analysis.statistics.scopes import Ascending

Array = npt.NDArray[Any]
NOT_ASKED, FAILED, SUCCEEDED = 0, 1, 2
"""What became of a question in a slot."""


@dataclass(frozen=True)
class Layout:
    """Where records stand: rows by LLM, then by slot.

    :param llm: of each row, its number in the copy, as ``slot``.
    :param apart: of each row, a number for its client and probe.
    :param place: of each record: its row times ``questions``, and the number of its question.
    """

    llm: Codes
    slot: Codes
    apart: Codes
    place: Array
    questions: int

    @classmethod
    def of(cls, columns: strata.Table, questions: int) -> Layout:
        """The layout of records.

        :param columns: llm_no, slot_no, question_no, client_no and warm of each.
        """
        clients, slots = (int(columns[name].max(initial=0)) + 1 for name in ("client_no", "slot_no"))
        apart = clients * 2
        key = columns["llm_no"].astype(np.int64)
        for many, name in ((slots, "slot_no"), (clients, "client_no"), (2, "warm")):
            key *= many
            key += columns[name]
        there = np.bincount(key, minlength=1) > 0
        row = (there.cumsum() - 1)[key]
        row *= questions
        row += columns["question_no"]
        rows = np.flatnonzero(there)
        return cls(rows // (apart * slots), rows // apart % slots, rows % apart, row.astype(np.uint32), questions)

    def filled(self, values: Array, empty: float) -> Array:
        """A matrix with a value for each record.

        :param empty: what stands where there is none.
        """
        matrix = np.full(self.llm.size * self.questions, empty, values.dtype)
        matrix[self.place] = values
        return matrix.reshape(self.llm.size, self.questions)


def of_records(records: Records) -> Layout:
    """Where the records of a copy stand."""
    return records.once("layout", _layout)


def _layout(records: Records) -> Layout:
    columns = strata.table(records, f"SELECT llm_no, slot_no, question_no, {strata.NUMBERED} FROM records")  # noqa: S608
    return Layout.of(columns, strata.questions(records))


def states(records: Records) -> Array:
    """What became of each question in each row."""
    return records.once("states", lambda known: of_records(known).filled(_states(known), NOT_ASKED))


def _states(records: Records) -> Array:
    return strata.table(records, f"SELECT {STATE} AS content FROM records")["content"]  # noqa: S608


STATE = f"(CASE WHEN success THEN {SUCCEEDED} ELSE {FAILED} END)::UTINYINT"


def stratum(records: Records) -> Array:
    """The stratum of each question in each row; one after the last where it wasn't asked."""
    none = strata.strata(records)["slot_no"].size
    return records.once("strata of rows", lambda known: of_records(known).filled(strata.of_record(known), none))


def bins(records: Records, metric: Metric) -> Array:
    """The bin of each value, as ``strata.bins`` has it; 0 where there is none.

    What failed is later than any: in one bin more, of what is waited for.
    """
    return records.once(f"bins of rows {metric.name}", lambda known: _bins(known, metric))


def _bins(records: Records, metric: Metric) -> Array:
    matrix = measured(records, metric)
    if not metric.waited:
        return matrix
    _, used = strata.bins(records, metric.name)
    return np.where(states(records) == FAILED, np.uint16(used.size + 1), matrix)


def often(records: Records, metric: Metric) -> Array:
    """How often each of the bins that ``bins`` has stands in the copy; of each LLM by its number."""
    return records.once(f"often {metric.name}", lambda known: _often(known, metric))


def _often(records: Records, metric: Metric) -> Array:
    matrix, llm, (_, used) = bins(records, metric), of_records(records).llm, strata.bins(records, metric.name)
    counts = np.zeros((int(llm.max(initial=-1)) + 1, used.size + 2), np.intp)
    for number in np.unique(llm).tolist():
        counts[number] = np.bincount(matrix[run(np.flatnonzero(llm == number))].ravel(), minlength=used.size + 2)
    return counts


def measured(records: Records, metric: Metric) -> Array:
    """The bin of each value, as ``strata.bins`` has it, of what failed as well; 0 where there is none."""
    return records.once(
        f"measured bins of rows {metric.name}",
        lambda known: of_records(known).filled(strata.bins(known, metric.name)[0], 0),
    )


def share(records: Records, metric: Metric) -> Array:
    """The values of a share, of what failed as well; 0 where there is none."""
    return column(records, f"coalesce({metric.name}, 0)")


def column(records: Records, sql: str) -> Array:
    """The value of an expression of columns for each question in each row; 0 where it wasn't asked."""
    return records.once(f"rows of {sql}", lambda known: _column(known, sql))


def _column(records: Records, sql: str) -> Array:
    content = strata.table(records, f"SELECT {sql} AS content FROM records")["content"]  # noqa: S608
    return of_records(records).filled(content, 0)


def _runs(codes: Codes) -> tuple[Codes, Codes]:
    """Where each run of one code begins, and how long it is."""
    there = np.ones(codes.size + 1, bool)
    np.not_equal(codes[1:], codes[:-1], out=there[1:-1])
    bounds = np.flatnonzero(there)
    return bounds[:-1], bounds[1:] - bounds[:-1]


class Runs:
    """Runs of rows that follow one another.

    :param groups: of each row, the group that it is of; a run is of one.
    :ivar starts: the first row of each run.
    """

    def __init__(self, groups: Codes) -> None:
        self.starts, lengths = _runs(groups)
        self._longest = int(lengths.max(initial=0))
        firsts, many = _runs(lengths)
        self._stretches = list(zip(self.starts[firsts].tolist(), many.tolist(), lengths[firsts].tolist(), strict=True))

    def parts(self, block: Array) -> Iterator[Array]:
        """The rows of runs of one length that follow one another: (runs, rows, questions)."""
        for start, many, length in self._stretches:
            yield block[start : start + many * length].reshape(many, length, block.shape[1])

    def sums(self, block: Array, dtype: npt.DTypeLike = np.float64) -> Array:
        """The sums of each run, as ``np.add.reduceat`` has them, which takes several times as long."""
        sums, done = np.empty((self.starts.size, block.shape[1]), dtype), 0
        for part in self.parts(block):
            np.add.reduce(part, axis=1, dtype=dtype, out=sums[done : done + len(part)])
            done += len(part)
        return sums

    def counts(self, flags: Array) -> Floats:
        """How many there are in each run."""
        narrow = np.uint8 if self._longest <= np.iinfo(np.uint8).max else np.uint32
        counts: Floats = self.sums(flags.view(np.uint8), narrow).astype(np.float64)
        return counts


class Rows:
    """The rows of one LLM, by slot.

    :param chosen: which rows of the matrices these are.
    :param day: of each row, as ``bucket``; ascending.
    :ivar places: of these rows in the matrices.
    :ivar days: those that have a row.
    """

    def __init__(self, chosen: Codes, day: Codes, bucket: Codes) -> None:
        self.places = chosen
        self._chosen = run(chosen)
        self.bucket = bucket
        self._by_day = Runs(day)
        self.days = day[self._by_day.starts]

    def of(self, matrix: Array) -> Array:
        """These rows of a matrix."""
        return matrix[self._chosen]

    def grouped(self, group: Codes) -> tuple[Codes, Rows]:
        """The same rows, those of a group following one another, as buckets; and which row each of these is.

        :param group: of each row; −1 for one that is left out.
        """
        order = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
        return order, Rows(self.places[order], np.zeros(order.size, np.intp), group[order])

    def by_day(self, block: Array, dtype: npt.DTypeLike = np.float64) -> Array:
        """The sums of each day that has a row; (days, questions)."""
        return self._by_day.sums(block, dtype)

    def count_by_day(self, flags: Array) -> Floats:
        """How many there are on each day that has a row; (days, questions)."""
        return self._by_day.counts(flags)

    @cached_property
    def by_bucket(self) -> Runs:
        """The rows of each bucket that has one."""
        return Runs(self.bucket)

    @property
    def buckets(self) -> Codes:
        """Those that have a row."""
        return self.bucket[self.by_bucket.starts]

    def total(self, flags: Array) -> Codes:
        """How many there are in each of these buckets."""
        counts = np.count_nonzero(flags, axis=1)
        return np.add.reduceat(counts, self.by_bucket.starts) if counts.size else counts


def rows_of_llms(known: Layout, numbers: Sequence[int], place: Codes, day: Codes, bucket: Codes) -> Iterator[Rows]:
    """The rows of some LLMs between a view's dates.

    :param numbers: of the LLMs.
    :param place: of each slot's number: its place in the view, −1 where it isn't in it; as ``day`` and ``bucket``.
    """
    at = place[known.slot]
    for number in numbers:
        chosen = np.flatnonzero((known.llm == number) & (at >= 0))
        chosen = chosen[np.argsort(at[chosen], kind="stable")]
        yield Rows(chosen, day[known.slot[chosen]], bucket[known.slot[chosen]])


class Beside:
    """The rows of some LLMs side by side: those of a slot, client and probe are the same row of each.

    :param known: where they stand.
    :param numbers: of the LLMs.
    :param place: of each slot's number: its place in the view, −1 where it isn't in it.
    :ivar slot: of each row, its place in the view; ascending.
    """

    def __init__(self, known: Layout, numbers: Sequence[int], place: Codes) -> None:
        at = place[known.slot]
        apart = int(known.apart.max(initial=0)) + 1
        keys = [np.zeros(0, np.intp)]
        self._chosen = []
        for number in numbers:
            chosen = np.flatnonzero((known.llm == number) & (at >= 0))
            key = at[chosen] * apart + known.apart[chosen]
            order = np.argsort(key, kind="stable")
            self._chosen.append(chosen[order])
            keys.append(key[order])
        rows = np.unique(np.concatenate(keys))
        self._rows = [np.searchsorted(rows, key) for key in keys[1:]]
        self.slot = rows // apart

    def of(self, matrix: Array, llm: int, empty: float = 0) -> Array:
        """The rows of one of the LLMs.

        :param empty: what stands in those that it lacks.
        """
        chosen, rows = self._chosen[llm], self._rows[llm]
        if rows.size == self.slot.size:
            return matrix[run(chosen)]
        whole = np.full((self.slot.size, matrix.shape[1]), empty, matrix.dtype)
        whole[rows] = matrix[chosen]
        return whole


def run(places: Codes) -> Codes | slice:
    """Some places, as a slice where they follow one another."""
    whole = places.size > 0 and places[-1] - places[0] + 1 == places.size and bool((np.diff(places) > 0).all())
    return slice(int(places[0]), int(places[-1]) + 1) if whole else places


@dataclass(frozen=True)
class Block:
    """A metric's values of one LLM.

    :param content: values, NaN where there is none; or the numbers of their bins, 0 where there is none.
    :param middles: of the bins, the first for none; None where the content is values.
    :param often: how often each bin stands there, where that is known already; that of none doesn't count.
    """

    content: Array
    middles: Floats | None = None
    often: Codes | None = None

    @cached_property
    def known(self) -> Array:
        """Where there is a value."""
        return ~np.isnan(self.content) if self.middles is None else self.content > 0

    @cached_property
    def of_bins(self) -> Codes:
        """How often each bin stands there."""
        least = 1 if self.middles is None else self.middles.size
        return np.bincount(self.content.ravel(), minlength=least) if self.often is None else self.often

    def of(self, columns: Codes | slice) -> Block:
        """The same of some questions alone."""
        if isinstance(columns, slice) and columns == slice(None):
            return self
        return Block(self.content[:, columns], self.middles)

    def rows(self, rows: Codes) -> Block:
        """The same of some rows alone."""
        return Block(self.content[run(rows)], self.middles)

    @cached_property
    def ascending(self) -> Ascending:
        """All values, in order."""
        if self.middles is None:
            ordered = np.sort(self.content[self.known])
            return Ascending(ordered, np.arange(1.0, ordered.size + 1))
        counts = self.of_bins[1:]
        used = np.flatnonzero(counts)
        return Ascending(self.middles[used + 1], counts[used].cumsum(dtype=np.float64))

    def below(self, rows: Rows, ascending: Ascending, q: float) -> Floats:
        """How many values count as below a quantile of all, by day and question."""
        estimate = ascending.at(q)
        if self.middles is None:
            less, ties = self.content < estimate, self.content == estimate
        else:
            first, end = (np.searchsorted(self.middles[1:], estimate, side=side) for side in ("left", "right"))
            number = self.content - np.uint16(1)  # of none: the largest of all
            less, ties = number < np.uint16(first), number == np.uint16(first) if end > first else None
        below: Floats = rows.count_by_day(less)
        return below if ties is None else below + ascending.tied(q) * rows.count_by_day(ties)

    def sorted(self, rows: Rows, buckets: int) -> Segments:
        """The values of each bucket of rows, in order."""
        content = self.content.copy()
        at, ends = np.zeros(buckets, np.intp), np.zeros(buckets, np.intp)
        firsts = rows.by_bucket.starts * content.shape[1]
        for part in rows.by_bucket.parts(content):
            part.reshape(len(part), -1).sort(axis=1)
        there = rows.total(self.known)
        # What is missing comes last as NaN, and first as bin 0.
        at[rows.buckets] = np.append(firsts, content.size)[1:] - there if self.middles is not None else firsts
        ends[rows.buckets] = at[rows.buckets] + there
        return Segments(content.ravel(), at, ends, self.middles)


@dataclass(frozen=True, slots=True)
class Segments:
    """Values in groups, ascending within each.

    :param values: or the numbers of their bins.
    :param starts: where each group begins.
    :param ends: where it ends.
    :param middles: as of a block.
    """

    values: Array
    starts: Codes
    ends: Codes
    middles: Floats | None

    @property
    def counts(self) -> Codes:
        """How many values each group has."""
        return self.ends - self.starts

    def quantile(self, q: float) -> Floats:
        """The quantile of each group (type 7); NaN for an empty one."""
        last = np.maximum(self.counts - 1, 0)
        below = np.floor(q * last).astype(np.intp)
        part = q * last - below
        low, high = (
            self.values[np.minimum(self.starts + place, self.values.size - 1)] if self.values.size else np.zeros(0)
            for place in (below, np.minimum(below + 1, last))
        )
        if self.middles is not None:
            low, high = self.middles[low], self.middles[high]
        with np.errstate(invalid="ignore"):  # of infinite values, which failures are
            between = np.where((part == 0) | (low == high), low, low + part * (high - low))
        return np.where(self.counts > 0, between, np.nan)
