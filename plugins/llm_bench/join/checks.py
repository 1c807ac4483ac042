"""What the quality gate looks at: a record's values where they have the right type, and facts about the row. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

from llm_bench.records import FIELD_NAMES, FIELDS, Field, FieldType, Record

View = dict[str, Any]
"""One row as the gate sees it: each field's value, its ``<field>_state`` (``missing``, ``mistyped``, ``typed``, or
None for a null), and the facts of ``_facts``, None where they don't apply."""

State = Literal["missing", "mistyped", "typed"]

TYPE_NAMES = {
    "string": "Unicode text",
    "float": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "ISO 8601 text with a UTC offset",
    "offsets": "numbers in rising order, none below 0",
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


def _is_offsets(value: Any) -> bool:
    if not isinstance(value, list) or not all(map(_is_number, value)):
        return False
    return all(earlier <= later for earlier, later in pairwise([0, *value]))


_HAS_TYPE: dict[FieldType, Callable[[Any], bool]] = {
    "string": _is_text,
    "float": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "timestamp": lambda value: moment(value) is not None,
    "offsets": _is_offsets,
}


def _state(record: Record, field: Field) -> State | None:
    if field.name not in record:
        return "missing"
    value = record[field.name]
    if value is None:
        return None
    return "typed" if _HAS_TYPE[field.type](value) else "mistyped"


def view(record: Record) -> View:
    """The row that the gate looks at; only a value of the right type is in it, timestamps as datetimes."""
    row: View = {}
    for field in FIELDS:
        state = row[f"{field.name}_state"] = _state(record, field)
        value = record[field.name] if state == "typed" else None
        row[field.name] = moment(value) if field.type == "timestamp" else value
    row["missing"] = [name for name in FIELD_NAMES if name not in record] or None
    row["unknown"] = [_shown(name) for name in record if name not in FIELD_NAMES] or None
    return row | _facts(row)


def _shown(name: object) -> str:
    """A field's name, whatever it is, as text that can be logged and stored."""
    return str(name).encode(errors="backslashreplace").decode()


def _facts(row: View) -> View:
    return {
        "answer_given": _answer_given(row),
        "throughput_agrees": _throughput_agrees(row),
        "late_agrees": _late_agrees(row),
        "ttft_agrees": _ttft_agrees(row),
    }


def _answer_given(row: View) -> bool | None:
    if not row["success"] or row["answer_state"] not in (None, "typed"):
        return None
    return bool((row["answer"] or "").strip())


def _throughput_agrees(row: View) -> bool | None:
    rate, tokens, seconds = row["throughput_tps"], row["response_tokens"], row["latency_sec"]
    judged = not {row["response_tokens_state"], row["latency_sec_state"]} & {"missing", "mistyped"}
    if not row["success"] or rate is None or not judged:
        return None
    return tokens is not None and bool(seconds) and math.isclose(rate, tokens / seconds, rel_tol=TOLERANCE)


def _late_agrees(row: View) -> bool | None:
    late, measured_at, slot = row["late_sec"], row["measured_at"], row["slot"]
    if late is None or measured_at is None or slot is None:
        return None
    return bool(abs(late - (measured_at - slot).total_seconds()) <= TOLERANCE)


def _ttft_agrees(row: View) -> bool | None:
    offsets, ttft = row["event_times_sec"], row["ttft_sec"]
    if not offsets or ttft is None:
        return None
    return bool(abs(offsets[0] - ttft) <= TOLERANCE)
