"""The smallest difference that the report's own test would find. Pure.

The report compares two LLMs by Wilcoxon's signed ranks over the slots' mean differences (`statistics.paired`). So that
very test is made here of simulated slots, by the same ranks and the same bounds: of their share below the level, and of
how large a difference must be for a share of 80 %. The draws are the same in every call, so that the same plan gives
the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from llm_bench.analysis.statistics import LEAST_SLOTS, Floats
from llm_bench.planning.variance import Parts

POWER = 0.8
LEVEL = 0.05
DRAWS = 4000
"""Simulated studies that a share is of: it is exact to about a percentage point."""

_EXACT = 50
"""Slots up to which the report's test takes the ranks' exact distribution, where no two are tied."""
_TIED = 13
"""Slots up to which that test goes through all signs where some are tied."""
_SINGLE = 200
_RUNS = 100
"""Slots up to which each counts singly in a comparison; beyond, they are put together into so many runs at most."""
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
    def clusters(self) -> int:
        """How many means the test has: one for each slot, or for each run of slots."""
        many = self.days * self.slots
        return many if many <= _SINGLE else -(-many // -(-many // _RUNS))

    @property
    def slots_a_cluster(self) -> float:
        """Slots that a mean is of."""
        return self.days * self.slots / self.clusters

    def doubled(self, what: str) -> Design:
        """The same with twice as many of one of these."""
        changes: dict[str, int] = {what: 2 * getattr(self, what)}
        return replace(self, **changes)


def share_found(differences: Floats, level: float) -> float:
    """The share of studies in which the report's test has a p of at most the level.

    :param differences: of the shape (studies, slots).
    """
    zero = differences == 0
    ranks = _ranks(np.abs(differences)) - zero.sum(axis=1, keepdims=True)
    ranks[zero] = 0.0
    counts = differences.shape[1] - zero.sum(axis=1)
    signed = np.abs((ranks * np.sign(differences)).sum(axis=1))
    spread = np.sqrt((ranks**2).sum(axis=1))  # with its ties: their ranks are means
    whole = counts * (counts + 1) / 2
    untied = np.isclose(spread**2, counts * (counts + 1) * (2 * counts + 1) / 6)
    exact = untied & (counts <= _EXACT)
    bounds = np.array([_bound(int(n), level) for n in range(_EXACT + 1)])
    by_rank = (whole - signed) / 2 <= bounds[np.minimum(counts, _EXACT)]
    below = np.where(exact, by_rank, (counts > 0) & (signed >= _normal(1 - level / 2) * spread))
    for study in np.flatnonzero(~untied & (counts <= _TIED)):
        below[study] = signed[study] >= _bound_of_tied(tuple(np.sort(2 * ranks[study]).astype(int)), level) / 2
    return float(np.mean(below))


def _ranks(sizes: Floats) -> Floats:
    """The rank of each in its row; those of ties are means."""
    from scipy.stats import rankdata

    order = np.argsort(sizes, axis=1)
    ascending = np.take_along_axis(sizes, order, axis=1)
    if (ascending[:, 1:] == ascending[:, :-1]).any():
        return np.asarray(rankdata(sizes, axis=1), np.float64)
    ranks = np.empty(sizes.shape)  # in a third of the time
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1.0, sizes.shape[1] + 1), sizes.shape), axis=1)
    return ranks


@cache
def _bound_of_tied(ranks: tuple[int, ...], level: float) -> float:
    """The smallest sum of signed ranks that is at most as likely as the level says, of all signs that there are.

    :param ranks: doubled, so that those of ties are whole, too; in the same unit as the result.
    """
    whole = sum(ranks)
    chances = np.ones(1)
    for rank in filter(None, ranks):
        chances = (np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)) / 2
    fewest = int((2 * chances.cumsum() <= level * (1 + 1e-9)).sum()) - 1
    return whole - 2 * fewest if fewest >= 0 else np.inf


@cache
def _bound(n: int, level: float) -> int:
    """The largest sum of ranks of the rarer sign that is at most as likely as the level says; −1 where none is."""
    chances = np.ones(1)
    for rank in range(1, n + 1):
        chances = (np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)) / 2
    return int((2 * chances.cumsum() <= level * (1 + 1e-9)).sum()) - 1


@cache
def _normal(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def smallest(parts: Parts, design: Design, level: float = LEVEL) -> float | None:
    """The smallest difference, in the unit of the parts, that is found with 80 % power; None where none would be.

    A slot's mean is taken as normal, as it is the mean of many questions.
    """
    slot, day = _of_cluster(parts, design)
    whole = float(np.hypot(day, slot))
    if whole == 0:
        return 0.0 if design.clusters >= LEAST_SLOTS else None
    share = round((day / whole) ** 2, 2)
    in_sd = _smallest_in_sd(min(design.days, design.clusters) if share else 1, design.clusters, share, level)
    return None if in_sd is None else in_sd * whole


def roughly(parts: Parts, design: Design, level: float = LEVEL) -> float:
    """The same of many slots, by the efficiency of signed ranks for normal means, 3/π of a t-test's.

    E. L. Lehmann, Nonparametrics, 1975, ch. 4. The test takes slots as independent, and so days as more of them.
    """
    slot, day = _of_cluster(parts, design)
    taken = np.hypot(slot, day) / np.sqrt(design.clusters)
    real = np.hypot(slot / np.sqrt(design.clusters), day / np.sqrt(design.days))
    return float(np.sqrt(np.pi / 3) * (_normal(1 - level / 2) * taken + _normal(POWER) * real))


def _of_cluster(parts: Parts, design: Design) -> tuple[float, float]:
    """Standard deviations of a cluster's mean: within its day, and of the day.

    Of a single day the day is a part of the difference itself.
    """
    slot = parts.within_day(design.questions) / np.sqrt(design.slots_a_cluster)
    return float(slot), parts.day if design.days > 1 else 0.0


@lru_cache(maxsize=512)
def _smallest_in_sd(days: int, clusters: int, share: float, level: float) -> float | None:
    """The same in standard deviations of a slot's mean.

    :param share: of the variance of a slot's mean, that of its day.
    """
    if _bound(min(clusters, _EXACT), level) < 0:
        return None
    draws = np.random.default_rng(_SEED)
    day = draws.standard_normal((DRAWS, days))[:, np.arange(clusters) * days // clusters]
    noise = np.sqrt(share) * day + np.sqrt(1 - share) * draws.standard_normal((DRAWS, clusters))
    start = 3 * np.sqrt(share / days + (1 - share) / clusters)
    return _solve(lambda size: share_found(noise + size, level), float(start), 1e6)


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
    return float(brentq(lambda size: power(size) - POWER, low, high, xtol=0.002 * high, rtol=0.002))


def smallest_of_shares(share: float, slot: float, design: Design, level: float = LEVEL) -> float | None:
    """The smallest difference of two success rates that is found with 80 % power; None where none would be.

    :param share: of the questions that both LLMs together answer.
    :param slot: standard deviation of the difference from slot to slot, beyond what single questions make.
    """
    return _smallest_of_shares(round(share, 3), round(slot, 3), design, level)


@lru_cache(maxsize=256)
def _smallest_of_shares(share: float, slot: float, design: Design, level: float) -> float | None:
    clusters, questions = design.clusters, round(design.questions * design.slots_a_cluster)
    if _bound(min(clusters, _EXACT), level) < 0:
        return None

    def power(size: float) -> float:
        draws = np.random.default_rng(_SEED)
        upper = min(1.0, share + size / 2)
        moved = draws.standard_normal((DRAWS, clusters)) * slot
        first = draws.binomial(questions, upper, (DRAWS, clusters))
        second = draws.binomial(questions, np.clip(upper - size + moved, 0, 1))
        return share_found((first - second) / questions, level)

    start = roughly(of_shares(share, slot), design, level) + 1 / (questions * clusters)
    return _solve(power, start, min(1.0, 2 * share))


def of_shares(share: float, slot: float) -> Parts:
    """The parts of a difference of success rates, where single questions fail independently of one another."""
    return Parts(0.0, 0.0, slot, float(np.sqrt(2 * share * (1 - share))))
