from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from llm_bench.analysis.statistics import (
    carry_over,
)


class TestWhatASlotKeepsOfTheOneBefore:
    def test_is_the_rank_correlation_of_slots_with_the_next(self):
        values = np.random.default_rng(12).normal(size=30)
        neighbours = carry_over(values, np.arange(30))
        expected = stats.spearmanr(values[:-1], values[1:])
        assert (neighbours.correlation, neighbours.p_value) == pytest.approx((expected.statistic, expected.pvalue))
        assert neighbours.pairs == 29

    def test_leaves_out_the_night_and_what_was_missed(self):
        """Two days of 8 slots, of which the first lacks one in its middle: 5 and 7 pairs."""
        moments = [*range(8), *range(24, 32)]
        values = [1.0, 2, math.nan, 4, 5, 6, 7, 8, *range(8, 0, -1)]
        neighbours = carry_over(values, moments)
        assert neighbours.pairs == 5 + 7
        del moments[2], values[2]
        assert carry_over(values, moments) == neighbours

    def test_does_not_depend_on_the_order_of_the_slots(self):
        rng = np.random.default_rng(13)
        values, order = rng.normal(size=20), rng.permutation(20)
        assert carry_over(values[order], np.arange(20)[order]) == carry_over(values, np.arange(20))

    @pytest.mark.parametrize(
        "values", [[], [1.0], [1.0, 2, 3, 4, 5, 6], [1.0] * 20], ids=["no data", "one slot", "few", "all equal"]
    )
    def test_that_cannot_be_told_is_none(self, values: list[float]):
        neighbours = carry_over(values, range(len(values)))
        assert (neighbours.correlation, neighbours.p_value) == (None, None)
