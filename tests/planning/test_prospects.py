from __future__ import annotations

from dataclasses import replace

import pytest

from llm_bench.planning.power import Design, smallest
from llm_bench.planning.prospects import ASSUMED, Pair, Prospect, prospect
from llm_bench.planning.variance import Parts

DESIGN = Design(days=4, slots=14, questions=20)
PARTS = Parts(question=0.3, day=0.0, slot=0.05, rest=0.5)


def shown(metric: str = "latency_sec", *parts: Parts, design: Design = DESIGN, comparisons: int = 48) -> Prospect:
    pairs = [Pair(f"a{number}", "b", each) for number, each in enumerate(parts or (PARTS,))]
    prospected = prospect(metric, pairs, design, comparisons)
    assert prospected is not None
    return prospected


class TestTheSmallestDifference:
    def test_of_latency_is_a_ratio_of_the_slower_to_the_faster(self):
        size = smallest(PARTS, DESIGN)
        assert size is not None
        assert shown().typical == pytest.approx((1 + size / 2) / (1 - size / 2))

    def test_of_latency_is_none_where_no_ratio_is_so_large(self):
        assert shown("latency_sec", replace(PARTS, rest=50.0)).typical is None

    def test_of_a_score_is_a_difference(self):
        assert shown("coverage_score").typical == smallest(PARTS, DESIGN)

    def test_is_larger_after_holm(self):
        assert shown().after_holm > shown().typical

    def test_is_that_of_the_worst_pair_beside_the_typical_one(self):
        prospected = shown("coverage_score", PARTS, replace(PARTS, rest=1.0))
        assert prospected.widest is not None
        assert prospected.widest[0] == "a1 · b"
        assert prospected.of_pairs["a0 · b"] < prospected.typical < prospected.widest[1]

    def test_of_questions_like_these_is_larger(self):
        prospected = shown("coverage_score")
        assert prospected.like_these > prospected.typical

    def test_of_questions_like_these_is_not_known_where_no_record_shows_how_they_vary(self):
        assert shown("coverage_score", replace(PARTS, assumed=("question",))).like_these is None

    @pytest.mark.parametrize("metric", ASSUMED)
    def test_is_none_with_too_few_slots(self, metric: str):
        prospected = shown(metric, design=Design(1, 4, 20))
        assert (prospected.typical, prospected.after_holm, prospected.widest) == (None, None, None)

    def test_needs_two_llms(self):
        assert prospect("latency_sec", [], DESIGN, 0) is None


class TestWhatBuysMost:
    def test_is_days_where_days_vary(self):
        assert shown("coverage_score", Parts(0, 0.2, 0.01, 0.1)).most == ("days",)

    def test_is_slots_or_days_where_only_slots_vary(self):
        assert set(shown("coverage_score", Parts(0, 0, 0.2, 0.1)).most) == {"slots", "days"}

    def test_is_any_of_them_where_only_the_rest_varies(self):
        assert set(shown("coverage_score", Parts(0, 0, 0, 0.5)).most) == {"slots", "questions", "days"}

    def test_is_said_with_what_would_be_then(self):
        prospected = shown("coverage_score")
        assert all(prospected.doubled[what] < prospected.typical for what in prospected.most)
