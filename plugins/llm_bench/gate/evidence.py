"""What the quality gate looks at: a batch's records as typed columns, and beside them what fits no column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llm_bench.gate.columns import MISSING, Misfits, Rows, as_came, as_values, column
from llm_bench.records import FIELD_NAMES, FIELDS, Field, RawRecord, arrow_schema, of_today, records_of, utc_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS_AT_ONCE = 200_000
"""Some 0.3 GB as columns. Fewer cost time: Great Expectations takes seconds for its bookkeeping, however few."""

Breaches = dict[int, list[str]]
"""Row → what it broke, in words."""

_NAMES = frozenset(FIELD_NAMES)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that may not be loaded.

    :param record: as it came.
    :param broken: the critical rules it broke, e.g. "latency_sec must be at least 0".
    """

    record: RawRecord
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Records of a batch, looked at; rows are numbered from the first of the batch on.

    :param start: the first row.
    :param table: some columns of ``arrow_schema()``; null stands for what is missing or of another type.
    :param misfits: what stands there instead.
    """

    start: int
    table: pa.Table
    misfits: Misfits

    def frame(self, names: Sequence[str], *, typed: bool) -> pd.DataFrame:
        """Some columns in pandas.

        :param typed: with what doesn't fit its column, rather than null.
        """
        table = self.table.select(names)
        frame = as_came(table, self.misfits) if typed else as_values(table)
        frame.index += self.start
        return frame


class Batch:
    """All records of a batch: compressed, as typed columns, and what those can't give back."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._odd: dict[int, RawRecord] = {}
        self._misfits: Misfits = {}
        self.unknown: dict[int, list[str]] = {}
        self.runs: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def look(self, chunks: Iterable[Sequence[RawRecord]]) -> Iterator[Evidence]:
        """Take in the records, whatever is in them, and give the evidence of many at once, at least once."""
        parts: list[Evidence] = []
        for records in chunks:
            parts.append(self._take(records))
            if sum(part.table.num_rows for part in parts) >= ROWS_AT_ONCE:
                yield _together(parts)
                parts = []
        if parts or not len(self):
            yield _together(parts or [self._take([])])

    def _take(self, records: Sequence[RawRecord]) -> Evidence:
        import pyarrow as pa

        start = len(self)
        today = list(map(of_today, records))
        columns = {field.name: column(field, today) for field in FIELDS}
        table = pa.Table.from_arrays([columns[name].values for name in FIELD_NAMES], schema=arrow_schema())
        misfits = {name: values.misfits for name, values in columns.items() if values.misfits}
        for name, places in misfits.items():
            self._misfits.setdefault(name, {}).update({start + row: misfit for row, misfit in places.items()})
        strange = [row for row, record in enumerate(records) if record.keys() != _NAMES]
        for row in strange:
            if names := [_shown(name) for name in records[row] if name not in _NAMES]:
                self.unknown[start + row] = names
        self._odd |= {start + row: records[row] for row in _odd_rows(records, table, misfits, strange)}
        self.runs |= dict.fromkeys(table["run_id"].drop_null().unique().to_pylist())
        self._rows.add(table)
        return Evidence(start, table, misfits)

    def whole(self, names: Sequence[str]) -> Evidence:
        """The evidence of all records, of some columns."""
        return Evidence(0, self._rows.columns(names), self._misfits)

    def empty(self) -> pd.DataFrame:
        """Every column without a value, for what looks at their names and at the number of rows."""
        import pandas as pd

        return pd.DataFrame(index=pd.RangeIndex(len(self)), columns=list(FIELD_NAMES))

    def lacks(self, row: int, names: Sequence[str]) -> str | None:
        """The first of these fields that a row hasn't got."""
        return next((name for name in names if self._misfits.get(name, {}).get(row) is MISSING), None)

    def names(self, rows: set[int]) -> dict[int, str]:
        """Row → its record_id, or its place in the batch where it has none."""
        order = sorted(rows)
        ids = self._rows.columns(["record_id"])["record_id"].take(order).to_pylist() if order else []
        return {row: name or f"row {row}" for row, name in zip(order, ids, strict=True)}

    def divide(self, broken: Breaches, warned: Breaches) -> tuple[list[Refused], Rows]:
        """The refused as they came, and the others with their warnings. What was seen is given up."""
        refused, valid, start = [], Rows(), 0
        for table in self._rows.drain():
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


def _together(parts: Sequence[Evidence]) -> Evidence:
    import pyarrow as pa

    start, misfits = parts[0].start, Misfits()
    for part in parts:
        for name, places in part.misfits.items():
            shifted = {row + part.start - start: misfit for row, misfit in places.items()}
            misfits.setdefault(name, {}).update(shifted)
    return Evidence(start, pa.concat_tables([part.table for part in parts]), misfits)


def _flagged(table: pa.Table, rows: range, warned: Breaches) -> pa.Table:
    import pyarrow as pa

    number = table.schema.get_field_index("warnings")
    words = [None if row not in warned else "; ".join(warned[row]) for row in rows]
    return table.set_column(number, table.schema.field(number), pa.array(words, pa.string()))


def _shown(name: object) -> str:
    """A field's name, whatever it is, as text that can be logged and stored."""
    return str(name).encode(errors="backslashreplace").decode()


def _odd_rows(records: Sequence[RawRecord], table: pa.Table, misfits: Misfits, strange: Sequence[int]) -> set[int]:
    """Rows with fields missing, unknown or mistyped, or with a time that isn't written as ``utc_text`` writes it."""
    rows = set(strange).union(*misfits.values())
    for field in FIELDS:
        if field.type == "timestamp" and _respelled(records, field):
            times = table[field.name].to_pylist()
            rows |= {row for row, time in enumerate(times) if time and utc_text(time) != records[row][field.name]}
    return rows


def _respelled(records: Sequence[RawRecord], field: Field) -> bool:
    return any(not str(record.get(field.name, "Z")).endswith("Z") for record in records)
