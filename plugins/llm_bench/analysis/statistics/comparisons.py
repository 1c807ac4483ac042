"""Two LLMs compared on the same questions in the same slots, and the correction for comparing many. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.method import Method
from llm_bench.analysis.statistics.sample import NOTHING, Floats, Interval, interval, sample, slot_sums

_EXACT = 50
"""Signed ranks: up to so many slots by their exact distribution, as `scipy.stats.wilcoxon` does, then by the normal."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two LLMs compared on the same questions in the same slots.

    :param difference: Hodges-Lehmann estimate, in the metric's unit; n counts the single differences.
    :param p_value: two-sided, of the Wilcoxon signed-rank test; None where no slot differs.
    :param effect: matched-pairs rank-biserial correlation, −1 (every slot below zero) to 1; None where no slot differs.
    """

    difference: Interval
    p_value: float | None
    effect: float | None


def paired(differences: npt.ArrayLike, clusters: npt.ArrayLike, level: float = 0.95) -> Paired:
    """Compares two LLMs by what one has over the other on the same question in the same slot.

    Each slot counts once, with the mean of its differences: the differences of a slot share its conditions, so taken
    singly they would be fewer observations than they look like (the summary of a cluster, as in Donner and Klar, Design
    and Analysis of Cluster Randomization Trials, 2000); a mean stays useful for 0 and 1, and is closer to the symmetry
    that signed ranks suppose than a single difference. Over the slots: Wilcoxon's signed-rank test without zeros,
    (R⁺ − R⁻) / (R⁺ + R⁻) as effect (Kerby, The simple difference formula, Comprehensive Psychology 2014), and the
    median of the Walsh averages with their distribution-free interval (Hollander, Wolfe and Chicken, Nonparametric
    Statistical Methods, 3rd edition 2014, ch. 3); its level is at least what is asked, and with ties higher.

    Memory grows with the square of the slots: a gigabyte at 10,000.

    :param clusters: the slot of each difference: anything that sorts.
    """
    ascending, slots, counts = sample(differences, clusters, None)
    if not ascending.size:
        return Paired(NOTHING, None, None)
    by_slot = slot_sums(ascending, slots) / slot_sums(counts, slots)
    difference = interval(*_hodges_lehmann(by_slot, level), slots, counts)
    differs = by_slot[by_slot != 0]
    if not differs.size:
        return Paired(difference, None, None)
    return Paired(difference, *_signed_ranks(differs))


def _hodges_lehmann(values: Floats, level: float) -> tuple[float, tuple[float, float] | None]:
    """The median of the Walsh averages, and its interval's ends where there is one."""
    walsh = np.concatenate([values[i:] + value for i, value in enumerate(values)]) / 2
    bounding = _bounding_rank(values.size, level)
    middle = [(walsh.size - 1) // 2, walsh.size // 2]
    low, high = max(bounding - 1, 0), walsh.size - max(bounding, 1)
    walsh.partition([low, *middle, high])  # only these places need to be right: a sort takes five times as long
    ends = (float(walsh[low]), float(walsh[high])) if bounding else None
    return float(walsh[middle].mean()), ends


def _signed_ranks(differs: Floats) -> tuple[float, float]:
    """Wilcoxon's p and the effect; of many slots as ``scipy.stats.wilcoxon`` has it too, without what that prepares."""
    from scipy.special import ndtr
    from scipy.stats import rankdata, wilcoxon

    ranks = rankdata(np.abs(differs))
    signed, n = float(ranks @ np.sign(differs)), differs.size
    effect = signed / float(ranks.sum())
    if n <= _EXACT:
        return float(wilcoxon(differs).pvalue), effect
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    spread = np.sqrt((n * (n + 1) * (2 * n + 1) - (ties**3 - ties).sum() / 2) / 24)
    return float(2 * ndtr(-abs(signed / 2) / spread)), effect


@cache
def _bounding_rank(n: int, level: float) -> int:
    """Which Walsh average from either end bounds the interval, 1 the outermost; 0 where none does."""
    from scipy.special import ndtri

    if n > _EXACT:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(n * (n + 1) / 4 - ndtri((1 + level) / 2) * spread)
    chances = np.ones(1)
    for rank in range(1, n + 1):
        chances = (np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)) / 2
    return int((chances.cumsum() <= (1 - level) / 2).sum())


HOLM = Method(
    "Correction for many comparisons",
    "p is corrected by Holm's sequentially rejective procedure: over the primary comparisons; that of the exploratory "
    "ones over all comparisons, which they were looked for among. Primary are those that were sealed; where nothing "
    "was, all pairs in the first metric.",
    ("holm1979",),
)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for being many, in their order (Holm, Scandinavian Journal of Statistics 1979).

    At any level, those below it stay below it with the chance of one false alarm among all no greater than the level.
    None stays None and doesn't count: no test was made there.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    ascending = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    least = 0.0
    for rank, (p, i) in enumerate(ascending):
        least = adjusted[i] = max(least, min(1.0, (len(ascending) - rank) * p))
    return adjusted
