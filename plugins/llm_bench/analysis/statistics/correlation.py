"""Rank correlations: whether a slow slot is followed by a slow one, and of two lists. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import LEAST_SLOTS, Floats, Interval, numbered, student
from llm_bench.analysis.statistics.scopes import FEW_QUESTIONS, LEAST_QUESTIONS
from llm_bench.method import Method

FOLLOWING = Method(
    "Slots that follow one another",
    "How slots go on into the next: the rank correlation of each slot's median with the next one's (p by Holm "
    "over the LLMs); the last of a day and the first of the next are neighbours only around the clock. It says "
    "whether days may be taken as clusters: where as much may go on that the means of neighbouring days would "
    "go together, medians, means and ratios have no intervals for days like these. Within a day slots may "
    "follow one another as they like.",
)

_NEARLY = 0.999
"""The greatest correlation, either way, that is taken for one."""


@dataclass(frozen=True, slots=True)
class CarryOver:
    """How much of what makes a slot slow the next one keeps.

    :param correlation: of slots with the next, by ranks, −1 to 1; None with fewer than `LEAST_SLOTS` pairs, or where
        nothing varies.
    :param p_value: two-sided, that slots independent of one another correlate so; None as the correlation.
    :param pairs: of slots that follow one another.
    """

    correlation: float | None
    p_value: float | None
    pairs: int


def carry_over(values: npt.ArrayLike, moments: npt.ArrayLike) -> CarryOver:
    """Whether a slow slot is followed by a slow one: Spearman's correlation of each slot with the next.

    Only slots as far apart as slots usually are follow one another, not the last of a day and the first of the next.
    ``blocks.days_last`` has by it whether days may be taken as clusters.

    :param values: one for each slot, such as its median.
    :param moments: when each slot begins, in any unit of time.
    """
    levels, at = np.asarray(values, np.float64), np.asarray(moments, np.float64)
    order = np.argsort(at)
    levels, at = levels[order], at[order]
    steps = np.diff(at)
    near = steps <= 1.5 * np.median(steps) if steps.size else np.zeros(0, bool)
    near &= ~np.isnan(levels[:-1]) & ~np.isnan(levels[1:])
    before, after = levels[:-1][near], levels[1:][near]
    if before.size < LEAST_SLOTS or np.ptp(before) == 0 or np.ptp(after) == 0:
        return CarryOver(None, None, before.size)
    correlation = _correlation(before, after)
    return CarryOver(correlation, _p_value(correlation, before.size), before.size)


def spearman(values: npt.ArrayLike, others: npt.ArrayLike, questions: npt.NDArray[np.generic]) -> Interval | None:
    """Spearman's rank correlation of two lists of numbers, with its interval of 95 %; None where one is all alike.

    The interval is that of Fisher's z, by the jackknife: each question is left out once, and Student's t has as many
    degrees of freedom as there are questions, less one. So answers to one question needn't be independent. With 25 to
    80 answers to 10 to 40 questions it covers 0.95 to 0.97, where one that takes answers as independent covers 0.88 to
    0.96.

    :param others: as many as ``values``.
    :param questions: of each pair; anything that sorts.
    """
    first, second = np.asarray(values, np.float64), np.asarray(others, np.float64)
    labels = numbered(questions)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    rho, many = _correlation(first, second), int(labels.max()) + 1
    if many < LEAST_QUESTIONS:
        return Interval(rho, None, None, first.size, many, FEW_QUESTIONS)
    left = (labels != question for question in range(many))
    z = np.array([_z(first[rest], second[rest]) for rest in left])
    error = np.sqrt((many - 1) / many * np.square(z - z.mean()).sum())
    middle, reach = _z(first, second), student(0.95, many) * error
    return Interval(rho, float(np.tanh(middle - reach)), float(np.tanh(middle + reach)), first.size, many)


def _z(values: Floats, others: Floats) -> float:
    """Fisher's z of the correlation of ranks; 0 where one is all alike."""
    if np.ptp(values) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(np.arctanh(np.clip(_correlation(values, others), -_NEARLY, _NEARLY)))


def _correlation(values: Floats, others: Floats) -> float:
    """Of the ranks."""
    one, other = (ranks - ranks.mean() for ranks in (_ranks(values), _ranks(others)))
    return float(np.clip(one @ other / np.sqrt((one @ one) * (other @ other)), -1, 1))


def _ranks(values: Floats) -> Floats:
    """Those that tie share the middle of their ranks."""
    _, place, often = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (often.cumsum() - (often - 1) / 2)[place]
    return ranks


def _p_value(correlation: float, n: int) -> float:
    """Two-sided, by Student's t, as in scipy's ``spearmanr``, which takes as long as all else that a page does."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore"):
        t = abs(correlation) * np.sqrt((n - 2) / np.maximum((1 - correlation) * (1 + correlation), 0.0))
    return float(2 * stdtr(n - 2, -t))
