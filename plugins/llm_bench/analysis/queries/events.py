"""What happened to a study beside its numbers, as far as its records say it: another model named, settings changed."""

from __future__ import annotations

from collections import Counter
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
_PROMPTS = """
    SELECT question_no, prompt_hash AS value, min(measured_at) AS since, arg_min(slot, measured_at) AS at
    FROM records WHERE prompt_hash IS NOT NULL GROUP BY question_no, prompt_hash ORDER BY question_no, since, value
"""
_SAID = {
    "response_model": "another model is named",
    "system_fingerprint": "another fingerprint",
    "upstream_provider": "another upstream",
    "settings_hash": "asked with other settings",
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
    """All that the records say of changes; found once, as it rests on all of them."""
    return records.once("events", lambda copy: sorted(_events(copy), key=lambda event: event.at))


def _events(records: Records) -> Iterator[Event]:
    for field in (*NAMED, "settings_hash"):
        before: set[str] = set()
        for row in records.rows(_NAMES.format(field=field, most=MAX_VALUES)):
            if row["llm"] in before:
                words = _SAID[field] + (f": {row['value']}" if field in NAMED else "")
                yield Event(row["at"], "identity" if field in NAMED else "edited", words, row["llm"])
            before.add(row["llm"])
    known: set[int] = set()
    asked: Counter[datetime] = Counter()
    for row in records.rows(_PROMPTS):
        asked[row["at"]] += row["question_no"] in known
        known.add(row["question_no"])
    for at, many in asked.items():
        if many:
            yield Event(at, "edited", f"{many} question{'s' if many > 1 else ''} put otherwise")
