from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.measure.limits import Rates, Tokens
from llm_bench.planning.simulation import Ask, Batch, Cell, play

ASK = Ask(reserved=Tokens(900, 1024), used=Tokens(1000, 200))
LEAST = st.integers(1, 40)


def cell(
    llm: str = "a", *, asks: int = 10, sec: float = 1.0, start: float = 5.0, pool: str = "p", **limits: int
) -> Cell:
    account = "shared" if limits.pop("shared", 0) else llm
    return Cell(llm, account, pool, Rates(**limits), [ASK] * asks, [sec], start)


def batch(*cells: Cell, places: int = 4, **stated: float) -> Batch:
    return play([1000.0], cells, places, {"a": stated})[0]


class TestABatchWithoutLimits:
    def test_takes_what_its_longest_cell_takes(self):
        done = batch(cell(asks=10), cell("b", asks=20, start=7))
        assert (done.took_sec, done.done_sec) == (pytest.approx(22), pytest.approx(27))

    def test_takes_its_cells_one_after_another_where_there_is_one_place(self):
        assert batch(cell(), cell("b"), places=1).took_sec == pytest.approx(25)

    def test_takes_as_long_with_another_provider_beside_it(self):
        assert batch(cell(), cell("b", pool="q"), places=1).took_sec == pytest.approx(10)


class TestAMinutesLimit:
    def test_makes_a_batch_wait_for_the_next_minute(self):
        assert batch(cell(asks=15, requests_per_minute=10)).took_sec == pytest.approx(65)

    def test_is_shared_by_the_cells_of_an_account(self):
        cells = [cell(name, asks=10, requests_per_minute=10, shared=1) for name in "ab"]
        assert batch(*cells).took_sec == pytest.approx(65, abs=1)

    def test_of_tokens_counts_each_request_with_its_longest_answer(self):
        # 6 of 1,924 tokens are within 13,000, so the last two of 20 go in the fourth minute.
        assert batch(cell(asks=20, tokens_per_minute=13_000)).took_sec == pytest.approx(182)

    def test_of_tokens_that_the_provider_states_refills_steadily(self):
        # 20 use 24,000 of them, and 12,000 are there at first: the others refill in a minute.
        assert batch(cell(asks=20, sec=0.1), all=12_000.0).took_sec == pytest.approx(62, abs=3)

    def test_holds_from_a_batch_to_the_next(self):
        one = cell(asks=10, requests_per_minute=10, start=0.0)
        first, second = play([0.0, 30.0], [one], 4, {})
        assert (first.began, second.began) == (0.0, pytest.approx(60))


class TestADaysLimit:
    def test_refuses_what_is_over_it(self):
        assert dict(batch(cell(asks=30, requests_per_day=20)).refused) == {"a": 10}

    def test_refuses_the_same_each_day(self):
        due = [86_400.0 * day + 3_000 * number for day in range(3) for number in range(14)]
        batches = play(due, [cell(asks=10, requests_per_day=100)], 4, {})
        refused = [sum(part.refused["a"] for part in batches[14 * day :][:14]) for day in range(3)]
        assert refused == [40, 40, 40]

    def test_of_tokens_refuses_what_is_over_it(self):
        assert batch(cell(asks=30, tokens_per_day=12_000)).refused["a"] == pytest.approx(21, abs=1)


class TestAnyBatch:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(LEAST, LEAST, LEAST, st.booleans()), min_size=1, max_size=4), st.integers(1, 3))
    def test_sends_or_refuses_each_request(self, cells: list[tuple[int, int, int, bool]], places: int):
        made = [
            cell(str(n), asks=asks, requests_per_minute=minute, requests_per_day=day, shared=shared)
            for n, (asks, minute, day, shared) in enumerate(cells)
        ]
        batches = play([0.0, 600.0], made, places, {})
        for part in batches:
            assert part.sent + sum(part.refused.values()) == sum(asks for asks, *_ in cells)
        assert batches == play([0.0, 600.0], made, places, {})  # and always the same

    @settings(max_examples=20, deadline=None)
    @given(LEAST, LEAST)
    def test_keeps_to_its_requests_a_minute(self, asks: int, minute: int):
        took = batch(cell(asks=asks, sec=0.01, requests_per_minute=minute)).took_sec
        assert took >= 60 * ((asks - 1) // minute)
