from __future__ import annotations

import math
from dataclasses import replace

import pytest

from llm_bench.planning.failing import Failing
from llm_bench.planning.power import Design, smallest
from llm_bench.planning.prospects import ASSUMED, ASSUMED_FAILING, Pair, Prospect, prospect, prospect_of_success
from llm_bench.planning.variance import Parts

DESIGN = Design(days=4, slots=14, questions=20)
PARTS = Parts(question=0.2, day=0.0, slot=0.05, rest=0.5)


def shown(metric: str = "latency_sec", *parts: Parts, design: Design = DESIGN, comparisons: int = 6) -> Prospect:
    pairs = [Pair(f"a{number}", "b", each) for number, each in enumerate(parts or (PARTS,))]
    return prospect(metric, pairs, design, comparisons)


class TestTheSmallestDifference:
    def test_of_latency_is_a_ratio_of_the_slower_to_the_faster(self):
        size = smallest(PARTS, DESIGN)
        assert size is not None
        assert shown().typical == pytest.approx(math.exp(size))

    def test_of_a_score_is_a_difference(self):
        assert shown("coverage_score").typical == smallest(PARTS, DESIGN)

    def test_of_a_score_is_none_where_scores_cannot_differ_so_much(self):
        assert shown("coverage_score", replace(PARTS, rest=50.0)).typical is None

    def test_is_larger_after_holm(self):
        assert shown().after_holm > shown().typical

    def test_is_that_of_the_worst_pair_beside_the_typical_one(self):
        prospected = shown("coverage_score", PARTS, replace(PARTS, rest=1.0))
        assert prospected.widest is not None
        assert prospected.widest[0] == "a1 · b"
        assert prospected.of_pairs["a0 · b"] < prospected.typical < prospected.widest[1]

    def test_is_for_questions_like_these_and_smaller_for_these_alone(self):
        prospected = shown("coverage_score")
        assert prospected.scope == "questions like these"
        assert prospected.these < prospected.typical

    @pytest.mark.parametrize("metric", ASSUMED)
    def test_is_none_with_too_few_days(self, metric: str):
        prospected = shown(metric, design=Design(3, 40, 20))
        assert (prospected.typical, prospected.after_holm, prospected.widest) == (None, None, None)
        assert prospected.doubt == "few days"

    def test_is_only_that_of_these_questions_with_too_few_of_them(self):
        prospected = shown(design=Design(4, 14, 5))
        assert (prospected.typical, prospected.doubt) == (None, "few questions")
        assert prospected.these > 1


class TestTheSmallestDifferenceOfSuccess:
    def test_is_for_these_questions(self):
        prospected = prospect_of_success([ASSUMED_FAILING], DESIGN, 21)
        assert (prospected.scope, prospected.these) == ("these questions", None)
        assert 0 < prospected.typical < prospected.after_holm < 0.1

    def test_is_that_of_a_typical_pair(self):
        both = prospect_of_success([Failing(0.01, 0, 1), Failing(0.03, 0, 1)], DESIGN, 21)
        assert both.basis == Failing(pytest.approx(0.02), 0.0, 1.0)

    def test_is_none_with_too_few_slots(self):
        prospected = prospect_of_success([ASSUMED_FAILING], Design(1, 5, 20), 21)
        assert (prospected.typical, prospected.doubt) == (None, "few slots")


class TestWhatBuysMost:
    def test_is_days_where_days_vary(self):
        assert shown("coverage_score", Parts(0, 0.2, 0.01, 0.1)).most == ("days",)

    def test_is_days_where_only_slots_vary_as_four_days_are_few(self):
        assert shown("coverage_score", Parts(0, 0, 0.2, 0.1)).most == ("days",)

    def test_is_questions_where_answers_are_always_the_same(self):
        assert shown("coverage_score", Parts(0.2, 0, 0, 0)).most == ("questions",)

    def test_is_days_where_there_are_too_few_of_them(self):
        prospected = shown(design=Design(3, 14, 20))
        assert prospected.most == ("days",)
        assert prospected.doubled["days"] > 1

    def test_is_said_with_what_would_be_then(self):
        prospected = shown("coverage_score")
        assert all(prospected.doubled[what] < prospected.typical for what in prospected.most)
