from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.analysis.statistics import Codes, Floats, change
from llm_bench.analysis.statistics.changes import LEAST_BEFORE_AND_AFTER, LEAST_TO_COMPARE, LEVEL, ORDERS

FEW = settings(max_examples=25)  # each one is a test of 1,999 orders


def similar(values: Floats) -> Floats:
    """The similarity of slots that have such a number each: of mean 0, and 0 on the diagonal."""
    centred = values - values.mean()
    alike = np.outer(centred, centred)
    np.fill_diagonal(alike, 0)
    alike -= alike.sum() / (alike.size - len(alike))
    np.fill_diagonal(alike, 0)
    return alike


def step(slots: int, at: int) -> Floats:
    return (np.arange(slots) >= at).astype(float)


class TestAChange:
    @pytest.mark.parametrize("at", [5, 10, 15])
    def test_is_found_where_it_is(self, at: int):
        tested = change(similar(step(20, at)))
        assert tested.at == at
        assert tested.p_value < 0.002

    def test_in_the_middle_of_the_fewest_slots_is_as_rare_as_its_order(self):
        """Of 11 slots, 2 of 462 orders put the same ones together."""
        tested = change(similar(step(11, 5)))
        assert tested.at == 5
        assert tested.p_value == pytest.approx(2 / 462, abs=0.004)

    def test_has_the_least_chance_at_its_moment(self):
        tested = change(similar(step(24, 12)))
        assert tested.chances[12] == tested.p_value == np.nanmin(tested.chances)

    def test_has_no_chance_near_the_ends(self):
        chances = change(similar(step(20, 10))).chances
        known = np.flatnonzero(~np.isnan(chances))
        assert (known.min(), known.max()) == (LEAST_BEFORE_AND_AFTER, 20 - LEAST_BEFORE_AND_AFTER)

    @FEW
    @given(seed=st.integers(0, 2**16), slots=st.integers(LEAST_TO_COMPARE, 30))
    def test_is_the_same_seen_from_the_end(self, seed: int, slots: int):
        values = np.random.default_rng(seed).normal(size=slots) + 3 * step(slots, slots // 2)
        forth, back = change(similar(values)), change(similar(values[::-1]))
        assert back.p_value == pytest.approx(forth.p_value, abs=0.05)
        assert (
            abs(back.at - (slots - forth.at)) <= 3
        )  # the orders are random, and neighbouring moments nearly as likely

    @FEW
    @given(seed=st.integers(0, 2**16), unit=st.floats(1e-3, 1e3))
    def test_is_the_same_in_any_unit(self, seed: int, unit: float):
        alike = similar(np.random.default_rng(seed).normal(size=16))
        tested, scaled = change(alike), change(alike * unit)
        assert (scaled.p_value, scaled.at) == (tested.p_value, tested.at)


class TestNoChange:
    def test_is_found_no_more_often_than_chance_has_it(self):
        draw = np.random.default_rng(3)
        p_values = np.array([change(similar(draw.normal(size=14))).p_value for _ in range(200)])
        assert np.mean(p_values <= 0.05) <= 0.09
        assert 0.35 <= np.mean(p_values <= 0.5) <= 0.65

    def test_of_slots_that_are_all_alike_is_certain(self):
        tested = change(np.zeros((20, 20)))
        assert tested.p_value == 1
        assert set(tested.chances[5:16]) == {1}

    def test_is_not_told_of_too_few_slots(self):
        tested = change(similar(step(LEAST_TO_COMPARE - 1, 5)))
        assert (tested.p_value, tested.at) == (None, None)
        assert np.isnan(tested.chances).all()


class TestTheLevel:
    def test_can_be_reached_by_four_llms_from_the_fewest_slots_on_and_not_below(self):
        """By the rarest of all, a clean change in the middle; seen from the end the sides are the same, too."""
        rarest = {slots: 2 / comb(slots, slots // 2) for slots in (LEAST_TO_COMPARE - 1, LEAST_TO_COMPARE)}
        assert 4 * rarest[LEAST_TO_COMPARE] < LEVEL < 4 * rarest[LEAST_TO_COMPARE - 1]


def counted_one_by_one(alike: Floats) -> Floats:
    """The chances, by the definition: the documented orders, and for each the means of the three parts of a matrix."""
    slots = len(alike)
    orders = np.random.default_rng(20_261_207).permuted(np.tile(np.arange(slots), (2_000, 1)), axis=1)
    orders[0] = np.arange(slots)
    moments = range(LEAST_BEFORE_AND_AFTER, slots - LEAST_BEFORE_AND_AFTER + 1)

    def discrepancy(order: Codes, moment: int) -> float:
        before, after = order[:moment], order[moment:]
        within = [
            alike[np.ix_(side, side)][~np.eye(len(side), dtype=bool)].mean() for side in (before, after)
        ]  # of different slots alone
        return float(sum(within) - 2 * alike[np.ix_(before, after)].mean())

    measured = np.array([[discrepancy(order, moment) for moment in moments] for order in orders])
    heights = (measured - measured.mean(axis=0)) / measured.std(axis=0)
    greatest = heights.max(axis=1)
    return np.array([np.mean(greatest >= height - 1e-9) for height in heights[0]])


class TestTheChance:
    def test_is_what_counting_one_by_one_gives(self):
        alike = np.random.default_rng(5).normal(1, 1, size=(13, 13))
        alike += alike.T
        np.fill_diagonal(alike, 0)
        expected = counted_one_by_one(alike)
        assert change(alike).chances[5:9] == pytest.approx(expected)
        assert change(alike).p_value == pytest.approx(expected.min())

    def test_is_counted_with_the_slots_own_order_among_the_others(self):
        draw = np.random.default_rng(8)
        p_value = change(similar(draw.normal(size=12))).p_value
        assert p_value * (ORDERS + 1) == pytest.approx(round(p_value * (ORDERS + 1)))
        assert 1 / (ORDERS + 1) <= p_value <= 1

    def test_of_a_moment_is_that_of_all_moments_together(self):
        """At the most likely one it is near the share of all ways to divide the slots that differ as much anywhere."""
        values = np.array([0.0, 0.1, 0.3, 0.2, 0.0, 0.9, 1.1, 1.0, 0.8, 1.2, 1.0, 0.9])
        tested = change(similar(values))
        better = sum(
            abs(np.mean(values[list(part)]) - np.mean(np.delete(values, part))) >= 0.8
            for size in (5, 6, 7)
            for part in combinations(range(12), size)
        )
        assert better <= 4  # of 2,508: hardly any other way
        assert tested.p_value < 0.01
