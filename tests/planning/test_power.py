"""The power is that of the report's own tests, so those tests are what it is held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.analysis.statistics.scopes import Grid, Scope, mean_of
from llm_bench.analysis.statistics.success import rate_difference
from llm_bench.planning.failing import Failing
from llm_bench.planning.power import LIKE, THESE, Design, share_of_rates_found, smallest, smallest_of_rates
from llm_bench.planning.variance import Parts

PARTS = Parts(question=0.3, day=0.05, slot=0.1, rest=0.5)
DESIGN = Design(days=4, slots=14, questions=20)
STUDIES = 600
CHANCE = 0.05
"""Three standard errors of a share of 80 % of so many studies."""


def found(parts: Parts, design: Design, size: float, level: float, scope: Scope) -> float:
    """In what share of studies that are drawn whole the report's test finds a difference of this size."""
    draws = np.random.default_rng(99)
    day, slot, question = (codes.ravel() for codes in np.indices((design.days, design.slots, design.questions)))
    below = 0
    for _ in range(STUDIES):
        values = size + parts.day * draws.standard_normal(design.days)[day]
        values += parts.slot * draws.standard_normal(design.all_slots)[day * design.slots + slot]
        if scope == LIKE:
            values += parts.question * draws.standard_normal(design.questions)[question]
        values += parts.rest * draws.standard_normal(day.size)
        p = mean_of(Grid.of(values, day, question), scope).p_value
        below += p is not None and p <= level
    return below / STUDIES


class TestTheSmallestDifference:
    @pytest.mark.parametrize(
        ("parts", "design", "level"),
        [
            (PARTS, DESIGN, 0.05),
            (PARTS, DESIGN, 0.05 / 6),
            (Parts(0.3, 0.0, 0.0, 0.0), DESIGN, 0.05),
            (Parts(0.0, 0.2, 0.1, 0.5), DESIGN, 0.05),
            (Parts(0.0, 0.0, 0.0, 0.5), DESIGN, 0.05),
            (PARTS, Design(days=8, slots=4, questions=10), 0.05),
        ],
        ids=["all vary", "after Holm", "questions vary", "days vary", "requests vary", "eight days"],
    )
    def test_is_found_in_80_percent_of_other_studies(self, parts: Parts, design: Design, level: float):
        size = smallest(parts, design, level)
        assert size is not None
        assert found(parts, design, size, level, LIKE) == pytest.approx(0.8, abs=CHANCE)

    def test_of_these_questions_is_found_in_80_percent_of_other_studies_of_them(self):
        size = smallest(PARTS, DESIGN, scope=THESE)
        assert size is not None
        assert found(PARTS, DESIGN, size, 0.05, THESE) == pytest.approx(0.8, abs=CHANCE)

    def test_of_these_questions_does_not_count_what_questions_make(self):
        fixed = Parts(0.0, PARTS.day, PARTS.slot, PARTS.rest)
        assert smallest(PARTS, DESIGN, scope=THESE) == smallest(fixed, DESIGN, scope=THESE)

    @pytest.mark.parametrize("what", ["days", "slots", "questions"])
    def test_is_smaller_with_more_of_anything(self, what: str):
        assert smallest(PARTS, DESIGN.doubled(what)) < smallest(PARTS, DESIGN)

    def test_is_no_smaller_with_more_slots_where_answers_are_always_the_same(self):
        fixed = Parts(0.2, 0.0, 0.0, 0.0)
        assert smallest(fixed, DESIGN.doubled("slots")) == smallest(fixed, DESIGN)

    def test_is_larger_after_a_correction(self):
        assert smallest(PARTS, DESIGN, 0.001) > smallest(PARTS, DESIGN, 0.05)

    def test_grows_with_the_unit(self):
        larger = Parts(*(10 * part for part in (PARTS.question, PARTS.day, PARTS.slot, PARTS.rest)))
        assert smallest(larger, DESIGN) == pytest.approx(10 * smallest(PARTS, DESIGN), rel=0.01)

    def test_is_zero_where_nothing_varies(self):
        assert smallest(Parts(0, 0, 0, 0), DESIGN) == 0

    @pytest.mark.parametrize("design", [Design(3, 14, 20), Design(4, 14, 5)])
    def test_is_none_where_the_report_concludes_nothing(self, design: Design):
        assert smallest(PARTS, design) is None

    def test_of_these_questions_takes_any_number_of_them(self):
        assert smallest(PARTS, Design(4, 14, 5), scope=THESE) is not None


FAILING = Failing(isolated=0.03, outages=0.0, length=1)


def drawn(failing: Failing, moved: float, studies: int, *, seed: int = 99) -> tuple[np.ndarray, np.ndarray]:
    """The successes of two LLMs in each slot of many studies, of 20 questions: the first fails more often."""
    draws = np.random.default_rng(seed)
    down = failing.down(draws, (2, studies), DESIGN.all_slots)
    shares = failing.isolated + np.array([moved / 2, -moved / 2])
    alone = draws.binomial(20, 1 - shares[:, None, None], down.shape)
    first, second = np.where(down, 0, alone).astype(float)
    return first, second


class TestTheShareOfRatesThatIsFound:
    @settings(max_examples=20, deadline=None)
    @given(
        st.sampled_from([FAILING, Failing(0.02, 0.1, 4), Failing(0.002, 0.1, 1), Failing(0.2, 0.0, 1)]),
        st.floats(0, 0.004),
        st.sampled_from([0.05, 0.05 / 6]),
        st.integers(0, 99),
    )
    def test_is_that_of_the_reports_test(self, failing: Failing, moved: float, level: float, seed: int):
        first, second = drawn(failing, moved, 10, seed=seed)
        asked = np.full(DESIGN.all_slots, 20.0)
        p_values = [rate_difference(one, other, asked).p_value for one, other in zip(first, second, strict=True)]
        expected = np.mean([p is not None and p <= level for p in p_values])
        assert share_of_rates_found(first, second, asked, level) == expected


class TestTheSmallestDifferenceOfSuccess:
    @pytest.mark.parametrize("failing", [FAILING, Failing(0.1, 0.02, 2)], ids=["isolated failures", "outages, too"])
    def test_is_found_in_80_percent_of_other_studies(self, failing: Failing):
        size = smallest_of_rates(failing, DESIGN)
        assert size is not None
        asked = np.full(DESIGN.all_slots, 20.0)
        moved = size / (1 - failing.outages)
        lower = max(0.0, failing.isolated - moved / 2)
        middle = Failing(lower + moved / 2, failing.outages, failing.length)
        first, second = drawn(middle, moved, STUDIES)
        assert share_of_rates_found(first, second, asked, 0.05) == pytest.approx(0.8, abs=CHANCE)

    def test_is_smaller_with_more_days(self):
        assert smallest_of_rates(FAILING, DESIGN.doubled("days")) < smallest_of_rates(FAILING, DESIGN)

    def test_is_larger_with_outages(self):
        assert smallest_of_rates(Failing(0.03, 0.05, 3), DESIGN) > smallest_of_rates(FAILING, DESIGN)

    def test_of_very_many_slots_shrinks_with_the_root_of_their_number(self):
        ten, forty = (smallest_of_rates(FAILING, Design(days, 50, 10)) for days in (10, 40))
        assert forty == pytest.approx(ten / 2)

    def test_is_none_with_too_few_slots(self):
        assert smallest_of_rates(FAILING, Design(1, 5, 20)) is None
