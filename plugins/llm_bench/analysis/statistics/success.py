"""Rates of success and their differences, where failures come together as it happens. Pure.

How failures cluster is seen from the failures alone: those of a slot, and of slots that follow one another. Isolated
failures leave an interval as narrow as Wilson's; an outage of several slots counts as one event. What never happened
while the study ran can't be seen: a rate is one of failures of the kinds that did; without any there is no interval.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import LEAST_SLOTS, NOTHING, Floats, Interval, student
from llm_bench.analysis.statistics.scopes import Conclusion
from llm_bench.method import Method

FEW_SLOTS, NO_FAILURES = "few slots", "no failures"
"""Why there is no interval."""
FLIPS, SEED = 9_999, 20_261_207
"""How many random signs `rate_difference` compares with where there are too many to try all, and their seed."""
_ALL_SIGNS = 12
"""Runs of slots up to which all signs are tried."""
_MANY = 200
"""Runs of slots from which on the normal takes the place of random signs."""


def clustering(failures: npt.ArrayLike, asked: npt.ArrayLike) -> float:
    """How many independent failures' worth of variance a failure has: the design effect of the rate, at least 1.

    The variance of a slot's failures over that of independent ones, times what neighbouring slots add: 1 + 2 · the sum
    of the autocorrelations up to the first that isn't positive (an initial sequence, in the manner of Geyer, Practical
    Markov Chain Monte Carlo, Statistical Science 1992), at most over a quarter of the slots.

    :param failures: of each slot, in order, like ``asked``; slots that were missed are left out before.
    """
    return float(clusterings(np.asarray(failures, np.float64)[None], np.asarray(asked, np.float64))[0])


def clusterings(failures: Floats, asked: Floats) -> Floats:
    """The ``clustering`` of many studies: failures of the shape (studies, slots), asked of (slots)."""
    n, slots = asked.sum(), asked.size
    shares = failures.sum(axis=1) / n
    rest = failures - shares[:, None] * asked
    sums = np.square(rest).sum(axis=1)
    lasts = np.ones(len(failures), bool)
    for lag in range(1, slots // 4):
        together = (rest[:, :-lag] * rest[:, lag:]).sum(axis=1)
        lasts &= together > 0
        if not lasts.any():
            break
        sums += 2 * np.where(lasts, together, 0.0)
    alone = n * shares * (1 - shares)
    known = alone > 0
    effects: Floats = np.divide(sums * slots / max(slots - 1, 1), alone, out=np.ones_like(alone), where=known)
    return np.maximum(effects, 1.0, out=effects)


def rate(successes: npt.ArrayLike, asked: npt.ArrayLike, level: float = 0.95) -> Conclusion:
    """The share of requests that succeeded: Wilson's interval of n / ``clustering`` trials, with Student's t.

    :param successes: of each slot, in order, like ``asked``.
    """
    good, counts = _kept(successes, asked)
    if not counts.size:
        return Conclusion(NOTHING)
    n = float(counts.sum())
    share = float(good.sum()) / n
    doubt = FEW_SLOTS if counts.size < LEAST_SLOTS else NO_FAILURES if share in {0.0, 1.0} else None
    if doubt:
        return Conclusion(Interval(share, None, None, int(n), counts.size, doubt))
    low, high = score_ends(share, n / clustering(counts - good, counts), student(level, counts.size))
    return Conclusion(Interval(share, low, high, int(n), counts.size))


RATE_DIFFERENCE = Method(
    "Differences of rates of success",
    "The interval is made of those of the two rates (Newcombe's square-and-add), both with the greater of their two "
    "design effects. p is the larger of two. One gives each run of slots in which the two LLMs differ a sign at "
    "random, and compares how far the rates are apart then; a run ends where the two are even for a slot, and where "
    "the size of their difference passes its mean over the slots in which they differ, so that an outage is one event "
    f"and single failures are others. Up to {_ALL_SIGNS} runs all signs are tried, of more {FLIPS:,} random ones of a "
    f"fixed seed; of more than {_MANY} the normal takes their place. The other is Student's t of the difference, with "
    f"the rate of both together and that design effect. There is no interval with fewer than {LEAST_SLOTS} slots, nor "
    "where neither failed.",
    ("newcombe1998", "winkler2014"),
)


def rate_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, asked: npt.ArrayLike, level: float = 0.95
) -> Conclusion:
    """The difference of two rates of success on the same requests, first − second, and whether there is one.

    The interval is made of those of the two rates (Newcombe's square-and-add, Statistics in Medicine 1998), both with
    the greater of their two design effects: the LLM that had no outage yet may have one of the kind that the other had.

    The test's p is the larger of two. One gives each run of slots in which the two differ a sign at random, and
    compares how far the rates are apart then: of LLMs that are alike, either could have been the one that failed there.
    So an outage, however long, is one event (`runs_of`); six events are the fewest that can be significant. The other
    is Student's t of the difference, with the rate of both together and that design effect (`p_by_error`).

    :param first: successes of one LLM in each slot, in order, like those of the other and the requests to each.
    """
    counts = np.asarray(asked, np.float64)
    asked_at_all = counts > 0
    one, other, counts = (np.asarray(part, np.float64)[asked_at_all] for part in (first, second, counts))
    if not counts.size:
        return Conclusion(NOTHING)
    n = float(counts.sum())
    shares = [float(part.sum()) / n for part in (one, other)]
    estimate = shares[0] - shares[1]
    failed = [share < 1 for share in shares]
    doubt = FEW_SLOTS if counts.size < LEAST_SLOTS else None if any(failed) else NO_FAILURES
    if doubt:
        return Conclusion(Interval(estimate, None, None, int(n), counts.size, doubt))
    effect = max(clustering(counts - part, counts) for part in (one, other))
    (low, high), (lower, higher) = (score_ends(share, n / effect, student(level, counts.size)) for share in shares)
    down, up = np.hypot(shares[0] - low, higher - shares[1]), np.hypot(high - shares[0], shares[1] - lower)
    interval = Interval(estimate, float(estimate - down), float(estimate + up), int(n), counts.size)
    by_sign = _sign_flips(one - other)
    by_error = float(p_by_error(one[None], other[None], counts)[0])
    return Conclusion(interval, None if by_sign is None else max(by_sign, by_error))


def _sign_flips(differences: Floats) -> float | None:
    """How often random signs of the runs in which two differ give a sum as far from 0; None where they never do."""
    runs = runs_of(differences)
    return float(p_of_runs(runs[None])[0]) if runs.size else None


def runs_of(differences: Floats) -> Floats:
    """The sum of each run of slots in which two LLMs differ, in their order.

    A run ends where they are even for a slot, and where the size of their difference passes its mean, over the slots in
    which they differ: single failures beside an outage are no part of it, and where one LLM fails more often all along,
    its failures don't make one single run. Which slots make a run doesn't depend on whose the failures are.
    """
    return runs_of_each(np.asarray(differences, np.float64)[None])[0]


def runs_of_each(differences: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The ``runs_of`` of many studies, one study's after the other's, and how many each study has.

    :param differences: of the shape (studies, slots).
    """
    there = differences != 0
    sizes = np.abs(differences)
    means = sizes.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    large = sizes > means[:, None] * (1 + 1e-9)
    begins = there.copy()
    begins[:, 1:] &= ~there[:, :-1] | (large[:, 1:] != large[:, :-1])
    places = np.flatnonzero(begins)
    runs = np.add.reduceat(differences.ravel(), places) if places.size else np.zeros(0)
    return runs, begins.sum(axis=1)


def p_by_error(first: Floats, second: Floats, asked: Floats) -> Floats:
    """The p of the differences of rates by their standard error, of studies with failures.

    :param first: successes, of the shape (studies, slots), like ``second``.
    :param asked: of each slot.
    """
    from scipy.special import stdtr

    n, slots = asked.sum(), asked.size
    together = (first.sum(axis=1) + second.sum(axis=1)) / (2 * n)
    effects = np.maximum(clusterings(asked - first, asked), clusterings(asked - second, asked))
    error = np.sqrt(2 * together * (1 - together) * effects / n)
    apart = np.abs(first.sum(axis=1) - second.sum(axis=1)) / n
    t = np.divide(apart, error, out=np.zeros_like(apart), where=error > 0)
    p_values: Floats = 2 * stdtr(slots - 1, -t)
    return p_values


def p_of_runs(runs: Floats) -> Floats:
    """The p of studies with as many runs each, which all get the same signs.

    :param runs: whole numbers, of the shape (studies, runs), at least one.
    """
    from scipy.special import ndtr

    size = runs.shape[1]
    if size > _MANY:
        by_normal: Floats = 2 * ndtr(-np.abs(runs.sum(axis=1)) / np.sqrt(np.square(runs).sum(axis=1)))
        return by_normal
    sums = np.abs(runs.sum(axis=1) - 2 * (_negative(size) @ runs.T.astype(np.float32)))
    shares: Floats = (sums >= sums[0]).mean(axis=0)
    return shares


def _negative(size: int) -> npt.NDArray[np.float32]:
    """Which of so many runs change their sign, in each draw; in the first none, as it was measured."""
    return np.unpackbits(_drawn(size), axis=1, count=size).astype(np.float32)


@lru_cache(maxsize=64)
def _drawn(size: int) -> npt.NDArray[np.uint8]:
    """The same, kept as a bit each: 0.25 MB at most."""
    if size <= _ALL_SIGNS:
        return np.packbits(np.arange(2**size)[:, None] >> np.arange(size) & 1, axis=1)
    negative = np.random.default_rng(SEED).integers(0, 2, (1 + FLIPS, size), np.int8)
    negative[0] = 0
    return np.packbits(negative, axis=1)


def _kept(successes: npt.ArrayLike, asked: npt.ArrayLike) -> tuple[Floats, Floats]:
    counts = np.asarray(asked, np.float64)
    return np.asarray(successes, np.float64)[counts > 0], counts[counts > 0]


RATES = Method(
    "Rates of success",
    "A rate is of the slots of these questions. "
    "Its interval is Wilson's, of as many independent trials as the failures amount to: the records over their design "
    "effect, with Student's t of as many degrees of freedom as there are slots, less one. "
    "The design effect is the variance of a slot's failures over that of as many independent ones, and twice what "
    "slots that follow one another have in common, summed up to the first lag at which that isn't positive, as in the "
    "initial sequences of Geyer. "
    "It is at least 1, the value of failures that come alone. "
    f"Without a failure, or with fewer than {LEAST_SLOTS} slots, there is no interval.",
    ("wilson1927", "geyer1992"),
)


def score_ends(share: float, n: float, z: float) -> tuple[float, float]:
    """The ends of a share's score interval (Wilson, JASA 1927) of n independent trials, within [0, 1]."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return min(max(middle - reach, 0.0), share), max(min(middle + reach, 1.0), share)
