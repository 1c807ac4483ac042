"""Values in groups, and the quantiles of each group. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics import Codes, Floats

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Values in groups, ascending within each.

    :param weights: how many records each value stands for.
    :param starts: where each group begins, and last where the last one ends.
    :param left_out: of each group, the records without the metric.
    :param clusters: bucket of each value; None where it isn't known, or ``counted`` has it.
    :param counted: how often each bin stands in each bucket, of the shape (groups, buckets, bins), where values are the
        middles of bins.
    :param middles: of the bins.
    """

    values: Floats
    weights: Ints
    starts: Codes
    left_out: Ints
    clusters: Codes | None = None
    counted: Ints | None = None
    middles: Floats | None = None

    @cached_property
    def upto(self) -> Ints:
        """How many records come before each value, from the first group on; last, how many there are."""
        return np.concatenate([[0], np.cumsum(self.weights)])

    @property
    def counts(self) -> Ints:
        return np.diff(self.upto[self.starts])

    def quantile(self, q: float) -> Floats:
        """The quantile of each group, as DuckDB's ``quantile_cont`` (type 7); NaN for an empty one."""
        upto = self.upto
        first, counts = upto[self.starts[:-1]], self.counts
        if not self.values.size:
            return np.full(counts.size, np.nan)
        place = q * np.maximum(counts - 1, 0)
        below = np.floor(place).astype(np.int64)
        low, high = (
            self.values[np.minimum(np.searchsorted(upto, first + rank, side="right") - 1, self.values.size - 1)]
            for rank in (below, np.minimum(below + 1, np.maximum(counts - 1, 0)))
        )
        part = place - below
        with np.errstate(invalid="ignore"):  # of infinite values, which failures are
            between = np.where((part == 0) | (low == high), low, low + part * (high - low))
        return np.where(counts > 0, between, np.nan)

    def of(self, group: int) -> slice:
        return slice(int(self.starts[group]), int(self.starts[group + 1]))
