"""The smallest difference that the report's own tests would find. Pure.

Times and scores are compared over days and questions (`statistics.scopes`). Of normal parts, what a study shows of its
days, its questions and the rest are three independent chi-squares, and its mean is independent of them: so those are
drawn, and the test's own formula (`scopes.crossed`) and Student's t say how large a difference each study would find.
Rates of success are compared by random signs of runs of slots (`statistics.success`): whole studies are drawn, and that
very test is made of each. The draws are the same in every call, so that the same plan gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from llm_bench.analysis.statistics import LEAST_SLOTS, Floats
from llm_bench.analysis.statistics.scopes import LEAST_DAYS, LEAST_QUESTIONS, Scope, crossed
from llm_bench.analysis.statistics.success import p_by_error, p_of_runs, runs_of_each
from llm_bench.planning.failing import Failing
from llm_bench.planning.variance import Parts

POWER = 0.8
LEVEL = 0.05
LIKE: Scope = "questions like these"
THESE: Scope = "these questions"

_DRAWS = 20_000
"""What studies may show of their parts: a power is exact to a tenth of a percentage point."""
_STUDIES = 1000
"""Whole studies of which rates are compared: a power is exact to about a percentage point."""
_MOST_SLOTS = 500
"""Slots that are drawn of a longer study; what more of them find shrinks with the root of their number."""
_CLEAR = 2.0
"""How many times a p by the normal distribution must miss the level for the signs not to be tried."""
_SEED = 20261207


@dataclass(frozen=True, slots=True)
class Design:
    """How large a study is.

    :param days: with a slot.
    :param slots: in a day.
    :param questions: that each LLM is asked in a slot.
    """

    days: int
    slots: int
    questions: int

    @property
    def all_slots(self) -> int:
        return self.days * self.slots

    def doubled(self, what: str) -> Design:
        """The same with twice as many of one of these."""
        changes: dict[str, int] = {what: 2 * getattr(self, what)}
        return replace(self, **changes)


def smallest(parts: Parts, design: Design, level: float = LEVEL, scope: Scope = LIKE) -> float | None:
    """The smallest difference, in the unit of the parts, that is found with 80 % power; None where none would be.

    :param parts: of the differences of scores, or of those of logarithms of times.
    """
    if design.days < LEAST_DAYS or (scope == LIKE and design.questions < LEAST_QUESTIONS):
        return None
    variances = _variances(parts, design)
    by_day, by_question, neither = variances
    real = float(np.sqrt(by_day + by_question - neither if scope == LIKE else by_day))
    if real == 0:
        return 0.0
    bounds = _bounds(variances, design, level, scope)
    return _solve(lambda size: _power(size, bounds, real), 3 * real, float(np.quantile(bounds, 0.9)) + 5 * real)


def _variances(parts: Parts, design: Design) -> tuple[float, float, float]:
    """The variance of the mean that days show, the one that questions show, and what is in both of them."""
    neither = parts.rest**2 / (design.all_slots * design.questions)
    by_day = parts.day**2 / design.days + parts.slot**2 / design.all_slots + neither
    return by_day, parts.question**2 / design.questions + neither, neither


def _bounds(variances: tuple[float, float, float], design: Design, level: float, scope: Scope) -> Floats:
    """How far from 0 a difference has to be in each of many studies, for the test to find it."""
    from scipy.special import stdtrit

    draws = np.random.default_rng(_SEED)
    of_days, of_questions = design.days - 1, design.questions - 1
    frees = of_days, of_questions, of_days * of_questions
    day, question, left = (
        part * draws.chisquare(free, _DRAWS) / free for part, free in zip(variances, frees, strict=True)
    )
    variance, free = day, np.full(_DRAWS, float(of_days))
    if scope == LIKE:
        variance, free = crossed(day, question, left, design.days, design.questions)
    bounds: Floats = np.sqrt(variance) * stdtrit(free, 1 - level / 2)
    return bounds


def _power(size: float, bounds: Floats, real: float) -> float:
    """The share of the studies that find a difference, whose mean has this standard error."""
    from scipy.special import ndtr

    return float(np.mean(ndtr((size - bounds) / real) + ndtr((-size - bounds) / real)))


def _solve(power: Callable[[float], float], start: float, most: float) -> float | None:
    """Where a power that grows reaches 80 %; None where it doesn't up to the greatest size.

    :param start: a size of about that order.
    """
    from scipy.optimize import brentq

    low, high = 0.0, min(start, most)
    while power(high) < POWER:
        if high >= most:
            return None
        low, high = high, min(1.5 * high, most)
    return float(brentq(lambda size: power(size) - POWER, low, high, xtol=0.004 * high, rtol=0.004))


def smallest_of_rates(failing: Failing, design: Design, level: float = LEVEL) -> float | None:
    """The smallest difference of two rates of success that is found with 80 % power; None where none would be.

    The LLM that is worse has more failures that stand alone; outages are as frequent with both.
    """
    drawn = min(design.all_slots, _MOST_SLOTS)
    size = _smallest_of_rates(failing.rounded(), drawn, design.questions, level)
    return None if size is None else size * float(np.sqrt(drawn / design.all_slots))


@lru_cache(maxsize=256)
def _smallest_of_rates(failing: Failing, slots: int, questions: int, level: float) -> float | None:
    if slots < LEAST_SLOTS:
        return None
    draws = np.random.default_rng(_SEED)
    chances, down = draws.random((2, _STUDIES, slots)), failing.down(draws, (2, _STUDIES), slots)
    asked = np.full(slots, float(questions))

    def power(moved: float) -> float:
        lower = max(0.0, failing.isolated - moved / 2)
        lost = [
            np.where(out, questions, _failures(chance, questions, share))
            for chance, out, share in zip(chances, down, (lower + moved, lower), strict=True)
        ]
        return share_of_rates_found(asked - lost[0], asked - lost[1], asked, level)

    rough = 3 * np.sqrt(failing.variance(questions) / slots) + 2 / (questions * slots)
    moved = _solve(power, float(rough), 1.0 - failing.isolated / 2)
    return None if moved is None else moved * (1 - failing.outages)


def _failures(chances: Floats, questions: int, share: float) -> Floats:
    """How many questions of each slot fail, by a chance from 0 to 1 of each; no fewer with a greater share."""
    from scipy.special import bdtr

    upto = bdtr(np.arange(questions), questions, min(share, 1.0))
    return np.searchsorted(upto, chances, side="right").astype(np.float64)


def share_of_rates_found(first: Floats, second: Floats, asked: Floats, level: float) -> float:
    """The share of studies in which `success.rate_difference` has a p of at most the level.

    :param first: successes of one LLM, of the shape (studies, slots), like those of the other.
    :param asked: of each slot.
    """
    from scipy.special import ndtr

    runs_of_all, counts = runs_of_each((first - second)[p_by_error(first, second, asked) <= level])
    below = 0
    for size in map(int, np.unique(counts)):
        if 2.0 ** (1 - size) > level:
            continue  # not one sign of all is as rare
        runs = runs_of_all[np.repeat(counts == size, counts)].reshape(-1, size)
        roughly = 2 * ndtr(-np.abs(runs.sum(axis=1)) / np.sqrt((runs**2).sum(axis=1)))
        close = (roughly < level * _CLEAR) & (roughly > level / _CLEAR)
        below += int((roughly <= level / _CLEAR).sum())
        if close.any():
            below += int((p_of_runs(runs[close]) <= level).sum())
    return below / len(first)
