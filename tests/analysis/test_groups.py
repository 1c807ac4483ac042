from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.analysis.queries.groups import Groups

VALUES = st.lists(st.tuples(st.integers(-50, 50).map(float), st.integers(1, 4)), max_size=8)
"""Of a group: values, and for how many records each stands."""


def groups(*parts: list[tuple[float, int]]) -> Groups:
    ascending = [sorted(part) for part in parts]
    return Groups(
        values=np.array([value for part in ascending for value, _ in part], np.float64),
        weights=np.array([weight for part in ascending for _, weight in part], np.int64),
        starts=np.cumsum([0, *map(len, ascending)]),
        left_out=np.zeros(len(parts), np.int64),
    )


class TestTheQuantilesOfGroups:
    @given(st.lists(VALUES, min_size=1, max_size=4), st.floats(0, 1))
    def test_are_those_of_each_group_alone(self, parts: list[list[tuple[float, int]]], q: float):
        repeated = [[value for value, weight in part for _ in range(weight)] for part in parts]
        expected = [np.quantile(values, q) if values else np.nan for values in repeated]
        assert groups(*parts).quantile(q) == pytest.approx(expected, nan_ok=True)

    @given(st.lists(VALUES, min_size=1, max_size=4))
    def test_rest_on_as_many_records_as_their_values_stand_for(self, parts: list[list[tuple[float, int]]]):
        assert groups(*parts).counts.tolist() == [sum(weight for _, weight in part) for part in parts]
