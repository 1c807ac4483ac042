"""The rules of the quality gate: the suite of a study, as Great Expectations' own expectations and those of ours.

Critical rules forbid what can't be so; a record that breaks one isn't loaded. Warnings name what can hardly be so: the
record is loaded, and says so itself. An expectation's ``description`` names the rule, its ``notes`` say why.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.row_conditions import Column, Condition

from llm_bench.fields import Field, FieldType
from llm_bench.gate.completeness import Due
from llm_bench.gate.expectations import ExpectColumnValuesToRise, RecordExpectation
from llm_bench.records import FIELD_NAMES, FIELDS
from llm_bench.study import BASELINE

if TYPE_CHECKING:
    from llm_bench.study import Quality

NONE_UNKNOWN = "no field is unknown"
SLOT = "slot"
"""The suite's parameter: the slot of the batch, ISO 8601 UTC text. All else is the same for all batches of a study."""

MAX_TOKENS_PER_SEC = 5_000
MIN_TTFT_SEC = 0.001
DEADLINE_GRACE_SEC = 1.0
"""A deadline is applied when bytes arrive, so a request may outlast it by one read."""

NULL_WHEN_FAILED = (
    *("latency_sec", "throughput_tps", "decode_tps", "note"),
    *("coverage_score", "groundedness", "context_utilization", "citations", "citation_support"),
)
SET_SINCE_2 = ("llm", "position", "settings_hash")
"""What every loaded record of schema 2 has."""

_TYPES: dict[FieldType, tuple[str, str]] = {
    "string": ("str", "Unicode text"),
    "float": ("float", "a finite number"),
    "integer": ("int", "a whole number"),
    "boolean": ("bool", "true or false"),
    "timestamp": ("Timestamp", "ISO 8601 text with a UTC offset"),
    "offsets": ("list", "numbers in rising order, none below 0"),
    "ordinals": ("list", "whole numbers in rising order, none below 0"),
}
"""Type of a field → that of its column in pandas, and what it is in a record."""

_NOT_BLANK = "[^\\s\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""What no space is, written out: not every engine of regular expressions counts them all to ``\\s``."""


def suite(due: Due) -> list[Expectation]:
    """Every expectation that a study's records are held to, in the order in which they are reported."""
    expected = [rule for field in FIELDS for rule in field_rules(field)]
    expected += [*_table(), *_membership(due), *_outcome(), *_order(), *_plausibility(due)]
    for kind in RecordExpectation.__subclasses__():
        arguments = {"column_list": list(kind.columns), **kind.of_study(due)}
        expected.append(_rule(kind, kind.words, kind.reason, kind.severity_level, **arguments))
    return sorted(expected, key=lambda rule: not is_critical(rule))


def own(entry: Quality) -> Expectation:
    """An expectation that a study adds.

    :raises Exception: Great Expectations knows no such expectation, or refuses its arguments.
    """
    configuration = ExpectationConfiguration(
        type=entry.type, kwargs=dict(entry.kwargs), severity=entry.severity, description=entry.words
    )
    return configuration.to_domain_obj()


def is_critical(rule: Expectation) -> bool:
    """Whether a record that breaks it may not be loaded."""
    return str(rule.severity.value) == "critical"


def judges_rows(rule: Expectation) -> bool:
    """Whether it says which records break it; others look at the batch as a whole."""
    return isinstance(rule, ColumnMapExpectation | ColumnPairMapExpectation | MulticolumnMapExpectation)


def looks_at_types(rule: Expectation) -> bool:
    """Whether it is about types or nulls, and so has to see what doesn't fit its column."""
    about_types = gxe.ExpectColumnValuesToBeOfType | gxe.ExpectColumnValuesToBeInTypeList | ExpectColumnValuesToRise
    return isinstance(rule, about_types | gxe.ExpectColumnValuesToNotBeNull)


def columns_of(rule: Expectation) -> tuple[str, ...]:
    """The columns that it looks at, those of its row condition among them."""
    named = [getattr(rule, name) for name in ("column", "column_A", "column_B") if hasattr(rule, name)]
    named += getattr(rule, "column_list", [])
    condition = getattr(rule, "row_condition", None)
    text = json.dumps(condition.dict(), default=str) if condition else ""
    return tuple(dict.fromkeys([*named, *(name for name in FIELD_NAMES if re.search(rf"\b{name}\b", text))]))


def _rule(
    kind: Any, words: str, reason: str | None = None, severity: str = "critical", **arguments: Any
) -> Expectation:
    return kind(description=words, notes=reason, severity=severity, **arguments)


