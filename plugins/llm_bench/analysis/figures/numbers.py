"""The numbers of a view's records as arrays, and what can be told of them in groups.

Up to ``EXACT`` records each value is taken as it is. Above, values are counted in bins, each 0.5 % wide, and a value
stands for the middle of its bin. Means are of the values themselves always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_bench.analysis import inference
from llm_bench.analysis.cache import Records
from llm_bench.analysis.figures.groups import Groups, Ints
from llm_bench.analysis.inference import LEAST_SLOTS, Codes, Floats, Interval
from llm_bench.analysis.layout import BIN, FLOOR
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.view import View

EXACT = 100_000
"""Records up to which values are sorted rather than counted in bins."""
MOST = 200
"""Points of a line, and clusters of an interval: with more slots, each stands for as many consecutive ones."""
_CELLS = 20_000_000
"""Counts that are held at once; what would take more has fewer clusters."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The slots of a view in runs of ``size``.

    :param slots: every slot, in order.
    :param at: the first slot of each bucket.
    :param of_slot: number of a slot in the copy → bucket; −1 for a slot that isn't in the view.
    :param place: number of a slot in the copy → place in ``slots``.
    """

    slots: Sequence[datetime]
    at: Sequence[datetime]
    of_slot: Codes
    place: Codes
    size: int

    @property
    def width(self) -> timedelta | None:
        """From a bucket to the next, at the median; None where each is a slot."""
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
    size = max(1, -(-len(slots) // MOST))
    place = np.full(len(known), -1)
    place[[row["slot_no"] for row in within]] = np.arange(len(slots))
    return Buckets(slots, slots[::size], np.where(place < 0, -1, place // size), place, size)


class Scan:
    """One pass over a view's records.

    :param metrics: to be read.
    """

    def __init__(self, records: Records, view: View, metrics: Sequence[Metric]) -> None:
        self.buckets = buckets(records, view)
        self.exact = _is_small(records, view)
        self._bins = {} if self.exact else records.once("bins", _bin_ranges)
        self._cubes: dict[str, Ints] = {}
        where, parameters = view.where()
        columns = [column for metric in metrics for column in self._selected(metric)]
        found = records.query(
            f"SELECT {', '.join(['llm_no', 'slot_no', 'question_no', *columns])} FROM records WHERE {where}",  # noqa: S608
            parameters,
        )
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: column.to_numpy() for name, column in zip(found.column_names, found.columns, strict=True)
        }
        names = llm_names(records)
        present = np.flatnonzero(np.bincount(self._columns["llm_no"]))
        self.llms = tuple(sorted(names[number] for number in present.tolist()))
        ranks = {name: rank for rank, name in enumerate(self.llms)}
        self._llm_codes = np.array([ranks.get(names.get(no, ""), 0) for no in range(max(names, default=0) + 1)])

    @classmethod
    def of(cls, records: Records, view: View, metrics: Sequence[Metric]) -> Scan:
        """The same pass for all that one reader asks of a view and metrics."""
        return records.shared((view, *(metric.name for metric in metrics)), lambda: cls(records, view, metrics))

    def _selected(self, metric: Metric) -> list[str]:
        if self.exact:
            return [metric.name]
        bins = f"coalesce({metric.name}_bin - {self._bins[metric.name][0]} + 1, 0)::USMALLINT AS {metric.name}_bin"
        return [metric.name, bins] if metric.share else [bins]

    @property
    def approximate(self) -> bool:
        return not self.exact

    @cached_property
    def llm(self) -> Codes:
        """Of each record: place in ``llms``."""
        codes: Codes = self._llm_codes[self._columns["llm_no"]]
        return codes

    @cached_property
    def bucket(self) -> Codes:
        """Of each record."""
        codes: Codes = self.buckets.of_slot[self.slot]
        return codes

    @cached_property
    def llm_and_bucket(self) -> Codes:
        """Of each record: the buckets of the first LLM come first."""
        key: Codes = (self._llm_codes * len(self.buckets.at))[self._columns["llm_no"]]
        key += self.bucket
        return key

    @property
    def slot(self) -> Codes:
        """Of each record: number in the copy."""
        return self._columns["slot_no"]

    @property
    def question(self) -> Codes:
        """Of each record: number in the copy."""
        return self._columns["question_no"]

    def values(self, metric: Metric) -> Floats:
        """Of each record; NaN where it has none."""
        if self.exact or metric.share:
            return self._columns[metric.name]
        values: Floats = np.append(np.nan, self._middles(metric))[self._columns[f"{metric.name}_bin"]]
        return values

    def sums(self, metric: Metric, codes: Codes, size: int) -> tuple[Floats, Ints, Ints]:
        """A metric's sum in each group, how many values it is of, and how many records lack it.

        :param codes: of each record: its group, below ``size``.
        """
        values = self.values(metric)
        missing = np.flatnonzero(np.isnan(values))
        if missing.size:
            values = values.copy()
            values[missing] = 0
        lost = np.bincount(codes[missing], minlength=size)
        sums: Floats = np.bincount(codes, values, size).astype(np.float64, copy=False)
        return sums, np.bincount(codes, minlength=size).astype(np.int64, copy=False) - lost, lost

    def means(self, metric: Metric, codes: Codes | None = None, size: int = 0) -> tuple[list[Interval | None], Ints]:
        """The mean of each group with its interval, None without a value; and the records left out of each.

        :param codes: of each record: its group, below ``size``; left out: its LLM.
        """
        many = len(self.buckets.at)
        size = len(self.llms) if codes is None else size
        key = self.llm_and_bucket if codes is None else codes * many + self.bucket
        sums, counts, lost = self.sums(metric, key, size * many)
        tables = zip(sums.reshape(size, many), counts.reshape(size, many), strict=True)
        return [_mean(total, count) for total, count in tables], lost.reshape(size, many).sum(axis=1)

    def by_llm(self, metric: Metric) -> Groups:
        """A metric's values of each LLM."""
        if self.exact:
            return self._sorted(metric, self.llm, len(self.llms))
        return self._counted(metric, self._cube(metric))

    def by_llm_and_bucket(self, metric: Metric) -> Groups:
        """A metric's values of each LLM in each bucket: those of the first LLM in all buckets come first."""
        size = len(self.llms) * len(self.buckets.at)
        if self.exact:
            return self._sorted(metric, self.llm_and_bucket, size)
        cube = self._cube(metric)
        return self._counted(metric, cube.reshape(size, 1, cube.shape[2]))

    def groups(self, metric: Metric, codes: Codes, size: int, *, clusters: bool = False) -> Groups:
        """A metric's values in groups.

        :param codes: of each record: its group, below ``size``.
        :param clusters: whether there will be intervals.
        """
        if self.exact:
            return self._sorted(metric, codes, size)
        return self._counted(metric, self._count(metric, codes, size, clusters=clusters))

    def _cube(self, metric: Metric) -> Ints:
        if metric.name not in self._cubes:
            low, high = self._bins[metric.name]
            width, many = high - low + 2, len(self.buckets.at)
            place = self.llm_and_bucket * width
            place += self._columns[f"{metric.name}_bin"]
            found = np.bincount(place, minlength=len(self.llms) * many * width)
            self._cubes[metric.name] = found.reshape(len(self.llms), many, width)
        return self._cubes[metric.name]

    def _count(self, metric: Metric, codes: Codes, size: int, *, clusters: bool) -> Ints:
        """How often each bin stands in each group and bucket, (groups, buckets, bins); the first bin is for nulls."""
        low, high = self._bins[metric.name]
        width, many, key = high - low + 2, 1, codes
        if clusters:
            many = len(self.buckets.at)
            merged = -(-many // max(2 * LEAST_SLOTS, _CELLS // max(1, size * width)))
            many = -(-many // merged)
            key = codes * many + (self.bucket if merged == 1 else self.bucket // merged)
        place = key * width
        place += self._columns[f"{metric.name}_bin"]
        return np.bincount(place, minlength=size * many * width).reshape(size, many, width)

    def _counted(self, metric: Metric, counts: Ints) -> Groups:
        middles = self._middles(metric)
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

    def _middles(self, metric: Metric) -> Floats:
        """The values that stand for the bins: 0 for the lowest of all, which holds what is below any we know of."""
        low, high = self._bins[metric.name]
        bins = np.arange(low, high + 1)
        return np.where(bins == 0, 0.0, FLOOR * np.exp((bins - 0.5) * BIN))

    def _sorted(self, metric: Metric, codes: Codes, size: int) -> Groups:
        column = self._columns[metric.name]
        known = ~np.isnan(column)
        left_out = np.bincount(codes[~known], minlength=size)
        codes, column, bucket = codes[known], column[known], self.bucket[known]
        order = np.lexsort((column, codes))
        starts = np.searchsorted(codes[order], np.arange(size + 1))
        return Groups(column[order], np.ones(order.size, np.int64), starts, left_out, clusters=bucket[order])


def _mean(sums: Floats, counts: Ints) -> Interval | None:
    """The mean of a group, from its sums and counts in each bucket; None without a value."""
    kept = np.flatnonzero(counts)
    if not kept.size:
        return None
    return inference.mean(sums[kept] / counts[kept], kept, weights=counts[kept])


def llm_names(records: Records) -> Mapping[int, str]:
    """Number of an LLM in the copy → the LLM."""
    return records.once("llms", lambda known: {row["llm_no"]: row["llm"] for row in known.rows("FROM llms")})


def _bin_ranges(records: Records) -> Mapping[str, tuple[int, int]]:
    """Metric → its lowest and highest bin; of one that no record has, some bin."""
    ends = ", ".join(f"min({name}_bin) AS {name}_low, max({name}_bin) AS {name}_high" for name in METRICS)
    row = records.rows(f"SELECT {ends} FROM records")[0]  # noqa: S608
    return {name: (row[f"{name}_low"] or 0, row[f"{name}_high"] or 0) for name in METRICS}


def _is_small(records: Records, view: View) -> bool:
    if records.once("records", lambda known: known.rows("SELECT count(*) AS n FROM records")[0]["n"]) <= EXACT:
        return True
    where, parameters = view.where()
    found = records.rows(f"SELECT count(*) AS n FROM records WHERE {where}", parameters)  # noqa: S608
    return bool(found[0]["n"] <= EXACT)
