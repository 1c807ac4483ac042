"""What can be said of a view's records as matrices: medians and means with their intervals, and quantiles by bucket.

Few records are matrices of their values; many are matrices of the numbers of bins, of the whole copy. The same is said
of both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import BIN
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import cells, strata
from llm_bench.analysis.queries.cells import Array, Beside, Block, Layout, Rows, Segments
from llm_bench.analysis.statistics import Codes, Floats, Interval
from llm_bench.analysis.statistics.scopes import SCOPES, Ascending, Table, concluded, mean_of
from llm_bench.analysis.threads import each

_NARROW = np.iinfo(np.int16).max
Item = TypeVar("Item")
Made = TypeVar("Made")


class Estimated(NamedTuple):
    """The median or mean of some records, and how sure it is in both scopes.

    :param like: of questions like these; None without a value.
    :param these: of these questions; likewise.
    :param n: values, the failures among them where one waits for it.
    :param failed: records that failed.
    :param left_out: others without a value.
    """

    like: Interval | None
    these: Interval | None
    n: int
    failed: int
    left_out: int


class Side(NamedTuple):
    """A metric of one LLM beside others, (rows, questions).

    :param values: of shares; logarithms of others, in any unit; 0 where there is none.
    :param known: where there is one: of what isn't a share, one above 0.
    :param waits: in the order of how long one waits, longest where there is no value.
    """

    values: Array
    known: Array
    waits: Array


class Grouped(NamedTuple):
    """Values of LLMs in groups of slots: those of the first LLM in all groups come first.

    :param segments: of each LLM.
    """

    segments: Sequence[Segments]

    @property
    def counts(self) -> Codes:
        """Values, the failures among them where one waits for it."""
        return _joined([part.counts for part in self.segments])

    def quantile(self, q: float) -> Floats:
        """NaN without a value; infinite where so many failed."""
        return _joined([part.quantile(q) for part in self.segments])


class Matrices(ABC):
    """The records of a view.

    :param layout: of the matrices.
    :param rows: of each LLM.
    """

    def __init__(self, layout: Layout, rows: Sequence[Rows]) -> None:
        self._layout = layout
        self._rows = rows
        self._last: tuple[Metric, list[Block]] | None = None
        self._ascending: dict[str, list[tuple[Ascending, int, int]]] = {}

    @property
    @abstractmethod
    def states(self) -> Array:
        """What became of each question in each row."""

    @abstractmethod
    def numbered(self, column: str) -> Array:
        """One of the columns ``strata.NUMBERED``, of each question in each row."""

    @abstractmethod
    def blocks(self, metric: Metric, where: Array | None = None) -> list[Block]:
        """A metric's values of each LLM; infinite where one waits in vain.

        :param where: of each question in each row, whether it counts; all do where left out.
        """

    @abstractmethod
    def _shares(self, metric: Metric) -> Array | None:
        """A share's values, 0 where there is none; None of what isn't a share."""

    @abstractmethod
    def each(self, make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """What is made of each item, as ``threads.each`` has it where there is much to do."""

    @abstractmethod
    def sides(self, metric: Metric, beside: Beside, llms: int) -> list[Side]:
        """A metric's values of each of some LLMs beside one another, those of failures among them.

        :param llms: how many.
        """

    @abstractmethod
    def unit(self, metric: Metric) -> float:
        """What the values of a side are in."""

    def beside(self, numbers: Sequence[int], place: Codes) -> Beside:
        """The rows of some LLMs side by side: as ``Beside`` takes them."""
        return Beside(self._layout, numbers, place)

    def estimated(
        self, metric: Metric, days_last: Codes, parts: Codes | None, where: Array | None
    ) -> list[list[Estimated]]:
        """The median or mean of each LLM, in each part of the questions.

        :param days_last: of each LLM, whether its days aren't clusters.
        :param parts: of each question of the copy, −1 for none; all are one part where there are none.
        :param where: as of a block.
        """
        many = 0 if parts is None else int(parts.max(initial=-1)) + 1
        columns: list[Codes | slice] = (
            [slice(None)] if parts is None else [cells.run(np.flatnonzero(parts == part)) for part in range(many)]
        )
        blocks, states, shares = self._blocks(metric, where), self._states_of_rows(where), self._shares(metric)

        def of_llm(llm: int) -> list[Estimated]:
            rows, block = self._rows[llm], blocks[llm]
            sums = rows.by_day(rows.of(shares) * block.known) if shares is not None else None
            last = bool(days_last[llm])
            return [_estimated(rows, block, sums, states[llm], chosen, days_last=last) for chosen in columns]

        return self.each(of_llm, range(len(self._rows)))

    def ascending(self, metric: Metric) -> list[tuple[Ascending, int, int]]:
        """Of each LLM all values in order, how many records failed, and how many others lack a value."""
        if metric.name not in self._ascending:
            both = zip(self._blocks(metric), self._states_of_rows(), strict=True)
            self._ascending[metric.name] = self.each(lambda of: (of[0].ascending, *_count_lost(of[1], of[0])), both)
        return self._ascending[metric.name]

    def grouped(self, metric: Metric, of_slot: Codes, many: int) -> Grouped:
        """A metric's values of each LLM in groups of slots.

        :param of_slot: of each slot's number: its group; −1 for none.
        :param many: groups.
        """

        def of_llm(both: tuple[Rows, Block]) -> Segments:
            rows, block = both
            order, grouped = rows.grouped(of_slot[self._layout.slot[rows.places]])
            return block.rows(order).sorted(grouped, many)

        return Grouped(self.each(of_llm, zip(self._rows, self._blocks(metric), strict=True)))

    def lost(self, metric: Metric, many: int) -> tuple[Codes, Codes]:
        """How many records failed, and how many others lack a value, of each LLM in each bucket.

        :param many: buckets.
        """
        lost = np.zeros((2, len(self._rows), many), np.intp)
        blocks, states = self._blocks(metric), self._states_of_rows()

        def of_llm(llm: int) -> None:
            for place, flagged in enumerate(_lost(states[llm], blocks[llm])):
                lost[place, llm] = np.bincount(self._rows[llm].bucket, np.count_nonzero(flagged, axis=1), many)

        self.each(of_llm, range(len(self._rows)))
        return lost[0].ravel(), lost[1].ravel()

    def _blocks(self, metric: Metric, where: Array | None = None) -> list[Block]:
        """A metric's values of each LLM; those of the metric that was asked for last are kept."""
        if where is not None:
            return self.blocks(metric, where)
        if self._last is None or self._last[0] != metric:
            self._last = None  # before the next ones are made
            self._last = metric, self.blocks(metric)
        return self._last[1]

    def _states_of_rows(self, where: Array | None = None) -> list[Array]:
        """What became of each question in the rows of each LLM."""
        states = self.states if where is None else self.states * where
        return [rows.of(states) for rows in self._rows]


