from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.statistics.samples import (
    CHANCES,
    UNHURRIED,
)
from llm_bench.analysis.statistics import holm


class TestHolm:
    @UNHURRIED
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_multiplies_each_by_how_many_are_no_smaller_but_never_below_one_before(self, p_values: list[float]):
        steps = [(len(p_values) - rank) * p for rank, p in enumerate(sorted(p_values))]
        expected = {p: min(1.0, max(steps[: rank + 1])) for rank, p in enumerate(sorted(p_values))}
        assert holm(p_values) == pytest.approx([expected[p] for p in p_values])

    def test_is_that_of_statsmodels(self):
        # Once only: it collects garbage each time, which takes seconds.
        p_values = [*np.random.default_rng(16).random(20) ** 4, 0.01, 0.01, 0.0, 1.0]
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])

    @UNHURRIED
    @given(st.lists(CHANCES, max_size=20))
    def test_passes_over_what_was_not_tested(self, p_values: list[float | None]):
        adjusted = holm(p_values)
        assert [p is None for p in adjusted] == [p is None for p in p_values]
        assert [p for p in adjusted if p is not None] == holm([p for p in p_values if p is not None])

    def test_of_nothing_is_nothing(self):
        assert holm([]) == []
