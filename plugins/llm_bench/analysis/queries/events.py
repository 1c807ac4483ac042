"""What happened to a study beside its numbers; of the records, when a provider named something else that answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries.answers import MAX_VALUES, NAMED

Kind = Literal["missed", "late", "identity", "edited"]

_NAMES = """
    SELECT llm, {field} AS value, min(measured_at) AS since, arg_min(slot, measured_at) AS at
    FROM records WHERE {field} IS NOT NULL GROUP BY llm, {field}
    QUALIFY row_number() OVER (PARTITION BY llm ORDER BY since, {field}) <= {most} ORDER BY llm, since, value
"""
_SAID = {
    "response_model": "another model is named",
    "system_fingerprint": "another fingerprint",
    "upstream_provider": "another upstream",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a slot.

    :param llm: None where it is of all.
    :param words: what it was.
    """

    at: datetime
    kind: Kind
    words: str
    llm: str | None = None


def events(records: Records) -> list[Event]:
    """When a provider first named something else; found once, as it rests on all records."""
    return records.once("events", lambda copy: sorted(_events(copy), key=lambda event: event.at))


def _events(records: Records) -> Iterator[Event]:
    for field in NAMED:
        before: set[str] = set()
        for row in records.rows(_NAMES.format(field=field, most=MAX_VALUES)):
            if row["llm"] in before:
                yield Event(row["at"], "identity", f"{_SAID[field]}: {row['value']}", row["llm"])
            before.add(row["llm"])
