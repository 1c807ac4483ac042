"""Which day a slot is of, and whether days may be taken as clusters. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.correlation import carry_over
from llm_bench.analysis.statistics.sample import Codes, Floats, numbered
from llm_bench.method import Method

LASTING = 0.05
"""Correlation of a day's mean with the next one's from which days aren't independent clusters. At 0.2, where 0.8 of a
slot goes on to the next around the clock, an interval of 95 % by 4 days covers 0.92."""

DAY = 86_400.0
"""Seconds of a day."""
_ALIKE = 1.0
"""Seconds by which two pauses are taken for as long as one another."""
_REACH, _NEARLY = 1.645, 0.999
"""The normal's 0.95-quantile, and the greatest correlation, either way, that is taken for one."""


def days_of(moments: npt.ArrayLike) -> Codes:
    """The day of each slot, numbered from 0; days without a slot have no number (see `clock`)."""
    return numbered(clock(moments)[0])


def clock(moments: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The day of each slot, in whole days, and the seconds since that day began.

    A day begins after the longest pause that the times of day have, so that a period isn't cut in two, whenever it
    begins and whatever the time zone. Around the clock all pauses are alike: a day is then 24 hours from the first slot
    on.

    :param moments: when each slot begins, in seconds.
    """
    at = np.asarray(moments, np.float64)
    if not at.size:
        return at, at
    since = at - at.min()
    times = np.unique(since % DAY)
    pauses = np.diff(times, append=times[0] + DAY)  # each before the next time of day, the last one before the first
    begin = times[(pauses.argmax() + 1) % times.size] if pauses[-1] < pauses.max() - _ALIKE else times[0]
    days = np.floor((since - begin + _ALIKE) / DAY)
    return days, np.maximum(since - begin - days * DAY, 0.0)


def days_correlate(kept: float, slots: int, apart: int) -> float:
    """How the means of neighbouring days correlate where each slot keeps a share of the one before.

    :param kept: the share, −1 to 1; what isn't above 0 counts as 0.
    :param slots: of a day.
    :param apart: steps from a day's last slot to the next day's first; 1 around the clock.
    """
    kept = min(max(kept, 0.0), 1.0)
    powers = kept ** np.arange(slots)
    across = kept**apart * float(powers.sum()) ** 2
    within = float(powers @ np.where(np.arange(slots), 2 * (slots - np.arange(slots)), slots))
    return across / within


def days_last(values: npt.ArrayLike, moments: npt.ArrayLike, days: npt.ArrayLike, *, means: int = 1) -> bool:
    """Whether a day's slots may go on into the next day: then days aren't clusters, and nothing is concluded by them.

    What counts is the most that slots may keep of the one before: the correlation of neighbouring slots, with what it
    is too low by (about (1 + 3 r) / n for each mean that the values are taken from) and the reach of a one-sided
    interval of 95 % (Fisher's z). Of several days alone: one has no next. Over a night so little goes on that one mean
    more or less doesn't count.

    :param values: one for each slot, such as its median.
    :param moments: when each slot begins, in any unit of time.
    :param days: the day of each slot: anything that sorts.
    :param means: how many they are: the days, where each day's mean is taken off.
    """
    at = np.asarray(moments, np.float64)
    order = np.argsort(at)
    day, at = numbered(np.asarray(days))[order], at[order]
    levels = np.asarray(values, np.float64)[order]
    known = carry_over(levels, at)
    nights = np.flatnonzero(np.diff(day))
    if known.correlation is None or not nights.size:
        return False
    steps = np.diff(at)
    apart = round(float(np.median(steps[nights]) / np.median(steps)))
    spent = means if apart == 1 else 1
    likely = known.correlation + spent * (1 + 3 * max(known.correlation, 0.0)) / known.pairs
    kept = float(np.tanh(np.arctanh(np.clip(likely, -_NEARLY, _NEARLY)) + _REACH / np.sqrt(known.pairs - 3)))
    return days_correlate(kept, round(float(np.median(np.bincount(day)))), apart) > LASTING


DAYS = Method(
    "Days",
    "A day begins after the longest pause between the times of day of the slots; around the clock, where there is no "
    "longest, it is 24 hours from the first slot on. "
    "Days are no clusters where what a slot keeps of the one before may last into the next day: nothing is concluded "
    "by days then. "
    "That is so where the means of neighbouring days may correlate by more than "
    f"{LASTING}, with the upper end of a one-sided interval of 95 % for the correlation of neighbouring slots (by "
    "Fisher's z).",
)
