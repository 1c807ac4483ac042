from __future__ import annotations

import copy
import json
import logging
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_bench.join.checks import view
from llm_bench.join.quality import validate
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, FIELDS


@pytest.fixture(scope="module")
def broken_by(make_record, make_failure):
    """The rules that each of many changed records breaks, judged in one pass: change → rules."""
    cases = {**_FIELD_CASES, **_CROSS_CASES, **_FAILURE_CASES}
    records = []
    for number, (name, (changes, _)) in enumerate(cases.items()):
        make = make_failure if name in _FAILURE_CASES else make_record
        # Each its own question, so that no two of them are twins.
        identity = {"record_id": f"{number:032}", "question_id": f"retail-{number}"}
        records.append(make(0, **{**identity, **changes}))
    verdict = validate(records)
    by_id = {one.record["question_id"]: one.broken for one in verdict.refused}
    return {name: by_id.get(f"retail-{number}", ()) for number, name in enumerate(cases)}


_FIELD_CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "text where a number belongs": ({"itl_max_sec": "fast"}, ("itl_max_sec must be a finite number",)),
    "a number where text belongs": ({"industry": 7}, ("industry must be Unicode text",)),
    "a list where text belongs": ({"answer": ["a"]}, ("answer must be Unicode text",)),
    "text that has no UTF-8": ({"answer": "a\ud800"}, ("answer must be Unicode text",)),
    "a boolean where a count belongs": ({"prompt_tokens": True}, ("prompt_tokens must be a whole number",)),
    "a fraction where a count belongs": ({"prompt_tokens": 1.5}, ("prompt_tokens must be a whole number",)),
    "a count that no column can hold": ({"prompt_tokens": 2**63}, ("prompt_tokens must be a whole number",)),
    "a number where true or false belongs": ({"success": 1}, ("success must be true or false",)),
    "text where times belong": (
        {"event_times_sec": "0.2"},
        ("event_times_sec must be numbers in rising order, none below 0",),
    ),
    "times out of order": (
        {"event_times_sec": [0.2, 0.1]},
        ("event_times_sec must be numbers in rising order, none below 0",),
    ),
    "a first time that isn't the TTFT": (
        {"event_times_sec": [0.1, 0.3]},
        ("ttft_sec is the first of event_times_sec",),
    ),
    "NaN": ({"cost_usd": math.nan}, ("cost_usd must be a finite number",)),
    "infinity": ({"client_load": math.inf}, ("client_load must be a finite number",)),
    "no time at all": ({"timestamp": "noon"}, ("timestamp must be ISO 8601 text with a UTC offset",)),
    "a time without offset": (
        {"timestamp": "2026-12-07T08:00:00"},
        ("timestamp must be ISO 8601 text with a UTC offset",),
    ),
    "null where it has no meaning": ({"study": None}, ("study must not be null",)),
    "below the minimum": ({"wait_sec": -0.1}, ("wait_sec must be at least 0",)),
    "below a minimum of one": ({"attempt": 0}, ("attempt must be at least 1",)),
    "above the maximum": ({"coverage_score": 1.01}, ("coverage_score must be between 0 and 1",)),
    "out of range": ({"http_status": 42}, ("http_status must be between 100 and 599",)),
    "a value that isn't allowed": (
        {"run_type": "by hand"},
        ("run_type must be one of scheduled, backfill, manual",),
    ),
    "a field too many": ({"mood": "good"}, ("unknown field mood",)),
    "a field whose name has no UTF-8": ({"\ud800": 1}, ("unknown field \\ud800",)),
    "two mistakes": ({"study": None, "attempt": 0}, ("study must not be null", "attempt must be at least 1")),
}
_CROSS_CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a success with a failure kind": (
        {"failure_kind": "connection"},
        ("failure_kind must be null when it succeeded",),
    ),
    "a success without latency": (
        {"latency_sec": None, "throughput_tps": None, "response_tokens": None},
        ("latency_sec must be set when it succeeded",),
    ),
    "a success without throughput though tokens are known": (
        {"throughput_tps": None},
        ("throughput_tps must be set when it succeeded and response_tokens is known",),
    ),
    "a success without throughput where no tokens are known": (
        {"throughput_tps": None, "response_tokens": None},
        (),
    ),
    "a success without answer": ({"answer": None}, ("answer must not be empty when it succeeded",)),
    "a success with a blank answer": ({"answer": " \n"}, ("answer must not be empty when it succeeded",)),
    "a throughput that isn't its quotient": (
        {"throughput_tps": 120 / 0.8 * 1.00001},
        ("throughput_tps is response_tokens / latency_sec",),
    ),
    "a throughput within rounding": ({"throughput_tps": 120 / 0.8 * (1 + 1e-7)}, ()),
    "a throughput of unknown tokens": (
        {"response_tokens": None},
        ("throughput_tps is response_tokens / latency_sec",),
    ),
    "an answer before the first token": (
        {"ttft_sec": 0.3},
        ("ttft_sec must not exceed first_answer_sec",),
    ),
    "an answer that begins after the end": (
        {"first_answer_sec": 0.9},
        ("first_answer_sec must not exceed latency_sec",),
    ),
    "a first token after the end": (
        {"first_answer_sec": None, "ttft_sec": 0.9},
        ("ttft_sec must not exceed latency_sec",),
    ),
    "all at one moment": ({"ttft_sec": 0.8, "first_answer_sec": 0.8}, ()),
    "measured before its slot": (
        {"measured_at": "2026-12-07T07:51:24.714285Z", "late_sec": -1.0},
        ("late_sec must be at least 0", "measured_at must not be before slot"),
    ),
    "measured on its slot": ({"measured_at": "2026-12-07T07:51:25.714285Z", "late_sec": 0.0}, ()),
    "a delay that isn't measured_at − slot": ({"late_sec": 2.001}, ("late_sec is measured_at − slot",)),
    "a time in another zone": ({"measured_at": "2026-12-07T08:51:27.714285+01:00"}, ()),
    "a whole number where a fraction may be": ({"late_sec": 2}, ()),
}
_FAILURE_CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a failure": ({}, ()),
    "a failure that had begun to answer": ({"answer": "Home", "ttft_sec": 0.2, "response_tokens": 1}, ()),
    "a failure without its kind": ({"failure_kind": None}, ("failure_kind must be set when it failed",)),
    "a failure of no known kind": (
        {"failure_kind": "bad luck"},
        (f"failure_kind must be one of {', '.join(FAILURE_KINDS)}",),
    ),
    "a failure with a latency": ({"latency_sec": 1.0}, ("latency_sec must be null when it failed",)),
    "a failure with a throughput": ({"throughput_tps": 1.0}, ("throughput_tps must be null when it failed",)),
}


