"""Rates of success with their intervals. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llm_bench.analysis.statistics.sample import LEAST_SLOTS, NOTHING, Floats, Interval, interval, student, variance


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


def score_ends(share: float, n: float, z: float) -> tuple[float, float]:
    """The ends of a share's score interval (Wilson, JASA 1927) of n independent trials, within [0, 1]."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return min(max(middle - reach, 0.0), share), max(min(middle + reach, 1.0), share)
