from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.measure import timing


class TestThroughput:
    def test_is_tokens_over_the_whole_answer(self):
        assert timing.throughput(60, 1.5) == 40

    @pytest.mark.parametrize(("tokens", "seconds"), [(None, 1.0), (5, None), (5, 0.0)])
    def test_is_null_where_something_is_unknown(self, tokens: int | None, seconds: float | None):
        assert timing.throughput(tokens, seconds) is None


class TestDecodeRate:
    def test_leaves_the_first_token_out(self):
        assert timing.decode_rate(11, 2.0, 4.0) == 5

    @pytest.mark.parametrize("tokens", [None, 0, 1])
    def test_is_null_under_two_tokens(self, tokens: int | None):
        assert timing.decode_rate(tokens, 1.0, 2.0) is None

    def test_is_null_when_all_came_at_once(self):
        assert timing.decode_rate(5, 1.0, 1.0) is None


class TestPercentile:
    def test_is_a_value_that_was_seen(self):
        assert timing.percentile([1, 2, 3, 4], 0.5) == 2
        assert timing.percentile([1, 2, 3, 4], 0.99) == 4

    def test_of_nothing_is_null(self):
        assert timing.percentile([], 0.99) is None

    @given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
    def test_has_at_least_its_share_at_or_below_it(self, values: list[float], share: float):
        rank = timing.percentile(values, share)
        assert rank in values
        assert sum(value <= rank for value in values) / len(values) >= share - 1e-9


def test_gaps_are_one_fewer_than_events():
    assert timing.gaps([1.0, 1.5, 3.0]) == [0.5, 1.5]
    assert timing.gaps([1.0]) == []


class TestSuspicion:
    def test_falls_on_a_client_that_waited_long_for_a_core(self):
        assert timing.suspicion(0.050, 0.200) == "the client waited 50.0 ms for a core, 25% of the TTFT"

    def test_spares_a_wait_that_is_small_beside_the_answer(self):
        assert timing.suspicion(0.009, 0.200) is None

    def test_spares_a_wait_below_a_millisecond(self):
        assert timing.suspicion(0.0009, 0.002) is None

    @pytest.mark.parametrize(("delay", "ttft"), [(None, 0.2), (0.1, None)])
    def test_is_silent_where_nothing_is_known(self, delay: float | None, ttft: float | None):
        assert timing.suspicion(delay, ttft) is None


class TestElapsed:
    def test_is_the_time_from_one_moment_to_the_other(self):
        assert timing.elapsed(1.0, 3.5) == 2.5

    @pytest.mark.parametrize(("start", "end"), [(None, 2.0), (1.0, None)])
    def test_is_null_where_either_was_not_seen(self, start: float | None, end: float | None):
        assert timing.elapsed(start, end) is None


class TestTheBorders:
    def test_two_tokens_have_a_rate(self):
        assert timing.decode_rate(2, 1.0, 3.0) == 0.5

    @pytest.mark.parametrize(("first", "last"), [(None, 2.0), (1.0, None)])
    def test_a_rate_needs_both_moments(self, first: float | None, last: float | None):
        assert timing.decode_rate(5, first, last) is None

    def test_no_token_in_some_time_is_a_throughput_of_none(self):
        assert timing.throughput(0, 2.0) == 0

    def test_the_99th_of_a_hundred_values_is_the_last_but_one(self):
        assert timing.percentile(range(100), 0.99) == 98

    def test_a_wait_of_a_millisecond_is_not_suspect_and_a_longer_one_is(self):
        assert timing.suspicion(0.001, 0.002) is None
        assert timing.suspicion(0.0011, 0.002) is not None

    def test_a_wait_of_5_percent_is_not_suspect_and_a_longer_one_is(self):
        assert timing.suspicion(0.05, 1.0) is None
        assert timing.suspicion(0.051, 1.0) is not None
