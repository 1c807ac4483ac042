"""What the quality gate looks at: a chunk of records as typed columns, and facts about each of its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from llm_bench.gate.columns import Column, Flags, column
from llm_bench.gate.completeness import Due
from llm_bench.gate.evidence import Facts, Places
from llm_bench.records import FIELD_NAMES, FIELDS, Field, RawRecord, arrow_schema, utc_text

if TYPE_CHECKING:
    import pyarrow as pa

Evidence = dict[str, Any]
"""Column → one entry a row: a field's numbers (NaN for null; times in microseconds since the epoch) or, where only some
texts are allowed, its texts; ``<field>_typed`` and ``<field>_present``; and facts, true also where they don't apply."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records, looked at.

    :param table: the columns of ``arrow_schema()``; null stands for what is missing or of another type.
    :param evidence: what the rules are applied to.
    :param place: the place in the study's matrix of LLM × question, −1 for one that isn't in it.
    :param lacking: row → names of the fields that it lacks.
    :param unknown: row → names of what it has besides, as text.
    :param odd: row → the record as it came, where the table can't give it back.
    """

    table: pa.Table
    evidence: Evidence
    place: Places
    lacking: dict[int, list[str]]
    unknown: dict[int, list[str]]
    odd: dict[int, RawRecord]


def examine(records: Sequence[RawRecord], due: Due) -> Chunk:
    """Look at a chunk of a batch's records, whatever is in them."""
    import pyarrow as pa

    columns = {field.name: column(field, records) for field in FIELDS}
    strange = [row for row, record in enumerate(records) if record.keys() != _NAMES]
    lacking = {row: names for row in strange if (names := [n for n in FIELD_NAMES if n not in records[row]])}
    unknown = {row: names for row in strange if (names := [_shown(n) for n in records[row] if n not in _NAMES])}
    facts = Facts(columns, due, len(records))
    evidence = _field_evidence(columns) | facts.all()
    evidence["none_missing"] = _except(lacking, len(records))
    evidence["none_unknown"] = _except(unknown, len(records))
    return Chunk(
        table=pa.Table.from_arrays([columns[field.name].values for field in FIELDS], schema=arrow_schema()),
        evidence=evidence,
        place=facts.place,
        lacking=lacking,
        unknown=unknown,
        odd={row: records[row] for row in _odd_rows(records, columns, strange)},
    )


_NAMES = frozenset(FIELD_NAMES)


def _shown(name: object) -> str:
    """A field's name, whatever it is, as text that can be logged and stored."""
    return str(name).encode(errors="backslashreplace").decode()


def _except(rows: Mapping[int, Any], count: int) -> Flags:
    fine = np.ones(count, bool)
    fine[list(rows)] = False
    return fine


def _odd_rows(records: Sequence[RawRecord], columns: Mapping[str, Column], strange: Sequence[int]) -> set[int]:
    """Rows with fields missing, unknown or mistyped, or with a time that isn't written as ``utc_text`` writes it."""
    rows = set(strange)
    for field in FIELDS:
        rows |= set(np.flatnonzero(~columns[field.name].typed).tolist())
        if field.type == "timestamp":
            known = columns[field.name].values.to_pylist() if _respelled(records, field) else []
            rows |= {row for row, time in enumerate(known) if time and utc_text(time) != records[row][field.name]}
    return rows


def _respelled(records: Sequence[RawRecord], field: Field) -> bool:
    return any(not str(record.get(field.name, "Z")).endswith("Z") for record in records)


def _field_evidence(columns: Mapping[str, Column]) -> Evidence:
    evidence: Evidence = {}
    for field in FIELDS:
        found = columns[field.name]
        evidence[f"{field.name}_typed"] = found.typed
        if not field.nullable:
            evidence[f"{field.name}_present"] = found.present
        if field.allowed:
            evidence[field.name] = found.values.dictionary_encode()
        elif field.type in {"float", "integer", "timestamp"}:
            evidence[field.name] = found.numbers
    return evidence
