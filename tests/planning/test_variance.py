from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.planning.variance import Parts, estimate, pooled

STATED = Parts(question=9.0, day=8.0, slot=7.0, rest=6.0)


def made_up(truth: Parts, *, days: int, slots: int, questions: int, seed: int = 1) -> dict[str, Any]:
    """Differences that vary by so much."""
    draws = np.random.default_rng(seed)
    day, slot, question = (
        part.ravel() for part in np.meshgrid(np.arange(days), np.arange(slots), np.arange(questions), indexing="ij")
    )
    slot = day * slots + slot
    parts = [
        truth.question * draws.standard_normal(questions)[question],
        truth.day * draws.standard_normal(days)[day],
        truth.slot * draws.standard_normal(days * slots)[slot],
        truth.rest * draws.standard_normal(day.size),
    ]
    return {"differences": sum(parts), "questions": question, "slots": slot, "days": day}


class TestThePartsOfADifference:
    def test_are_found_where_records_show_them(self):
        truth = Parts(question=0.4, day=0.3, slot=0.2, rest=0.5)
        parts = estimate(**made_up(truth, days=60, slots=10, questions=60), stated=STATED)
        assert parts.assumed == ()
        assert (parts.question, parts.day, parts.slot, parts.rest) == pytest.approx((0.4, 0.3, 0.2, 0.5), rel=0.25)

    def test_are_zero_where_nothing_but_the_rest_varies(self):
        parts = estimate(**made_up(Parts(0, 0, 0, 1), days=30, slots=10, questions=20), stated=STATED)
        assert parts.rest == pytest.approx(1, rel=0.05)
        assert max(parts.day, parts.slot, parts.question) < 0.1

    @given(st.floats(-1e3, 1e3), st.floats(0.01, 100), st.integers(0, 99))
    def test_do_not_depend_on_the_mean_and_grow_with_the_unit(self, mean: float, unit: float, seed: int):
        columns = made_up(Parts(0.4, 0.3, 0.2, 0.5), days=3, slots=4, questions=5, seed=seed)
        parts = estimate(**columns, stated=STATED)
        moved = estimate(**columns | {"differences": mean + unit * columns["differences"]}, stated=STATED)
        expected = [unit * part for part in (parts.question, parts.day, parts.slot, parts.rest)]
        assert [moved.question, moved.day, moved.slot, moved.rest] == pytest.approx(expected, abs=1e-4 + unit * 1e-3)

    @given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(0, 40))
    def test_are_finite_for_any_records(self, days: int, slots: int, questions: int, lost: int):
        columns = made_up(Parts(1, 1, 1, 1), days=days, slots=slots, questions=questions)
        kept = np.random.default_rng(lost).random(columns["slots"].size) > lost / 60
        parts = estimate(**{name: column[kept] for name, column in columns.items()}, stated=STATED)
        assert all(np.isfinite([parts.question, parts.day, parts.slot, parts.rest]))
        assert min(parts.question, parts.day, parts.slot, parts.rest) >= 0


class TestWhatRecordsCannotShow:
    def test_is_all_of_it_where_there_are_none(self):
        empty = np.array([], dtype=np.intp)
        parts = estimate(np.array([]), empty, empty, empty, STATED)
        assert (parts.slot, parts.rest, len(parts.assumed)) == (7.0, 6.0, 4)

    def test_is_what_days_and_slots_make_and_how_questions_differ_where_there_is_one_slot(self):
        parts = estimate(**made_up(Parts(0.3, 0, 0, 0.4), days=1, slots=1, questions=400), stated=STATED)
        assert parts.assumed == ("question", "day", "slot")
        assert np.hypot(parts.question, parts.rest) == pytest.approx(0.5, rel=0.1)
        assert parts.question / parts.rest == pytest.approx(STATED.question / STATED.rest)
        assert parts.slot == STATED.slot

    @pytest.mark.parametrize(("days", "slots"), [(1, 5), (2, 5), (5, 1)])
    def test_is_the_day_where_there_are_too_few_or_each_has_one_slot(self, days: int, slots: int):
        parts = estimate(**made_up(Parts(0, 0, 1, 1), days=days, slots=slots, questions=9), stated=STATED)
        assert (parts.assumed, parts.day) == (("day",), STATED.day)


class TestATypicalPair:
    def test_has_the_root_of_the_mean_square_of_each_part(self):
        both = pooled([Parts(3, 0, 1, 2), Parts(4, 0, 1, 2, ("day",))])
        assert both == Parts(pytest.approx(12.5**0.5), 0, 1, 2, ("day",))

    def test_of_one_pair_is_that_pair(self):
        assert pooled([STATED]) == STATED
