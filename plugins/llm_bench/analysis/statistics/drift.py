"""Whether an LLM becomes slower or faster from day to day. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.blocks import DAY, days_last
from llm_bench.analysis.statistics.sample import NOTHING, Codes, Floats, Interval, numbered
from llm_bench.analysis.statistics.scopes import DAYS_LAST, FEW_DAYS, LEAST_DAYS
from llm_bench.method import Method

DRIFT = Method(
    "Drift over the days",
    "Whether an LLM becomes slower or faster from day to day: a straight line through the logarithms of the days, each "
    "counting by its slots. A day's level is what it has beside the times of day that were measured on it (days and "
    "times of day as two additive factors), so that half a day can be compared with a whole one. The slope is a ratio "
    "per day, with Student's t of two degrees of freedom fewer than there are days. Nothing is concluded of it with "
    f"fewer than {LEAST_DAYS} days, nor where, by what neither days nor times of day explain, a day's slots may go on "
    "into the next day. A slot's value is the median of all that were asked; one in which most failed counts as the "
    "worst that was answered. p is corrected over the LLMs by Holm.",
    ("ibragimov2010",),
)

LEAST_LINE = 3
"""Days that a line says something of: through two there always is one that fits."""
_ROUNDED = 1e-12


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend from day to day.

    :param size: how many times as large a value is a day later; n counts slots, clusters days.
    :param p_value: two-sided, that there is no trend; None where nothing can be concluded or nothing varies.
    """

    size: Interval
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """What is known of slots, their days and times of day.

    :param levels: logarithms.
    :param days: of each, in whole days.
    :param times: of each, in seconds since its day began.
    """

    levels: Floats
    days: Floats
    times: Floats

    @classmethod
    def of(cls, values: npt.ArrayLike, days: npt.ArrayLike, times: npt.ArrayLike) -> Slots:
        """Takes arrays of the same size; a slot whose value is NaN is left out.

        Where most of a slot failed, its value is infinite, or 0: it counts as the largest or smallest that is known.
        """
        known = np.asarray(values, np.float64)
        kept = ~np.isnan(known)
        known = known[kept]
        answered = known[np.isfinite(known) & (known > 0)]
        if not answered.size:
            return cls(*np.zeros((3, 0)))
        levels = np.log(np.clip(known, answered.min(), answered.max()))
        return cls(levels, np.asarray(days, np.float64)[kept], np.asarray(times, np.float64)[kept])

    def only(self, kept: npt.NDArray[np.bool_]) -> Slots:
        """Some of them."""
        return Slots(self.levels[kept], self.days[kept], self.times[kept])

    @property
    def day(self) -> Codes:
        """The days' numbers, without those that have no slot."""
        return numbered(self.days)

    @property
    def time(self) -> Codes:
        """The numbers of the times of day, to the minute."""
        return numbered(np.round(self.times / 60))

    @property
    def table(self) -> Floats:
        """The levels, (days, times of day); NaN where there is none."""
        day, time = self.day, self.time
        whole = np.full((int(day.max(initial=-1)) + 1, int(time.max(initial=-1)) + 1), np.nan)
        whole[day, time] = self.levels
        return whole


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through days.

    :param slope: logarithms per day.
    :param variance: of the slope.
    :param left: of each slot, what neither its day nor its time of day has.
    """

    slope: float
    variance: float
    left: Floats


def line(slots: Slots) -> Line:
    """The straight line through days, each counting by its slots; of fewer than three days, a level one."""
    day, time = slots.day, slots.time
    many, counts = int(day.max()) + 1, np.bincount(day)
    design = np.hstack([np.eye(many)[day], np.eye(int(time.max()) + 1)[time][:, 1:]])
    effects, _, rank, _ = np.linalg.lstsq(design, slots.levels)
    at = np.bincount(day, slots.days) / counts
    if rank < design.shape[1]:  # days without a time of day in common
        design = design[:, :many]
        effects = np.bincount(day, slots.levels) / counts
        at += np.bincount(day, slots.times) / counts / DAY
    left = slots.levels - design @ effects
    if many < LEAST_LINE:
        return Line(0.0, 0.0, left)
    levels, weights = effects[:many], counts / counts.sum()
    away = at - weights @ at
    squares = float(weights @ np.square(away))
    slope = float(weights @ (away * levels)) / squares
    rest = levels - weights @ levels - slope * away
    return Line(slope, float(weights @ np.square(rest)) / (many - 2) / squares, left)


def drift(values: npt.ArrayLike, days: npt.ArrayLike, times: npt.ArrayLike) -> Drift:
    """How many times as large a value is a day later, by the days as units.

    :param values: one for each slot, above 0, such as its median; infinite or 0 where most failed, NaN where it is
        missing.
    :param days: of each, in whole days.
    :param times: of each, in seconds since its day began.
    """
    slots = Slots.of(values, days, times)
    many, n = int(slots.day.max(initial=-1)) + 1, slots.levels.size
    if many < LEAST_LINE:
        return Drift(Interval(None, None, None, n, many, FEW_DAYS) if n else NOTHING)
    known = line(slots)
    if many < LEAST_DAYS:
        return Drift(Interval(math.exp(known.slope), None, None, n, many, FEW_DAYS))
    if days_last(known.left, slots.days * DAY + slots.times, slots.day, means=many):
        return Drift(Interval(math.exp(known.slope), None, None, n, many, DAYS_LAST))
    reach, p_value = _student(known.slope, math.sqrt(known.variance), many - 2)
    low, middle, high = (math.exp(known.slope + end) for end in (-reach, 0.0, reach))
    return Drift(Interval(middle, low, high, n, many), p_value)


def _student(estimate: float, error: float, free: float) -> tuple[float, float | None]:
    """How far the interval of 95 % reaches, and p that the estimate would be 0: None where nothing varies."""
    from scipy.special import stdtr, stdtrit

    if error < _ROUNDED:
        return 0.0, None
    return error * float(stdtrit(free, 0.975)), float(2 * stdtr(free, -abs(estimate) / error))
