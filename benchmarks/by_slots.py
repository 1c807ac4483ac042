"""Intervals and tests with each slot as a cluster of its own, beside which the report's are put. Pure.

They are right where slots are independent of one another, and of these questions alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata, wilcoxon

from llm_bench.analysis.statistics.sample import LEAST_SLOTS, NOTHING, Codes, Floats, Interval, numbered, student
from llm_bench.analysis.statistics.success import score_ends

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
    if n > _EXACT:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(n * (n + 1) / 4 - ndtri((1 + level) / 2) * spread)
    chances = np.ones(1)
    for rank in range(1, n + 1):
        chances = (np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)) / 2
    return int((chances.cumsum() <= (1 - level) / 2).sum())


def quantile(
    values: npt.ArrayLike, clusters: npt.ArrayLike, q: float, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Interval:
    """The q-quantile and its interval, in the values' unit.

    The estimate is Hyndman and Fan's type 7, as in numpy and DuckDB's ``quantile_cont``. The interval is Woodruff's
    (Confidence intervals for medians and other position measures, JASA 1952) for clusters: the share of values below
    the estimate has a standard error, from its sums per slot (Taylor linearisation: Särndal, Swensson and Wretman,
    Model Assisted Survey Sampling, 1992, ch. 5); the ends are the quantiles at q ∓ t · error, with Student's t of
    slots − 1 degrees of freedom. It was chosen over the percentile bootstrap of slots, which covers too seldom in the
    tail: simulated with 56 slots of lognormal latencies, 0.91–0.93 for the 0.95-quantile, where this covers 0.95; and
    where slots differ more than the records in them, 0.88, where this covers 0.92.

    There is no interval where q ∓ t · error isn't within (0, 1): too few values lie beyond the quantile to bound it
    (the 0.99-quantile takes some 400 independent values). Values that are all equal give one without width.

    :param clusters: the slot of each value: anything that sorts.
    :param q: within (0, 1).
    :param weights: how often each value stands in its slot; once where left out.
    """
    ascending, slots, counts = sample(values, clusters, weights)
    if not ascending.size:
        return NOTHING
    upto = counts.cumsum()
    estimate = _order_statistic(ascending, upto, q)
    below, equal = ascending < estimate, ascending == estimate
    # Of the values that tie with the estimate, as many count as below it as makes their share q.
    tied = (q * upto[-1] - counts[below].sum()) / max(counts[equal].sum(), 1.0)
    reach = reach_of_mean(below + equal * min(max(tied, 0.0), 1.0), slots, counts, level)
    if reach is None or not 0 < q - reach <= q + reach < 1:
        return interval(estimate, None, slots, counts)
    ends = (_order_statistic(ascending, upto, q - reach), _order_statistic(ascending, upto, q + reach))
    return interval(estimate, ends, slots, counts)


def _order_statistic(ascending: Floats, upto: npt.NDArray[np.number], q: float) -> float:
    """The q-quantile of values of which ``upto`` says how many come up to and with each."""
    last = float(upto[-1]) - 1
    place = q * last
    below = np.floor(place)
    low, high = ascending[np.searchsorted(upto, [below, min(below + 1, last)], side="right")]
    return float(low + (place - below) * (high - low))


def mean(
    values: npt.ArrayLike, clusters: npt.ArrayLike, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Interval:
    """The mean over all values and its interval, in the values' unit.

    A ratio of two sums over slots (values, counts), since slots differ in how many values they hold: estimate ∓ t ·
    error, with the linearised error of a ratio and Student's t of slots − 1 degrees of freedom (Cochran, Sampling
    Techniques, 3rd edition 1977, ch. 6 and 9): the interval of a regression on a constant with clustered errors.

    :param clusters: the slot of each value: anything that sorts.
    :param weights: how often each value stands in its slot; once where left out.
    """
    ascending, slots, counts = sample(values, clusters, weights)
    if not ascending.size:
        return NOTHING
    estimate = float(counts @ ascending / counts.sum())
    reach = reach_of_mean(ascending, slots, counts, level)
    return interval(estimate, None if reach is None else (estimate - reach, estimate + reach), slots, counts)


def success_rate(successes_per_slot: Sequence[int], n_per_slot: Sequence[int], level: float = 0.95) -> Interval:
    """The share of records that succeeded and its interval, within [0, 1], where an outage may hit a whole batch.

    Wilson's interval of n / deff trials, as many independent ones as say the same, with Student's t of slots − 1
    degrees of freedom for the normal quantile (deff: Rao and Scott, Biometrics 1992, from the variance between slots;
    t: Korn and Graubard, Survey Methodology 1998; the form is one of those that Franco, Little, Louis and Slud
    recommend, J. Survey Statistics and Methodology 2019). deff is kept between 1 and the mean records of a slot, where
    a slot is one single trial.

    deff is that of the records with one slot more that was lost as a whole and one that went well, in the manner of
    Laplace's rule of succession: an outage of 1 slot in 50 often isn't among 56, and the records alone then show
    nothing of how failures cluster. Simulated with 56 slots, that covers 0.94–0.97 with outages of 5 to 20 % of the
    slots and 0.98 with rarer ones, where deff of the records alone covers 0.68. The price: where every failure stands
    alone the interval is wider than it need be (0.99 and more).

    :param successes_per_slot: one entry for each slot, like ``n_per_slot``; slots without records don't count.
    """
    counts = np.asarray(n_per_slot, np.float64)
    kept = counts > 0
    good, counts = np.asarray(successes_per_slot, np.float64)[kept], counts[kept]
    if not counts.size:
        return NOTHING
    slots, n, per_slot = np.arange(counts.size), float(counts.sum()), float(counts.mean())
    share = float(good.sum()) / n
    if counts.size < LEAST_SLOTS:
        return interval(share, None, slots, counts)
    deff = _design_effect(np.append(good, [0, per_slot]), np.append(counts, [per_slot] * 2))
    ends = score_ends(share, n / min(max(deff, 1.0), per_slot), student(level, counts.size))
    return interval(share, ends, slots, counts)


def _design_effect(good: Floats, counts: Floats) -> float:
    n = float(counts.sum())
    share = float(good.sum()) / n
    return variance(good - share * counts, n) / (share * (1 - share) / n)


def sample(
    values: npt.ArrayLike, clusters: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Codes, Floats]:
    """The known values in ascending order, with their slots, numbered from 0, and their counts."""
    known = np.asarray(values, np.float64)
    counts = np.ones_like(known) if weights is None else np.asarray(weights, np.float64)
    kept = np.flatnonzero(~np.isnan(known) & (counts > 0))
    order = kept[np.argsort(known[kept], kind="stable")]
    return known[order], numbered(np.asarray(clusters)[order]), counts[order]


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


def reach_of_mean(values: Floats, slots: Codes, counts: Floats, level: float) -> float | None:
    """How far the interval of the values' mean reaches to each side; None with too few slots."""
    n, size = counts.sum(), int(slots.max()) + 1
    if size < LEAST_SLOTS:
        return None
    rest = slot_sums(counts * (values - counts @ values / n), slots)
    return student(level, size) * float(np.sqrt(variance(rest, n)))
