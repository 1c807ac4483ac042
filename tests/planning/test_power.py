"""The power is that of the report's own test, so that test is what it is held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.analysis import statistics
from llm_bench.planning.power import Design, share_found, smallest, smallest_of_shares
from llm_bench.planning.variance import Parts

PARTS = Parts(question=0.3, day=0.0, slot=0.1, rest=0.5)
DESIGN = Design(days=4, slots=14, questions=20)


def by_the_report(differences: np.ndarray, level: float) -> float:
    """The share of studies that the report's test finds."""
    slots = np.arange(differences.shape[1])
    p_values = [statistics.paired(study, slots).p_value for study in differences]
    return float(np.mean([p is not None and p <= level for p in p_values]))


class TestTheShareThatIsFound:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 60), st.floats(0, 1), st.sampled_from([0.05, 0.05 / 48]), st.integers(0, 99))
    def test_is_that_of_the_reports_test(self, slots: int, size: float, level: float, seed: int):
        differences = np.random.default_rng(seed).standard_normal((8, slots)) + size
        assert share_found(differences, level) == by_the_report(differences, level)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(1, 60), st.sampled_from([0.05, 0.05 / 48]), st.integers(0, 99))
    def test_is_that_of_the_reports_test_with_ties_and_zeros(self, slots: int, level: float, seed: int):
        draws = np.random.default_rng(seed)
        differences = (draws.binomial(20, 0.99, (8, slots)) - draws.binomial(20, 0.93, (8, slots))) / 20
        assert share_found(differences, level) == by_the_report(differences, level)

    def test_is_none_where_nothing_differs(self):
        assert share_found(np.zeros((5, 20)), 0.05) == 0

    def test_is_the_level_where_there_is_no_difference(self):
        assert share_found(np.random.default_rng(1).standard_normal((4000, 56)), 0.05) == pytest.approx(0.05, abs=0.01)


class TestTheSmallestDifference:
    @pytest.mark.parametrize("day", [0.0, 0.05])
    @pytest.mark.parametrize("level", [0.05, 0.05 / 48])
    def test_is_found_in_80_percent_of_other_studies(self, day: float, level: float):
        parts = Parts(0.3, day, 0.1, 0.5)
        size = smallest(parts, DESIGN, level)
        draws = np.random.default_rng(99)
        days = np.repeat(draws.normal(0, day, (2000, DESIGN.days)), DESIGN.slots, axis=1)
        means = days + draws.normal(size, parts.within_day(DESIGN.questions), days.shape)
        assert share_found(means, level) == pytest.approx(0.8, abs=0.03)

    @pytest.mark.parametrize("what", ["days", "slots", "questions"])
    def test_is_smaller_with_more_of_anything(self, what: str):
        assert smallest(PARTS, DESIGN.doubled(what)) < smallest(PARTS, DESIGN)

    def test_is_larger_after_a_correction(self):
        assert smallest(PARTS, DESIGN, 0.001) > smallest(PARTS, DESIGN, 0.05)

    def test_grows_with_the_unit(self):
        larger = Parts(*(10 * part for part in (PARTS.question, PARTS.day, PARTS.slot, PARTS.rest)))
        assert smallest(larger, DESIGN) == pytest.approx(10 * smallest(PARTS, DESIGN))

    def test_is_none_with_too_few_slots_for_the_level(self):
        assert smallest(PARTS, Design(1, 5, 20)) is None
        assert smallest(PARTS, Design(1, 6, 20)) is not None
        assert smallest(PARTS, Design(1, 6, 20), 0.001) is None

    def test_does_not_count_what_a_single_day_makes(self):
        assert smallest(Parts(0, 5.0, 0.1, 0.5), Design(1, 14, 20)) == smallest(PARTS, Design(1, 14, 20))

    def test_is_zero_where_nothing_varies(self):
        assert smallest(Parts(1, 0, 0, 0), DESIGN) == 0

    def test_of_very_many_slots_is_that_of_the_runs_that_are_compared(self):
        many = Design(days=40, slots=14, questions=20)
        assert many.clusters <= 100
        assert smallest(PARTS, many) == pytest.approx(smallest(PARTS, DESIGN) * 10**-0.5, rel=0.06)


class TestTheSmallestDifferenceOfSuccess:
    @pytest.mark.parametrize(("share", "slot"), [(0.97, 0.0), (0.8, 0.05)])
    def test_is_found_in_80_percent_of_other_studies(self, share: float, slot: float):
        size = smallest_of_shares(share, slot, DESIGN)
        draws = np.random.default_rng(99)
        upper = min(1, share + size / 2)
        lower = np.clip(upper - size + draws.normal(0, slot, (2000, 56)), 0, 1)
        means = (draws.binomial(20, upper, (2000, 56)) - draws.binomial(20, lower)) / 20
        assert share_found(means, 0.05) == pytest.approx(0.8, abs=0.03)

    def test_is_none_with_too_few_slots(self):
        assert smallest_of_shares(0.97, 0, Design(1, 5, 20)) is None
