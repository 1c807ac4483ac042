"""How far the measurements bear out a number: intervals, comparisons and tests. Pure.

The records of a batch aren't independent: they share their slot's load, outages and network. So the slot is the
cluster everywhere: what varies from slot to slot makes an interval wide, not how many records a slot has.

Clusters are taken as independent of one another. Where a slow hour outlasts a slot, neighbouring slots aren't, as
`carry_over` tells: give blocks of slots that follow one another as clusters then. Simulated with 4 days of 14 slots
whose effects keep half of the one before, an interval of 95 % by slots covers 0.79, by half-days of 7 slots 0.94, and
is 1.7 times as wide.

Nothing here is drawn at random but the turns in `time_of_day`, and those by a fixed seed: the same records give the
same numbers, in whatever order they come. A missing value (None, NaN) is left out and not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

LEAST_SLOTS = 6
"""With fewer slots there is an estimate, but no interval: a spread seen so few times says little, and fewer than six
differences can't make a signed-rank interval of 95 % at all."""

TURNS, SEED = 9_999, 20_261_207
"""How many random turns `time_of_day` compares with, and the seed that draws them."""

_EXACT = 50
"""Signed ranks: up to so many slots by their exact distribution, as `scipy.stats.wilcoxon` does, then by the normal."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval around it, in the unit of what was estimated.

    :param estimate: None without data.
    :param low: None, like high, where the data give no honest interval.
    :param n: values that it rests on.
    :param clusters: slots that they come from.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int


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

    @property
    def wider(self) -> float | None:
        """How many times as wide as that of independent slots an interval of the mean has to be.

        √((1 + r) / (1 − r)), where each slot keeps the share r of the one before (Bayley and Hammersley, Supplement to
        the Journal of the Royal Statistical Society 1946); 1 without a positive correlation.
        """
        if self.correlation is None or self.correlation >= 1:
            return None
        kept = max(self.correlation, 0.0)
        return float(np.sqrt((1 + kept) / (1 - kept)))


_NOTHING = Interval(None, None, None, 0, 0)


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
    found, slots, counts = _sample(values, clusters, weights)
    if not found.size:
        return _NOTHING
    upto = counts.cumsum()
    estimate = _order_statistic(found, upto, q)
    below, equal = found < estimate, found == estimate
    # Of the values that tie with the estimate, as many count as below it as makes their share q.
    tied = (q * upto[-1] - counts[below].sum()) / max(counts[equal].sum(), 1.0)
    reach = _reach(below + equal * min(max(tied, 0.0), 1.0), slots, counts, level)
    if reach is None or not 0 < q - reach <= q + reach < 1:
        return _interval(estimate, None, slots, counts)
    ends = (_order_statistic(found, upto, q - reach), _order_statistic(found, upto, q + reach))
    return _interval(estimate, ends, slots, counts)


def quantile_of_counts(counts: npt.NDArray[np.integer], values: Floats, q: float, level: float = 0.95) -> Interval:
    """``quantile`` of values that are counted.

    :param counts: how often each value stands in each slot, of the shape (slots, values).
    :param values: ascending.
    """
    by_slot = counts.sum(axis=1).astype(np.float64)
    upto = counts.sum(axis=0).cumsum()
    n, slots = int(upto[-1]), int(np.count_nonzero(by_slot))
    if not n:
        return _NOTHING
    estimate = _order_statistic(values, upto, q)
    first, last = np.searchsorted(values, estimate), np.searchsorted(values, estimate, side="right")
    below, equal = counts[:, :first].sum(axis=1), counts[:, first:last].sum(axis=1)
    tied = (q * n - below.sum()) / max(equal.sum(), 1)  # as in ``quantile``
    lower = below + equal * min(max(tied, 0.0), 1.0)
    rest = (lower - lower.sum() / n * by_slot)[by_slot > 0]
    low = high = None
    if slots >= LEAST_SLOTS:
        reach = _student(level, slots) * float(np.sqrt(_variance(rest, n)))
        if 0 < q - reach <= q + reach < 1:
            low, high = (_order_statistic(values, upto, place) for place in (q - reach, q + reach))
    return Interval(estimate, low, high, n, slots)


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
    found, slots, counts = _sample(values, clusters, weights)
    if not found.size:
        return _NOTHING
    estimate = float(counts @ found / counts.sum())
    reach = _reach(found, slots, counts, level)
    return _interval(estimate, None if reach is None else (estimate - reach, estimate + reach), slots, counts)


def means(sums: Floats, counts: npt.ArrayLike, level: float = 0.95) -> list[Interval | None]:
    """``mean`` of many groups at once, from their sums and counts in each slot; None for a group without a value.

    :param sums: of the shape (groups, slots), like ``counts``.
    """
    held = np.asarray(counts, np.float64)
    n, slots = held.sum(axis=1), np.count_nonzero(held, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimates = sums.sum(axis=1) / n
        rest = sums - estimates[:, None] * held
        errors = np.sqrt(np.square(rest).sum(axis=1) * slots / (slots - 1)) / n
    return [
        _mean(*one, level) if one[3] else None
        for one in zip(estimates.tolist(), errors.tolist(), n.astype(int).tolist(), slots.tolist(), strict=True)
    ]


def _mean(estimate: float, error: float, n: int, slots: int, level: float) -> Interval:
    if slots < LEAST_SLOTS:
        return Interval(estimate, None, None, n, slots)
    reach = _student(level, slots) * error
    return Interval(estimate, estimate - reach, estimate + reach, n, slots)


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """A share and its score interval (Wilson, JASA 1927), within [0, 1], of n trials *independent of one another*.

    Each trial is a cluster by itself. For records of a study, which aren't independent, see `success_rate`.
    """
    from scipy.special import ndtri

    if not n:
        return _NOTHING
    low, high = _score(successes / n, n, float(ndtri((1 + level) / 2)))
    return Interval(successes / n, low, high, n, n)


def success_rate(successes_per_slot: Sequence[int], n_per_slot: Sequence[int], level: float = 0.95) -> Interval:
    """The share of records that succeeded and its interval, within [0, 1], where an outage may hit a whole batch.

    Wilson's interval of n / deff trials, as many independent ones as tell the same, with Student's t of slots − 1
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
        return _NOTHING
    slots, n, per_slot = np.arange(counts.size), float(counts.sum()), float(counts.mean())
    share = float(good.sum()) / n
    if counts.size < LEAST_SLOTS:
        return _interval(share, None, slots, counts)
    deff = _design_effect(np.append(good, [0, per_slot]), np.append(counts, [per_slot] * 2))
    ends = _score(share, n / min(max(deff, 1.0), per_slot), _student(level, counts.size))
    return _interval(share, ends, slots, counts)


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
    found, slots, counts = _sample(differences, clusters, None)
    if not found.size:
        return Paired(_NOTHING, None, None)
    by_slot = _sums(found, slots) / _sums(counts, slots)
    difference = _interval(*_hodges_lehmann(by_slot, level), slots, counts)
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
    found = np.asarray(values, np.float64)
    known = ~np.isnan(found)
    day, time = _codes(np.asarray(days)[known]), _codes(np.asarray(times)[known])
    table = np.full((day.max(initial=-1) + 1, time.max(initial=-1) + 1), np.nan)
    table[day, time] = found[known]
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


