"""Whether an objective of service is attained: a share of all that was asked, answered within a time. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import LEAST_SLOTS, Interval
from llm_bench.analysis.statistics.scopes import LEAST_DAYS
from llm_bench.analysis.statistics.success import NO_FAILURES, rate
from llm_bench.method import Method

Verdict = Literal["attained", "missed", "can't tell"]

ATTAINMENT = Method(
    "Objectives of service",
    "The share of all that was asked that was answered within the objective's time; what failed, and what came later, "
    "misses it. Its 95 % interval is Wilson's, of as many independent trials as the misses amount to by how they come "
    "together within slots and from slot to slot, with Student's t of the slots; it is of these questions, and takes "
    f"{LEAST_SLOTS} slots. Where all were in time, or none, how misses come together can't be seen: each day then "
    f"counts as a single trial (Clopper and Pearson's interval), from {LEAST_DAYS} days on. An objective is attained "
    "where the whole interval is at or above its share, and missed where the whole interval is below.",
    ("wilson1927", "geyer1992", "thulin2013"),
)


def attained(met: npt.ArrayLike, asked: npt.ArrayLike, days: npt.ArrayLike, level: float = 0.95) -> Interval:
    """The share of what was asked that was answered in time, with its interval.

    :param met: answered in time, of each slot, in order, like the others.
    :param asked: all that was asked; slots without any don't count.
    :param days: the day of each slot: anything that sorts.
    """
    interval = rate(met, asked, level).interval
    of = np.unique(np.asarray(days)[np.asarray(asked) > 0]).size
    if interval.doubt != NO_FAILURES or of < LEAST_DAYS:
        return interval
    low, high = alike(interval.estimate == 1, of, level)
    return replace(interval, low=low, high=high, doubt=None)


def alike(well: bool, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The ends of the share of trials that went well, where all did, or none: Clopper and Pearson's (Biometrika 1934).

    What is asked on a day may share the day's fate as a whole. With days as trials the interval holds nevertheless: the
    chance that nothing of a day goes well is greatest where all of it goes one way.
    """
    far = ((1 - level) / 2) ** (1 / trials)
    return (far, 1.0) if well else (0.0, 1 - far)


def verdict(interval: Interval, share: float) -> Verdict:
    """What an interval says of an objective.

    :param share: the smallest that is good enough.
    """
    if interval.low is None or interval.high is None:
        return "can't tell"
    return "attained" if interval.low >= share else "missed" if interval.high < share else "can't tell"
