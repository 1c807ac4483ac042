from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llm_bench.planning.failing import Failing
from llm_bench.planning.plan import Duration, as_json
from llm_bench.planning.power import Design
from llm_bench.planning.prospects import (
    ASSUMED,
    ASSUMED_FAILING,
    Pair,
    Prospect,
    prospect,
    prospect_of_success,
)
from llm_bench.planning.variance import Parts
from llm_bench.planning.words import facts, rows, warnings
from planning.made import GROQ, OTHER, account, plan


def plainly(text: str) -> str:
    """With spaces that any keyboard has."""
    return text.replace("\u202f", " ")


def said(about: str, *planned: object, **changes: object) -> list[str]:
    made = plan(**changes)
    return [plainly(words) for name, words in facts(made) if name == about]


class TestWhatIsRefused:
    def test_is_said_with_the_limit_and_with_what_would_fit(self):
        assert [plainly(words) for words in warnings(plan(accounts=(account(),)))] == [
            "groq/some-model: 280 requests and about 0.600 M tokens a day; limit 100,000 tokens a day: 37 questions a "
            "day will be refused; it would fit with batches_per_period: 2, or contexts of 300 tokens "
            "(max_context_tokens), or 7 keys in place of one (connection of an LLM's entry), or a higher tier"
        ]

    def test_is_said_with_the_limits_of_a_day_where_only_the_longest_answers_are_over_them(self):
        close = replace(account(3), exceeded=())
        (words,) = warnings(plan(accounts=(close,)))
        assert plainly(words).endswith("; limit 100,000 tokens a day: 3 questions a day will be refused")

    def test_needs_a_hand(self):
        assert plan(accounts=(account(),)).needs_a_hand
        assert not plan(accounts=(account(0),)).needs_a_hand

    def test_is_nothing_where_all_fits(self):
        assert list(warnings(plan(accounts=(account(0),)))) == []


class TestTheDurationOfABatch:
    def test_is_said_beside_the_time_that_there_is(self):
        (words,) = said("Duration")
        assert words == (
            "about 40 s from the first request to the last answer, at the paced rate; of 51 min to the next batch"
        )

    def test_that_outlasts_the_spacing_needs_a_hand(self):
        slow = plan(duration=Duration(4000.0, 4100.0, 4200.0, 3085.0, fitting=10))
        assert slow.needs_a_hand
        (words,) = warnings(slow)
        assert plainly(words).startswith(
            "a batch is done 70 min after its slot, and the next is due after 51 min: it would fit with "
            "batches_per_period: 10, or "
        )

    def test_without_a_window_is_said_alone(self):
        (words,) = said("Duration", duration=Duration(40.0, 40.0, 50.0, None))
        assert words.endswith("at the paced rate")


class TestWhatIsAsked:
    def test_is_said_to_the_end_and_as_a_whole_once_the_study_has_begun(self):
        assert said("Batches", to_come=6) == ["6 of 56 to come, 14 a day"]
        assert said("To come", to_come=6)[0].startswith("240 requests, about 0.514 M tokens (0.240 M in, 0.274 M out")
        assert said("Whole", to_come=6)[0].startswith("2,240 requests")

    def test_names_the_llms_without_a_price(self):
        unpriced = replace(OTHER, request=replace(OTHER.request, cost_usd=None))
        assert said("A batch", llms=(GROQ, unpriced))[0].endswith("$0.0200 without mistral/other")

    def test_stands_in_a_row_for_each_llm_and_each_shared_account_of_a_provider(self):
        twin = replace(GROQ, name="again")
        assert [row[:3] for row in rows(plan(GROQ, twin, OTHER))] == [
            ("groq/some-model", "1,120", "280"),
            ("again", "1,120", "280"),
            ("mistral/other", "1,120", "280"),
            ("all by llm_groq", "2,240", "560"),
        ]

    def test_of_a_study_without_a_window_is_a_batch_and_nothing_a_day(self):
        assert [row[:3] for row in rows(plan(GROQ, batches=0, to_come=0, a_day=0))] == [("groq/some-model", "20", "—")]


DESIGN = Design(days=4, slots=14, questions=20)
ALL = ("question", "day", "slot", "rest")


def of_means(metric: str, parts: Parts, design: Design = DESIGN, comparisons: int = 6) -> Prospect:
    return prospect(metric, [Pair("a", "b", parts)], design, comparisons)


