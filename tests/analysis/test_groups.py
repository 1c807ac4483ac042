from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.analysis import statistics
from llm_bench.analysis.queries.groups import Groups

VALUES = st.lists(st.tuples(st.integers(-50, 50).map(float), st.integers(1, 4)), max_size=8)
"""Of a group: values, and for how many records each stands."""


def groups(*parts: list[tuple[float, int]], **more) -> Groups:
    ascending = [sorted(part) for part in parts]
    return Groups(
        values=np.array([value for part in ascending for value, _ in part], np.float64),
        weights=np.array([weight for part in ascending for _, weight in part], np.int64),
        starts=np.cumsum([0, *map(len, ascending)]),
        left_out=np.zeros(len(parts), np.int64),
        **more,
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


FORTY = [(float(n), 1) for n in range(40)]
SLOTS = np.arange(80) % 8


class TestTheIntervalOfAGroup:
    def test_is_that_of_its_own_values_and_slots(self):
        both = groups(FORTY, [(value + 100, 1) for value, _ in FORTY], clusters=SLOTS)
        expected = statistics.quantile(np.arange(40) + 100.0, SLOTS[40:], 0.25)
        assert both.interval(1, 0.25) == expected
        assert both.interval(1) == statistics.quantile(np.arange(40) + 100.0, SLOTS[40:], 0.5)

    def test_is_none_without_a_value(self):
        assert groups(FORTY, [], clusters=SLOTS[:40]).interval(1) is None

    def test_is_that_of_the_counted_values_where_there_are_too_many_to_sort(self):
        middles = np.array([1.0, 2.0, 4.0])
        counted = np.array([[[3, 2, 1]] * 7, [[1, 2, 3]] * 7])
        parts = [[(value, 7 * weight) for value, weight in zip(middles, row[0], strict=True)] for row in counted]
        interval = groups(*parts, counted=counted, middles=middles).interval(1)
        assert interval == statistics.quantile_of_counts(counted[1], middles, 0.5)
