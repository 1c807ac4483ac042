"""Holds a batch to the rules of its study, in Great Expectations, and keeps what came of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.validator.validator import Validator

from llm_bench.gate.completeness import Due
from llm_bench.gate.evidence import Batch, Evidence
from llm_bench.gate.rules import NONE_UNKNOWN, SLOT, columns_of, judges_rows, looks_at_types, own, suite
from llm_bench.records import FIELD_NAMES, utc_text
from llm_bench.study import Quality

_COLUMNS_AT_ONCE = 6
_MAX_UNKNOWN = 100
_RESULT_FORMAT = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


@dataclass(slots=True)
class Rule:
    """One expectation of the suite, and what came of it.

    :param expectation: None for one that Great Expectations doesn't understand.
    :param own: whether the study adds it.
    :param rows: those that broke it, numbered in the batch.
    :param problem: why it couldn't be checked.
    :param observed: what an expectation of the batch as a whole found.
    """

    name: str
    type: str
    severity: str
    expectation: Expectation | None
    own: bool = False
    of_rows: bool = True
    success: bool = True
    rows: list[int] = field(default_factory=list)
    problem: str | None = None
    observed: Any = None

    @classmethod
    def of(cls, rule: Expectation) -> Rule:
        """A rule of the gate's."""
        return cls(rule.description, rule.expectation_type, rule.severity.value, rule)

    @classmethod
    def of_entry(cls, entry: Quality) -> Rule:
        """A rule that a study adds; a mistake in it is its problem."""
        try:
            rule = own(entry)
        except Exception as fault:
            return cls(entry.words, entry.type, "warning", None, own=True, success=False, problem=_first_line(fault))
        of_rows = judges_rows(rule)
        return cls(entry.words, entry.type, entry.severity if of_rows else "warning", rule, own=True, of_rows=of_rows)

    def settle(self, result: ExpectationValidationResult) -> None:
        """Take in what Great Expectations says of it, for all rows or for some more."""
        rows = result.result.get("unexpected_index_list")
        self.observed = result.result.get("observed_value")
        if result.success:
            return
        self.success = False
        if self.of_rows and rows is not None:
            self.rows += rows
        elif self.of_rows or not result.result:
            self.fail(_problem(result))

    def fail(self, problem: str) -> None:
        """Note why it couldn't be checked."""
        self.success, self.problem = False, problem
        self.severity = "warning" if self.own else self.severity

    def breaches(self, batch: Batch) -> Iterator[tuple[int, str]]:
        """Row and words for each row that broke it; every row where a rule of the gate's couldn't be checked."""
        if self.problem is not None:
            rows = range(0 if self.own else len(batch))
            yield from ((row, f"{self.name} (it couldn't be checked)") for row in rows)
        elif self.name == NONE_UNKNOWN and not self.own:
            yield from ((row, f"unknown field {name}") for row in self.rows for name in batch.unknown[row])
        else:
            columns = () if self.own or self.expectation is None else columns_of(self.expectation)
            for row in self.rows:
                lacking = batch.lacks(row, columns)
                yield row, self.name if lacking is None else f"field {lacking} is missing"

    def summary(self, examples: list[str]) -> dict[str, Any]:
        """The expectation and its outcome, for ``Verdict.results``."""
        checked = self.problem is None
        return {
            "name": self.name,
            "type": self.type,
            "severity": self.severity,
            "success": self.success,
            "unexpected_count": len(self.rows) if checked and self.of_rows else None,
            "examples": examples if checked else [],
            **({} if checked else {"problem": self.problem}),
            **({"observed": _plain(self.observed)} if checked and not self.of_rows else {}),
        }


