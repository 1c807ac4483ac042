from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.samples import course, days_and_times
from llm_bench.analysis.statistics import Drift, drift

STEP = 12 * 3600 / 14
CLOCK = 24 * 3600 / 14
WAVE = np.sin(2 * np.pi * np.arange(14) / 14)
Draw = Callable[[np.random.Generator], np.ndarray]


def seen(levels: np.ndarray, step: float = STEP) -> Drift:
    """Of a table of logarithms, days × times."""
    days, times = days_and_times(levels)
    return drift(np.exp(levels).ravel(), days, times * step)


def noise(draw: np.random.Generator, days: int = 4, keeps: float = 0.5) -> np.ndarray:
    return 0.2 * course(draw, days=days, keeps=keeps)


def uneven(draw: np.random.Generator) -> np.ndarray:
    return noise(draw) + draw.normal(0, 0.2, (4, 1))


def half_missed(draw: np.random.Generator) -> np.ndarray:
    levels = noise(draw) + 0.3 * WAVE
    levels[-1, 7:] = math.nan
    return levels


class TestWithoutADrift:
    @pytest.mark.parametrize(
        "made",
        [lambda draw: noise(draw, keeps=0.0), lambda draw: noise(draw, keeps=0.8), uneven, half_missed],
        ids=["independent", "slots last", "days differ", "half of the last day missed"],
    )
    def test_one_is_found_in_one_of_twenty_studies_at_most(self, made: Draw):
        trends = [seen(made(np.random.default_rng([18, number]))) for number in range(400)]
        alarms = sum(trend.p_value <= 0.05 for trend in trends if trend.p_value is not None)
        assert stats.binomtest(alarms, 400, 0.05, alternative="greater").pvalue > 0.01
        assert sum(trend.size.low is None for trend in trends) < 60


class TestADrift:
    def test_is_the_slope_of_the_days_means_with_students_t(self):
        levels = noise(np.random.default_rng(3))
        expected = stats.linregress(np.arange(4), levels.mean(axis=1))
        trend = seen(levels)
        reach = stats.t.ppf(0.975, 2) * expected.stderr
        assert math.log(trend.size.estimate) == pytest.approx(expected.slope)
        assert math.log(trend.size.low) == pytest.approx(expected.slope - reach)
        assert math.log(trend.size.high) == pytest.approx(expected.slope + reach)
        assert trend.p_value == pytest.approx(expected.pvalue)
        assert (trend.size.n, trend.size.clusters) == (56, 4)

    def test_counts_days_on_which_nothing_was_measured(self):
        levels = 0.1 * np.array([[0.0], [1], [4], [5]]) + np.zeros((4, 14))
        trend = drift(np.exp(levels).ravel(), np.repeat([0, 1, 4, 5], 14), np.tile(np.arange(14) * STEP, 4))
        assert trend.size.estimate == pytest.approx(math.exp(0.1))

    def test_is_not_made_by_a_course_of_the_day_of_which_half_was_missed(self):
        levels = np.tile(WAVE, (4, 1))
        levels[-1, 7:] = math.nan
        assert seen(levels).size.estimate == pytest.approx(1)

    def test_is_found_where_days_have_no_time_of_day_in_common(self):
        days, times = np.repeat(np.arange(4.0), 8), np.arange(32) * 600.0
        slots = days + times / 86_400
        assert drift(np.exp(0.1 * slots), days, times).size.estimate == pytest.approx(math.exp(0.1))

    def test_takes_a_slot_in_which_most_failed_for_the_slowest_that_was_answered(self):
        levels = noise(np.random.default_rng(5))
        failed, slowest = levels.copy(), levels.copy()
        failed[0, 0], slowest[0, 0] = math.inf, -math.inf
        slowest[0, 0] = slowest.max()
        assert seen(failed) == seen(slowest)


class TestThatNothingCanBeConcludedOfADrift:
    def test_is_said_where_slots_go_on_into_the_next_day(self):
        levels = 0.2 * course(np.random.default_rng(6), days=1, times=56, keeps=0.8).reshape(4, 14)
        trend = seen(levels, CLOCK)
        assert (trend.p_value, trend.size.low, trend.size.doubt) == (None, None, "days last")
        assert trend.size.estimate == pytest.approx(seen(levels).size.estimate)

    def test_is_not_said_where_a_drift_or_a_course_of_the_day_alone_makes_slots_go_together(self):
        draw = np.random.default_rng(7)
        slots = np.arange(4)[:, None] + np.arange(14) / 14
        assert seen(noise(draw, keeps=0.0) + 0.5 * slots + WAVE, CLOCK).p_value < 0.05

    @pytest.mark.parametrize(("days", "estimate"), [(1, None), (2, None), (3, 1.1)])
    def test_is_said_of_few_days(self, days: int, estimate: float | None):
        trend = seen(math.log(1.1) * np.arange(days)[:, None] + np.zeros((days, 14)))
        assert (trend.p_value, trend.size.low, trend.size.doubt) == (None, None, "few days")
        assert trend.size.estimate == (None if estimate is None else pytest.approx(estimate))

    def test_is_so_where_nothing_varies(self):
        trend = seen(np.zeros((4, 14)))
        assert (trend.p_value, trend.size.estimate) == (None, pytest.approx(1))

    @pytest.mark.parametrize("value", [math.nan, math.inf, 0.0], ids=["missing", "failed", "zero"])
    def test_is_so_where_nothing_was_answered(self, value: float):
        assert drift(np.full(8, value), np.repeat(np.arange(4), 2), np.tile([0, 1], 4)).size.estimate is None
