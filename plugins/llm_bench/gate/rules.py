"""The rules of the quality gate, as Great Expectations' own expectations on the evidence of ``checks.examine``.

Critical rules forbid what can't be so; a record that breaks one isn't loaded. Warnings name what can hardly be so: the
record is loaded, and says so itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_bench.gate.columns import TYPE_NAMES
from llm_bench.gate.evidence import (
    MAX_CHARACTERS_PER_TOKEN,
    MAX_TOKENS_PER_SEC,
    MAX_USD_PER_TOKEN,
    MIN_TTFT_SEC,
    NULL_WHEN_FAILED,
)
from llm_bench.records import FIELDS, Field

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

NONE_MISSING = "no field is missing"
NONE_UNKNOWN = "no field is unknown"

_Asked = dict[str, tuple[Any, dict[str, Any]]]
"""Rule → class of expectation and its arguments."""

_WARNINGS = {
    f"throughput_tps must be at most {MAX_TOKENS_PER_SEC}": (
        "throughput_plausible",
        "The fastest hosted LLMs reach 2,000 to 3,000 tokens/s: above, the tokens are miscounted or the answer was "
        "kept from an earlier request.",
    ),
    f"decode_tps must be at most {MAX_TOKENS_PER_SEC}": (
        "decode_plausible",
        "No hosted LLM generates so fast: something on the way held the tokens back and let them go at once, so the "
        "times between them aren't the LLM's.",
    ),
    f"ttft_sec must be at least {MIN_TTFT_SEC}": (
        "ttft_plausible",
        "A request can't reach a provider and bring a token back sooner: something nearer answered.",
    ),
    "ttft_sec must be within the study's first_token_sec": (
        "ttft_within_deadline",
        "Such a request should have been recorded as a timeout: its deadline was another, or didn't work.",
    ),
    "latency_sec must be within the study's total_sec": (
        "latency_within_deadline",
        "Such a request should have been recorded as a timeout: its deadline was another, or didn't work.",
    ),
    "a scheduled record must be measured before the next slot is due": (
        "within_slot",
        "It tells of another time of day than its slot's. (A backfill is late by nature, and says so in run_type.)",
    ),
    f"question must have at most {MAX_CHARACTERS_PER_TOKEN} characters per token of prompt_tokens": (
        "prompt_tokens_plausible",
        "The prompt holds more than the question: it was cut before it reached the LLM, or miscounted.",
    ),
    f"answer must have at most {MAX_CHARACTERS_PER_TOKEN} characters per token of response_tokens": (
        "response_tokens_plausible",
        "So few tokens (or none) can't say so much: they are miscounted, and throughput_tps with them.",
    ),
    "response_tokens must be within the study's max_tokens": (
        "response_tokens_within_limit",
        "The provider didn't keep to the limit, so this LLM wasn't asked as the others were.",
    ),
    "reasoning_tokens must not exceed response_tokens": (
        "reasoning_plausible",
        "They are a part of them; this provider counts them apart, so its response_tokens are too few.",
    ),
    "cached_tokens must not exceed prompt_tokens": (
        "cached_plausible",
        "They are a part of them; this provider counts them apart, so its prompt_tokens are too few.",
    ),
    f"cost_usd must be at most {MAX_USD_PER_TOKEN:g} per token": (
        "cost_plausible",
        "The dearest LLMs cost less: the price is in another unit, or the tokens are miscounted.",
    ),
    "question must be as the question set has it now": (
        "question_unchanged",
        "The set was edited while the study ran: answers to two wordings stand under one question_id.",
    ),
    "response_model must be the model asked": (
        "model_as_asked",
        "The provider says that another model answered.",
    ),
}
"""Rule → fact and the reason for it. A null breaks none of them."""


def rules() -> dict[str, Expectation]:
    """Every expectation by the words that name it, in the order in which they are reported."""
    import great_expectations.expectations as gxe

    asked: _Asked = {
        NONE_MISSING: (gxe.ExpectColumnValuesToBeInSet, _true("none_missing")),
        NONE_UNKNOWN: (gxe.ExpectColumnValuesToBeInSet, _true("none_unknown")),
    }
    for field in FIELDS:
        asked |= _field_rules(field)
    asked |= _membership_rules() | _outcome_rules() | _clock_rules()
    critical = {rule: kind(**arguments, meta={"rule": rule}) for rule, (kind, arguments) in asked.items()}
    warnings = {
        rule: gxe.ExpectColumnValuesToBeInSet(**_true(fact), meta={"rule": rule}, notes=reason, severity="warning")
        for rule, (fact, reason) in _WARNINGS.items()
    }
    return critical | warnings


def is_critical(expectation: Expectation) -> bool:
    """Whether a record that breaks it may not be loaded."""
    return str(expectation.severity.value) == "critical"


def columns_of(expectation: Expectation) -> set[str]:
    """The columns of the evidence that it looks at."""
    return {getattr(expectation, name) for name in ("column", "column_A", "column_B") if hasattr(expectation, name)}


def _true(column: str) -> dict[str, Any]:
    return {"column": column, "value_set": [True]}


def _field_rules(field: Field) -> _Asked:
    import great_expectations.expectations as gxe

    name = field.name
    asked: _Asked = {
        f"{name} must be {TYPE_NAMES[field.type]}": (gxe.ExpectColumnValuesToBeInSet, _true(f"{name}_typed"))
    }
    if not field.nullable:
        asked[f"{name} must not be null"] = (gxe.ExpectColumnValuesToBeInSet, _true(f"{name}_present"))
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


def _facts(facts: dict[str, str]) -> _Asked:
    import great_expectations.expectations as gxe

    return {rule: (gxe.ExpectColumnValuesToBeInSet, _true(fact)) for rule, fact in facts.items()}


def _membership_rules() -> _Asked:
    return _facts(
        {
            "study must be the batch's": "study_due",
            "slot must be the batch's": "slot_due",
            "the LLM must be one of the study's": "llm_due",
            "industry must be one of the study's": "industry_due",
            "question_id must be one of its industry's": "question_due",
            "record_id must be that of study, slot, LLM and question_id": "record_id_agrees",
            "each LLM answers each question once": "asked_once",
        }
    )


def _outcome_rules() -> _Asked:
    return _facts(
        {
            "failure_kind must be null when it succeeded": "failure_kind_null_when_succeeded",
            "failure_kind must be set when it failed": "failure_kind_set_when_failed",
            "answer must not be empty when it succeeded": "answer_given",
            "http_status must be below 400 when it succeeded": "status_fine_when_succeeded",
            "latency_sec must be set when it succeeded": "latency_set_when_succeeded",
            "throughput_tps must be set when it succeeded and response_tokens is known": (
                "throughput_set_when_succeeded"
            ),
            **{f"{name} must be null when it failed": f"{name}_null_when_failed" for name in NULL_WHEN_FAILED},
            "throughput_tps is response_tokens / latency_sec": "throughput_agrees",
            "decode_tps is (response_tokens − 1) / (last − first of event_times_sec)": "decode_agrees",
        }
    )


def _clock_rules() -> _Asked:
    import great_expectations.expectations as gxe

    def ordered(earlier: str, later: str) -> _Asked:
        arguments = {
            "column_A": later,
            "column_B": earlier,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        }
        return {f"{earlier} must not exceed {later}": (gxe.ExpectColumnPairValuesAToBeGreaterThanB, arguments)}

    return {
        **_facts(
            {
                "ttft_sec is the first of event_times_sec": "ttft_agrees",
                "event_times_sec must not exceed latency_sec": "ended_in_time",
            }
        ),
        **ordered("tls_sec", "connect_sec"),
        **ordered("first_byte_sec", "ttft_sec"),
        **ordered("ttft_sec", "first_answer_sec"),
        **ordered("ttft_sec", "latency_sec"),
        **ordered("first_answer_sec", "latency_sec"),
        **ordered("itl_mean_sec", "itl_max_sec"),
        **ordered("itl_p99_sec", "itl_max_sec"),
        **ordered("slot", "measured_at"),
        **_facts(
            {
                "timestamp is measured_at": "timestamp_agrees",
                "late_sec is measured_at − slot": "late_agrees",
            }
        ),
    }
