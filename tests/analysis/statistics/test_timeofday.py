from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.samples import course, days_and_times
from llm_bench.analysis.statistics import TimeOfDay, time_of_day
from llm_bench.analysis.statistics.timeofday import FLIPS

HOUR = 3600.0
STEP = 12 * HOUR / 14
"""From a slot to the next."""
WAVE = np.sin(2 * np.pi * np.arange(14) / 14)
RISE = np.linspace(-0.5, 0.5, 14)
Draw = Callable[[np.random.Generator], np.ndarray]


def seen(levels: np.ndarray) -> TimeOfDay:
    """Of a table of logarithms, days × times."""
    days, times = days_and_times(levels)
    return time_of_day(np.exp(levels).ravel(), days, times * STEP)


def noise(draw: np.random.Generator, days: int = 4, keeps: float = 0.5) -> np.ndarray:
    return 0.2 * course(draw, days=days, keeps=keeps)


def found(made: Draw, studies: int = 300) -> int:
    """In how many studies a course is found."""
    draws = (np.random.default_rng([18, number]) for number in range(studies))
    return sum((seen(made(draw)).p_value or 1.0) <= 0.05 for draw in draws)


def drifting(draw: np.random.Generator) -> np.ndarray:
    days = np.arange(4)[:, None] + RISE / 2
    return noise(draw, keeps=0.0) + draw.choice([-1, 1]) * 0.3 * days


def ramps(draw: np.random.Generator) -> np.ndarray:
    return noise(draw, keeps=0.0) + draw.choice([-1, 1], (4, 1)) * 0.6 * RISE


def uneven(draw: np.random.Generator) -> np.ndarray:
    return noise(draw) + draw.normal(0, 0.2, (4, 1))


def half_missed(draw: np.random.Generator) -> np.ndarray:
    levels = noise(draw)
    levels[-1, 7:] = math.nan
    return levels


class TestWithoutACourseOfTheDay:
    @pytest.mark.parametrize(
        "made",
        [
            lambda draw: noise(draw, keeps=0.0),
            lambda draw: noise(draw, keeps=0.8),
            lambda draw: noise(draw, days=10),
            lambda draw: 0.2 * draw.standard_t(3, (4, 14)),
            drifting,
            ramps,
            uneven,
            half_missed,
        ],
        ids=["independent", "slots last", "ten days", "heavy tails", "drift", "random rises", "days", "half missed"],
    )
    def test_an_effect_is_found_in_one_of_twenty_studies_at_most(self, made: Draw):
        assert stats.binomtest(found(made), 300, 0.05, alternative="greater").pvalue > 0.01

    def test_the_size_holds_one_in_nineteen_of_twenty_studies(self):
        sizes = [seen(noise(np.random.default_rng([19, number]))).size for number in range(300)]
        hits = sum(size.low <= 1 <= size.high for size in sizes)
        assert stats.binomtest(hits, 300, 0.93, alternative="less").pvalue > 0.01


class TestACourseOfTheDay:
    def test_is_found_in_most_studies_where_it_is_larger_than_what_slots_vary_by(self):
        assert found(lambda draw: noise(draw, keeps=0.0) + 0.3 * WAVE, 100) > 90

    def test_is_found_beside_a_drift(self):
        assert found(lambda draw: drifting(draw) + 0.3 * WAVE, 100) > 90

    def test_has_the_size_and_the_times_of_its_highest_and_lowest_part(self):
        draw = np.random.default_rng(5)
        test = seen(0.3 * WAVE + 0.01 * draw.normal(size=(4, 14)) + draw.normal(size=(4, 1)))
        true = math.exp(0.3 * (WAVE[2:5].mean() - WAVE[9:12].mean()))
        assert test.size.low < true < test.size.high
        assert test.size.estimate == pytest.approx(true, rel=0.05)
        assert test.highest == pytest.approx((2 * STEP, 4 * STEP), abs=1.1 * STEP)
        assert test.lowest == pytest.approx((9 * STEP, 11 * STEP), abs=1.1 * STEP)
        assert (test.size.n, test.size.clusters) == (56, 4)

    def test_is_as_sure_as_random_signs_make_it_where_all_days_are_the_same(self):
        test = seen(np.tile(0.3 * WAVE, (4, 1)))
        assert 1 / (1 + FLIPS) <= test.p_value < 0.01
        assert test.size.low == pytest.approx(test.size.estimate) == pytest.approx(test.size.high)

    def test_that_only_rises_isnt_found_in_four_days_of_which_each_may_rise_by_chance(self):
        assert seen(np.tile(RISE, (4, 1))).p_value > 0.1
        assert seen(np.tile(RISE, (10, 1))).p_value < 0.01


