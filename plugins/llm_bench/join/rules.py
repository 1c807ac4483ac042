"""The rules of the quality gate, as Great Expectations' own expectations on the rows of ``checks.view``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_bench.join.checks import TYPE_NAMES
from llm_bench.records import FIELDS, Field

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

NONE_MISSING = "no field is missing"
NONE_UNKNOWN = "no field is unknown"

_Asked = dict[str, tuple[Any, dict[str, Any]]]
"""Rule → class of expectation and its arguments."""


def rules() -> dict[str, Expectation]:
    """Every expectation by the words that name it, in the order in which they are reported."""
    import great_expectations.expectations as gxe

    asked = {
        NONE_MISSING: (gxe.ExpectColumnValuesToBeNull, {"column": "missing"}),
        NONE_UNKNOWN: (gxe.ExpectColumnValuesToBeNull, {"column": "unknown"}),
    }
    for field in FIELDS:
        asked |= _field_rules(field)
    asked |= _uniqueness_rules() | _outcome_rules() | _clock_rules()
    return {rule: expectation(**arguments, meta={"rule": rule}) for rule, (expectation, arguments) in asked.items()}


def _true(column: str) -> dict[str, Any]:
    return {"column": column, "value_set": [True]}


def _field_rules(field: Field) -> _Asked:
    import great_expectations.expectations as gxe

    name = field.name
    asked: _Asked = {
        f"{name} must be {TYPE_NAMES[field.type]}": (
            gxe.ExpectColumnValuesToNotBeInSet,
            {"column": f"{name}_state", "value_set": ["mistyped"]},
        )
    }
    if not field.nullable:
        asked[f"{name} must not be null"] = (gxe.ExpectColumnValuesToNotBeNull, {"column": f"{name}_state"})
    if field.minimum is not None or field.maximum is not None:
        asked[f"{name} must be {_range(field)}"] = (
            gxe.ExpectColumnValuesToBeBetween,
            {"column": name, "min_value": field.minimum, "max_value": field.maximum},
        )
    if field.allowed:
        asked[f"{name} must be one of {', '.join(field.allowed)}"] = (
            gxe.ExpectColumnValuesToBeInSet,
            {"column": name, "value_set": list(field.allowed)},
        )
    return asked


def _range(field: Field) -> str:
    if field.maximum is None:
        return f"at least {field.minimum:g}"
    if field.minimum is None:
        return f"at most {field.maximum:g}"
    return f"between {field.minimum:g} and {field.maximum:g}"


def _uniqueness_rules() -> _Asked:
    import great_expectations.expectations as gxe

    identity = ["llm_provider", "llm_model", "question_id"]
    return {
        "record_id must be unique": (gxe.ExpectColumnValuesToBeUnique, {"column": "record_id"}),
        "each LLM answers each question once": (
            gxe.ExpectCompoundColumnsToBeUnique,
            {"column_list": identity, "ignore_row_if": "any_value_is_missing"},
        ),
    }


def _outcome_rules() -> _Asked:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    succeeded, failed = Column("success") == True, Column("success") == False  # noqa: E712  (conditions)

    def set_when(column: str, condition: Any) -> tuple[Any, dict[str, Any]]:
        return gxe.ExpectColumnValuesToNotBeNull, {"column": f"{column}_state", "row_condition": condition}

    def null_when(column: str, condition: Any) -> tuple[Any, dict[str, Any]]:
        return gxe.ExpectColumnValuesToBeNull, {"column": column, "row_condition": condition}

    return {
        "failure_kind must be null when it succeeded": null_when("failure_kind", succeeded),
        "failure_kind must be set when it failed": set_when("failure_kind", failed),
        "answer must not be empty when it succeeded": (gxe.ExpectColumnValuesToBeInSet, _true("answer_given")),
        "latency_sec must be set when it succeeded": set_when("latency_sec", succeeded),
        "throughput_tps must be set when it succeeded and response_tokens is known": set_when(
            "throughput_tps", succeeded & Column("response_tokens").is_not_null()
        ),
        "latency_sec must be null when it failed": null_when("latency_sec", failed),
        "throughput_tps must be null when it failed": null_when("throughput_tps", failed),
        "throughput_tps is response_tokens / latency_sec": (
            gxe.ExpectColumnValuesToBeInSet,
            _true("throughput_agrees"),
        ),
    }


def _clock_rules() -> _Asked:
    import great_expectations.expectations as gxe

    def not_before(later: str, earlier: str) -> tuple[Any, dict[str, Any]]:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB, {
            "column_A": later,
            "column_B": earlier,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        }

    return {
        "ttft_sec is the first of event_times_sec": (gxe.ExpectColumnValuesToBeInSet, _true("ttft_agrees")),
        "ttft_sec must not exceed first_answer_sec": not_before("first_answer_sec", "ttft_sec"),
        "ttft_sec must not exceed latency_sec": not_before("latency_sec", "ttft_sec"),
        "first_answer_sec must not exceed latency_sec": not_before("latency_sec", "first_answer_sec"),
        "measured_at must not be before slot": not_before("measured_at", "slot"),
        "late_sec is measured_at − slot": (gxe.ExpectColumnValuesToBeInSet, _true("late_agrees")),
    }
