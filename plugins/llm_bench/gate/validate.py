"""The quality gate: which records of a batch may be loaded, and what each of the others broke. Great Expectations."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_bench.gate.columns import Rows
from llm_bench.gate.completeness import Due
from llm_bench.gate.evidence import Batch, Breaches, Refused
from llm_bench.records import RawRecord

if TYPE_CHECKING:
    from llm_bench.gate.judge import Rule

__all__ = ["Refused", "Verdict", "quietly", "validate"]

_CHATTY = ("great_expectations", "alembic")
_MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a batch; each record is in exactly one of the two, in the order of the batch.

    :param valid: with ``warnings`` filled in.
    :param results: JSON-able summary: the run_ids, how many records are valid, refused and valid with warnings, and
        for each expectation its name, type, severity, success, how many rows broke it (null where it couldn't be
        checked, with the ``problem``, and where it looks at the batch as a whole, with the value ``observed``) and the
        record_ids of the first.
    :param suite: the study's expectations, as Great Expectations stores a suite; the same for all its batches.
    """

    valid: Rows
    refused: list[Refused]
    results: dict[str, Any]
    suite: dict[str, Any] | None = None


def validate(chunks: Iterable[Sequence[RawRecord]], due: Due) -> Verdict:
    """Judge the records of one batch, row by row.

    :param chunks: the records as measured and scored, all at once or some at a time: where a chunk is made when it is
        asked for, its plain records needn't be in memory with the next one's. Anything in them is judged, nothing in
        them raises.
    :param due: what the batch is due to hold. An expectation of the study's own that can't be checked is reported as
        a warning, and costs no record.
    """
    with quietly():
        from llm_bench.gate.judge import Judge  # noqa: PLC0415  (takes seconds)

        batch, judge = Batch(), Judge(due)
        for evidence in batch.look(chunks):
            judge.look_at_rows(evidence)
        judge.look_at_all(batch)
    broken, warned = _sort(judge.rules, batch)
    examples = [rule.rows[:_MAX_EXAMPLES] for rule in judge.rules]
    names = batch.names({row for rows in examples for row in rows})
    refused, valid = batch.divide(broken, warned)
    counts = {"valid": len(valid), "refused": len(refused), "warned": sum(row not in broken for row in warned)}
    results = {
        "runs": list(batch.runs),
        "records": counts,
        "due": len(due.requests),
        **_statistics(judge.rules),
        "expectations": [
            rule.summary([names[row] for row in rows]) for rule, rows in zip(judge.rules, examples, strict=True)
        ],
    }
    return Verdict(valid, refused, results, judge.stored())


def _sort(rules: Iterable[Rule], batch: Batch) -> tuple[Breaches, Breaches]:
    """What each row broke that forbids loading it, and what it broke else."""
    broken: Breaches = defaultdict(list)
    warned: Breaches = defaultdict(list)
    for rule in rules:
        breaches = broken if rule.severity == "critical" else warned
        for row, words in rule.breaches(batch):
            breaches[row].append(words)
    return dict(broken), dict(warned)


def _statistics(rules: Sequence[Rule]) -> dict[str, Any]:
    import great_expectations as gx

    failed = {rule.severity for rule in rules if not rule.success}
    succeeded = sum(rule.success for rule in rules)
    return {
        "success": succeeded == len(rules),
        "max_severity_failure": next((severity for severity in ("critical", "warning") if severity in failed), None),
        "great_expectations_version": gx.__version__,
        "statistics": {
            "evaluated_expectations": len(rules),
            "successful_expectations": succeeded,
            "unsuccessful_expectations": len(rules) - succeeded,
            "success_percent": 100 * succeeded / len(rules),
        },
    }


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