class TestEachRule:
    @pytest.mark.parametrize("case", [*_FIELD_CASES, *_CROSS_CASES, *_FAILURE_CASES])
    def test_refuses_what_breaks_it_and_nothing_else(self, broken_by, case):
        assert broken_by[case] == {**_FIELD_CASES, **_CROSS_CASES, **_FAILURE_CASES}[case][1]

    def test_refuses_both_of_two_with_one_record_id(self, make_record):
        verdict = validate([make_record(0), make_record(1, record_id=make_record(0)["record_id"]), make_record(2)])
        assert [one.broken for one in verdict.refused] == [("record_id must be unique",)] * 2
        assert verdict.valid == [make_record(2)]

    def test_refuses_both_of_two_answers_to_one_question(self, make_record):
        verdict = validate([make_record(0), make_record(0, record_id="other")])
        assert [one.broken for one in verdict.refused] == [("each LLM answers each question once",)] * 2

    @pytest.mark.parametrize("name", ["latency_sec", "study", "slot", "failure_kind"])
    def test_refuses_a_missing_field_once(self, make_record, name):
        record = make_record(0)
        del record[name]
        assert validate([record]).refused[0].broken == (f"field {name} is missing",)

    def test_names_every_missing_field(self):
        assert {f"field {name} is missing" for name in FIELD_NAMES} == set(validate([{}]).refused[0].broken)