class Judge:
    """The suite of a study, as Great Expectations runs it: in memory, without files, analytics or progress bars."""

    def __init__(self, due: Due) -> None:
        self._study = due.study
        self._parameters = {SLOT: utc_text(due.slot)}
        self._context = _context()
        self.rules = [*map(Rule.of, suite(due)), *map(Rule.of_entry, due.study.quality)]
        self._groups = list(_groups([rule for rule in self.rules if not _needs_all(rule)]))

    def look_at_rows(self, evidence: Evidence) -> None:
        """Judge some rows by all that is about one record alone."""
        for rules, columns, typed in self._groups:
            self._run(rules, evidence.frame(columns, typed=typed))

    def look_at_all(self, batch: Batch) -> None:
        """Judge the batch by all that is about several records, and by what the study adds."""
        for rule in filter(_needs_all, self.rules):
            if rule.name == NONE_UNKNOWN and not rule.own:
                self._look_at_columns(rule, batch)
            elif rule.expectation is not None:
                self._look_at_batch(rule, rule.expectation, batch)

    def _look_at_columns(self, rule: Rule, batch: Batch) -> None:
        unknown = dict.fromkeys(name for names in batch.unknown.values() for name in names)
        (result,) = self._results([rule], pd.DataFrame(columns=[*FIELD_NAMES, *islice(unknown, _MAX_UNKNOWN)]))
        rule.success, rule.rows = bool(result.success), sorted(batch.unknown)

    def _look_at_batch(self, rule: Rule, expectation: Expectation, batch: Batch) -> None:
        columns = columns_of(expectation)
        try:
            frame = batch.whole(columns).frame(columns, typed=looks_at_types(expectation)) if columns else batch.empty()
            self._run([rule], frame)
        except Exception as fault:  # whatever a study asks for
            if not rule.own:
                raise
            rule.fail(_first_line(fault))

    def _run(self, rules: Sequence[Rule], frame: pd.DataFrame) -> None:
        by_name = {rule.name: rule for rule in rules}  # Great Expectations has an order of its own
        for result in self._results(rules, frame):
            by_name[result.expectation_config.description].settle(result)

    def _results(self, rules: Sequence[Rule], frame: pd.DataFrame) -> list[ExpectationValidationResult]:
        # Not through a batch definition: that hashes every value of the frame, twice.
        engine = PandasExecutionEngine(batch_data_dict={"records": frame})
        validator = Validator(execution_engine=engine, data_context=self._context)
        asked = [rule.expectation.configuration for rule in rules if rule.expectation is not None]
        expected = validator.process_expectations_for_validation(asked, self._parameters)
        results: list[ExpectationValidationResult] = validator.graph_validate(
            expected, runtime_configuration={"result_format": _RESULT_FORMAT}
        )
        return results

    def stored(self) -> dict[str, Any]:
        """The suite, as Great Expectations stores it."""
        expectations = [rule.expectation for rule in self.rules if rule.expectation is not None]
        stored: dict[str, Any] = gx.ExpectationSuite(
            name=f"llm_bench_{self._study.name}", expectations=expectations
        ).to_json_dict()
        return stored


def _context() -> Any:
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )


def _needs_all(rule: Rule) -> bool:
    """Whether one record alone doesn't show if it is met. Of what a study adds, that isn't known."""
    return rule.own or rule.type in {"expect_column_values_to_be_unique", "expect_table_columns_to_match_set"}


_Group = tuple[list[Rule], tuple[str, ...], bool]
"""Rules, the columns that they look at, and whether they look at types."""


def _groups(rules: Iterable[Rule]) -> Iterator[_Group]:
    """Rules on few columns at a time, since each copies its whole table, and those about types apart."""
    looks = [(looks_at_types(rule.expectation), columns_of(rule.expectation), rule) for rule in rules]
    group: list[Rule] = []
    columns: tuple[str, ...] = ()
    before = False
    for typed, names, rule in sorted(looks, key=itemgetter(0, 1)):
        more = tuple(dict.fromkeys([*columns, *names]))
        if group and (typed != before or len(more) > _COLUMNS_AT_ONCE):
            yield group, columns, before
            group, more = [], names
        group, columns, before = [*group, rule], more, typed
    if group:
        yield group, columns, before


def _problem(result: ExpectationValidationResult) -> str:
    """Why Great Expectations couldn't check an expectation, in its words."""
    info = result.exception_info
    faults = [info, *(part for part in info.values() if isinstance(part, dict))]
    message = next((fault["exception_message"] for fault in faults if fault.get("exception_message")), None)
    return str(message or f"observed {result.result.get('observed_value')}").strip().splitlines()[0]


def _first_line(fault: Exception) -> str:
    return next(iter(str(fault).strip().splitlines()), type(fault).__name__)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)
