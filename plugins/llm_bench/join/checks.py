"""What the quality gate looks at: a record's values where they have the right type, and facts about the row. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from llm_bench.records import FIELD_NAMES, FIELDS, Record

View = dict[str, Any]
"""One row as the gate sees it: each field's value, ``<field>_typed``, and the facts of ``_facts``; null where a fact
doesn't apply."""

TYPE_NAMES = {
    "string": "Unicode text",
    "float": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "ISO 8601 text with a UTC offset",
}
TOLERANCE = 1e-6
"""Relative for rates; for times in seconds, absolute: they are kept to the microsecond."""

_EXACT_FLOAT = 2**53
_INT64 = 2**63


def _is_text(value: Any) -> bool:
    """Whether it can be stored: a lone surrogate, which JSON can carry, has no UTF-8."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_integer(value) and abs(value) <= _EXACT_FLOAT


def moment(value: Any) -> datetime | None:
    """The moment that ISO 8601 text names, in UTC; None for anything else, and for text without an offset."""
    try:
        parsed = datetime.fromisoformat(value)
        return None if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


_HAS_TYPE: dict[Literal["string", "float", "integer", "boolean", "timestamp"], Callable[[Any], bool]] = {
    "string": _is_text,
    "float": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "timestamp": lambda value: moment(value) is not None,
}


def view(record: Record) -> View:
    """The row that the gate looks at; a value of the wrong type is null in it and false in its ``_typed``."""
    row: View = {}
    for field in FIELDS:
        value = record.get(field.name)
        typed = value is None or _HAS_TYPE[field.type](value)
        row[field.name] = None if not typed else moment(value) if field.type == "timestamp" else value
        row[f"{field.name}_typed"] = typed if field.name in record else None
    missing = [name for name in FIELD_NAMES if name not in record]
    unknown = [str(name) for name in record if name not in FIELD_NAMES]
    return row | {"missing": missing or None, "unknown": unknown or None} | _facts(row)


def _facts(row: View) -> View:
    return {
        "answer_given": _answer_given(row) if row["success"] and row["answer_typed"] else None,
        "throughput_agrees": _throughput_agrees(row),
        "late_agrees": _late_agrees(row),
    }


def _answer_given(row: View) -> bool:
    return bool((row["answer"] or "").strip())


def _throughput_agrees(row: View) -> bool | None:
    rate, tokens, seconds = row["throughput_tps"], row["response_tokens"], row["latency_sec"]
    if not row["success"] or rate is None or not (row["response_tokens_typed"] and row["latency_sec_typed"]):
        return None
    return tokens is not None and bool(seconds) and math.isclose(rate, tokens / seconds, rel_tol=TOLERANCE)


def _late_agrees(row: View) -> bool | None:
    late, measured_at, slot = row["late_sec"], row["measured_at"], row["slot"]
    if late is None or measured_at is None or slot is None:
        return None
    return abs(late - (measured_at - slot).total_seconds()) <= TOLERANCE
