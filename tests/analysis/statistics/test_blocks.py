from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics.samples import course
from llm_bench.analysis.statistics.blocks import LASTING, clock, days_correlate, days_last, days_of

DAY = np.repeat(np.arange(4), 14)
CLOCK = np.arange(56.0)
"""Slots around the clock; with the nights between the days: `CLOCK + 14 * DAY`."""


HOUR = 3600.0
PERIOD = np.arange(14) * 12 * HOUR / 14


class TestTheDayOfASlot:
    @pytest.mark.parametrize("start", [0.0, 8 * HOUR, 20 * HOUR])
    def test_holds_a_whole_period_whenever_it_begins(self, start: float):
        slots = start + np.concatenate([PERIOD + day * 24 * HOUR for day in range(4)])
        assert list(days_of(slots)) == list(DAY)

    def test_is_twenty_four_hours_around_the_clock(self):
        slots = 5 * HOUR + np.arange(112) * 12 * HOUR / 14
        assert list(days_of(slots)) == list(np.repeat(np.arange(4), 28))

    def test_does_not_cut_a_period_in_two_for_a_trial_by_hand_before_it(self):
        slots = 8 * HOUR + np.concatenate([PERIOD + day * 24 * HOUR for day in range(1, 5)])
        assert list(days_of([13 * HOUR, *slots])) == [0, *(DAY + 1)]

    def test_has_no_number_where_nothing_was_measured(self):
        assert list(days_of([0, 1, 72 * HOUR])) == [0, 0, 1]

    def test_is_the_same_where_a_day_s_moments_are_rounded_otherwise(self):
        slots = np.concatenate([PERIOD, PERIOD + 24 * HOUR - 1e-6])
        assert list(days_of(slots)) == [0] * 14 + [1] * 14

    def test_of_no_slot_there_is_none(self):
        assert days_of([]).size == 0


class TestTheClockOfASlot:
    @pytest.mark.parametrize("start", [0.0, 8 * HOUR, 20 * HOUR])
    def test_counts_seconds_from_the_beginning_of_its_day(self, start: float):
        slots = start + np.concatenate([PERIOD + day * 24 * HOUR for day in (0, 1, 4)])
        days, times = clock(slots)
        assert list(np.diff(np.unique(days))) == [1, 3]
        assert times == pytest.approx(np.tile(PERIOD, 3))

    def test_of_no_slot_there_is_none(self):
        assert [part.size for part in clock([])] == [0, 0]


class TestHowDaysCorrelate:
    @pytest.mark.parametrize("kept", [0.3, 0.8])
    @pytest.mark.parametrize("apart", [1, 5])
    def test_is_the_correlation_of_two_means_of_slots_that_keep_a_share(self, kept: float, apart: int):
        at = np.concatenate([np.arange(14), 13 + apart + np.arange(14)])
        covariance = kept ** np.abs(at[:, None] - at)
        expected = covariance[:14, 14:].sum() / covariance[:14, :14].sum()
        assert days_correlate(kept, 14, apart) == pytest.approx(expected)

    def test_is_none_where_slots_keep_nothing(self):
        assert days_correlate(0.0, 14, 1) == days_correlate(-0.5, 14, 1) == 0

    def test_is_full_where_they_keep_all(self):
        assert days_correlate(1.0, 14, 15) == pytest.approx(1)

    def test_is_lost_over_a_night(self):
        assert days_correlate(0.8, 14, 15) < 0.02 < LASTING < days_correlate(0.8, 14, 1)


class TestDaysThatLast:
    def carried(self) -> np.ndarray:
        return course(np.random.default_rng(3), keeps=0.6, days=1, times=56).ravel()

    def test_are_seen_around_the_clock(self):
        assert days_last(self.carried(), CLOCK, DAY)

    def test_are_none_with_nights_between(self):
        assert not days_last(self.carried(), CLOCK + 14 * DAY, DAY)

    def test_are_none_where_slots_are_independent(self):
        assert not days_last(np.random.default_rng(4).normal(size=56), CLOCK, DAY)

    def test_dont_depend_on_the_order(self):
        order = np.random.default_rng(5).permutation(56)
        assert days_last(self.carried()[order], CLOCK[order], DAY[order])

    def test_are_seen_sooner_where_each_day_s_mean_is_taken_off_around_the_clock(self):
        levels = course(np.random.default_rng(2), keeps=0.5, days=1, times=56)[0]
        apart = levels - np.repeat(levels.reshape(4, 14).mean(axis=1), 14)
        assert [days_last(apart, CLOCK, DAY, means=means) for means in (1, 4)] == [False, True]
        assert not days_last(apart, CLOCK + 14 * DAY, DAY, means=4)

    def test_are_none_of_one_day(self):
        assert not days_last(self.carried(), CLOCK, np.zeros(56))

    def test_are_none_where_too_little_is_known(self):
        assert not days_last([1.0, 2.0, 3.0], [0, 1, 2], [0, 0, 1])
