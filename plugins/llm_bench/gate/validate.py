"""The quality gate: which records of a batch may be loaded, and what each of the others broke. Great Expectations."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from llm_bench.gate.columns import Flags, Rows
from llm_bench.gate.completeness import Due
from llm_bench.gate.evidence import Places
from llm_bench.gate.rules import NONE_MISSING, NONE_UNKNOWN, columns_of, is_critical, rules
from llm_bench.gate.suite import Chunk, examine
from llm_bench.records import RawRecord, records_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

_CHATTY = ("great_expectations", "alembic")
_RULES_AT_ONCE = 40
_MOST_EXAMPLES = 20

_Breaches = dict[int, list[str]]
"""Row → what it broke, in words, in the order of the rules."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that may not be loaded.

    :param record: as it came.
    :param broken: the critical rules it broke, e.g. "latency_sec must be at least 0".
    """

    record: RawRecord
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a batch; each record is in exactly one of the two, in the order of the batch.

    :param valid: with ``warnings`` filled in.
    :param results: JSON-able summary: the run_ids, how many records are valid, refused and valid with warnings, and
        for each expectation its name, severity, success, how many rows broke it and the record_ids of the first.
    """

    valid: Rows
    refused: list[Refused]
    results: dict[str, Any]


def validate(chunks: Iterable[Sequence[RawRecord]], due: Due) -> Verdict:
    """Judge the records of one batch, row by row.

    :param chunks: the records as measured and scored, all at once or some at a time: where a chunk is made when it is
        asked for, its plain records needn't be in memory with the next one's. Anything in them is judged, nothing in
        them raises.
    :param due: what the batch is due to hold.
    """
    seen = _Seen(chunks, due)
    with quietly():
        expectations = rules()
        outcomes = list(_run(seen, expectations))
    found = {result.expectation_config.meta["rule"]: result for outcome in outcomes for result in outcome.results}
    by_rule = {rule: found[rule] for rule in expectations}  # Great Expectations has an order of its own
    broken, warned = _sort(by_rule, expectations, seen)
    examples = _examples(by_rule, seen)
    refused, valid = seen.divide(broken, warned)
    counts = {
        "valid": len(valid),
        "refused": len(refused),
        "warned": sum(row not in broken for row in warned),
    }
    results = _summary(by_rule, expectations, outcomes, examples)
    return Verdict(valid, refused, {"runs": list(seen.runs), "records": counts, **results})


def _examples(by_rule: Mapping[str, Any], seen: _Seen) -> dict[str, list[str]]:
    """Rule → the names of the first records that broke it."""
    rows = {
        rule: (result.result.get("unexpected_index_list") or [])[:_MOST_EXAMPLES] for rule, result in by_rule.items()
    }
    names = seen.names(set(chain.from_iterable(rows.values())))
    return {rule: [names[row] for row in some] for rule, some in rows.items()}


class _Seen:
    """All chunks of a batch: their records compressed, and the evidence."""

    def __init__(self, chunks: Iterable[Sequence[RawRecord]], due: Due) -> None:
        self._typed = Rows()
        self._evidence: dict[str, list[Any]] = defaultdict(list)
        self._places: list[Places] = []
        self._odd: dict[int, RawRecord] = {}
        self.lacking: dict[int, list[str]] = {}
        self.unknown: dict[int, list[str]] = {}
        self.runs: dict[str, None] = {}
        for records in chain([[]], chunks):  # an empty chunk first: every column is there without a record
            self._add(examine(records, due))

    def __len__(self) -> int:
        return len(self._typed)

    def _add(self, chunk: Chunk) -> None:
        start = len(self._typed)
        self._typed.add(chunk.table)
        self.runs |= dict.fromkeys(chunk.table["run_id"].drop_null().unique().to_pylist())
        for name, values in chunk.evidence.items():
            self._evidence[name].append(values)
        self._places.append(chunk.place)
        self._odd |= {start + row: record for row, record in chunk.odd.items()}
        self.lacking |= {start + row: names for row, names in chunk.lacking.items()}
        self.unknown |= {start + row: names for row, names in chunk.unknown.items()}

    def frame(self, columns: Iterable[str]) -> pd.DataFrame:
        """Some of the evidence of the whole batch, one row a record."""
        import pandas as pd

        return pd.DataFrame({name: self._once() if name == "asked_once" else self._joined(name) for name in columns})

    def _once(self) -> Flags:
        """Whether no other record has the same place in the matrix."""
        places = np.concatenate(self._places) + 1
        found: Flags = (places == 0) | (np.bincount(places)[places] == 1)
        return found

    def _joined(self, name: str) -> Any:
        import pyarrow as pa

        parts = self._evidence[name]
        if isinstance(parts[0], np.ndarray):
            return np.concatenate(parts)
        return pa.chunked_array(parts).unify_dictionaries().to_pandas()

    def names(self, rows: set[int]) -> dict[int, str]:
        """Row → its record_id, or its place in the batch where it has none."""
        found: dict[int, str] = {}
        start = 0
        for table in self._typed.tables() if rows else ():
            here = [row for row in rows if start <= row < start + table.num_rows]
            ids = table["record_id"].take([row - start for row in here]).to_pylist() if here else []
            found |= {row: name or f"row {row}" for row, name in zip(here, ids, strict=True)}
            start += table.num_rows
        return found

    def divide(self, broken: _Breaches, warned: _Breaches) -> tuple[list[Refused], Rows]:
        """The refused as they came, and the others with their warnings. What was seen is given up."""
        self._evidence.clear()
        refused, valid, start = [], Rows(), 0
        for table in self._typed.drain():
            rows = range(start, start + table.num_rows)
            bad = [row - start for row in rows if row in broken] if broken else []
            for row, record in zip(bad, records_of(table.take(bad)) if bad else (), strict=True):
                came = self._odd.get(start + row, record)
                refused.append(Refused(came, tuple(broken[start + row])))
            good = np.ones(len(rows), bool)
            good[bad] = False
            valid.add(_flagged(table, rows, warned).filter(good))
            start = rows.stop
        return refused, valid