def carry_over(values: npt.ArrayLike, moments: npt.ArrayLike) -> CarryOver:
    """Whether a slow slot is followed by a slow one: Spearman's correlation of each slot with the next.

    Only slots as far apart as slots usually are follow one another, not the last of a day and the first of the next.

    :param values: one for each slot, such as its median.
    :param moments: when each slot begins, in any unit of time.
    """
    from scipy.stats import spearmanr

    found, at = np.asarray(values, np.float64), np.asarray(moments, np.float64)
    order = np.argsort(at)
    found, at = found[order], at[order]
    steps = np.diff(at)
    near = steps <= 1.5 * np.median(steps) if steps.size else np.zeros(0, bool)
    near &= ~np.isnan(found[:-1]) & ~np.isnan(found[1:])
    before, after = found[:-1][near], found[1:][near]
    if before.size < LEAST_SLOTS or np.ptp(before) == 0 or np.ptp(after) == 0:
        return CarryOver(None, None, before.size)
    result = spearmanr(before, after)
    return CarryOver(float(result.statistic), float(result.pvalue), before.size)


def _day_scores(table: Floats) -> tuple[Floats, int]:
    """Each varying day's ranks around 0 and of length 1, so that a product of two days is their correlation; slots."""
    from scipy.stats import rankdata

    ranks = rankdata(table, axis=1, nan_policy="omit")
    centred = np.nan_to_num(ranks - np.nanmean(ranks, axis=1, keepdims=True)) if table.size else table
    length = np.sqrt(np.square(centred).sum(axis=1))
    varies = length > 0
    return centred[varies] / length[varies, None], int(np.isfinite(table[varies]).sum())


def _sample(
    values: npt.ArrayLike, clusters: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Codes, Floats]:
    """The known values in ascending order, with their slots, numbered from 0, and their counts."""
    found = np.asarray(values, np.float64)
    counts = np.ones_like(found) if weights is None else np.asarray(weights, np.float64)
    kept = np.flatnonzero(~np.isnan(found) & (counts > 0))
    order = kept[np.argsort(found[kept], kind="stable")]
    return found[order], _codes(np.asarray(clusters)[order]), counts[order]


def _codes(labels: npt.NDArray[np.generic]) -> Codes:
    codes: Codes = np.unique(labels, return_inverse=True)[1]
    return codes


def _sums(values: Floats, slots: Codes) -> Floats:
    return np.bincount(slots, values).astype(np.float64)


def _interval(estimate: float, ends: tuple[float, float] | None, slots: Codes, counts: Floats) -> Interval:
    low, high = ends or (None, None)
    return Interval(estimate, low, high, int(counts.sum()), int(slots.max()) + 1)


def _order_statistic(ascending: Floats, upto: npt.NDArray[np.number], q: float) -> float:
    """The q-quantile of values of which ``upto`` tells how many come up to and with each."""
    last = float(upto[-1]) - 1
    place = q * last
    below = np.floor(place)
    low, high = ascending[np.searchsorted(upto, [below, min(below + 1, last)], side="right")]
    return float(low + (place - below) * (high - low))


def _reach(values: Floats, slots: Codes, counts: Floats, level: float) -> float | None:
    """How far the interval of the values' mean reaches to each side; None with too few slots."""
    n, size = counts.sum(), int(slots.max()) + 1
    if size < LEAST_SLOTS:
        return None
    rest = _sums(counts * (values - counts @ values / n), slots)
    return _student(level, size) * float(np.sqrt(_variance(rest, n)))


def _variance(rest: Floats, n: float) -> float:
    """Of a mean of n values, from each slot's sum of what they differ from it."""
    return float(rest @ rest) * rest.size / (rest.size - 1) / n**2


def _design_effect(good: Floats, counts: Floats) -> float:
    n = float(counts.sum())
    share = float(good.sum()) / n
    return _variance(good - share * counts, n) / (share * (1 - share) / n)


@cache
def _student(level: float, slots: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(slots - 1, (1 + level) / 2))


def _score(share: float, n: float, z: float) -> tuple[float, float]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return min(max(middle - reach, 0.0), share), max(min(middle + reach, 1.0), share)


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