def _table() -> list[Expectation]:
    return [_rule(gxe.ExpectTableColumnsToMatchSet, NONE_UNKNOWN, column_set=list(FIELD_NAMES), exact_match=True)]


def field_rules(field: Field) -> list[Expectation]:
    """What ``FIELDS`` says of a field: type, null, range, set."""
    name, (type_, words) = field.name, _TYPES[field.type]
    if type_ == "list":
        rules = [_rule(ExpectColumnValuesToRise, f"{name} must be {words}", column=name)]
    else:
        rules = [_rule(gxe.ExpectColumnValuesToBeOfType, f"{name} must be {words}", column=name, type_=type_)]
    if not field.nullable:
        rules.append(_rule(gxe.ExpectColumnValuesToNotBeNull, f"{name} must not be null", column=name))
    if field.minimum is not None or field.maximum is not None:
        bounds: dict[str, Any] = {"min_value": field.minimum, "max_value": field.maximum}
        rules.append(_rule(gxe.ExpectColumnValuesToBeBetween, f"{name} must be {_range(field)}", column=name, **bounds))
    if field.allowed:
        words = f"{name} must be one of {', '.join(field.allowed)}"
        rules.append(_rule(gxe.ExpectColumnValuesToBeInSet, words, column=name, value_set=list(field.allowed)))
    return rules


def _range(field: Field) -> str:
    if field.maximum is None:
        return f"at least {field.minimum:g}"
    if field.minimum is None:
        return f"at most {field.maximum:g}"
    return f"between {field.minimum:g} and {field.maximum:g}"


def _membership(due: Due) -> list[Expectation]:
    one_of, slot = gxe.ExpectColumnValuesToBeInSet, {"$PARAMETER": SLOT}
    return [
        _rule(one_of, "study must be the batch's", column="study", value_set=[due.study.name]),
        _rule(
            gxe.ExpectColumnValuesToBeBetween, "slot must be the batch's", column="slot", min_value=slot, max_value=slot
        ),
        _rule(one_of, "industry must be one of the study's", column="industry", value_set=list(due.questions)),
        _rule(
            gxe.ExpectColumnValuesToBeUnique,
            "each LLM answers each question once, or once cold and once warm",
            column="record_id",
        ),
        *_asked_from(due),
    ]


def _asked_from(due: Due) -> list[Expectation]:
    """Where all of the batch was asked from: one place, or none that has a name."""
    if due.client is None:
        return [_rule(gxe.ExpectColumnValuesToBeNull, "client must be the batch's", column="client")]
    return [
        _rule(gxe.ExpectColumnValuesToBeInSet, "client must be the batch's", column="client", value_set=[due.client]),
        _rule(gxe.ExpectColumnValuesToNotBeNull, "client must not be null", column="client"),
    ]


def _outcome() -> list[Expectation]:
    """What a success and a failure have, and what they lack."""
    succeeded, failed = Column("success") == True, Column("success") == False  # noqa: E712
    known = Column("response_tokens").is_not_null()
    since_2 = Column("schema_version") != 1  # a comparison by size fails where something else stands there
    rated = (succeeded & Column("throughput_tps").is_not_null()) | (succeeded & Column("decode_tps").is_not_null())

    def given(name: str, when: str, condition: Condition) -> Expectation:
        words = f"{name} must be set when {when}"
        return _rule(gxe.ExpectColumnValuesToNotBeNull, words, column=name, row_condition=condition)

    def absent(name: str, when: str, condition: Condition) -> Expectation:
        words = f"{name} must be null when {when}"
        return _rule(gxe.ExpectColumnValuesToBeNull, words, column=name, row_condition=condition)

    return [
        absent("failure_kind", "it succeeded", succeeded),
        given("failure_kind", "it failed", failed),
        given("answer", "it succeeded", succeeded),
        _rule(
            gxe.ExpectColumnValuesToMatchRegex,
            "answer must not be empty when it succeeded",
            column="answer",
            regex=_NOT_BLANK,
            row_condition=succeeded,
        ),
        _rule(
            gxe.ExpectColumnValuesToBeBetween,
            "http_status must be below 400 when it succeeded",
            column="http_status",
            max_value=400,
            strict_max=True,
            row_condition=succeeded,
        ),
        given("latency_sec", "it succeeded", succeeded),
        given("throughput_tps", "it succeeded and response_tokens is known", succeeded & known),
        given("response_tokens", "it succeeded and throughput_tps or decode_tps is known", rated),
        *(absent(name, "it failed", failed) for name in NULL_WHEN_FAILED),
        *(given(name, "the record is of schema 2", since_2) for name in SET_SINCE_2),
        given("timing_source", "ttft_sec is known", since_2 & Column("ttft_sec").is_not_null()),
        given("price_source", "cost_usd is known", since_2 & Column("cost_usd").is_not_null()),
        given("unique_line", "cache_probe is set", Column("cache_probe").is_not_null()),
        absent("unique_line", "cache_probe is null", Column("cache_probe").is_null()),
    ]