def _flagged(table: pa.Table, rows: range, warned: _Breaches) -> pa.Table:
    import pyarrow as pa

    number = table.schema.get_field_index("warnings")
    words = [None if row not in warned else "; ".join(warned[row]) for row in rows]
    return table.set_column(number, table.schema.field(number), pa.array(words, pa.string()))


@contextmanager
def quietly() -> Iterator[None]:
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


def _run(seen: _Seen, expectations: Mapping[str, Expectation]) -> Iterator[ExpectationSuiteValidationResult]:
    """A few rules at a time on no more columns than they need, since each rule copies its whole table.

    In memory: no files, no analytics, no progress bar.
    """
    import great_expectations as gx
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
    asset = context.data_sources.add_pandas("batch").add_dataframe_asset("records")
    definition = asset.add_batch_definition_whole_dataframe("all")
    waiting = iter(expectations.values())
    while some := list(islice(waiting, _RULES_AT_ONCE)):
        frame = seen.frame({column for one in some for column in columns_of(one)})
        suite = gx.ExpectationSuite(name="records", expectations=some)
        yield definition.get_batch({"dataframe": frame}).validate(suite, result_format="COMPLETE")


def _sort(
    by_rule: Mapping[str, Any], expectations: Mapping[str, Expectation], seen: _Seen
) -> tuple[_Breaches, _Breaches]:
    """What each row broke that forbids loading it, and what it broke else."""
    broken: _Breaches = defaultdict(list)
    warned: _Breaches = defaultdict(list)
    for rule, result in by_rule.items():
        breaches = broken if is_critical(expectations[rule]) else warned
        for row, words in _breaches(rule, result, seen):
            breaches[row].append(words)
    return dict(broken), dict(warned)


def _breaches(rule: str, result: Any, seen: _Seen) -> Iterator[tuple[int, str]]:
    """Row and words for each row that broke a rule; every row where the rule couldn't be evaluated."""
    if "unexpected_index_list" not in result.result and not result.success:
        for row in range(len(seen)):
            yield row, f"{rule} (it couldn't be checked)"
        return
    for row in result.result.get("unexpected_index_list") or ():
        if rule == NONE_MISSING:
            yield from ((row, f"field {name} is missing") for name in seen.lacking[row])
        elif rule == NONE_UNKNOWN:
            yield from ((row, f"unknown field {name}") for name in seen.unknown[row])
        else:
            yield row, rule


def _summary(
    by_rule: Mapping[str, Any],
    expectations: Mapping[str, Expectation],
    outcomes: Sequence[ExpectationSuiteValidationResult],
    examples: Mapping[str, list[str]],
) -> dict[str, Any]:
    worst = max(filter(None, (outcome.get_max_severity_failure() for outcome in outcomes)), default=None)
    succeeded = sum(bool(result.success) for result in by_rule.values())
    return {
        "success": succeeded == len(by_rule),
        "max_severity_failure": worst.value if worst else None,
        "great_expectations_version": outcomes[0].meta["great_expectations_version"],
        "statistics": {
            "evaluated_expectations": len(by_rule),
            "successful_expectations": succeeded,
            "unsuccessful_expectations": len(by_rule) - succeeded,
            "success_percent": 100 * succeeded / len(by_rule),
        },
        "expectations": [
            {
                "name": rule,
                "type": result.expectation_config.type,
                "severity": expectations[rule].severity.value,
                "success": bool(result.success),
                "unexpected_count": result.result.get("unexpected_count"),
                "examples": examples[rule],
            }
            for rule, result in by_rule.items()
        ],
    }
