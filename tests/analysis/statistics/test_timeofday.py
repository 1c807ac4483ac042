from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.samples import (
    course,
    days_and_times,
)
from llm_bench.analysis.statistics import (
    TURNS,
    time_of_day,
)


class TestTheTimeOfDay:
    def test_agrees_between_days_as_kendalls_w_says(self):
        table = course(np.random.default_rng(6))
        w = stats.friedmanchisquare(*table.T).statistic / (4 * 13)
        assert time_of_day(table.ravel(), *days_and_times(table)).agreement == pytest.approx((4 * w - 1) / 3)

    def test_shows_when_the_same_times_are_slow_every_day(self):
        table = course(np.random.default_rng(7)) + 3 * np.sin(np.arange(14) * 2 * np.pi / 14)
        test = time_of_day(table.ravel(), *days_and_times(table))
        assert test.p_value < 0.01
        assert test.agreement > 0.5
        assert (test.days, test.slots) == (4, 56)

    def test_has_the_least_p_that_turning_can_give_when_all_days_are_the_same(self):
        table = np.tile(np.arange(14.0) ** 2, (4, 1))
        test = time_of_day(table.ravel(), *days_and_times(table))
        assert test.agreement == pytest.approx(1)
        assert 1 / (1 + TURNS) <= test.p_value < 4 / 14**3

    def test_is_hardly_shown_by_two_days_though_they_are_the_same(self):
        table = np.tile(np.random.default_rng(11).normal(size=14), (2, 1))
        assert time_of_day(table.ravel(), *days_and_times(table)).p_value == pytest.approx(1 / 14, rel=0.1)

    def test_takes_no_notice_of_how_slow_a_day_was_or_of_the_unit(self):
        table = course(np.random.default_rng(8))
        moved = np.exp(table) * 1000 + np.array([[0], [5], [500], [70]])
        where = days_and_times(table)
        assert time_of_day(table.ravel(), *where) == time_of_day(moved.ravel(), *where)

    def test_does_not_depend_on_the_order_of_the_slots(self):
        rng = np.random.default_rng(9)
        table = course(rng)
        order, (days, times) = rng.permutation(table.size), days_and_times(table)
        test = time_of_day(table.ravel()[order], days[order], times[order])
        assert test == time_of_day(table.ravel(), days, times)

    def test_takes_a_missed_slot_for_a_middling_one(self):
        table = np.tile(np.arange(5.0), (3, 1))
        table[0, 2] = math.nan
        test = time_of_day(table.ravel(), *days_and_times(table))
        assert test.slots == 14
        # Ranks −1.5, −0.5, 0, 0.5, 1.5 against −2 … 2: 7 / √(5 · 10), for two of three pairs of days.
        assert test.agreement == pytest.approx((2 * 7 / math.sqrt(50) + 1) / 3)

    def test_leaves_out_a_day_that_never_varies(self):
        table = course(np.random.default_rng(10))
        without = time_of_day(table[:3].ravel(), *days_and_times(table[:3]))
        table[3] = 1.0
        test = time_of_day(table.ravel(), *days_and_times(table))
        assert (test.days, test.slots, test.agreement) == (3, 42, pytest.approx(without.agreement))

    @pytest.mark.parametrize(
        ("values", "days", "times"),
        [([], [], []), ([1.0, 2, 3], "aaa", [1, 2, 3]), ([1.0] * 6, list("aaabbb"), [1, 2, 3] * 2)],
        ids=["no data", "one day", "all equal"],
    )
    def test_that_cannot_be_compared_is_none(self, values: list[float], days: list[str], times: list[int]):
        test = time_of_day(values, list(days), times)
        assert (test.p_value, test.agreement) == (None, None)
