from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from llm_bench.analysis.statistics import LEAST_SLOTS, Differs, differs


class TestLevelsThatDiffer:
    def random(self, slots=30, each=12):
        chance = np.random.default_rng(5)
        slot = np.repeat(np.arange(slots), each)
        return chance, slot, chance.integers(3, size=slot.size)

    def test_are_found_through_the_course_of_the_slots(self):
        chance, slot, level = self.random()
        values = 10 * np.sin(slot) + 0.5 * level + chance.normal(size=slot.size)
        assert differs(values, slot, level).p_value < 0.001
        assert differs(values, slot, level).slots == 30

    def test_are_not_found_where_each_has_slow_slots_of_its_own(self):
        chance, slot, level = self.random(slots=40, each=60)
        values = chance.normal(size=(40, 3))[slot, level] + 0.1 * chance.normal(size=slot.size)
        assert differs(values, slot, level).p_value > 0.01

    def test_are_compared_alike_whether_values_are_counted_or_stand_each(self):
        chance, slot, level = self.random()
        values = chance.integers(5, size=slot.size).astype(float)
        cells, counts = np.unique(np.stack([values, slot, level]), axis=1, return_counts=True)
        assert differs(values, slot, level).p_value == pytest.approx(differs(*cells, weights=counts).p_value)

    def test_cant_be_compared_in_slots_that_have_one_alone(self):
        slot = np.arange(30)
        assert differs(np.random.default_rng(1).normal(size=30), slot, slot % 2) == Differs(None, 0)

    def test_cant_be_compared_where_nothing_is_known(self):
        assert differs([np.nan], [1], [1]) == Differs(None, 0)

    def test_that_have_one_value_alone_are_no_finding(self):
        _, slot, level = self.random()
        assert differs(np.ones(slot.size), slot, level).p_value is None

    @pytest.mark.parametrize("level", [0, 1])
    def test_are_two_as_a_t_test_of_what_slots_say_has_it(self, level):
        from scipy.stats import ttest_1samp

        chance = np.random.default_rng(8)
        slot, levels = np.repeat(np.arange(20), 10), chance.integers(2, size=200)
        values = chance.normal(size=200) + 0.3 * levels
        above = [((rankdata(values[slot == s]) - 5.5) / 10)[levels[slot == s] == level].sum() for s in range(20)]
        assert differs(values, slot, levels).p_value == pytest.approx(ttest_1samp(above, 0).pvalue)

    def test_take_a_tie_for_what_it_is(self):
        _, slot, level = self.random()
        values = np.where(level == 2, 1.0, 0.0)
        assert differs(values, slot, level).p_value < 0.001

    @pytest.mark.parametrize(("slots", "known"), [(LEAST_SLOTS - 1, False), (LEAST_SLOTS, True)])
    def test_need_so_many_slots(self, slots, known):
        chance, slot, level = self.random(slots)
        result = differs(chance.normal(size=slot.size), slot, level)
        assert (result.p_value is not None) == known
        assert result.slots == slots

    def test_are_the_same_in_any_order_and_by_any_name(self):
        chance, slot, level = self.random()
        values, order = chance.normal(size=slot.size), chance.permutation(slot.size)
        names = np.array(["c", "a", "b"])
        assert differs(values[order], slot[order], names[level[order]]).p_value == pytest.approx(
            differs(values, slot, level).p_value
        )
