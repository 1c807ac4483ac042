from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.replies import recorded
from llm_bench.gate.columns import Column, column
from llm_bench.gate.validate import validate
from llm_bench.measure.limits import Closed
from llm_bench.measure.pacing import unsent
from llm_bench.records import FIELD_NAMES, FIELDS, Record
from llm_bench.study import LLM


class TestAMissingField:
    @pytest.mark.parametrize("name", ["latency_sec", "study", "slot", "failure_kind"])
    def test_is_told_once(self, make_record, due, name):
        record = make_record(0)
        del record[name]
        assert validate([[record]], due).refused[0].broken == (f"field {name} is missing",)

    def test_is_told_of_every_one(self, due):
        assert {f"field {name} is missing" for name in FIELD_NAMES} == set(validate([[{}]], due).refused[0].broken)


class TestTwins:
    def test_are_both_refused(self, make_record, due):
        verdict = validate([[make_record(0), make_record(0), make_record(2)]], due)
        assert [refusal.broken for refusal in verdict.refused] == [
            ("each LLM answers each question once, or once cold and once warm",)
        ] * 2
        assert verdict.valid.records() == [make_record(2)]

    def test_are_found_in_different_chunks(self, make_record, due):
        verdict = validate([[make_record(0), make_record(1)], [make_record(2)], [make_record(1)]], due)
        assert [refusal.record for refusal in verdict.refused] == [make_record(1)] * 2
        assert verdict.valid.records() == [make_record(0), make_record(2)]


class TestVerdict:
    def test_lets_a_whole_good_batch_through(self, make_batch, due):
        verdict = validate([make_batch()], due)
        assert verdict.valid.records() == make_batch()
        assert verdict.refused == []
        assert verdict.results["success"] is True
        assert verdict.results["max_severity_failure"] is None

    def test_lets_the_record_of_a_question_through_that_was_not_sent(self, make_record, due):
        """For a limit of a day that is used up, say."""
        unasked = recorded(LLM(model="groq/x"), unsent(Closed(3600, "provider"), due.slot, "s" * 64))
        kept = {field.name for field in FIELDS if field.group == "identity"} | {"question"}
        verdict = validate([[unasked | {name: make_record(0)[name] for name in kept}]], due)
        assert len(verdict.valid) == 1
        assert verdict.results["records"]["warned"] == 0

    def test_keeps_the_order_and_the_records_as_they_came(self, make_batch, due):
        batch = make_batch()
        for number in (3, 40, 79):
            batch[number]["attempt"] = -1
        batch[40]["measured_at"] = batch[40]["timestamp"].replace("Z", "+00:00")
        before = copy.deepcopy(batch)
        verdict = validate([batch], due)
        assert verdict.valid.records() == [record for n, record in enumerate(before) if n not in (3, 40, 79)]
        assert [refusal.record for refusal in verdict.refused] == [before[3], before[40], before[79]]
        assert batch == before

    def test_keeps_whole_numbers_whole_beside_nulls(self, make_record, due):
        records = [make_record(0, cached_tokens=None), make_record(1, cached_tokens=3)]
        assert type(validate([records], due).valid.records()[1]["cached_tokens"]) is int

    @pytest.mark.parametrize("chunks", [[], [[]]], ids=["no chunk", "an empty chunk"])
    def test_of_nothing_is_empty(self, due, chunks):
        verdict = validate(chunks, due)
        assert (len(verdict.valid), verdict.refused) == (0, [])
        assert verdict.results["records"] == {"valid": 0, "refused": 0, "warned": 0}

    def test_counts_per_expectation_in_json(self, make_record, due):
        records = [make_record(0, attempt=0), make_record(1)]
        results = json.loads(json.dumps(validate([records], due).results))
        expectations = {expectation["name"]: expectation for expectation in results["expectations"]}
        assert expectations["attempt must be at least 1"] == {
            "name": "attempt must be at least 1",
            "type": "expect_column_values_to_be_between",
            "severity": "critical",
            "success": False,
            "unexpected_count": 1,
            "examples": [make_record(0)["record_id"]],
        }
        assert results["statistics"]["unsuccessful_expectations"] == 1
        assert results["max_severity_failure"] == "critical"
        assert results["runs"] == [make_record(0)["run_id"]]
        assert results["great_expectations_version"]

    def test_tells_warnings_from_what_is_critical(self, make_record, due):
        results = validate([[make_record(0, cached_tokens=900)]], due).results
        expectations = {
            expectation["name"]: expectation for expectation in results["expectations"] if not expectation["success"]
        }
        assert expectations["cached_tokens must not exceed prompt_tokens"]["severity"] == "warning"
        assert results["max_severity_failure"] == "warning"
        assert results["records"] == {"valid": 1, "refused": 0, "warned": 1}

    def test_is_the_same_for_the_same_batch(self, make_record, due):
        records = [make_record(0), make_record(1, attempt=0)]
        assert validate([records], due) == validate([records], due)

    def test_is_the_same_however_the_batch_is_cut(self, make_batch, due):
        batch = make_batch()
        batch[7]["attempt"], batch[50]["cached_tokens"] = "two", 900
        cut = [batch[:1], batch[1:30], [], batch[30:]]
        assert validate(cut, due) == validate([batch], due)

    def test_has_a_rule_for_the_type_of_every_field(self, due):
        names = [expectation["name"] for expectation in validate([], due).results["expectations"]]
        assert all(any(name.startswith(f"{field.name} must be ") for name in names) for field in FIELDS)

    def test_refuses_all_when_an_expectation_fails_to_run(self, make_record, due, monkeypatch):
        from llm_bench.gate import evidence

        def with_text(table):
            frame = as_values(table)
            return frame.assign(wait_sec="long") if "wait_sec" in frame else frame

        # Great Expectations can't compare text with 0: the expectation ends in an exception.
        as_values = evidence.as_values
        monkeypatch.setattr(evidence, "as_values", with_text)
        verdict = validate([[make_record(0), make_record(1)]], due)
        assert [refusal.broken for refusal in verdict.refused] == [
            ("wait_sec must be at least 0 (it couldn't be checked)",)
        ] * 2


_anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-12-07T07:51:27.714285Z", "2026-12-07T08:51:27+01:00", "\ud800", "retail", "groq"])
    | st.lists(st.integers() | st.floats() | st.booleans(), max_size=3)
)
_junk = st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=3), _anything, max_size=4)


class TestWhateverIsInTheRows:
    @pytest.mark.slow
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=st.dictionaries(st.integers(0, 79), _junk, max_size=30), cut=st.integers(0, 80))
    def test_nothing_is_lost_and_nothing_is_there_twice(self, make_batch, due, changes, cut):
        batch = [{**record, **changes.get(number, {})} for number, record in enumerate(make_batch())]
        verdict = validate([batch[:cut], batch[cut:]], due)
        refused = [refusal.record for refusal in verdict.refused]
        assert len(refused) + len(verdict.valid) == len(batch)
        assert sorted(map(_name, [*refused, *verdict.valid.records()])) == sorted(map(_name, batch))

    @pytest.mark.slow
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=st.lists(_junk, min_size=1, max_size=3))
    def test_each_is_judged_among_others_as_it_is_alone(self, make_batch, due, changes):
        batch = make_batch()
        odd = [{**record, **change} for record, change in zip(batch, changes, strict=False)]
        together = validate([[*odd, *batch[len(odd) :]]], due)
        apart = [validate([[record]], due) for record in odd]
        twin = "each LLM answers each question once, or once cold and once warm"  # a change may make one of another row
        broken = {_name(refusal.record): set(refusal.broken) - {twin} for refusal in together.refused}
        for record, alone in zip(odd, apart, strict=True):
            assert broken.get(_name(record), set()) == {word for refusal in alone.refused for word in refusal.broken}


def _name(record: Record) -> str:
    """Identifies a row among the others, in whatever spelling its numbers and times are."""
    return repr(record.get("provider_request_id")) + repr(record.get("prompt_hash"))


def _cells(column: Column) -> list[Any]:
    return [column.values.to_pylist(), column.misfits]


@settings(max_examples=300, deadline=None)
@given(field=st.sampled_from(FIELDS), values=st.lists(_anything, max_size=6))
def test_values_converted_at_once_are_those_converted_one_by_one(field, values):
    from llm_bench.gate.columns import _one_by_one

    records = [{field.name: value} for value in values]
    assert repr(_cells(column(field, records))) == repr(_cells(_one_by_one(field, values)))


class TestQuiet:
    @pytest.mark.slow
    def test_nothing_is_logged_or_printed_or_written(self, tmp_path, make_record):
        (tmp_path / "record.json").write_text(json.dumps(make_record(0)))
        script = (
            "import json, logging, pathlib\n"
            "logging.basicConfig(level=logging.INFO)\n"
            "from llm_bench.gate.validate import validate\n"
            "from llm_bench.gate.completeness import Due\n"
            "from llm_bench.study import Study\n"
            "from datetime import datetime\n"
            "record = json.loads(pathlib.Path('record.json').read_text())\n"
            "llms = [{'model': f\"{record['llm_provider']}/{record['llm_model']}\"}]\n"
            "study = Study(name='thesis', llms=llms, industries=['retail'])\n"
            "questions = {'retail': {record['question_id']: record['question']}}\n"
            "due = Due(study, datetime.fromisoformat(record['slot']), questions)\n"
            "assert len(validate([[record]], due).valid) == 1\n"
        )
        plugins = Path(__file__).parents[2] / "plugins"
        environment = {"PYTHONPATH": str(plugins), "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert [path.name for path in tmp_path.iterdir()] == ["record.json"]

    def test_log_levels_are_as_before(self, due):
        before = logging.getLogger("great_expectations").level
        validate([], due)
        assert logging.getLogger("great_expectations").level == before