class Few(Matrices):
    """The view's records alone, so few that each value is taken as it is.

    :param column: of the records, by its name.
    """

    def __init__(self, layout: Layout, rows: Sequence[Rows], column: Callable[[str], Array]) -> None:
        super().__init__(layout, rows)
        self._column = column
        self._values: dict[str, Floats] = {}

    @cached_property
    def states(self) -> Array:
        return self._layout.filled(self._column("state"), cells.NOT_ASKED)

    def numbered(self, column: str) -> Array:
        return self._layout.filled(self._column(column), 0)

    def blocks(self, metric: Metric, where: Array | None = None) -> list[Block]:
        values = self._filled(metric)
        if metric.waited:
            values = np.where(self.states == cells.FAILED, np.inf, values)
        if where is not None:
            values = np.where(where, values, np.nan)
        return [Block(rows.of(values)) for rows in self._rows]

    def _shares(self, metric: Metric) -> Array | None:
        return np.nan_to_num(self._filled(metric)) if metric.share else None

    def each(self, make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        return [make(item) for item in items]  # threads would take longer to begin

    def _filled(self, metric: Metric) -> Floats:
        """A metric's values, of failures as well; NaN where there is none."""
        if metric.name not in self._values:
            values = self._column(metric.name).astype(np.float64)
            self._values[metric.name] = self._layout.filled(values, np.nan)
        return self._values[metric.name]

    def sides(self, metric: Metric, beside: Beside, llms: int) -> list[Side]:
        def of_llm(llm: int) -> Side:
            values = beside.of(self._filled(metric), llm, np.nan)
            known = ~np.isnan(values) if metric.share else values > 0
            values = (
                np.where(known, values, 0.0) if metric.share else np.log(values, out=np.zeros_like(values), where=known)
            )
            return Side(values, known, np.where(known, values, np.inf))

        return [of_llm(llm) for llm in range(llms)]

    def unit(self, metric: Metric) -> float:  # noqa: ARG002  (it is the same of all)
        return 1.0


class Many(Matrices):
    """All records of the copy, of which those of the view are taken.

    :param kept: of each question in each row, whether it is; None where all of the rows are.
    :param middles: of a metric's bins.
    """

    def __init__(
        self,
        layout: Layout,
        rows: Sequence[Rows],
        records: Records,
        kept: Array | None,
        middles: Callable[[Metric], Floats],
    ) -> None:
        super().__init__(layout, rows)
        self._records = records
        self._kept = kept
        self._middles = middles

    @cached_property
    def states(self) -> Array:
        states = cells.states(self._records)
        return states if self._kept is None else states * self._kept

    def numbered(self, column: str) -> Array:
        return self._layout.filled(strata.column(self._records, column), 0)

    def blocks(self, metric: Metric, where: Array | None = None) -> list[Block]:
        matrix, often = cells.bins(self._records, metric), cells.often(self._records, metric)
        middles = np.concatenate([[np.nan], self._middles(metric), [np.inf] * metric.waited])

        def of_llm(llm: int) -> Block:
            rows, dropped = self._rows[llm], self._dropped[llm]
            content = rows.of(matrix)
            if where is not None:
                content = content * rows.of(where)
                if self._kept is not None:
                    content *= rows.of(self._kept)
                return Block(content, middles)
            left = often[self._layout.llm[rows.places[0]]] if rows.places.size == self._held[llm] else None
            if dropped.size:
                content = content.copy()
                left = None if left is None else left - np.bincount(content.ravel()[dropped], minlength=left.size)
                content.ravel()[dropped] = 0
            return Block(content, middles, left)

        return self.each(of_llm, range(len(self._rows)))

    def often(self, metric: Metric) -> list[Codes]:
        """How often each bin stands, of each LLM."""
        return self.each(lambda block: block.of_bins, self._blocks(metric))

    @cached_property
    def _dropped(self) -> list[Codes]:
        """Of the rows of each LLM, the places of records that aren't the view's."""
        if self._kept is None:
            return [np.zeros(0, np.intp) for _ in self._rows]
        kept = self._kept
        return self.each(lambda rows: np.flatnonzero(rows.of(kept) == 0), self._rows)

    @cached_property
    def _held(self) -> list[int]:
        """How many rows the copy has of each LLM."""
        many = np.bincount(self._layout.llm)
        return [int(many[self._layout.llm[rows.places[0]]]) for rows in self._rows]

    def _shares(self, metric: Metric) -> Array | None:
        return cells.share(self._records, metric) if metric.share else None

    def each(self, make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        return each(make, items)

    def sides(self, metric: Metric, beside: Beside, llms: int) -> list[Side]:
        """Of what is no share, the numbers of bins: one bin more is always the same ratio more."""
        matrix, shares = cells.measured(self._records, metric), self._shares(metric)
        _, used = strata.bins(self._records, metric.name)
        narrow, unsigned = (np.int16, np.uint16) if used.max(initial=0) <= _NARROW else (np.int32, np.uint32)
        numbers = np.concatenate([[0], used]).astype(narrow)

        def of_llm(llm: int) -> Side:
            content = beside.of(matrix, llm)
            if self._kept is not None:
                content = content * beside.of(self._kept, llm)
            if shares is not None:
                known = content > 0
                scores = beside.of(shares, llm) * known
                return Side(scores, known, scores)
            values = numbers.take(content, mode="clip")  # all are below; this is the fastest
            # The lowest bin is of what is 0. One less than none is the largest number without a sign.
            return Side(values, np.greater(values, 0), np.subtract(values.view(unsigned), 1, dtype=unsigned))

        return self.each(of_llm, range(llms))

    def unit(self, metric: Metric) -> float:
        return 1.0 if metric.share else BIN


def _estimated(
    rows: Rows, block: Block, sums: Floats | None, states: Array, columns: Codes | slice, *, days_last: bool
) -> Estimated:
    """The mean where there are sums, else the median, of some questions."""
    part, state = block.of(columns), states[:, columns]
    n, (failed, left_out) = int(np.count_nonzero(part.known)), _count_lost(state, part)
    if not n:
        return Estimated(None, None, 0, failed, left_out)
    counts = rows.count_by_day(part.known)
    if sums is not None:
        table = Table.of(sums[:, columns], counts)
        both = [mean_of(table, scope).interval for scope in SCOPES]
    else:
        ascending = part.ascending
        table = Table.of(part.below(rows, ascending, 0.5), counts)
        both = [ascending.interval(0.5, table, scope) for scope in SCOPES]
    like, these = (concluded(interval, days_last) for interval in both)
    return Estimated(like, these, n, failed, left_out)


def _lost(states: Array, block: Block) -> tuple[Array, Array]:
    """Which records failed, and which others lack a value."""
    return states == cells.FAILED, (states == cells.SUCCEEDED) > block.known


def _count_lost(states: Array, block: Block) -> tuple[int, int]:
    failed, left_out = _lost(states, block)
    return int(np.count_nonzero(failed)), int(np.count_nonzero(left_out))


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0)
