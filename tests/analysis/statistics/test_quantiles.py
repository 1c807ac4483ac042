from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

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
from llm_bench.analysis.statistics import (
    LEAST_SLOTS,
    Interval,
    quantile,
)


class TestAQuantile:
    @UNHURRIED
    @given(RECORDS, st.floats(0, 1))
    def test_is_that_of_numpy(self, records: list[tuple[int, int]], q: float):
        values, slots = split(records)
        assert quantile(values, slots, q).estimate == pytest.approx(np.quantile(values, q), abs=1e-9)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.5, 0.9]), st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], q: float, random):
        shuffled = random.sample(records, len(records))
        assert quantile(*split(shuffled), q) == quantile(*split(records), q)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.25, 0.5, 0.9]), st.sampled_from([0.5, 4.0]), st.integers(-100, 100))
    def test_moves_and_grows_with_the_unit(self, records: list[tuple[int, int]], q: float, scale: float, shift: int):
        values, slots = split(records)
        interval = quantile(values, slots, q)
        expected = [None if end is None else end * scale + shift for end in numbers(interval)]
        assert numbers(quantile(np.array(values) * scale + shift, slots, q)) == about(*expected)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.1, 0.5, 0.9]))
    def test_lies_within_its_interval_and_that_within_the_data(self, records: list[tuple[int, int]], q: float):
        values, slots = split(records)
        interval = quantile(values, slots, q)
        assert (interval.low is None) == (interval.high is None)
        if interval.low is not None:
            assert min(values) <= interval.low <= interval.estimate <= interval.high <= max(values)

    @UNHURRIED
    @given(st.lists(st.tuples(VALUES, st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=60))
    def test_takes_counts_for_repeated_values(self, rows: list[tuple[int, int, int]]):
        repeated = [(value, slot) for value, slot, count in rows for _ in range(count)]
        values, slots, counts = zip(*rows, strict=True)
        interval, expected = quantile(values, slots, 0.5, weights=counts), quantile(*split(repeated), 0.5)
        assert (
            (interval.n, interval.clusters)
            == (expected.n, expected.clusters)
            == (len(repeated), len(set(split(repeated)[1])))
        )
        assert numbers(interval) == about(*numbers(expected))

    def test_has_the_interval_of_order_statistics_where_every_slot_has_one_value(self):
        values = np.random.default_rng(1).lognormal(size=400)
        interval = quantile(values, range(400), 0.5)
        exact = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
        ranks = np.searchsorted(np.sort(values), [exact.low, interval.low, exact.high, interval.high])
        assert abs(ranks[0] - ranks[1]) <= 1
        assert abs(ranks[2] - ranks[3]) <= 1

    def test_leaves_missing_values_out(self):
        assert quantile([1.0, None, math.nan, 3.0], ["a", "b", "c", "d"], 0.5) == Interval(2.0, None, None, 2, 2)

    def test_has_no_interval_with_few_slots(self):
        assert quantile(range(100), np.arange(100) % (LEAST_SLOTS - 1), 0.5).low is None
        assert quantile(range(100), np.arange(100) % LEAST_SLOTS, 0.5).low is not None

    def test_has_no_interval_where_too_few_values_lie_beyond_it(self):
        values, slots = range(300), np.arange(300) % 60
        assert numbers(quantile(values, slots, 0.99)) == (pytest.approx(np.quantile(values, 0.99)), None, None)

    def test_of_equal_values_has_no_width(self):
        assert quantile([7.0] * 20, range(20), 0.9) == Interval(7.0, 7.0, 7.0, 20, 20)

    def test_that_ties_with_many_is_not_taken_for_certain(self):
        values = [*range(88), *[100] * 12]
        assert numbers(quantile(values, range(100), 0.9)) == (100, pytest.approx(83, abs=2), 100)

    def test_of_no_data_is_none(self):
        assert quantile([], [], 0.5) == quantile([None], ["a"], 0.5) == NOTHING

    def test_is_wider_at_a_higher_level(self):
        values, slots = latencies(np.random.default_rng(2))
        usual, surer = quantile(values, slots, 0.5), quantile(values, slots, 0.5, level=0.99)
        assert surer.low < usual.low < usual.high < surer.high
