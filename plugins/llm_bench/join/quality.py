"""The quality gate: which records of a batch may be loaded, and what each of the others broke. Great Expectations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_bench.join.checks import View, view
from llm_bench.join.rules import NONE_MISSING, NONE_UNKNOWN, rules
from llm_bench.records import Record

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

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
        expectations = rules()
        outcome = _run(rows, list(expectations.values()))
    found = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    by_rule = {rule: found[rule] for rule in expectations}  # Great Expectations has an order of its own
    broken: list[list[str]] = [[] for _ in rows]
    for rule, result in by_rule.items():
        for row, words in _breaches(rule, result, rows):
            broken[row].append(words)
    refused = [Refused(record, tuple(words)) for record, words in zip(records, broken, strict=True) if words]
    valid = [record for record, words in zip(records, broken, strict=True) if not words]
    return Verdict(valid, refused, _summary(by_rule, outcome, len(valid), len(refused)))


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
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import (
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
        if rule == NONE_MISSING:
            yield from ((row, f"field {name} is missing") for name in rows[row]["missing"])
        elif rule == NONE_UNKNOWN:
            yield from ((row, f"unknown field {name}") for name in rows[row]["unknown"])
        else:
            yield row, rule


def _summary(
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
                "type": result.expectation_config.type,
                "success": bool(result.success),
                "unexpected_count": result.result.get("unexpected_count"),
            }
            for rule, result in by_rule.items()
        ],
    }
