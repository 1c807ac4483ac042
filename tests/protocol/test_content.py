"""What a protocol says, and what differs from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from llm_bench.errors import InputError
from llm_bench.protocol.content import (
    LATE,
    PRIMARY,
    Change,
    Departure,
    Plan,
    Protocol,
    binding,
    changes,
    departures,
    primary_pairs,
    roles,
)
from llm_bench.protocol.words import line, sealed

LLMS = ["groq/a", "groq/b", "groq/c"]
PLAN = Plan(
    settings={"catchup": False, "llms": [{"name": "groq/a", "max_tokens": 512}, {"name": "groq/b", "max_tokens": 512}]},
    questions={"retail": {"retail-01": "1" * 64, "retail-02": "2" * 64}},
    documents={"retail": {"returns-2025.md": "3" * 64}},
    prompt="4" * 64,
    filters={"suspect": ["exclude"]},
    metrics=["latency_sec", "success"],
    pairs=[["groq/a", "groq/b"]],
)


def protocol(number: int = 1, records: int = 0, plan: Plan = PLAN, **changed: Any) -> Protocol:
    whole = Protocol(number, "2026-12-06T08:00:00.000000Z", None, records, 0, {"llm_bench": "1"}, plan)
    return replace(whole, **changed)


def settings(**changed: Any) -> Plan:
    return replace(PLAN, settings={**PLAN.settings, **changed})


def moment(when: datetime) -> str:
    return f"{when:%d %b %H:%M}"


class TestWhatDiffers:
    def test_is_nothing_between_a_plan_and_itself(self):
        assert changes(PLAN, PLAN) == []

    def test_is_a_setting_with_from_and_to(self):
        assert changes(PLAN, settings(catchup=True)) == [Change("setting catchup", "false", "true")]

    def test_is_a_key_that_a_later_version_adds(self):
        assert changes(PLAN, settings(order="shuffled")) == [Change("setting order", "—", "shuffled")]

    def test_is_a_key_of_one_llm_by_its_name(self):
        llms = [{"name": "groq/b", "max_tokens": 512}, {"name": "groq/a", "max_tokens": 1024}]
        assert changes(PLAN, settings(llms=llms)) == [Change("setting llms.groq/a.max_tokens", "512", "1024")]

    def test_is_an_llm_that_came_and_one_that_went(self):
        llms = [{"name": "groq/a", "max_tokens": 512}, {"name": "groq/c", "max_tokens": 512}]
        assert changes(PLAN, settings(llms=llms)) == [
            Change("setting llms.groq/b", "there", "—"),
            Change("setting llms.groq/c", "—", "there"),
        ]

    def test_is_not_the_order_of_the_llms(self):
        assert changes(PLAN, settings(llms=PLAN.settings["llms"][::-1])) == []

    def test_is_a_question_by_its_id(self):
        now = replace(PLAN, questions={"retail": {"retail-01": "9" * 64, "retail-03": "2" * 64}})
        assert changes(PLAN, now) == [
            Change("question retail/retail-01", "11111111…", "99999999…"),
            Change("question retail/retail-02", "22222222…", "—"),
            Change("question retail/retail-03", "—", "22222222…"),
        ]

    def test_is_a_document_by_its_file(self):
        now = replace(PLAN, documents={"retail": {"returns-2025.md": "5" * 64}})
        assert changes(PLAN, now) == [Change("document retail/returns-2025.md", "33333333…", "55555555…")]

    def test_is_the_prompts_template(self):
        assert changes(PLAN, replace(PLAN, prompt="6" * 64)) == [Change("prompt template", "44444444…", "66666666…")]

    def test_is_a_filter(self):
        now = replace(PLAN, filters={"run_type": ["scheduled", "backfill"]})
        assert changes(PLAN, now) == [
            Change("filter suspect", "exclude", "—"),
            Change("filter run_type", "—", "scheduled, backfill"),
        ]

    def test_is_what_is_primary_whatever_its_order(self):
        now = replace(PLAN, metrics=["success", "ttft_sec"], pairs=[["groq/b", "groq/a"]])
        assert changes(PLAN, now) == [Change("primary metrics", "latency_sec, success", "success, ttft_sec")]


class TestTheProtocolThatBinds:
    def test_is_the_last_that_was_sealed_before_the_first_record(self):
        first, second, third = protocol(1), protocol(2), protocol(3, records=80)
        assert binding([first, second, third]) is second

    def test_is_the_first_where_all_came_after_it(self):
        first, second = protocol(1, records=80), protocol(2, records=160)
        assert binding([first, second]) is first


class TestTheRoles:
    FILTERS = (("suspect", "exclude"),)

    def test_are_primary_for_each_metric_and_pair_of_the_protocol(self):
        pair = frozenset({"groq/a", "groq/b"})
        assert roles([protocol()], self.FILTERS) == {("latency_sec", pair): PRIMARY, ("success", pair): PRIMARY}

    def test_say_where_it_was_sealed_with_records_at_hand(self):
        assert set(roles([protocol(records=1)], self.FILTERS).values()) == {LATE}

    def test_are_none_where_nothing_was_sealed(self):
        assert roles([], self.FILTERS) is None

    def test_are_none_under_other_filters_than_the_sealed_ones(self):
        assert roles([protocol()], ()) == {}

    def test_dont_change_by_an_amendment_with_records_at_hand(self):
        later = protocol(2, records=80, plan=replace(PLAN, metrics=["ttft_sec"], filters={}))
        assert roles([protocol(), later], self.FILTERS) == roles([protocol()], self.FILTERS)


class TestDepartures:
    def test_are_none_where_it_was_kept(self):
        assert departures([protocol()], PLAN) == []

    def test_are_what_differs_and_what_the_records_show(self):
        missed = Change("slots missed", "none", "1")
        made = departures([protocol()], settings(catchup=True), [missed])
        assert made == [Departure(Change("setting catchup", "false", "true"), None), Departure(missed, None)]

    def test_name_the_first_amendment_that_announced_them(self):
        now = settings(catchup=True, concurrency=2)
        amendments = [protocol(2, 80, settings(catchup=True)), protocol(3, 160, settings(catchup=True))]
        assert departures([protocol(), *amendments], now) == [
            Departure(Change("setting catchup", "false", "true"), 2),
            Departure(Change("setting concurrency", "—", "2"), None),
        ]

    def test_dont_count_what_an_amendment_before_the_first_record_changed(self):
        now = settings(catchup=True)
        assert departures([protocol(), protocol(2, plan=now)], now) == []


class TestThePrimaryPairs:
    def test_are_all_of_the_study_where_none_is_named(self):
        assert primary_pairs(LLMS, ()) == [["groq/a", "groq/b"], ["groq/a", "groq/c"], ["groq/b", "groq/c"]]

    def test_leave_twins_out_where_none_is_named(self):
        assert primary_pairs(LLMS, (), ["groq/b"]) == [["groq/a", "groq/c"]]
        assert primary_pairs(LLMS, [["groq/a", "groq/b"]], ["groq/b"]) == [["groq/a", "groq/b"]]

    def test_stand_once_each_in_the_studys_order(self):
        named = [["groq/c", "groq/a"], ["groq/a", "groq/c"], ["groq/b", "groq/c"]]
        assert primary_pairs(LLMS, named) == [["groq/a", "groq/c"], ["groq/b", "groq/c"]]

    def test_are_of_llms_of_the_study(self):
        with pytest.raises(InputError, match="no LLM 'groq/d' to compare"):
            primary_pairs(LLMS, [["groq/a", "groq/d"]])

    def test_are_of_two_llms(self):
        with pytest.raises(InputError, match="is one LLM"):
            primary_pairs(LLMS, [["groq/a", "groq/a"]])


class TestTheLine:
    def test_says_that_a_study_was_not_sealed(self):
        assert line("thesis", [], moment).startswith("not sealed: nothing was chosen beforehand")

    def test_says_when_it_was_sealed_and_that_it_was_before_the_first_record(self):
        assert line("thesis", [protocol()], moment) == "sealed on 06 Dec 08:00, before the first record"

    def test_says_how_many_records_were_there(self):
        expected = "sealed on 06 Dec 08:00, after 1,200 records were there: not beforehand"
        assert line("thesis", [protocol(records=1200)], moment) == expected

    def test_says_that_it_was_amended(self):
        assert line("thesis", [protocol(), protocol(2, 80)], moment).endswith("before the first record; amended since")

    def test_says_that_there_were_trials(self):
        assert sealed(protocol(others_before=20), moment).endswith("(20 other records were there)")
