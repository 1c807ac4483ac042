from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.samples import about, course, days_and_times, numbers
from llm_bench.analysis.statistics import (
    CarryOver,
    carry_over,
    mean,
    paired,
    quantile,
    success_rate,
    time_of_day,
)


def walsh(values: np.ndarray) -> np.ndarray:
    """All means of two, or of one with itself, ascending."""
    return np.sort([(a + b) / 2 for i, a in enumerate(values) for b in values[i:]])


class TestTheConstants:
    def test_an_interval_takes_six_slots(self):
        assert quantile(range(60), np.arange(60) % 5, 0.5).low is None
        assert quantile(range(60), np.arange(60) % 6, 0.5).low is not None
        assert mean(range(60), np.arange(60) % 5).low is None
        assert mean(range(60), np.arange(60) % 6).low is not None
        assert success_rate([1] * 5, [2] * 5).low is None
        assert success_rate([1] * 6, [2] * 6).low is not None

    def test_the_same_records_give_the_same_p_wherever_and_whenever(self):
        """The number of random signs, their seed and the number of polynomials are the documented ones."""
        table = course(np.random.default_rng(12))
        days, times = days_and_times(table)
        step = 12 / 14 / 24
        test = time_of_day(np.exp(table).ravel(), days, times * step * 86_400)
        at = np.arange(14) * step
        fits = [np.array([np.polyval(np.polyfit(at, day, k), at) for day in table]) for k in range(5)]
        leading = [np.array([np.polyfit(at, day, k)[0] for day in table]) for k in range(1, 5)]
        shapes = np.array([np.sign(leading[k]) * np.linalg.norm(fits[k + 1] - fits[k], axis=1) for k in range(4)])
        length = np.linalg.norm(at - at.mean())
        line = stats.linregress(np.arange(4), table.mean(axis=1))
        shapes[0] -= line.slope * length
        uncertain = 1 + line.stderr**2 * length**2 / (shapes[0].var(ddof=1) / 4)
        shapes[0] += shapes[0].mean() * (uncertain**-0.5 - 1)
        signs = 2 * np.random.default_rng(20_261_207).integers(2, size=(4, 9_999, 4)) - 1
        drawn = sum((signs[k] @ shapes[k]) ** 2 for k in range(4))
        as_large = np.sum(drawn >= np.sum(shapes.sum(axis=1) ** 2) - 1e-9)
        assert test.p_value == (1 + as_large) / 10_000


class TestASuccessRatesTrials:
    def test_are_no_more_than_there_are_however_even_the_slots(self):
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 99))
        low, high = proportion_confint(100, 200, alpha=alpha, method="wilson")
        assert numbers(success_rate([1] * 100, [2] * 100)) == about(0.5, low, high)

    def test_are_no_fewer_than_the_slots(self):
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 11))
        low, high = proportion_confint(6, 12, alpha=alpha, method="wilson")
        assert numbers(success_rate([9, 0] * 6, [9] * 12)) == about(0.5, low, high)


class TestTheIntervalOfADifference:
    def test_of_fifty_slots_is_by_the_exact_distribution(self):
        values = np.random.default_rng(20).normal(0.2, 1, 50)
        comparison = paired(values, range(50))
        assert comparison.p_value == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, rel=1e-12)
        # The greatest k with P(T⁺ < k) ≤ 0.025: of 50 ranks, 434 + 1 from either end (Hollander and Wolfe, A.4).
        ordered = walsh(values)
        assert numbers(comparison.difference) == about(np.median(ordered), ordered[434], ordered[-435])

    @pytest.mark.parametrize("slots", [51, 80])
    def test_of_more_is_by_the_normal_one(self, slots: int):
        values = np.random.default_rng(21).normal(0.2, 1, slots)
        spread = math.sqrt(slots * (slots + 1) * (2 * slots + 1) / 24)
        bounding = int(slots * (slots + 1) / 4 - stats.norm.ppf(0.975) * spread)
        ordered = walsh(values)
        expected = np.median(ordered), ordered[bounding - 1], ordered[-bounding]
        assert numbers(paired(values, range(slots)).difference) == about(*expected)


class TestTheBordersOfTheTimeOfDay:
    def test_four_days_of_six_times_can_be_tested_and_no_fewer(self):
        draw = np.random.default_rng(13)
        known = {}
        for days, times in ((4, 6), (3, 6), (4, 5)):
            table = draw.normal(size=(days, times))
            day, time = days_and_times(table)
            known[days, times] = time_of_day(np.exp(table).ravel(), day, time * 3600.0).p_value is not None
        assert known == {(4, 6): True, (3, 6): False, (4, 5): False}

    def test_a_day_counts_from_three_of_its_slots_on(self):
        table = np.random.default_rng(14).normal(size=(4, 6))
        day, time = days_and_times(table)
        for missing, days in ((3, 4), (4, 3)):
            values = np.exp(table)
            values[3, :missing] = math.nan
            assert time_of_day(values.ravel(), day, time * 3600.0).size.clusters == days


IN_SECONDS = [1_796_630_400 + day * 86_400 + k * 12 * 3600 / 14 for day in range(2) for k in range(8)]


class TestSlotsInRealSeconds:
    """Moments as records have them: seconds since the epoch, a slot every 51 minutes and 25.714285 s."""

    def test_follow_one_another_within_a_day_alone(self):
        values = np.random.default_rng(14).normal(size=16)
        neighbours = carry_over(values, IN_SECONDS)
        before = np.delete(np.arange(15), 7)
        expected = stats.spearmanr(values[before], values[before + 1])
        assert neighbours.pairs == 14
        assert (neighbours.correlation, neighbours.p_value) == pytest.approx((expected.statistic, expected.pvalue))

    def test_follow_one_another_up_to_one_and_a_half_times_the_usual_distance(self):
        values = np.random.default_rng(15).normal(size=9)
        for last, pairs in ((3.0, 8), (3.1, 7)):
            moments = 1000.0 * np.array([*range(0, 16, 2), 14 + last])
            assert carry_over(values, moments).pairs == pairs

    def test_are_compared_from_six_pairs_on(self):
        assert carry_over([1.0, 3, 2, 5, 4, 6], np.arange(6) * 60.0) == CarryOver(None, None, 5)
        assert carry_over([1.0, 3, 2, 5, 4, 6, 0], np.arange(7) * 60.0).correlation is not None

    @pytest.mark.parametrize("values", [[1.0] * 7 + [2], [2.0] + [1] * 7], ids=["before", "after"])
    def test_are_not_compared_where_one_side_never_varies(self, values: list[float]):
        assert carry_over(values, np.arange(8) * 60.0) == CarryOver(None, None, 7)
