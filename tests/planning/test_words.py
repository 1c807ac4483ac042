from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llm_bench.planning.plan import Duration, as_json
from llm_bench.planning.power import Design
from llm_bench.planning.prospects import ASSUMED, Pair, prospect
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


class TestWhatAStudyCanShow:
    def words(self, metric: str, parts: Parts, design: Design = DESIGN) -> str:
        made = prospect(metric, [Pair("a", "b", parts)], design, 48)
        assert made is not None
        return said("Can show", prospects=(made,))[0]

    @pytest.mark.parametrize(
        ("metric", "beginning"),
        [
            ("latency_sec", "Latency ratio: 1."),
            ("coverage_score", "Coverage difference: 0.0"),
            ("success", "Success difference: 2."),
        ],
    )
    def test_is_said_in_the_metrics_own_terms(self, metric: str, beginning: str):
        words = self.words(metric, ASSUMED[metric])
        assert words.startswith(beginning)
        assert "after Holm over 48 comparisons" in words

    def test_is_said_with_what_buys_most(self):
        assert "; twice the days would buy most: " in self.words("latency_sec", Parts(0.3, 0.2, 0.0, 0.1))

    def test_is_nothing_with_too_few_slots(self):
        words = self.words("latency_sec", ASSUMED["latency_sec"], Design(1, 4, 20))
        assert words == "Latency ratio: none is found with so few slots"


class TestItsJSON:
    def test_has_all_that_is_said(self):
        made = prospect("latency_sec", [Pair("a", "b", ASSUMED["latency_sec"])], Design(4, 14, 20), 48)
        content = json.loads(json.dumps(as_json(plan(accounts=(account(),), prospects=(made,)))))
        assert content["to_come"]["requests"] == 2240
        assert content["accounts"][0]["refused"] == 37
        assert content["accounts"][0]["exceeded"][0]["remedy"] == {
            "batches": 2,
            "context_tokens": 300,
            "accounts": 7,
        }
        assert content["duration"]["fits"] is True
        assert content["prospects"][0]["metric"] == "latency_sec"
        assert content["needs_a_hand"] is True
