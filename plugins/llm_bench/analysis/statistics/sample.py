"""What all statistics share: an estimate with its interval, and the values of a sample by slot. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

LEAST_SLOTS = 6
"""With fewer slots there is an estimate, but no interval: a spread seen so few times says little, and fewer than six
differences can't make a signed-rank interval of 95 % at all."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval around it, in the unit of what was estimated.

    :param estimate: None without data.
    :param low: None, like high, where the data give no honest interval.
    :param high: infinite where nothing that was measured bounds it: an open end.
    :param n: values that it rests on.
    :param clusters: slots that they come from; days, of what is concluded by these.
    :param doubt: why there are no ends, where a method says so: "few days".
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    doubt: str | None = None

    def within(self, least: float, greatest: float) -> Interval:
        """The same with its ends within what is possible."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, least), high=min(self.high, greatest))


NOTHING = Interval(None, None, None, 0, 0)
"""Of no data."""


def sample(
    values: npt.ArrayLike, clusters: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Codes, Floats]:
    """The known values in ascending order, with their slots, numbered from 0, and their counts."""
    known = np.asarray(values, np.float64)
    counts = np.ones_like(known) if weights is None else np.asarray(weights, np.float64)
    kept = np.flatnonzero(~np.isnan(known) & (counts > 0))
    order = kept[np.argsort(known[kept], kind="stable")]
    return known[order], numbered(np.asarray(clusters)[order]), counts[order]


def numbered(labels: npt.NDArray[np.generic]) -> Codes:
    """Each label's place among the different ones, in ascending order."""
    codes: Codes = np.unique(labels, return_inverse=True)[1]
    return codes


def slot_sums(values: Floats, slots: Codes) -> Floats:
    """The values' sum in each slot."""
    return np.bincount(slots, values).astype(np.float64)


def interval(estimate: float, ends: tuple[float, float] | None, slots: Codes, counts: Floats) -> Interval:
    """An estimate with the ends of its interval, None where it has none, and the sample that it rests on."""
    low, high = ends or (None, None)
    return Interval(estimate, low, high, int(counts.sum()), int(slots.max()) + 1)


def variance(rest: Floats, n: float) -> float:
    """The variance of a mean of n values, from each slot's sum of what they differ from it."""
    return float(rest @ rest) * rest.size / (rest.size - 1) / n**2


@cache
def student(level: float, slots: int) -> float:
    """Student's t beyond which lies what an interval of the level leaves out."""
    from scipy.special import stdtrit

    return float(stdtrit(slots - 1, (1 + level) / 2))


def reach_of_mean(values: Floats, slots: Codes, counts: Floats, level: float) -> float | None:
    """How far the interval of the values' mean reaches to each side; None with too few slots."""
    n, size = counts.sum(), int(slots.max()) + 1
    if size < LEAST_SLOTS:
        return None
    rest = slot_sums(counts * (values - counts @ values / n), slots)
    return student(level, size) * float(np.sqrt(variance(rest, n)))
