from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.samples import (
    NOTHING,
    RECORDS,
    UNHURRIED,
    VALUES,
    about,
    latencies,
    numbers,
    split,
)
from llm_bench.analysis.statistics import Interval, mean, means, share


class TestAMean:
    def test_is_that_of_a_regression_with_errors_clustered_by_slot(self):
        values, slots = latencies(np.random.default_rng(3))
        fit = sm.OLS(values, np.ones_like(values)).fit(cov_type="cluster", cov_kwds={"groups": slots}, use_t=True)
        low, high = fit.conf_int()[0]
        assert numbers(mean(values, slots)) == about(fit.params[0], low, high)

    @UNHURRIED
    @given(RECORDS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], random):
        assert mean(*split(random.sample(records, len(records)))) == mean(*split(records))

    @UNHURRIED
    @given(RECORDS, st.sampled_from([-2.0, 0.5]), st.integers(-100, 100))
    def test_moves_and_grows_with_the_unit(self, records: list[tuple[int, int]], scale: float, shift: int):
        values, slots = split(records)
        interval, moved = mean(values, slots), mean(np.array(values) * scale + shift, slots)
        assert moved.estimate == pytest.approx(interval.estimate * scale + shift)
        if interval.low is not None:
            assert moved.high - moved.low == pytest.approx((interval.high - interval.low) * abs(scale), abs=1e-9)

    @UNHURRIED
    @given(st.lists(st.tuples(VALUES, st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=60))
    def test_takes_counts_for_repeated_values(self, rows: list[tuple[int, int, int]]):
        repeated = [(value, slot) for value, slot, count in rows for _ in range(count)]
        values, slots, counts = zip(*rows, strict=True)
        assert numbers(mean(values, slots, weights=counts)) == about(*numbers(mean(*split(repeated))))

    def test_has_no_interval_with_few_slots(self):
        assert mean([1.0, 2.0, 6.0], ["a", "a", "b"]) == Interval(3.0, None, None, 3, 2)

    def test_of_no_data_is_none(self):
        assert mean([], []) == NOTHING


class TestMeansOfManyGroups:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 20))
    def test_are_those_of_each_group(self, seed: int, groups: int, slots: int):
        chance = np.random.default_rng(seed)
        counts = chance.poisson(1.5, (groups, slots))
        values = chance.random((groups, slots))
        for interval, value, count in zip(means(values * counts, counts), values, counts, strict=True):
            expected = mean(value, np.arange(slots), weights=count)
            if interval is None:
                assert expected.n == 0
                continue
            assert (interval.n, interval.clusters) == (expected.n, expected.clusters)
            assert interval.estimate == pytest.approx(expected.estimate)
            assert (interval.low is None) == (expected.low is None)
            if interval.low is not None:
                assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


class TestAShareOfAWhole:
    def test_is_that_of_all_slots_with_the_interval_of_a_ratio(self):
        parts, wholes = np.array([1.0, 2, 3, 4, 5, 9]), np.array([10.0, 10, 10, 10, 10, 20])
        part = share(parts, wholes, 7)
        (ratio,) = means(parts[None], wholes[None])
        assert part.estimate == pytest.approx(24 / 70)
        assert (part.low, part.high, part.n, part.clusters) == (ratio.low, ratio.high, 7, 6)

    def test_stays_between_none_and_all(self):
        part = share(np.array([10.0, 10, 10, 10, 10, 0]), np.full(6, 10.0), 6)
        assert 0 <= part.low < part.estimate < part.high == 1

    def test_has_no_interval_of_few_slots(self):
        assert share(np.ones(2), np.full(2, 4.0), 2) == Interval(0.25, None, None, 2, 2)

    def test_of_nothing_isnt_known(self):
        assert share(np.zeros(6), np.zeros(6), 0) is None