class TestTheTestOfTheTimeOfDay:
    def test_takes_no_notice_of_how_slow_a_day_was_or_of_the_unit(self):
        levels = noise(np.random.default_rng(8))
        moved = levels + np.log(1000)
        moved[1] += 0.5
        moved[2] -= 0.5
        moved[3] += 0.0
        known, shifted = seen(levels), seen(levels + np.log(1000))
        assert shifted.p_value == known.p_value
        assert shifted.size.estimate == pytest.approx(known.size.estimate)
        assert seen(moved).highest == known.highest

    def test_takes_a_drift_off(self):
        levels = noise(np.random.default_rng(9))
        drifted = levels + 0.3 * (np.arange(4)[:, None] + np.arange(14) * STEP / 86_400)
        assert seen(drifted).p_value == pytest.approx(seen(levels).p_value)
        assert seen(drifted).size.estimate == pytest.approx(seen(levels).size.estimate)

    def test_does_not_depend_on_the_order_of_the_slots(self):
        draw = np.random.default_rng(9)
        values, (days, times) = np.exp(noise(draw)).ravel(), days_and_times(np.zeros((4, 14)))
        order = draw.permutation(values.size)
        assert time_of_day(values[order], days[order], times[order]) == time_of_day(values, days, times)

    def test_leaves_out_a_slot_that_is_missing(self):
        levels = noise(np.random.default_rng(10)) + 0.3 * WAVE
        levels[1, 3] = math.nan
        days, times = days_and_times(levels)
        kept = ~np.isnan(levels).ravel()
        values = np.exp(levels).ravel()
        assert seen(levels) == time_of_day(values[kept], days[kept], times[kept] * STEP)
        assert seen(levels).size.n == 55

    def test_takes_a_slot_in_which_most_failed_for_the_slowest_that_was_answered(self):
        levels = noise(np.random.default_rng(11))
        failed, slowest = levels.copy(), levels.copy()
        failed[2, 5] = math.inf
        slowest[2, 5] = -math.inf
        slowest[2, 5] = slowest.max()
        assert seen(failed) == seen(slowest)

    def test_leaves_out_a_day_with_too_few_slots(self):
        levels = noise(np.random.default_rng(12), days=5)
        levels[4, 2:] = math.nan
        assert seen(levels) == seen(levels[:4])


class TestThatNothingCanBeConcluded:
    def test_is_said_of_few_days_with_the_size_that_was_measured(self):
        test = seen(np.tile(0.3 * WAVE, (3, 1)))
        assert (test.p_value, test.size.low, test.size.high, test.size.doubt) == (None, None, None, "few days")
        assert test.size.estimate > 1.5

    def test_is_said_of_one_day(self):
        assert seen(0.3 * WAVE[None]).size.doubt == "few days"

    def test_is_said_of_few_times_of_day(self):
        assert seen(noise(np.random.default_rng(13))[:, :5]).size.doubt == "few times of day"

    def test_is_so_where_nothing_varies(self):
        test = seen(np.zeros((4, 14)))
        assert (test.p_value, test.size.estimate) == (None, pytest.approx(1))

    @pytest.mark.parametrize("value", [math.nan, math.inf, 0.0], ids=["missing", "failed", "zero"])
    def test_is_so_where_nothing_was_answered(self, value: float):
        days, times = days_and_times(np.zeros((4, 14)))
        test = time_of_day(np.full(56, value), days, times * STEP)
        assert (test.p_value, test.size.estimate, test.highest) == (None, None, None)

    def test_is_so_without_data(self):
        assert time_of_day([], [], []).size.estimate is None
