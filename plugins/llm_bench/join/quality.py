"""The quality gate: which records of a batch may be loaded, and what each of the others broke. Great Expectations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_bench.join.checks import TYPE_NAMES, View, view
from llm_bench.records import FIELDS, Field, Record

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

_NONE_MISSING = "no field is missing"
_NONE_UNKNOWN = "no field is unknown"
_CHATTY = ("great_expectations", "alembic")


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that may not be loaded.

    :param record: as it came.
    :param broken: the expectations it broke, e.g. "latency_sec must be at least 0".
    """

    record: Record
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a batch; each record is in exactly one of the lists, in the order of the batch.

    :param results: JSON-able summary: for each expectation its name, its success and how many rows broke it.
    """

    valid: list[Record]
    refused: list[Refused]
    results: dict[str, Any]


def validate(records: Sequence[Record]) -> Verdict:
    """Judge the records of one batch (one study, one slot), row by row.

    :param records: as measured and scored; anything in them is judged, nothing in them raises.
    """
    rows = [view(record) for record in records]
    with _quiet():
        rules = _rules()
        outcome = _run(rows, list(rules.values()))
    by_rule = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    broken: list[list[str]] = [[] for _ in rows]
    for rule in rules:
        for row, words in _breaches(rule, by_rule[rule], rows):
            broken[row].append(words)
    refused = [Refused(record, tuple(words)) for record, words in zip(records, broken, strict=True) if words]
    valid = [record for record, words in zip(records, broken, strict=True) if not words]
    return Verdict(valid, refused, _summary(rules, by_rule, outcome, len(valid), len(refused)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Great Expectations logs some 300 lines at INFO while it is imported; only its warnings are let through."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _run(rows: Sequence[View], expectations: list[Expectation]) -> ExpectationSuiteValidationResult:
    """One pass over the batch, in memory: no files, no analytics, no progress bar."""
    import great_expectations as gx  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    # As objects, values stay what they are: an integer column with a null in it would become floats.
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in view({})}
    asset = context.data_sources.add_pandas("batch").add_dataframe_asset("records")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame(columns)})
    suite = gx.ExpectationSuite(name="records", expectations=expectations)
    return batch.validate(suite, result_format="COMPLETE")


def _breaches(rule: str, result: Any, rows: Sequence[View]) -> Iterator[tuple[int, str]]:
    """Row number and words for each row that broke a rule; every row where the rule couldn't be evaluated."""
    if "unexpected_index_list" not in result.result and not result.success:
        for row in range(len(rows)):
            yield row, f"{rule} (it couldn't be checked)"
        return
    for row in result.result.get("unexpected_index_list") or ():
        if rule == _NONE_MISSING:
            yield from ((row, f"field {name} is missing") for name in rows[row]["missing"])
        elif rule == _NONE_UNKNOWN:
            yield from ((row, f"unknown field {name}") for name in rows[row]["unknown"])
        else:
            yield row, rule


def _summary(
    rules: dict[str, Expectation],
    by_rule: dict[str, Any],
    outcome: ExpectationSuiteValidationResult,
    valid: int,
    refused: int,
) -> dict[str, Any]:
    return {
        "success": bool(outcome.success),
        "records": {"valid": valid, "refused": refused},
        "great_expectations_version": outcome.meta["great_expectations_version"],
        "statistics": dict(outcome.statistics),
        "expectations": [
            {
                "name": rule,
                "type": by_rule[rule].expectation_config.type,
                "success": bool(by_rule[rule].success),
                "unexpected_count": by_rule[rule].result.get("unexpected_count"),
            }
            for rule in rules
        ],
    }


def _rules() -> dict[str, Expectation]:
    """Every expectation by the words that name it, in the order in which they are reported."""
    import great_expectations.expectations as gxe  # noqa: PLC0415

    asked = {
        _NONE_MISSING: (gxe.ExpectColumnValuesToBeNull, {"column": "missing"}),
        _NONE_UNKNOWN: (gxe.ExpectColumnValuesToBeNull, {"column": "unknown"}),
    }
    for field in FIELDS:
        asked |= _field_rules(field)
    asked |= _uniqueness_rules() | _outcome_rules() | _clock_rules()
    return {rule: expectation(**arguments, meta={"rule": rule}) for rule, (expectation, arguments) in asked.items()}


_Asked = dict[str, tuple[Any, dict[str, Any]]]
"""Rule → class of expectation and its arguments."""


def _true(column: str) -> dict[str, Any]:
    return {"column": column, "value_set": [True]}


def _field_rules(field: Field) -> _Asked:
    import great_expectations.expectations as gxe  # noqa: PLC0415
    from great_expectations.expectations.row_conditions import Column  # noqa: PLC0415

    name, typed = field.name, Column(f"{field.name}_typed")
    asked: _Asked = {f"{name} must be {TYPE_NAMES[field.type]}": (gxe.ExpectColumnValuesToBeInSet, _true(typed.name))}
    if not field.nullable:
        asked[f"{name} must not be null"] = (
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": name, "row_condition": typed == True},  # noqa: E712  (a condition, not a comparison)
        )
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
    import great_expectations.expectations as gxe  # noqa: PLC0415

    identity = ["llm_provider", "llm_model", "question_id"]
    return {
        "record_id must be unique": (gxe.ExpectColumnValuesToBeUnique, {"column": "record_id"}),
        "each LLM answers each question once": (
            gxe.ExpectCompoundColumnsToBeUnique,
            {"column_list": identity, "ignore_row_if": "any_value_is_missing"},
        ),
    }


def _outcome_rules() -> _Asked:
    import great_expectations.expectations as gxe  # noqa: PLC0415
    from great_expectations.expectations.row_conditions import Column  # noqa: PLC0415

    succeeded, failed = Column("success") == True, Column("success") == False  # noqa: E712

    def set_when(column: str, condition: Any) -> tuple[Any, dict[str, Any]]:
        typed = Column(f"{column}_typed") == True  # noqa: E712
        return gxe.ExpectColumnValuesToNotBeNull, {"column": column, "row_condition": condition & typed}

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
    import great_expectations.expectations as gxe  # noqa: PLC0415

    def not_before(later: str, earlier: str) -> tuple[Any, dict[str, Any]]:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB, {
            "column_A": later,
            "column_B": earlier,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        }

    return {
        "ttft_sec must not exceed first_answer_sec": not_before("first_answer_sec", "ttft_sec"),
        "ttft_sec must not exceed latency_sec": not_before("latency_sec", "ttft_sec"),
        "first_answer_sec must not exceed latency_sec": not_before("latency_sec", "first_answer_sec"),
        "measured_at must not be before slot": not_before("measured_at", "slot"),
        "late_sec is measured_at − slot": (gxe.ExpectColumnValuesToBeInSet, _true("late_agrees")),
    }
