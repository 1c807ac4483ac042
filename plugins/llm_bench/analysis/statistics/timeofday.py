"""Whether the same times of day are the slow ones on every day. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import Floats, numbered

TURNS, SEED = 9_999, 20_261_207
"""How many random turns `time_of_day` compares with, and the seed that draws them."""


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Whether the days go alike.

    :param p_value: that days without a common course agree so well; None where nothing can be compared.
    :param agreement: mean rank correlation of two days, 1 (all in the same order) to −1 / (days − 1); about 0 without
        an effect; None where nothing can be compared.
    :param days: that vary, and so could be compared.
    :param slots: of those days.
    """

    p_value: float | None
    agreement: float | None
    days: int
    slots: int


def time_of_day(values: npt.ArrayLike, days: npt.ArrayLike, times: npt.ArrayLike) -> TimeOfDay:
    """Whether the same times of day are the slow ones on every day; one value for each slot, such as its median.

    Days differ as wholes, so values are ranked within their day (Friedman's layout, a day as the block), and the
    measure is the mean Spearman correlation of two days, Kendall's W on another scale. A missing slot gets the middle
    rank (Skillings and Mack, Technometrics 1981). Neighbouring slots go together, which makes a test that shuffles
    slots, Kruskal-Wallis as well as Friedman, find an effect too often. So each day is turned against the others as a
    whole, its end going on at its beginning: that keeps how a day's slots follow one another (the cyclic shift of
    Harris, Nonsense correlations in neuroscience, bioRxiv 2020). p is (1 + as large) / (1 + `TURNS`), after Phipson and
    Smyth, Statistical Applications in Genetics and Molecular Biology 2010.

    With d days and s times there are s^(d − 1) ways to turn them, so two days of 14 slots can't give a p below 1/14.

    :param days: the day of each value: anything that sorts.
    :param times: its time of day, so that every day has the same: anything that sorts.
    """
    levels = np.asarray(values, np.float64)
    known = ~np.isnan(levels)
    day, time = numbered(np.asarray(days)[known]), numbered(np.asarray(times)[known])
    table = np.full((day.max(initial=-1) + 1, time.max(initial=-1) + 1), np.nan)
    table[day, time] = levels[known]
    scores, slots = _day_scores(table)
    n, size = scores.shape
    if n < 2 or size < 3:
        return TimeOfDay(None, None, n, slots)
    shifts = np.random.default_rng(SEED).integers(size, size=(n, TURNS))
    turned = np.zeros((TURNS, size))
    turns = (np.arange(size) + np.arange(size)[:, None]) % size
    for row, shift in zip(scores, shifts, strict=True):
        turned += row[turns][shift]
    seen = float(np.square(scores.sum(axis=0)).sum())
    as_large = int((np.square(turned).sum(axis=1) >= seen - 1e-9).sum())
    return TimeOfDay((1 + as_large) / (1 + TURNS), (seen - n) / (n * (n - 1)), n, slots)


def _day_scores(table: Floats) -> tuple[Floats, int]:
    """Each varying day's ranks around 0 and of length 1, so that a product of two days is their correlation; slots."""
    from scipy.stats import rankdata

    ranks = rankdata(table, axis=1, nan_policy="omit")
    centred = np.nan_to_num(ranks - np.nanmean(ranks, axis=1, keepdims=True)) if table.size else table
    length = np.sqrt(np.square(centred).sum(axis=1))
    varies = length > 0
    return centred[varies] / length[varies, None], int(np.isfinite(table[varies]).sum())