class TestVerdict:
    def test_lets_a_whole_good_batch_through(self, make_batch):
        verdict = validate(make_batch())
        assert len(verdict.valid) == 80
        assert verdict.refused == []
        assert verdict.results["success"] is True

    def test_keeps_the_order_and_the_very_records(self, make_batch):
        batch = make_batch()
        for number in (3, 40, 79):
            batch[number]["attempt"] = -1
        before = copy.deepcopy(batch)
        verdict = validate(batch)
        assert [id(one) for one in verdict.valid] == [id(r) for n, r in enumerate(batch) if n not in (3, 40, 79)]
        assert [one.record for one in verdict.refused] == [before[3], before[40], before[79]]
        assert batch == before

    def test_keeps_whole_numbers_whole_beside_nulls(self, make_record):
        records = [make_record(0, cached_tokens=None), make_record(1, cached_tokens=3)]
        assert type(validate(records).valid[1]["cached_tokens"]) is int

    def test_of_nothing_is_empty(self):
        verdict = validate([])
        assert (verdict.valid, verdict.refused) == ([], [])
        assert verdict.results["records"] == {"valid": 0, "refused": 0}

    def test_counts_per_expectation_in_json(self, make_record):
        results = json.loads(json.dumps(validate([make_record(0, attempt=0), make_record(1)]).results))
        found = {one["name"]: one for one in results["expectations"]}
        assert found["attempt must be at least 1"] == {
            "name": "attempt must be at least 1",
            "type": "expect_column_values_to_be_between",
            "success": False,
            "unexpected_count": 1,
        }
        assert results["statistics"]["unsuccessful_expectations"] == 1
        assert results["great_expectations_version"]

    def test_is_the_same_for_the_same_batch(self, make_record):
        records = [make_record(0), make_record(1, attempt=0)]
        assert validate(records) == validate(records)

    def test_has_a_rule_for_the_type_of_every_field(self):
        names = [one["name"] for one in validate([]).results["expectations"]]
        assert all(any(name.startswith(f"{field.name} must be ") for name in names) for field in FIELDS)

    def test_refuses_all_when_an_expectation_fails_to_run(self, make_record, monkeypatch):
        from llm_bench.join import quality

        # Great Expectations can't compare text with 0: the expectation ends in an exception.
        monkeypatch.setattr(quality, "view", lambda record: view(record) | {"wait_sec": "long"})
        verdict = validate([make_record(0), make_record(1)])
        assert [one.broken for one in verdict.refused] == [
            ("wait_sec must be at least 0 (it couldn't be checked)",)
        ] * 2


_anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=3), _anything), max_size=30))
def test_no_row_whatever_it_holds_is_lost_or_stops_the_gate(make_record, changes):
    records = [make_record(0) | change for change in changes]
    verdict = validate(records)
    assert len(verdict.valid) + len(verdict.refused) == len(records)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FIELD_NAMES), _anything))
def test_what_the_gate_looks_at_has_only_values_of_the_right_type(change):
    row = view(change)
    for field in FIELDS:
        assert (row[f"{field.name}_state"] == "typed") is (row[field.name] is not None)


class TestQuiet:
    @pytest.mark.slow
    def test_nothing_is_logged_or_printed_or_written(self, tmp_path, make_record):
        (tmp_path / "record.json").write_text(json.dumps(make_record(0)))
        script = (
            "import json, logging, pathlib\n"
            "logging.basicConfig(level=logging.INFO)\n"
            "from llm_bench.join.quality import validate\n"
            "assert len(validate([json.loads(pathlib.Path('record.json').read_text())]).valid) == 1\n"
        )
        plugins = Path(__file__).parents[2] / "plugins"
        environment = {"PYTHONPATH": str(plugins), "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert [path.name for path in tmp_path.iterdir()] == ["record.json"]

    def test_log_levels_are_as_before(self):
        before = logging.getLogger("great_expectations").level
        validate([])
        assert logging.getLogger("great_expectations").level == before
