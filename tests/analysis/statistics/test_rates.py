from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.samples import (
    NOTHING,
    SLOTS,
    UNHURRIED,
    about,
    numbers,
)
from llm_bench.analysis.statistics import (
    Interval,
    success_rate,
)


class TestASuccessRate:
    def test_of_one_record_a_slot_is_wilsons_with_students_t(self):
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 39))
        low, high = proportion_confint(31, 40, alpha=alpha, method="wilson")
        assert numbers(success_rate([1] * 31 + [0] * 9, [1] * 40)) == about(31 / 40, low, high)

    def test_is_less_certain_when_the_failures_came_in_outages(self):
        scattered = success_rate([16, 18] * 20, [20] * 40)
        outages = success_rate([20] * 34 + [0] * 6, [20] * 40)
        assert outages.estimate == scattered.estimate == 0.85
        assert outages.high - outages.low > 1.5 * (scattered.high - scattered.low)

    def test_without_a_failure_still_reckons_with_a_rare_outage(self):
        rate = success_rate([20] * 56, [20] * 56)
        assert (rate.estimate, rate.high) == (1.0, 1.0)
        assert rate.low < 55 / 56 < proportion_confint(56 * 20, 56 * 20, method="wilson")[0]

    @UNHURRIED
    @given(SLOTS)
    def test_lies_within_its_interval_and_that_within_0_and_1(self, slots: list[list[int]]):
        rate = success_rate(*zip(*slots, strict=True))
        if rate.low is not None:
            assert 0 <= rate.low <= rate.estimate <= rate.high <= 1

    @UNHURRIED
    @given(SLOTS)
    def test_is_the_failures_rate_mirrored(self, slots: list[list[int]]):
        good, n = zip(*slots, strict=True)
        rate, mirrored = success_rate(good, n), success_rate([b - a for a, b in slots], n)
        expected = [None if end is None else 1 - end for end in (mirrored.estimate, mirrored.high, mirrored.low)]
        assert numbers(rate) == about(*expected)

    @UNHURRIED
    @given(SLOTS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_slots(self, slots: list[list[int]], random):
        rate = success_rate(*zip(*slots, strict=True))
        shuffled = success_rate(*zip(*random.sample(slots, len(slots)), strict=True))
        assert numbers(shuffled) == about(*numbers(rate))

    def test_counts_no_slot_without_records(self):
        assert success_rate([1, 0, 2], [2, 0, 2]) == Interval(0.75, None, None, 4, 2)

    def test_of_no_data_is_none(self):
        assert success_rate([], []) == success_rate([0], [0]) == NOTHING
