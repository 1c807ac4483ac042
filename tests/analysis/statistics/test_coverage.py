"""How often intervals hold the truth, and tests raise a false alarm, in simulated studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.samples import (
    course,
    days_and_times,
    latencies,
)
from llm_bench.analysis.statistics import (
    Interval,
    carry_over,
    mean,
    paired,
    quantile,
    success_rate,
    time_of_day,
)


def coverage(intervals: Iterator[Interval], truth: float) -> float:
    """The share of intervals that hold the truth, of those that there are."""
    hits = [interval.low <= truth <= interval.high for interval in intervals if interval.low is not None]
    assert len(hits) > 1000
    return sum(hits) / len(hits)


Draw = Callable[[np.random.Generator], Interval]


def drawn(draw: Draw, times: int = 2000) -> Iterator[Interval]:
    rng = np.random.default_rng(20261207)
    return (draw(rng) for _ in range(times))


def batches(outages: float, failures: float, interval: Callable[[np.ndarray, np.ndarray], Interval]) -> Draw:
    """56 slots: so many are lost as a whole, and in the others so many records fail, each by itself."""

    def draw(rng: np.random.Generator) -> Interval:
        n = rng.integers(10, 21, 56)
        return interval(rng.binomial(n, 1 - failures) * (rng.random(56) >= outages), n)

    return draw


def differences(rng: np.random.Generator, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds by which one LLM is slower than another on the same questions; the truth is 0.2.

    They share a part of the slot's effect, and each has one of its own.
    """
    slot = np.repeat(np.arange(slots), rng.integers(10, 21, slots))
    shared, own = rng.normal(0, 0.2, slots), rng.normal(0, 0.2, (2, slots))
    first, second = np.exp((shared + own)[:, slot] + rng.normal(0, 0.5, (2, slot.size)))
    return 0.2 + first - second, slot


