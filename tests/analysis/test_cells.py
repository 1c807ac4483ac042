from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.analysis.queries.cells import Block, Layout, Rows
from llm_bench.analysis.statistics.scopes import SCOPES, Grid, Scope, Table, quantile_of

DAYS, SLOTS, QUESTIONS = 5, 3, 7
DAY = np.arange(DAYS * SLOTS) // SLOTS
MIDDLES = np.append(np.nan, [*np.arange(1.0, 9.0) ** 2, math.inf])
"""Of the bins 1 to 9; the last is of failures."""
SEEDS = st.integers(0, 2**32 - 1)


def rows(chosen: np.ndarray | None = None) -> Rows:
    """Every slot is a row and a bucket."""
    place = np.arange(DAYS * SLOTS) if chosen is None else chosen
    return Rows(place, DAY[place], place)


def numbers(seed: int) -> np.ndarray:
    """Of bins, many of which tie; some are missing."""
    return np.random.default_rng(seed).integers(0, MIDDLES.size, (DAYS * SLOTS, QUESTIONS)).astype(np.uint16)


def blocks(seed: int) -> tuple[Block, Block]:
    """The same in bins and as values."""
    return Block(numbers(seed), MIDDLES), Block(MIDDLES[numbers(seed)])


class TestABlock:
    @given(SEEDS, st.floats(0.05, 0.95), st.sampled_from(SCOPES))
    def test_has_the_interval_of_its_values_by_day_and_question(self, seed: int, q: float, scope: Scope):
        values = MIDDLES[numbers(seed)]
        day, question = np.broadcast_arrays(DAY[:, None], np.arange(QUESTIONS))
        expected = quantile_of(Grid.of(values, day, question), q, scope).interval
        for block in blocks(seed):
            ascending, counts = block.ascending, rows().count_by_day(block.known)
            interval = ascending.interval(q, Table.of(block.below(rows(), ascending, q), counts), scope)
            assert (interval.n, interval.clusters, interval.doubt) == (expected.n, expected.clusters, expected.doubt)
            assert (interval.estimate, interval.low, interval.high) == pytest.approx(
                (expected.estimate, expected.low, expected.high)
            )

    @given(SEEDS, st.floats(0, 1))
    def test_has_the_quantiles_of_each_bucket(self, seed: int, q: float):
        for block in blocks(seed):
            segments = block.sorted(rows(), DAYS * SLOTS)
            for quantile, count, row in zip(segments.quantile(q), segments.counts, MIDDLES[numbers(seed)], strict=True):
                known = row[~np.isnan(row)]
                assert count == known.size
                late = bool(known.size) and np.isinf(np.quantile(known, q, method="higher"))
                among = np.quantile(np.minimum(known, 1e9), q) if known.size else math.nan
                assert quantile == (math.inf if late else pytest.approx(among, nan_ok=True))

    def test_has_no_quantile_of_a_bucket_without_rows(self):
        for block in blocks(1):
            only = Block(block.content[:3], block.middles)
            assert np.isnan(only.sorted(rows(np.arange(3)), 5).quantile(0.5)[3:]).all()


class TestRows:
    def test_are_a_part_of_the_matrix_and_no_copy_where_they_follow_one_another(self):
        matrix = np.arange(DAYS * SLOTS * QUESTIONS).reshape(-1, QUESTIONS)
        assert np.shares_memory(rows(np.arange(3, 9)).of(matrix), matrix)
        assert rows(np.array([8, 3])).of(matrix).tolist() == matrix[[8, 3]].tolist()

    def test_add_up_by_day(self):
        ones = np.ones((DAYS * SLOTS, QUESTIONS))
        assert rows(np.array([0, 1, 3, 14])).by_day(ones[:4])[:, 0].tolist() == [2, 1, 1]


class TestALayout:
    def test_has_a_row_for_each_llm_slot_client_and_probe_by_llm_then_slot(self):
        columns = {
            "llm_no": np.array([1, 0, 0, 0, 0]),
            "slot_no": np.array([0, 1, 0, 0, 0]),
            "client_no": np.array([0, 0, 1, 1, 0]),
            "warm": np.array([0, 0, 0, 1, 0]),
            "question_no": np.array([2, 0, 1, 1, 1]),
        }
        layout = Layout.of(columns, 3)
        assert (layout.llm.tolist(), layout.slot.tolist()) == ([0, 0, 0, 0, 1], [0, 0, 0, 1, 0])
        filled = layout.filled(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), math.nan)
        assert [row[~np.isnan(row)].tolist() for row in filled] == [[5.0], [3.0], [4.0], [2.0], [1.0]]
