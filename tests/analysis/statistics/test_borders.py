from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.samples import course, days_and_times
from llm_bench.analysis.statistics import CarryOver, carry_over, time_of_day


class TestTheConstants:
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