def lasting(rng: np.random.Generator, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Latencies, as seconds, of 4 days of 14 slots, with their blocks of slots. The median of all is 1."""
    slot = np.repeat(np.arange(56), rng.integers(10, 21, 56))
    effects = course(rng, keeps=0.5).ravel() * math.sqrt(1 - 0.5**2)
    return np.exp(0.3 * effects[slot] + rng.normal(0, 0.5, slot.size)), slot // block


# How much latencies differ between and within slots, as standard deviations of their logarithms.
USUAL, EVEN, UNEVEN = (0.3, 0.5), (0.1, 0.5), (0.6, 0.3)
SPREADS = pytest.mark.parametrize("spread", [USUAL, EVEN], ids=["usual", "even"])


def true_quantile(q: float, spread: tuple[float, float]) -> float:
    return math.exp(math.hypot(*spread) * stats.norm.ppf(q))


def true_mean(spread: tuple[float, float]) -> float:
    return math.exp(math.hypot(*spread) ** 2 / 2)


@pytest.mark.slow
class TestAnIntervalOf95Percent:
    """Simulated studies of 56 slots with 10 to 20 records each: the truth is known, and an interval holds it or not."""

    @SPREADS
    @pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
    def test_of_a_quantile_holds_the_truth_in_93_to_97_percent(self, q: float, spread: tuple[float, float]):
        share = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *spread), q)), true_quantile(q, spread))
        assert 0.93 <= share <= 0.97

    @pytest.mark.parametrize("slots", [6, 14])
    def test_of_a_median_does_so_with_few_slots(self, slots: int):
        share = coverage(drawn(lambda rng: quantile(*latencies(rng, slots), 0.5)), 1.0)
        assert 0.93 <= share <= 0.97

    @SPREADS
    def test_of_a_mean_does_so(self, spread: tuple[float, float]):
        share = coverage(drawn(lambda rng: mean(*latencies(rng, 56, *spread))), true_mean(spread))
        assert 0.93 <= share <= 0.97

    def test_of_a_median_does_so_where_slots_differ_more_than_their_records(self):
        share = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *UNEVEN), 0.5)), 1.0)
        assert 0.93 <= share <= 0.97

    def test_of_a_tail_or_a_mean_holds_it_a_little_less_often_there(self):
        tail = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *UNEVEN), 0.95)), true_quantile(0.95, UNEVEN))
        middle = coverage(drawn(lambda rng: mean(*latencies(rng, 56, *UNEVEN))), true_mean(UNEVEN))
        assert 0.91 <= tail <= 0.95
        assert 0.91 <= middle <= 0.95

    @pytest.mark.parametrize(("outages", "failures"), [(0.05, 0.02), (0.1, 0.0), (0.1, 0.02), (0.2, 0.1)])
    def test_of_a_success_rate_does_so_with_outages_of_whole_batches(self, outages: float, failures: float):
        share = coverage(drawn(batches(outages, failures, success_rate), 8000), (1 - outages) * (1 - failures))
        assert 0.93 <= share <= 0.97

    @pytest.mark.parametrize(("outages", "failures"), [(0.03, 0.02), (0.01, 0.02), (0.0, 0.05)])
    def test_of_a_success_rate_is_rather_too_wide_with_rare_outages_or_none(self, outages: float, failures: float):
        share = coverage(drawn(batches(outages, failures, success_rate), 8000), (1 - outages) * (1 - failures))
        assert share >= 0.96

    @pytest.mark.parametrize("slots", [14, 56])
    def test_of_a_difference_between_llms_does_so(self, slots: int):
        share = coverage(drawn(lambda rng: paired(*differences(rng, slots)).difference), 0.2)
        assert 0.93 <= share <= 0.97


@pytest.mark.slow
class TestWithoutRegardToSlots:
    """Why the slot is the cluster: with each record taken for an independent one, intervals are far too sure."""

    def test_an_interval_of_a_quantile_misses_the_truth_too_often(self):
        def naive(rng: np.random.Generator) -> Interval:
            values, _ = latencies(rng)
            return quantile(values, np.arange(values.size), 0.5)

        share = coverage(drawn(naive), 1.0)
        assert share < 0.80

    def test_an_interval_of_a_mean_misses_the_truth_too_often(self):
        def naive(rng: np.random.Generator) -> Interval:
            values, _ = latencies(rng)
            return mean(values, np.arange(values.size))

        share = coverage(drawn(naive), true_mean(USUAL))
        assert share < 0.80

    def test_an_interval_of_a_success_rate_misses_the_truth_too_often(self):
        def naive(good: np.ndarray, n: np.ndarray) -> Interval:
            low, high = proportion_confint(good.sum(), n.sum(), method="wilson")
            return Interval(good.sum() / n.sum(), low, high, n.sum(), n.sum())

        share = coverage(drawn(batches(0.1, 0.02, naive)), 0.9 * 0.98)
        assert share < 0.60


@pytest.mark.slow
class TestSlotsThatFollowOneAnother:
    """Why clusters may be blocks of slots: where a slot keeps half of the effect of the one before."""

    def test_are_no_clusters_but_half_days_are(self):
        by_slot = coverage(drawn(lambda rng: quantile(*lasting(rng, block=1), 0.5)), 1.0)
        by_half_day = coverage(drawn(lambda rng: quantile(*lasting(rng, block=7), 0.5)), 1.0)
        assert by_slot < 0.85
        assert 0.93 <= by_half_day <= 0.97

    def test_are_told_from_independent_ones(self):
        rng = np.random.default_rng(20261207)
        tests = {
            keeps: [carry_over(course(rng, keeps=keeps, days=1, times=56).ravel(), range(56)) for _ in range(400)]
            for keeps in (0.0, 0.5)
        }
        alarms = {keeps: np.mean([test.p_value <= 0.05 for test in each]) for keeps, each in tests.items()}
        assert 0.03 <= alarms[0.0] <= 0.07
        assert alarms[0.5] > 0.85


@pytest.mark.slow
class TestTheTestOfTheTimeOfDay:
    @pytest.mark.parametrize("keeps", [0.0, 0.5])
    def test_gives_a_false_alarm_in_about_5_percent_though_neighbouring_slots_go_together(self, keeps: float):
        rng = np.random.default_rng(20261207)
        tables = [course(rng, keeps=keeps) for _ in range(500)]
        days, times = days_and_times(tables[0])
        tests = [time_of_day(np.exp(table).ravel(), days, times * 3000.0) for table in tables]
        alarms = np.mean([test.p_value <= 0.05 for test in tests])
        assert 0.03 <= alarms <= 0.07
