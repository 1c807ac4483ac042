"""What all statistics share: an estimate with its interval, and numbered labels. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

LEAST_SLOTS = 6
"""With fewer slots there is an estimate, but no interval by slots: a spread seen so few times says little."""


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


def numbered(labels: npt.NDArray[np.generic]) -> Codes:
    """Each label's place among the different ones, in ascending order."""
    codes: Codes = np.unique(labels, return_inverse=True)[1]
    return codes


@cache
def student(level: float, slots: int) -> float:
    """Student's t beyond which lies what an interval of the level leaves out."""
    from scipy.special import stdtrit

    return float(stdtrit(slots - 1, (1 + level) / 2))
