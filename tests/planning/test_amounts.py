from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.planning.amounts import Amount, Request, remedy, total

REQUEST = Request(
    prompt_tokens=1000, context_tokens=800, answer_tokens=200, answered=0.9, most_tokens=1024, cost_usd=0.001
)
SIZES = st.integers(1, 10_000)


class TestAnAmount:
    def test_counts_the_tokens_of_what_is_answered(self):
        assert REQUEST.times(10) == Amount(10, 9000, 1800, pytest.approx(0.01))

    @given(SIZES, SIZES)
    def test_is_the_same_counted_at_once_or_in_parts(self, first: int, second: int):
        parts = total([REQUEST.times(first), REQUEST.times(second)])
        whole = REQUEST.times(first + second)
        assert parts.requests == whole.requests
        assert (parts.tokens, parts.cost_usd) == (pytest.approx(whole.tokens), pytest.approx(whole.cost_usd))
        assert REQUEST.times(first).times(second).tokens == pytest.approx(REQUEST.times(first * second).tokens)

    def test_costs_what_the_priced_ones_cost(self):
        assert total([Amount(1, 2, 3, 0.5), Amount(1, 2, 3, None)]).cost_usd == 0.5
        assert total([Amount(1, 2, 3, None)]).cost_usd is None


class TestWhatWouldFit:
    @given(st.floats(1, 1e6), st.integers(1, 50), st.integers(1, 2), SIZES, st.sampled_from(["requests", "tokens"]))
    def test_is_the_most_batches_that_stay_under_the_limit(
        self, limit: float, batches: int, periods: int, requests: int, kind: str
    ):
        day = REQUEST.times(requests).times(batches * periods)
        fitting = remedy(limit, kind, day, batches=batches, periods=periods, context=800, least=100).batches
        each = getattr(REQUEST.times(requests), kind) * periods
        assert fitting * each <= limit * (1 + 1e-6) < (fitting + 1) * each * (1 + 1e-5)

    @given(st.floats(1, 1e6), SIZES)
    def test_is_a_context_with_which_a_day_stays_under_the_limit(self, limit: float, requests: int):
        day = Amount(requests, 1000.0 * requests, 200.0 * requests, None)
        shorter = remedy(limit, "tokens", day, batches=14, periods=1, context=800, least=100).context_tokens
        if shorter is not None:
            assert (400 + shorter) * requests <= limit * (1 + 1e-6) + 1e-6
            assert shorter >= 100

    def test_is_no_context_where_prompt_and_answer_are_too_much_without_one(self):
        day = Amount(100, 100_000.0, 20_000.0, None)
        assert remedy(30_000, "tokens", day, batches=14, periods=1, context=800, least=100).context_tokens is None

    def test_is_no_shorter_context_for_a_limit_of_requests(self):
        day = Amount(100, 100_000.0, 20_000.0, None)
        assert remedy(50, "requests", day, batches=14, periods=1, context=800, least=100).context_tokens is None

    def test_is_as_many_keys_as_hold_the_limit(self):
        day = Amount(100, 1000.0, 200.0, None)
        assert remedy(40, "requests", day, batches=14, periods=1, context=8, least=1).accounts == 3
