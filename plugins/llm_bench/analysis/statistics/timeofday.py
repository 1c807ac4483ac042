"""Whether the same times of day are the slow ones on every day. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.blocks import DAY
from llm_bench.analysis.statistics.drift import Line, Slots, line
from llm_bench.analysis.statistics.sample import NOTHING, Floats, Interval
from llm_bench.analysis.statistics.scopes import FEW_DAYS, LEAST_DAYS
from llm_bench.method import Method

FLIPS, SEED = 9_999, 20_261_207
"""How many random signs `time_of_day` compares with, and the seed that draws them."""
SHAPES = 4
"""Polynomials by which a day's course is described: its slope, its bend, and two that turn more often."""
PART = 4
"""A part of the day is the 4th part of its times: what is compared in size."""
LEAST_TIMES = SHAPES + 2
"""Times of day that there must be; those of a day that counts are half as many."""
FREE = 2
"""Degrees of freedom that each day but one gives for how much days vary."""
FEW_TIMES = "few times of day"
"""Why there is no conclusion."""

TIME_OF_DAY = Method(
    "Time of day",
    "Whether the same times of day are the slow ones on every day. Each day's course, in logarithms, is "
    f"described by {SHAPES} orthogonal polynomials of the time of day (its slope, its bend, and {SHAPES - 2} "
    "that turn more often), once its level is taken off and, from its slope, the drift that the days' levels "
    "have among them. If the days had no course in common, each of these numbers might as well have the other "
    f"sign: p is by {FLIPS:,} random draws of all signs, of a fixed seed, of the sum of the squares of the "
    "numbers' sums over the days. The numbers of a day count as independent of one another, as orthogonal "
    "polynomials nearly are, however the slots of a day follow one another. A rise or fall that each day has by"
    f" itself is no course. The size is the highest part of the common course, of all parts with 1/{PART} of the"
    " times of day, against the lowest. Its interval is so wide that it holds for any two parts at once, by the"
    f" same random signs of what each day has apart, and wider as Student's t is than the normal with {FREE} "
    f"degrees of freedom for each day but one. With fewer than {LEAST_DAYS} days, or {LEAST_TIMES} times of day,"
    " nothing is concluded. p is corrected over the LLMs by Holm.",
    ("winkler2014", "phipson2010"),
)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Whether days go alike, and how much that is.

    :param p_value: that days without a common course agree so well; None where nothing can be concluded.
    :param size: how many times as large values are in the highest part of the day as in the lowest; n counts slots,
        clusters days.
    :param highest: when the part with the largest values begins and ends (the beginning of its last slot), in seconds
        since the day began; None without data.
    :param lowest: the same of the smallest.
    """

    p_value: float | None
    size: Interval
    highest: tuple[float, float] | None = None
    lowest: tuple[float, float] | None = None


def time_of_day(values: npt.ArrayLike, days: npt.ArrayLike, times: npt.ArrayLike) -> TimeOfDay:
    """Whether the same times of day are the slow ones on every day, as `TIME_OF_DAY` says.

    A drift makes all days rise or fall alike, and is known from the days' levels. It is taken off each day's slope,
    and what the days have in common there is made smaller by as much as the drift is uncertain. What is missing of a
    day counts as lying on the day's own line.

    Chosen by simulation: docs/statistics.md has the numbers, and what else was tried.

    :param values: one for each slot, above 0, such as its median; infinite or 0 where most failed, NaN where it is
        missing.
    :param days: of each, in whole days.
    :param times: of each, in seconds since its day began.
    """
    slots = Slots.of(values, days, times)
    enough = (~np.isnan(slots.table)).sum(axis=1) >= LEAST_TIMES / 2
    slots = slots.only(enough[slots.day])
    whole, n = slots.table, slots.levels.size
    many, size = whole.shape
    if size < LEAST_TIMES:
        return TimeOfDay(None, Interval(None, None, None, n, many, FEW_TIMES) if n else NOTHING)
    at = np.bincount(slots.time, slots.times) / np.bincount(slots.time) / DAY
    known = line(slots)
    courses = _Days.of(whole, at, known)
    interval, *parts = _size(slots, at, known, courses)
    high, low = ((float(at[part][0]) * DAY, float(at[part][-1]) * DAY) for part in parts)
    return TimeOfDay(_chance(courses.shrunk) if many >= LEAST_DAYS else None, interval, high, low)


@dataclass(frozen=True, slots=True)
class _Days:
    """The courses of days.

    :param basis: of each time of day, the polynomials: (times, `SHAPES`).
    :param numbers: how much each day has of each, (days, `SHAPES`): less the drift, the first.
    :param surer: by how much the slope that the days have in common would be surer if the drift were known, 1 or more.
    """

    basis: Floats
    numbers: Floats
    surer: float

    @classmethod
    def of(cls, whole: Floats, at: Floats, known: Line) -> _Days:
        """What is missing of a day counts as lying on the day's own line.

        :param whole: levels, (days, times).
        :param at: the times of day, in days.
        """
        there = ~np.isnan(whole)
        counts = there.sum(axis=1, keepdims=True)
        away = np.where(there, at - (there @ at)[:, None] / counts, 0.0)
        rest = np.where(there, whole - np.nansum(whole, axis=1, keepdims=True) / counts, 0.0)
        squares = np.square(away).sum(axis=1)
        slopes = (away * rest).sum(axis=1) / squares
        common = float(squares @ slopes / squares.sum())
        variance = float(squares @ np.square(slopes - common)) / max(len(whole) - 1, 1) / float(squares.sum())
        scaled = (at - at.min()) / np.ptp(at) * 2 - 1
        basis, signs = np.linalg.qr(np.vander(scaled, SHAPES + 1, increasing=True))
        basis = (basis * np.sign(np.diag(signs)))[:, 1:]
        shapes = (rest - slopes[:, None] * away) @ basis[:, 1:]
        numbers = np.column_stack([np.sqrt(squares) * (slopes - known.slope), shapes])
        return cls(basis, numbers, math.sqrt(1 + known.variance / variance) if variance > 0 else 1.0)

    @property
    def apart(self) -> Floats:
        """What each day has beside what all have in common."""
        rest: Floats = self.numbers - self.numbers.mean(axis=0)
        return rest

    @property
    def shrunk(self) -> Floats:
        """The numbers, with a common slope that is as sure as if the drift were known."""
        scale = np.array([self.surer, *np.ones(SHAPES - 1)])
        shrunk: Floats = self.apart + self.numbers.mean(axis=0) / scale
        return shrunk


@lru_cache(maxsize=2)
def _signs(days: int) -> Floats:
    """The random signs of all numbers of so many days, (`SHAPES`, `FLIPS`, days): the same at every call."""
    signs: Floats = np.random.default_rng(SEED).integers(2, size=(SHAPES, FLIPS, days)).astype(np.float64) * 2 - 1
    return signs


def _sums(numbers: Floats) -> Floats:
    """The sums of numbers over the days with random signs, (`SHAPES`, `FLIPS`)."""
    return np.stack([signs @ column for signs, column in zip(_signs(len(numbers)), numbers.T, strict=True)])


def _chance(numbers: Floats) -> float | None:
    """p by random signs of all numbers; None where nothing varies."""
    sizes = float(np.square(numbers).sum())
    if sizes < 1e-18:
        return None
    seen = float(np.square(numbers.sum(axis=0)).sum())
    drawn = np.square(_sums(numbers)).sum(axis=0)
    return float(1 + (drawn >= seen - 1e-9 * sizes).sum()) / (1 + FLIPS)


def _size(slots: Slots, at: Floats, known: Line, courses: _Days) -> tuple[Interval, slice, slice]:
    """The highest part of the day against the lowest, and both.

    The interval is so wide that it holds for any two parts at once: by random signs of what each day has apart, and
    wider, as Student's t is than the normal, because few days say little of how they vary.
    """
    day, many = slots.day, len(courses.numbers)
    design = np.hstack([np.eye(many)[day], courses.basis[slots.time]])
    levels = slots.levels - known.slope * slots.times / DAY
    effects = np.linalg.lstsq(design, levels)[0][many:]
    length = max(1, at.size // PART)
    windows = np.lib.stride_tricks.sliding_window_view(courses.basis, length, axis=0).mean(axis=-1)
    course = windows @ effects
    high, low = int(course.argmax()), int(course.argmin())
    middle = float(course[high] - course[low])
    parts = slice(high, high + length), slice(low, low + length)
    if many < LEAST_DAYS:
        return Interval(math.exp(middle), None, None, slots.levels.size, many, FEW_DAYS), *parts
    reach = _reach(courses, windows, at.size / slots.levels.size)
    least, most = math.exp(middle - reach), math.exp(middle + reach)
    return Interval(math.exp(middle), least, most, slots.levels.size, many), *parts


def _reach(courses: _Days, windows: Floats, share: float) -> float:
    """How far the interval reaches to each side, in logarithms.

    :param windows: the polynomials' means in each part of the day, (parts, `SHAPES`).
    :param share: one over the days that have a time of day, at the mean.
    """
    from scipy.special import stdtrit

    many, noise = len(courses.numbers), _sums(courses.apart)
    noise[0] *= courses.surer
    wider = float(stdtrit(FREE * (many - 1), 0.975) / stdtrit(math.inf, 0.975))
    apart = np.ptp(windows @ noise, axis=0) * share * math.sqrt(many / (many - 1))
    return float(np.quantile(apart, 0.95)) * wider
