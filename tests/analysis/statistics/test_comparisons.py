from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.statistics.samples import (
    CHANCES,
    NOTHING,
    RECORDS,
    UNHURRIED,
    about,
    numbers,
    split,
)
from llm_bench.analysis.statistics import (
    Interval,
    holm,
    paired,
)


class TestAPairedComparison:
    def test_is_that_of_hollander_and_wolfe(self):
        # Table 3.1: Hamilton depression scale of nine patients, before and after. The book: T⁺ = 5, P = 0.039 (two-
        # sided), θ = −0.46, and a 96.1 % interval, the shortest that has at least 95 %.
        before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
        after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
        comparison = paired(after - before, range(9))
        assert numbers(comparison.difference) == about(-0.46, -0.786, -0.010)
        assert comparison.p_value == pytest.approx(20 / 512)
        assert comparison.effect == pytest.approx((5 - 40) / 45)

    def test_counts_each_slot_once_with_its_mean(self):
        by_slot = np.random.default_rng(4).normal(0.3, 1, 30)
        thrice = np.concatenate([by_slot - 1, by_slot, by_slot + 1])
        once, many = paired(by_slot, range(30)), paired(thrice, list(range(30)) * 3)
        assert (many.p_value, many.effect) == pytest.approx((once.p_value, once.effect))
        assert numbers(many.difference) == about(*numbers(once.difference))
        assert (many.difference.n, many.difference.clusters) == (90, 30)

    @UNHURRIED
    @given(RECORDS)
    def test_the_other_way_round_is_mirrored(self, records: list[tuple[int, int]]):
        values, slots = np.array(split(records)[0]) - 20, split(records)[1]
        comparison, mirrored = paired(values, slots), paired(-values, slots)
        difference = mirrored.difference
        expected = [None if end is None else -end for end in (difference.estimate, difference.high, difference.low)]
        assert numbers(comparison.difference) == about(*expected)
        assert comparison.p_value == (None if mirrored.p_value is None else pytest.approx(mirrored.p_value))
        assert comparison.effect == (None if mirrored.effect is None else pytest.approx(-mirrored.effect))

    @UNHURRIED
    @given(RECORDS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], random):
        assert paired(*split(random.sample(records, len(records)))) == paired(*split(records))

    @UNHURRIED
    @given(RECORDS)
    def test_keeps_its_numbers_in_bounds(self, records: list[tuple[int, int]]):
        comparison = paired(np.array(split(records)[0]) - 20, split(records)[1])
        assert comparison.p_value is None or 0 < comparison.p_value <= 1
        assert comparison.effect is None or -1 <= comparison.effect <= 1
        if comparison.difference.low is not None:
            assert comparison.difference.low <= comparison.difference.estimate <= comparison.difference.high

    def test_has_no_interval_with_fewer_than_six_slots(self):
        assert paired([1.0, 2, 3, 4, 5], range(5)).difference == Interval(3.0, None, None, 5, 5)
        assert numbers(paired([1.0, 2, 3, 4, 5, 6], range(6)).difference) == (3.5, 1.0, 6.0)

    def test_without_any_difference_makes_no_test(self):
        comparison = paired([0.0] * 12, list(range(6)) * 2)
        assert (comparison.p_value, comparison.effect, comparison.difference) == (
            None,
            None,
            Interval(0.0, 0.0, 0.0, 12, 6),
        )

    def test_of_no_data_is_none(self):
        comparison = paired([], [])
        assert (comparison.difference, comparison.p_value, comparison.effect) == (NOTHING, None, None)

    def test_has_nearly_the_same_interval_whether_ranks_are_exact_or_normal(self):
        values = np.random.default_rng(5).normal(size=51)
        exact, normal = paired(values[:50], range(50)).difference, paired(values, range(51)).difference
        assert normal.high - normal.low == pytest.approx(exact.high - exact.low, rel=0.1)

    @pytest.mark.parametrize("decimals", [0, 1, 8])
    def test_of_many_slots_has_the_p_of_scipy(self, decimals: int):
        for slots in (51, 80, 200):
            values = np.round(np.random.default_rng(slots).normal(0.2, 1, slots), decimals)
            expected = stats.wilcoxon(values[values != 0], method="asymptotic")
            assert paired(values, np.arange(slots)).p_value == pytest.approx(expected.pvalue)


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