def _not_above(smaller: str, larger: str, reason: str | None = None, severity: str = "critical") -> Expectation:
    return _rule(
        gxe.ExpectColumnPairValuesAToBeGreaterThanB,
        f"{smaller} must not exceed {larger}",
        reason,
        severity,
        column_A=larger,
        column_B=smaller,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def _order() -> list[Expectation]:
    return [
        _not_above("dns_sec", "connect_sec"),
        _not_above("tls_sec", "connect_sec"),
        _not_above("first_byte_sec", "ttft_sec"),
        _not_above("ttft_sec", "first_answer_sec"),
        _not_above("ttft_sec", "latency_sec"),
        _not_above("first_answer_sec", "latency_sec"),
        _not_above("itl_mean_sec", "itl_max_sec"),
        _not_above("itl_p99_sec", "itl_max_sec"),
        _not_above("slot", "measured_at"),
        _rule(
            gxe.ExpectColumnPairValuesToBeEqual,
            "timestamp is measured_at",
            column_A="timestamp",
            column_B="measured_at",
            ignore_row_if="either_value_is_missing",
        ),
    ]


def _plausibility(due: Due) -> list[Expectation]:
    """What nothing forbids and yet can hardly be."""

    def bounded(column: str, must: str, reason: str, **arguments: Any) -> Expectation:
        kind = gxe.ExpectColumnValuesToBeBetween
        return _rule(kind, f"{column} must be {must}", reason, "warning", column=column, **arguments)

    # The built-in baselines are on this machine: no bound of a network or of a model holds for them.
    remote = {"row_condition": Column("llm_provider") != BASELINE}
    untimely = "Such a request should have been recorded as a timeout: its deadline was another, or didn't work."
    deadlines = due.study.deadlines
    apart = "They are a part of them; this provider counts them apart, so its {} are too few."
    return [
        bounded(
            "throughput_tps",
            f"at most {MAX_TOKENS_PER_SEC}",
            "The fastest hosted LLMs reach 2,000 to 3,000 tokens/s: above, the tokens are miscounted or the answer was "
            "kept from an earlier request.",
            max_value=MAX_TOKENS_PER_SEC,
            **remote,
        ),
        bounded(
            "decode_tps",
            f"at most {MAX_TOKENS_PER_SEC}",
            "No hosted LLM generates so fast: something on the way held the tokens back and let them go at once, so "
            "the times between them aren't the LLM's.",
            max_value=MAX_TOKENS_PER_SEC,
            **remote,
        ),
        bounded(
            "ttft_sec",
            f"at least {MIN_TTFT_SEC}",
            "A request can't reach a provider and bring a token back sooner: something nearer answered.",
            min_value=MIN_TTFT_SEC,
            **remote,
        ),
        bounded(
            "ttft_sec",
            "within the study's first_token_sec",
            untimely,
            max_value=deadlines.first_token_sec + DEADLINE_GRACE_SEC,
        ),
        bounded(
            "latency_sec",
            "within the study's total_sec",
            untimely,
            max_value=deadlines.total_sec + DEADLINE_GRACE_SEC,
        ),
        *_timeliness(due),
        bounded(
            "response_tokens",
            "within the study's max_tokens",
            "The provider didn't keep to the limit, so this LLM wasn't asked as the others were.",
            max_value=max(llm.asked_with(due.study.generation).max_tokens for llm in due.study.llms),
            row_condition=Column("token_source") != "estimated",
        ),
        _not_above("reasoning_tokens", "response_tokens", apart.format("response_tokens"), "warning"),
        _not_above("cached_tokens", "prompt_tokens", apart.format("prompt_tokens"), "warning"),
        _not_above("cache_write_tokens", "prompt_tokens", apart.format("prompt_tokens"), "warning"),
    ]


def _timeliness(due: Due) -> list[Expectation]:
    window = due.study.window
    if window is None:
        return []
    return [
        _rule(
            gxe.ExpectColumnValuesToBeBetween,
            "a scheduled record must be measured before the next slot is due",
            "It is of another time of day than its slot's. (A backfill is late by nature, and says so in run_type.)",
            "warning",
            column="late_sec",
            max_value=window.period.total_seconds() / window.batches_per_period,
            strict_max=True,
            row_condition=Column("run_type") == "scheduled",
        )
    ]
