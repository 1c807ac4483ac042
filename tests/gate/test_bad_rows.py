"""One bad row for each rule of the gate, and a whole study of good ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llm_bench.gate.completeness import Due
from llm_bench.gate.validate import validate
from llm_bench.records import FAILURE_KINDS, FIELDS, record_id

SLOT = "2026-12-07T07:51:25.714285Z"
_IDENTITY = "record_id must be that of study, slot, LLM, question_id, cache_probe and client"

# What is wrong: the changes to a good record, and the rules that it breaks then, the one meant first.
CRITICAL: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "text where a number belongs": ({"itl_max_sec": "fast"}, ("itl_max_sec must be a finite number",)),
    "NaN": ({"cost_usd": math.nan}, ("cost_usd must be a finite number",)),
    "infinity": ({"client_load": math.inf}, ("client_load must be a finite number",)),
    "a number where text belongs": ({"context_hash": 7}, ("context_hash must be Unicode text",)),
    "text that has no UTF-8": ({"answer": "a\ud800"}, ("answer must be Unicode text",)),
    "a boolean where a count belongs": ({"prompt_tokens": True}, ("prompt_tokens must be a whole number",)),
    "a fraction where a count belongs": ({"prompt_tokens": 1.5}, ("prompt_tokens must be a whole number",)),
    "a count that no column holds": ({"prompt_tokens": 2**63}, ("prompt_tokens must be a whole number",)),
    "a number where true or false belongs": ({"success": 1}, ("success must be true or false",)),
    "no time at all": ({"timestamp": "noon"}, ("timestamp must be ISO 8601 text with a UTC offset",)),
    "a time without offset": (
        {"timestamp": "2026-12-07T08:00:00"},
        ("timestamp must be ISO 8601 text with a UTC offset",),
    ),
    "times out of order": (
        {"event_times_sec": [0.2, 0.1]},
        ("event_times_sec must be numbers in rising order, none below 0",),
    ),
    "citations out of order": (
        {"citations": [3, 1]},
        ("citations must be whole numbers in rising order, none below 0",),
    ),
    "a part of a passage cited": (
        {"citations": [1, 1.5]},
        ("citations must be whole numbers in rising order, none below 0",),
    ),
    "null where it has no meaning": ({"run_id": None}, ("run_id must not be null",)),
    "below the minimum": ({"wait_sec": -0.1}, ("wait_sec must be at least 0",)),
    "below a minimum of one": ({"attempt": 0}, ("attempt must be at least 1",)),
    "above the maximum": ({"coverage_score": 1.01}, ("coverage_score must be between 0 and 1",)),
    "out of range": ({"http_status": 42}, ("http_status must be between 100 and 599",)),
    "a value that isn't allowed": ({"run_type": "by hand"}, ("run_type must be one of scheduled, backfill, manual",)),
    "a field too many": ({"mood": "good"}, ("unknown field mood",)),
    "a field whose name has no UTF-8": ({"\ud800": 1}, ("unknown field \\ud800",)),
    "another study": (
        {
            "study": "other",
        },
        ("study must be the batch's",),
    ),
    "another slot": (
        {"slot": "2026-12-07T07:51:25.000000Z", "late_sec": 2.714285},
        ("slot must be the batch's",),
    ),
    "an LLM that the study doesn't ask": (
        {
            "llm": "groq/other",
            "llm_model": "other",
        },
        ("the LLM must be one of the study's",),
    ),
    "an industry that the study doesn't have": ({"industry": "mining"}, ("industry must be one of the study's",)),
    "a question of another industry": ({"industry": "finance"}, ("question_id must be one of its industry's",)),
    "a question that nobody asked": (
        {
            "question_id": "retail-99",
        },
        ("question_id must be one of its industry's",),
    ),
    "another record's id": ({"record_id": "0" * 32}, (_IDENTITY,)),
    "asked from another place": ({"client": "hamburg"}, ("client must be the batch's", _IDENTITY)),
    "a probe of the cache that no line precedes": (
        {"cache_probe": "cold"},
        ("unique_line must be set when cache_probe is set",),
    ),
    "a line before a prompt that is asked as it is": (
        {"unique_line": "Request 000000000000001."},
        ("unique_line must be null when cache_probe is null",),
    ),
    "a success with a failure kind": (
        {"failure_kind": "connection"},
        ("failure_kind must be null when it succeeded",),
    ),
    "a success with a blank answer": ({"answer": " \n"}, ("answer must not be empty when it succeeded",)),
    "a success without an answer": ({"answer": None}, ("answer must be set when it succeeded",)),
    "a success with an error's status": ({"http_status": 500}, ("http_status must be below 400 when it succeeded",)),
    "a success without latency": (
        {"latency_sec": None, "throughput_tps": None, "response_tokens": None, "decode_tps": None},
        ("latency_sec must be set when it succeeded",),
    ),
    "a success without throughput": (
        {"throughput_tps": None},
        ("throughput_tps must be set when it succeeded and response_tokens is known",),
    ),
    "rates of tokens that nobody counted": (
        {"response_tokens": None},
        ("response_tokens must be set when it succeeded and throughput_tps or decode_tps is known",),
    ),
    "a throughput that isn't its quotient": (
        {"throughput_tps": 150.0015},
        ("throughput_tps is response_tokens / latency_sec",),
    ),
    "a decode rate that isn't its quotient": (
        {"decode_tps": 198.4},
        ("decode_tps is (response_tokens − 1) / (last − first of event_times_sec)",),
    ),
    "a first event that isn't the TTFT": (
        {"event_times_sec": [0.19, 0.79]},
        ("ttft_sec is the first of event_times_sec",),
    ),
    "an event after the end": (
        {"event_times_sec": [0.2, 0.9], "decode_tps": 170.0},
        ("event_times_sec must not exceed latency_sec",),
    ),
    "a look-up longer than the connecting": ({"dns_sec": 0.05}, ("dns_sec must not exceed connect_sec",)),
    "a handshake longer than the connecting": ({"tls_sec": 0.05}, ("tls_sec must not exceed connect_sec",)),
    "a token before the first byte": ({"first_byte_sec": 0.21}, ("first_byte_sec must not exceed ttft_sec",)),
    "an answer before the first token": ({"first_answer_sec": 0.19}, ("ttft_sec must not exceed first_answer_sec",)),
    "an answer that begins after the end": (
        {"first_answer_sec": 0.9},
        ("first_answer_sec must not exceed latency_sec",),
    ),
    "a first token after the end": (
        {"first_answer_sec": None, "ttft_sec": 0.9},
        ("ttft_sec must not exceed latency_sec",),
    ),
    "a mean gap above the largest": ({"itl_mean_sec": 0.02}, ("itl_mean_sec must not exceed itl_max_sec",)),
    "a percentile above the largest": ({"itl_p99_sec": 0.02}, ("itl_p99_sec must not exceed itl_max_sec",)),
    "asked at two moments": (
        {"timestamp": "2026-12-07T07:51:27.714286Z"},
        ("timestamp is measured_at",),
    ),
    "measured before its slot": (
        {
            "measured_at": "2026-12-07T07:51:24.714285Z",
            "timestamp": "2026-12-07T07:51:24.714285Z",
            "late_sec": -1.0,
        },
        ("slot must not exceed measured_at", "late_sec must be at least 0"),
    ),
    **{
        f"a record of schema 2 without its {name}": (
            {name: None},
            (f"{name} must be set when the record is of schema 2",),
        )
        for name in ("llm", "position", "settings_hash")
    },
    "times from nowhere": ({"timing_source": None}, ("timing_source must be set when ttft_sec is known",)),
    "a cost from nowhere": ({"price_source": None}, ("price_source must be set when cost_usd is known",)),
    "a name whose model is another": (
        {"llm_model": "moonshotai/kimi-k2-instruct"},
        ("the LLM must be one of the study's",),
    ),
    "a place before the first": ({"position": 0}, ("position must be at least 1",)),
    "a clock that there isn't": ({"timing_source": "sundial"}, ("timing_source must be one of wire, client",)),
    "a negative round trip": ({"network_rtt_sec": -0.1}, ("network_rtt_sec must be at least 0",)),
    "a delay that isn't measured_at − slot": ({"late_sec": 2.001}, ("late_sec is measured_at − slot",)),
    "a schema in words": ({"schema_version": "two"}, ("schema_version must be a whole number",)),
    "two mistakes": ({"run_id": None, "attempt": 0}, ("run_id must not be null", "attempt must be at least 1")),
}
FAILURES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a failure without its kind": ({"failure_kind": None}, ("failure_kind must be set when it failed",)),
    "a failure of no known kind": (
        {"failure_kind": "bad luck"},
        (f"failure_kind must be one of {', '.join(FAILURE_KINDS)}",),
    ),
    "a failure with a latency": ({"latency_sec": 1.0}, ("latency_sec must be null when it failed",)),
    "a failure with a throughput": ({"throughput_tps": 1.0}, ("throughput_tps must be null when it failed",)),
    "a failure with a decode rate": ({"decode_tps": 1.0}, ("decode_tps must be null when it failed",)),
    "a failure with a note on its success": ({"note": "no [DONE]"}, ("note must be null when it failed",)),
    "a failure with a coverage": ({"coverage_score": 0.5}, ("coverage_score must be null when it failed",)),
    "a failure with a utilization of its context": (
        {"context_utilization": 0.5},
        ("context_utilization must be null when it failed",),
    ),
    "a failure with citations": ({"citations": [1]}, ("citations must be null when it failed",)),
    "a failure with support of its citations": (
        {"citation_support": 0.5},
        ("citation_support must be null when it failed",),
    ),
    "a failure with a groundedness": ({"groundedness": 0.5}, ("groundedness must be null when it failed",)),
}
WARNED: dict[str, tuple[dict[str, Any], str]] = {
    "more tokens a second than any LLM has": (
        {"response_tokens": 480, "latency_sec": 0.08, "throughput_tps": 6000.0, "decode_tps": None}
        | dict.fromkeys(("ttft_sec", "first_answer_sec", "first_byte_sec", "event_times_sec")),
        "throughput_tps must be at most 5000",
    ),
    "tokens that were held back": (
        {"event_times_sec": [0.2, 0.21], "decode_tps": 11900.0},
        "decode_tps must be at most 5000",
    ),
    "a token sooner than a network can bring it": (
        {"first_byte_sec": 0.0004, "ttft_sec": 0.0005},
        "ttft_sec must be at least 0.001",
    ),
    "a first token after its deadline": (
        {"ttft_sec": 62.0, "first_answer_sec": 62.0, "latency_sec": 100.0, "throughput_tps": 1.2},
        "ttft_sec must be within the study's first_token_sec",
    ),
    "an end after the deadline": (
        {"latency_sec": 240.0, "throughput_tps": 0.5},
        "latency_sec must be within the study's total_sec",
    ),
    "a scheduled record that is a slot late": (
        {
            "timestamp": "2026-12-07T08:51:25.714285Z",
            "measured_at": "2026-12-07T08:51:25.714285Z",
            "late_sec": 3600.0,
        },
        "a scheduled record must be measured before the next slot is due",
    ),
    "a prompt shorter than its question": (
        {"prompt_tokens": 3},
        "question must have at most 16 characters per token of prompt_tokens",
    ),
    "an answer without tokens": (
        {"response_tokens": 0, "throughput_tps": 0.0, "decode_tps": None},
        "answer must have at most 16 characters per token of response_tokens",
    ),
    "more tokens than were allowed": (
        {"response_tokens": 600, "throughput_tps": 750.0, "decode_tps": 599 / 0.6},
        "response_tokens must be within the study's max_tokens",
    ),
    "more reasoning than tokens": ({"reasoning_tokens": 121}, "reasoning_tokens must not exceed response_tokens"),
    "more cached than tokens": ({"cached_tokens": 813}, "cached_tokens must not exceed prompt_tokens"),
    "more written to a cache than tokens": (
        {"cache_write_tokens": 813},
        "cache_write_tokens must not exceed prompt_tokens",
    ),
    "a price in cents": ({"cost_usd": 1.0}, "cost_usd must be at most 0.001 per token"),
    "an edited question": ({"question": "Which one?"}, "question must be as the question set has it now"),
    "an answer of another model": ({"response_model": "gpt-4o"}, "response_model must be the model asked"),
}
GOOD: dict[str, dict[str, Any]] = {
    "a throughput within rounding": {"throughput_tps": 150 * (1 + 1e-7)},
    "no tokens known": {"throughput_tps": None, "response_tokens": None, "decode_tps": None},
    "all at one moment": {"first_byte_sec": 0.8, "ttft_sec": 0.8, "first_answer_sec": 0.8, "decode_tps": None},
    "measured on its slot": {"timestamp": SLOT, "measured_at": SLOT, "late_sec": 0.0},
    "a record of schema 1": {"schema_version": 1}
    | dict.fromkeys(("position", "timing_source", "settings_hash", "price_source")),
    "a whole number where a fraction may be": {"late_sec": 2},
    "a model with its maker and a suffix": {"response_model": "meta/llama3-70b-8192:free"},
    "a backfill, late by nature": {
        "run_type": "backfill",
        "timestamp": "2026-12-09T07:51:25.714285Z",
        "measured_at": "2026-12-09T07:51:25.714285Z",
        "late_sec": 172_800.0,
    },
}

GOOD_FAILURES: dict[str, dict[str, Any]] = {
    "a failure": {},
    "a failure that had begun to answer": {"answer": "Home", "ttft_sec": 0.2, "response_tokens": 1},
}


@pytest.fixture(scope="module")
def judged(make_record, make_failure, make_due) -> dict[str, tuple[tuple[str, ...], str | None]]:
    """Case → the rules that its row broke, and its warnings. All are judged in one pass, each as its own question."""
    cases = {**CRITICAL, **FAILURES, **WARNED, **GOOD, **GOOD_FAILURES}
    rows, questions = {}, {}
    for number, (case, changes) in enumerate(cases.items()):
        make = make_failure if case in {**FAILURES, **GOOD_FAILURES} else make_record
        key = f"retail-case-{number}"
        apart = {name: value for name, value in _changes(changes).items() if name in {"slot", "study", "llm"}}
        row = make(0, **{name: value for name, value in _changes(changes).items() if name not in apart}) | apart
        row["question_id"] = _changes(changes).get("question_id", key)
        if "record_id" not in _changes(changes):
            row["record_id"] = record_id(row["study"], row["slot"], row["llm"], row["question_id"])
        rows[case] = row
        questions[key] = make(0)["question"]
    due = make_due()
    verdict = validate([list(rows.values())], Due(due.study, due.slot, {**due.questions, "retail": questions}))
    broken = {refusal.record["record_id"]: refusal.broken for refusal in verdict.refused}
    warned = {record["record_id"]: record["warnings"] for record in verdict.valid.records()}
    return {case: (broken.get(row["record_id"], ()), warned.get(row["record_id"])) for case, row in rows.items()}


def _changes(case: Any) -> dict[str, Any]:
    return case if isinstance(case, dict) else case[0]


class TestACriticalRule:
    @pytest.mark.parametrize("case", [*CRITICAL, *FAILURES])
    def test_refuses_the_row_that_breaks_it_and_names_no_other(self, judged, case):
        assert sorted(judged[case][0]) == sorted({**CRITICAL, **FAILURES}[case][1])


class TestAWarning:
    @pytest.mark.parametrize("case", WARNED)
    def test_lets_the_row_through_and_stands_in_it(self, judged, case):
        assert judged[case] == ((), WARNED[case][1])

    def test_stands_beside_others(self, make_record, due):
        (record,) = validate([[make_record(0, reasoning_tokens=121, cached_tokens=813)]], due).valid.records()
        assert record["warnings"] == (
            "reasoning_tokens must not exceed response_tokens; cached_tokens must not exceed prompt_tokens"
        )

    def test_of_an_earlier_judgement_goes(self, make_record, due):
        (record,) = validate([[make_record(0, warnings="what the gate once thought")]], due).valid.records()
        assert record["warnings"] is None

    def test_of_a_networks_bounds_is_not_for_the_built_in_baselines(self, make_record, due):
        study = type(due.study).model_validate(
            {**due.study.model_dump(mode="json"), "llms": [{"model": "baseline/lead"}]}
        )
        record = make_record(0, llm=("baseline", "lead"), first_byte_sec=0.0004, ttft_sec=0.0005)
        assert validate([[record]], Due(study, due.slot, due.questions)).valid.records() == [record]


class TestGoodRows:
    @pytest.mark.parametrize("case", [*GOOD, *GOOD_FAILURES])
    def test_at_the_edge_pass_without_a_word(self, judged, case):
        assert judged[case] == ((), None)

    @pytest.mark.slow
    def test_of_a_whole_study_all_pass_without_a_word(self, make_batch, make_due):
        slots = list(make_due().study.window.schedule)
        assert len(slots) == 56
        for slot in slots[::9]:  # of each day at another time
            assert validate([make_batch(slot=slot)], make_due(slot)).valid.records() == make_batch(slot=slot)


def test_every_rule_that_joins_fields_has_its_bad_row(due):
    from llm_bench.gate.rules import field_rules

    meant = {words for _, words in WARNED.values()} | {words[0] for _, words in (CRITICAL | FAILURES).values()}
    names = {expectation["name"] for expectation in validate([], due).results["expectations"]}
    of_one_field = {rule.description for field in FIELDS for rule in field_rules(field)}
    elsewhere = {
        "no field is unknown",
        "each LLM answers each question once, or once cold and once warm",
    }  # test_validate
    assert names - of_one_field - meant == elsewhere