def of_success(failing: Failing = ASSUMED_FAILING, design: Design = DESIGN) -> Prospect:
    return prospect_of_success([failing], design, 42)


class TestWhatAStudyCanShow:
    @pytest.mark.parametrize(
        ("made", "beginning", "scope"),
        [
            (of_means("latency_sec", ASSUMED["latency_sec"]), "Latency ratio: 1.", "questions like these"),
            (of_means("coverage_score", ASSUMED["coverage_score"]), "Coverage difference: 0.1", "questions like these"),
            (of_success(), "Success difference: 1.", "these questions"),
        ],
        ids=["latency", "coverage", "success"],
    )
    def test_is_said_in_the_metrics_own_terms_with_its_scope(self, made: Prospect, beginning: str, scope: str):
        (words,) = said("Can show", prospects=(made,))
        assert words.startswith(beginning)
        assert f" and more for {scope}, on days like these (" in words
        assert f"after Holm over {made.comparisons} comparisons" in words

    def test_is_said_for_these_questions_alone_where_that_is_another_size(self):
        (words,) = said("Can show", prospects=(of_means("latency_sec", ASSUMED["latency_sec"]),))
        assert "; 1.15 for these questions alone" in words
        (words,) = said("Can show", prospects=(of_means("latency_sec", Parts(0, 0.2, 0, 0)),))
        assert "alone" not in words

    def test_is_said_with_what_buys_most(self):
        (words,) = said("Can show", prospects=(of_means("latency_sec", Parts(0.1, 0.2, 0.0, 0.1)),))
        assert "; twice the days would buy most: " in words

    def test_is_nothing_with_too_few_days_but_for_what_would_help(self):
        (words,) = said("Can show", prospects=(of_means("latency_sec", ASSUMED["latency_sec"], Design(2, 4, 20)),))
        assert words.startswith("Latency ratio: none with fewer than 4 days; twice the days would buy most: 1.")

    def test_is_said_of_these_questions_where_there_are_too_few_for_more(self):
        (words,) = said("Can show", prospects=(of_means("latency_sec", ASSUMED["latency_sec"], Design(4, 14, 5)),))
        assert words.startswith("Latency ratio: none with fewer than 6 questions; 1.")
        assert " for these questions alone" in words

    def test_is_nothing_of_success_with_too_few_slots(self):
        (words,) = said("Can show", prospects=(of_success(design=Design(1, 5, 20)),))
        assert words.startswith("Success difference: none with fewer than 6 slots")


class TestWhatIsAssumed:
    def test_is_said_part_by_part(self):
        parts = replace(ASSUMED["latency_sec"], assumed=ALL)
        assert said("Assumed", prospects=(of_means("latency_sec", parts),)) == [
            "Latency: two LLMs differ by 30 % from question to question (LLM × question), 5 % from day to day, "
            "10 % from slot to slot, 50 % from request to request"
        ]

    def test_is_only_what_records_could_not_show(self):
        parts = replace(ASSUMED["coverage_score"], assumed=("slot",))
        assert said("Assumed", prospects=(of_means("coverage_score", parts),)) == [
            "Coverage: two LLMs differ by 0.0100 from slot to slot"
        ]

    def test_is_nothing_where_records_show_all(self):
        assert said("Assumed", prospects=(of_means("latency_sec", ASSUMED["latency_sec"]),)) == []

    def test_of_success_is_how_requests_fail(self):
        failing = replace(ASSUMED_FAILING, assumed=("isolated failures", "outages"))
        assert said("Assumed", prospects=(of_success(failing),)) == [
            "Success: 2 % of the requests fail, each by itself, no outages"
        ]


class TestItsJSON:
    def test_has_all_that_is_said(self):
        made = of_means("latency_sec", ASSUMED["latency_sec"])
        content = json.loads(json.dumps(as_json(plan(accounts=(account(),), prospects=(made, of_success())))))
        assert content["to_come"]["requests"] == 2240
        assert content["accounts"][0]["refused"] == 37
        assert content["accounts"][0]["exceeded"][0]["remedy"] == {
            "batches": 2,
            "context_tokens": 300,
            "accounts": 7,
        }
        assert content["duration"]["fits"] is True
        assert [made["metric"] for made in content["prospects"]] == ["latency_sec", "success"]
        assert content["prospects"][0]["basis"]["question"] == 0.3
        assert content["prospects"][1]["basis"]["isolated"] == 0.02
        assert content["needs_a_hand"] is True
