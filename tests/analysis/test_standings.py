"""Which LLM is best, as the comparisons of each two say it, and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analysis.test_pairs import LOOKS, A, B, C, D, pair
from llm_bench.analysis import charts, tables
from llm_bench.analysis.queries import Drift, HourTest
from llm_bench.analysis.standings import standing, steadiness
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.scopes import FEW_DAYS
from llm_bench.analysis.verdicts import facing, turned

ALIKE = "no difference that matters"
NOTHING = Interval(1.8, None, None, 20, 1, FEW_DAYS)


def untested(first: str, second: str):
    return replace(pair(first, second, "can't tell", reason=FEW_DAYS), p=None, p_holm=None, size=NOTHING)


def said(*pairs: Any, metric: str = "latency_sec") -> tables.Answer:
    return tables.answer(pairs, metric, LOOKS)


class TestTheBestOne:
    def test_is_better_than_each_other(self):
        answer = said(pair(A, B, "less"), pair(A, C, "less"), pair(B, C, "more"))
        assert (answer.outcome, answer.llms) == ("better", [A])
        assert answer.words.startswith("faster than b and c: ")

    def test_stands_beside_the_nearest_one_with_how_much(self):
        near, far = Interval(0.8, 0.7, 0.9, 900, 4), Interval(0.1, 0.05, 0.2, 900, 4)
        answer = said(pair(A, B, "less", size=near), pair(C, A, "more", size=Interval(10, 5, 20, 900, 4)))
        assert answer.words == "faster than b and c: 0.800 times as long as b [0.700, 0.900]."
        assert said(pair(A, B, "less", size=far)).words == "faster than b: 0.100 times as long [0.0500, 0.200]."

    def test_may_be_the_second_of_its_pairs(self):
        answer = said(pair(A, B, "more"))
        assert answer.llms == [B]
        assert answer.words == "faster than a: 0.556 times as long [0.526, 0.588]."

    def test_is_named_where_some_cant_be_told(self):
        answer = said(pair(A, B, "less"), pair(A, C, "can't tell"), pair(B, C, "less"))
        assert answer.llms == [A]
        assert answer.words.endswith("; it can't be told of c.")

    def test_isnt_said_of_scores_by_their_words_alone(self):
        answer = said(pair(A, B, "more", "success"), metric="success")
        assert answer.words.startswith("more reliable than b: ")

    def test_leaves_out_whose_number_isnt_known(self):
        answer = said(pair(A, B, "less", "cost_usd"), pair(A, C, "can't tell", "cost_usd", n=0), metric="cost_usd")
        assert answer.llms == [A]
        assert answer.words.endswith("; no price is known of c.")


class TestSeveralBestOnes:
    def test_are_alike_where_no_difference_matters(self):
        answer = said(pair(A, B, ALIKE), pair(A, C, "less"), pair(B, C, "less"))
        assert (answer.outcome, answer.llms) == (ALIKE, [A, B])
        assert answer.words == f"{ALIKE} between the two; c is slower than one of them."

    def test_cant_be_told_apart_otherwise(self):
        answer = said(pair(A, B, "can't tell"), pair(A, C, "less"), pair(B, C, "less"))
        assert (answer.outcome, answer.llms) == ("can't tell", [])
        assert answer.words == "can't tell which of a and b; c is slower than one of them."

    def test_are_all_where_nothing_is_known(self):
        assert said(pair(A, B, "can't tell")).words == "can't tell from these 4 days."

    def test_are_not_tested_where_nothing_was(self):
        assert said(untested(A, B)).words == "not tested beyond this one day: it takes at least 4."


class TestManyLLMs:
    def test_are_counted_where_they_are_too_many_to_name(self):
        llms = [f"groq/m{number}" for number in range(8)]
        answer = tables.answer([pair(llms[0], llm, "less") for llm in llms[1:]], "latency_sec", charts.looks(llms))
        assert answer.words.startswith("faster than m1, m2, m3 and 4 others: ")


class TestAStanding:
    def test_leaves_out_twins_and_other_metrics(self):
        known = standing(
            [pair(A, B, "less"), pair(A, C, "less", twins=True), pair(A, D, "less", "success")], "latency_sec"
        )
        assert known.llms == [A, B]

    def test_begins_with_those_that_are_better_than_most(self):
        assert standing([pair(A, B, "more"), pair(A, C, "more"), pair(B, C, "more")], "latency_sec").llms == [C, B, A]


class TestTheMatrixOfWins:
    def test_says_of_each_two_who_is_better_from_both_sides(self):
        order, cells = tables.wins([pair(A, B, "less"), pair(A, C, ALIKE), untested(B, C)], "latency_sec", LOOKS)
        assert order[0] == A
        signs = {two: cell.sign for two, cell in cells.items()}
        assert signs == {(A, B): "+", (B, A): "−", (A, C): "=", (C, A): "=", (B, C): "·", (C, B): "·"}

    def test_says_how_much_in_words(self):
        _, cells = tables.wins([pair(A, B, "more")], "latency_sec", LOOKS)
        assert cells[A, B].said == "a: slower than b; 1.80 times as long [1.70, 1.90], p = 0.004; 900 pairs"
        assert cells[B, A].said == "b: faster than a; 0.556 times as long [0.526, 0.588], p = 0.004; 900 pairs"

    def test_never_has_a_p_where_nothing_was_tested(self):
        _, cells = tables.wins([untested(A, B)], "latency_sec", LOOKS)
        assert cells[A, B].said == (
            "a: not tested beyond this one day: it takes at least 4, beside b; 1.80 times as long; 900 pairs"
        )


class TestAComparisonSeenFromTheSecond:
    def test_turned_twice_is_the_same(self):
        known = pair(A, B, "more", "success", size=Interval(-0.02, -0.05, 0.01, 900, 4))
        assert turned(turned(known)) == known
        assert turned(known).size == Interval(0.02, -0.01, 0.05, 900, 4)
        assert turned(known).verdict == "less"

    def test_stands_among_those_of_one_llm(self):
        pairs = [pair(A, B, "more"), pair(C, A, "more"), pair(B, C, "less"), pair(A, D, "less", "success")]
        assert [(known.first, known.second) for known in facing(pairs, "latency_sec", A)] == [(A, B), (A, C)]


class TestSteadiness:
    flat, steep = Interval(1.02, 1.0, 1.05, 56, 4), Interval(1.5, 1.2, 1.9, 56, 4)

    def known(self, **sizes: tuple[Interval, float | None]):
        hours = [HourTest(llm, p, size) for llm, (size, p) in sizes.items()]
        return steadiness(hours, [Drift(llm, 0.8, self.flat) for llm in sizes], 1.1)

    def test_is_of_those_whose_times_dont_change_by_what_matters(self):
        known = self.known(**{A: (self.flat, 0.4), B: (self.steep, 0.01)})
        assert (known.outcome, known.steady, known.by_hour) == ("better", [A], [B])
        assert tables.steadiest(known, LOOKS).words == (
            "no difference that matters between times of day, nor from day to day; latency changes: that of b with "
            "the time of day."
        )

    def test_cant_be_told_where_none_is_shown_to_be_steady(self):
        known = self.known(**{A: (Interval(1.1, 0.9, 1.5, 56, 4), 0.4), B: (self.steep, 0.01)})
        assert tables.steadiest(known, LOOKS).words == (
            "can't tell; latency changes: that of b with the time of day; nothing can be told of a."
        )

    def test_isnt_tested_with_too_little(self):
        few = Interval(1.2, None, None, 8, 1, FEW_DAYS)
        known = steadiness([HourTest(A, None, few)], [Drift(A, None, few)], 1.1)
        assert tables.steadiest(known, LOOKS).words == "not tested: too few days or slots."
