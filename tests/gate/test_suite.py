"""The suite of a study, in the hands of someone who knows Great Expectations."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest

from llm_bench.batch.load import load, suite_path
from llm_bench.gate.completeness import Due
from llm_bench.gate.validate import validate
from llm_bench.records import utc_text
from llm_bench.store.base import FileStore, object_path

OURS = {
    "expect_column_values_to_rise",
    "expect_model_to_be_of_the_study",
    "expect_question_to_be_of_its_industry",
    "expect_record_id_to_name_its_record",
    "expect_throughput_to_be_tokens_per_second",
    "expect_decode_rate_to_be_that_of_the_events",
    "expect_ttft_to_be_the_first_event",
    "expect_events_to_end_with_the_answer",
    "expect_lateness_to_count_from_the_slot",
    "expect_question_to_fit_its_tokens",
    "expect_answer_to_fit_its_tokens",
    "expect_cost_to_fit_its_tokens",
    "expect_question_to_be_unchanged",
    "expect_response_model_to_be_the_one_asked",
}


@pytest.fixture
def rules(due):
    """Every expectation of the study."""
    from llm_bench.gate.rules import suite

    return suite(due)


class TestTheRules:
    def test_are_great_expectations_own_where_it_has_one(self, rules):
        import great_expectations.expectations as gxe

        native = {kind.expectation_type for kind in vars(gxe).values() if hasattr(kind, "expectation_type")}
        types = Counter(rule.expectation_type for rule in rules)
        ours = {kind: count for kind, count in types.items() if kind not in native}
        assert ours == dict.fromkeys(OURS, 1) | {"expect_column_values_to_rise": 2}
        assert types.total() - len(ours) >= 142

    def test_look_at_no_column_but_those_of_a_record(self, rules):
        from llm_bench.gate.rules import columns_of
        from llm_bench.records import FIELD_NAMES

        assert {name for rule in rules for name in columns_of(rule)} <= set(FIELD_NAMES)

    def test_compare_nothing_with_true(self, rules):
        assert not [rule for rule in rules if getattr(rule, "value_set", None) == [True]]

    def test_each_name_themselves_and_a_warning_says_why(self, rules):
        assert len({rule.description for rule in rules}) == len(rules)
        assert all(rule.notes for rule in rules if rule.severity.value == "warning")

    def test_are_the_same_for_each_slot(self, make_due, due):
        later = make_due(due.slot + timedelta(hours=1))
        assert validate([], later).suite == validate([], due).suite


@pytest.fixture
def stored(tmp_path, due, make_batch):
    """A store with a batch of which three records break a rule each."""
    batch = make_batch()
    batch[3]["cached_tokens"], batch[5]["latency_sec"], batch[7]["response_model"] = 900, 0.25, "gpt-4o"
    batch[5] |= dict.fromkeys(("throughput_tps", "decode_tps", "event_times_sec"))
    batch[5] |= {"response_tokens": None}
    store = FileStore(tmp_path)
    load(store, "thesis", due.slot, validate([batch], due))
    return store


class TestTheStoredSuite:
    def test_opens_in_great_expectations_and_says_of_the_batch_what_the_gate_says(self, stored, tmp_path, due):
        import great_expectations as gx

        import llm_bench.gate.rules  # noqa: F401  (registers the expectations of ours)

        context = gx.get_context(mode="ephemeral")
        content = json.loads(stored.read(suite_path("thesis"))[0])
        opened = context.suites.add(gx.ExpectationSuite(**content))
        path = tmp_path / object_path("records", "thesis", due.slot)
        batch = context.data_sources.pandas_default.read_parquet(path, dtype_backend="numpy_nullable")
        outcome = batch.validate(opened, expectation_parameters={"slot": utc_text(due.slot)})

        results = json.loads(stored.read(object_path("validations", "thesis", due.slot, "json"))[0])
        said = {rule["name"]: rule["unexpected_count"] for rule in results["expectations"]}
        faults = {result.expectation_config.description: result.exception_info for result in outcome.results}
        counts = {
            result.expectation_config.description: result.result.get("unexpected_count", 0)
            for result in outcome.results
            if result.success or "unexpected_count" in result.result
        }
        assert counts == said, {name: faults[name] for name in said if name not in counts}
        assert {name: count for name, count in counts.items() if count} == {
            "cached_tokens must not exceed prompt_tokens": 1,
            "response_model must be the model asked": 1,
        }

    def test_is_written_again_only_when_the_study_changes(self, stored, due, make_batch):
        before = stored.read(suite_path("thesis"))
        load(stored, "thesis", due.slot, validate([make_batch()], due))
        assert stored.read(suite_path("thesis")) == before
        shorter = due.study.model_copy(update={"generation": due.study.generation.model_copy(update={"max_tokens": 9})})
        load(stored, "thesis", due.slot, validate([make_batch()], Due(shorter, due.slot, due.questions)))
        assert stored.read(suite_path("thesis"))[1] > before[1]


class TestWhatAStudyAdds:
    def judge(self, due, batch, *entries):
        study = type(due.study).model_validate({**due.study.model_dump(mode="json"), "quality": list(entries)})
        verdict = validate([batch], Due(study, due.slot, due.questions))
        return verdict, verdict.results["expectations"][-len(entries) :]

    def test_warns_in_the_records_that_break_it(self, due, make_batch):
        batch = make_batch()
        batch[4]["wait_sec"] = 31.0
        entry = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "wait_sec", "max_value": 30}}
        verdict, (result,) = self.judge(due, batch, entry)
        words = "expect_column_values_to_be_between (column wait_sec, max_value 30)"
        assert [record["warnings"] for record in verdict.valid.records() if record["warnings"]] == [words]
        assert result == {
            "name": words,
            "type": "expect_column_values_to_be_between",
            "severity": "warning",
            "success": False,
            "unexpected_count": 1,
            "examples": [batch[4]["record_id"]],
        }

    def test_refuses_them_where_it_is_critical(self, due, make_batch):
        batch = make_batch()
        batch[4]["finish_reason"] = None
        entry = {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "finish_reason", "row_condition": "success == True", "condition_parser": "pandas"},
            "severity": "critical",
            "name": "an answer says why it ended",
        }
        verdict, _ = self.judge(due, batch, entry)
        assert [(refusal.record, refusal.broken) for refusal in verdict.refused] == [
            (batch[4], ("an answer says why it ended",))
        ]

    def test_may_let_some_pass(self, due, make_batch):
        batch = make_batch()
        batch[4]["finish_reason"] = None
        kwargs = {"column": "finish_reason", "mostly": 0.9}
        verdict, (result,) = self.judge(due, batch, {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs})
        assert result["success"]
        assert verdict.valid.records() == batch

    def test_looks_at_all_records_where_it_compares_them(self, due, make_batch):
        batch = make_batch()
        batch[79]["provider_request_id"] = batch[0]["provider_request_id"] = "the same"
        entry = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "provider_request_id"}}
        for record, number in zip(batch[1:79], range(78), strict=True):
            record["provider_request_id"] = f"request {number}"
        _, (result,) = self.judge(due, batch, entry)
        assert result["unexpected_count"] == 2

    @pytest.mark.parametrize(
        ("entry", "observed"),
        [
            ({"type": "expect_column_mean_to_be_between", "kwargs": {"column": "wait_sec", "min_value": 1}}, 0.0),
            ({"type": "expect_table_row_count_to_equal", "kwargs": {"value": 81}}, 80),
        ],
    )
    def test_of_the_batch_as_a_whole_is_a_warning_that_stands_in_no_record(self, due, make_batch, entry, observed):
        verdict, (result,) = self.judge(due, make_batch(), {**entry, "severity": "critical"})
        assert (result["severity"], result["success"], result["unexpected_count"]) == ("warning", False, None)
        assert result["observed"] == observed
        assert verdict.valid.records() == make_batch()

    @pytest.mark.parametrize(
        ("entry", "problem"),
        [
            ({"type": "expect_the_best"}, "expect_the_best not found"),
            (
                {"type": "expect_column_values_to_be_between", "kwargs": {"column": "wait_sec", "max": 3}},
                "validation error",
            ),
            ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "answer", "max_value": 3}}, ""),
            ({"type": "expect_column_mean_to_be_between", "kwargs": {"column": "answer", "max_value": 3}}, ""),
            (
                {
                    "type": "expect_column_values_to_not_be_null",
                    "kwargs": {"column": "error", "row_condition": "no such thing", "condition_parser": "pandas"},
                },
                "",
            ),
        ],
    )
    def test_costs_no_record_where_it_cannot_be_checked(self, due, make_batch, entry, problem):
        verdict, (result,) = self.judge(due, make_batch(), {**entry, "severity": "critical"})
        assert verdict.valid.records() == make_batch()
        assert (result["severity"], result["success"], result["unexpected_count"]) == ("warning", False, None)
        assert problem in result["problem"]
        assert verdict.results["max_severity_failure"] == "warning"
