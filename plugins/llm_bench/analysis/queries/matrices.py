"""What can be said of a view's records as matrices: medians and means with their intervals, and quantiles by bucket.

Few records are matrices of their values; many are matrices of the numbers of bins, of the whole copy. The same is said
of both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import BIN
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import cells, strata
from llm_bench.analysis.queries.cells import Array, Beside, Block, Layout, Rows, Segments
from llm_bench.analysis.statistics import Codes, Floats, Interval
from llm_bench.analysis.statistics.scopes import SCOPES, Ascending, Grid, concluded, mean_of


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

    @property
    @abstractmethod
    def states(self) -> Array:
        """What became of each question in each row."""

    @abstractmethod
    def numbered(self, column: str) -> Array:
        """One of the columns ``strata.NUMBERED``, of each question in each row."""

    @abstractmethod
    def block(self, metric: Metric, rows: Rows, where: Array | None = None) -> Block:
        """A metric's values in rows; infinite where one waits in vain.

        :param where: of each question in each row, whether it counts; all do where left out.
        """

    @abstractmethod
    def sums(self, metric: Metric, rows: Rows, block: Block) -> Floats:
        """A share's sums by day and question."""

    @abstractmethod
    def side(self, metric: Metric, beside: Beside, llm: int) -> Side:
        """A metric's values of one LLM beside others, those of failures among them."""

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
        made = []
        for rows, last in zip(self._rows, days_last, strict=True):
            block, states = self.block(metric, rows, where), rows.of(self.states)
            if where is not None:
                states = states * rows.of(where)
            sums = self.sums(metric, rows, block) if metric.share else None
            made.append([_estimated(rows, block, sums, states, chosen, days_last=bool(last)) for chosen in columns])
        return made

    def ascending(self, metric: Metric) -> list[tuple[Ascending, int, int]]:
        """Of each LLM all values in order, how many records failed, and how many others lack a value."""
        blocks = [(self.block(metric, rows), rows.of(self.states)) for rows in self._rows]
        return [(block.ascending, *_count_lost(states, block)) for block, states in blocks]

    def grouped(self, metric: Metric, of_slot: Codes, many: int) -> Grouped:
        """A metric's values of each LLM in groups of slots.

        :param of_slot: of each slot's number: its group; −1 for none.
        :param many: groups.
        """
        every = [rows.grouped(of_slot[self._layout.slot[rows.places]]) for rows in self._rows]
        return Grouped([self.block(metric, rows).sorted(rows, many) for rows in every])

    def lost(self, metric: Metric, many: int) -> tuple[Codes, Codes]:
        """How many records failed, and how many others lack a value, of each LLM in each bucket.

        :param many: buckets.
        """
        lost = np.zeros((2, len(self._rows), many), np.intp)
        for llm, rows in enumerate(self._rows):
            for place, flagged in enumerate(_lost(rows.of(self.states), self.block(metric, rows))):
                lost[place, llm] = np.bincount(rows.bucket, np.count_nonzero(flagged, axis=1), many)
        return lost[0].ravel(), lost[1].ravel()


class Few(Matrices):
    """The view's records alone, so few that each value is taken as it is.

    :param columns: of the records.
    """

    def __init__(self, layout: Layout, rows: Sequence[Rows], columns: strata.Table) -> None:
        super().__init__(layout, rows)
        self._columns = columns
        self._values: dict[str, Floats] = {}

    @cached_property
    def states(self) -> Array:
        return self._layout.filled(self._columns["state"], cells.NOT_ASKED)

    def numbered(self, column: str) -> Array:
        return self._layout.filled(self._columns[column], 0)

    def block(self, metric: Metric, rows: Rows, where: Array | None = None) -> Block:
        if metric.name not in self._values:
            values = self._columns[metric.name].astype(np.float64)
            if metric.waited:
                values = np.where(self._columns["state"] == cells.FAILED, np.inf, values)
            self._values[metric.name] = self._layout.filled(values, np.nan)
        content = rows.of(self._values[metric.name])
        return Block(content if where is None else np.where(rows.of(where), content, np.nan))

    def sums(self, metric: Metric, rows: Rows, block: Block) -> Floats:  # noqa: ARG002  (the block has its values)
        return rows.by_day(np.where(block.known, block.content, 0.0))

    def side(self, metric: Metric, beside: Beside, llm: int) -> Side:
        name = f"measured {metric.name}"
        if name not in self._values:
            self._values[name] = self._layout.filled(self._columns[metric.name].astype(np.float64), np.nan)
        values = beside.of(self._values[name], llm, np.nan)
        known = ~np.isnan(values) if metric.share else values > 0
        values = (
            np.where(known, values, 0.0) if metric.share else np.log(values, out=np.zeros_like(values), where=known)
        )
        return Side(values, known, np.where(known, values, np.inf))

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

    def block(self, metric: Metric, rows: Rows, where: Array | None = None) -> Block:
        content = rows.of(cells.bins(self._records, metric))
        for kept in (self._kept, where):
            content = content if kept is None else content * rows.of(kept)
        return Block(content, np.concatenate([[np.nan], self._middles(metric), [np.inf] * metric.waited]))

    def sums(self, metric: Metric, rows: Rows, block: Block) -> Floats:
        return rows.by_day(rows.of(self._shares(metric)) * block.known)

    def _shares(self, metric: Metric) -> Array:
        """A share's values; 0 where there is none."""
        return cells.column(self._records, f"coalesce({metric.name}, 0)")

    def side(self, metric: Metric, beside: Beside, llm: int) -> Side:
        """Of what is no share, the numbers of bins: one bin more is always the same ratio more."""
        content = beside.of(cells.measured(self._records, metric), llm)
        if self._kept is not None:
            content = content * beside.of(self._kept, llm)
        if metric.share:
            known = content > 0
            values = beside.of(self._shares(metric), llm) * known
            return Side(values, known, values)
        _, used = strata.bins(self._records, metric.name)
        numbers = np.concatenate([[0], used]).astype(np.int32)
        values = numbers.take(content, mode="clip")  # all are below; this is the fastest
        # The lowest bin is of what is 0. One less than none is the largest number without a sign.
        return Side(values, values > 0, values.view(np.uint32) - np.uint32(1))

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
        grid = Grid.of_table(sums[:, columns] / np.maximum(counts, 1), counts)
        both = [mean_of(grid, scope).interval for scope in SCOPES]
    else:
        ascending = part.ascending
        below = part.below(rows, ascending, 0.5)
        both = [ascending.interval(0.5, below, counts, scope) for scope in SCOPES]
    like, these = (concluded(interval, days_last) for interval in both)
    return Estimated(like, these, n, failed, left_out)


def _lost(states: Array, block: Block) -> tuple[Array, Array]:
    """Which records failed, and which others lack a value."""
    return states == cells.FAILED, (states == cells.SUCCEEDED) & ~block.known


def _count_lost(states: Array, block: Block) -> tuple[int, int]:
    failed, left_out = _lost(states, block)
    return int(np.count_nonzero(failed)), int(np.count_nonzero(left_out))


def _joined(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0)
