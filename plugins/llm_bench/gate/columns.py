"""Records as typed columns: a chunk of them in Arrow and in pandas, and many chunks, compressed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from llm_bench.fields import Field, FieldType
from llm_bench.records import (
    FIELD_NAMES,
    FIELDS,
    RawRecord,
    Record,
    arrow_schema,
    records_of,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TYPE_NAMES: dict[FieldType, str] = {
    "string": "Unicode text",
    "float": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "ISO 8601 text with a UTC offset",
    "offsets": "numbers in rising order, none below 0",
    "ordinals": "whole numbers in rising order, none below 0",
}


class Misfit:
    """What a record has in place of a value of its field's type. It equals no other value and is no null."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


MISSING = Misfit("(missing)")
"""Stands for the value of a field that a record lacks."""

Misfits = dict[str, dict[int, Misfit]]
"""Field → row → what the record has there; no key for a field in which every value fits."""

_PLAIN: dict[FieldType, set[type]] = {
    "string": {str},
    "float": {float, int},
    "integer": {int},
    "boolean": {bool},
    "timestamp": {str},
    "offsets": {list},
    "ordinals": {list},
}
_ELEMENTS: dict[FieldType, FieldType] = {"offsets": "float", "ordinals": "integer"}
"""Types that are lists → the type of what is in them."""
_CANONICAL = r"^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
"""Times as ``utc_text`` gives them."""
_EXACT_FLOAT = 2**53
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a chunk of records.

    :param values: one a record, null where the value is null, missing or of another type; times in UTC.
    :param misfits: row → what is there instead, for those that are missing or of another type.
    """

    values: pa.Array
    misfits: dict[int, Misfit]


def column(field: Field, records: Sequence[RawRecord]) -> Column:
    """A field of the records. Values that all have the field's type are converted at once, others one by one."""
    try:
        values = list(map(itemgetter(field.name), records))
    except KeyError:
        values = [record.get(field.name, MISSING) for record in records]
    array = _at_once(field, values)
    return _one_by_one(field, values) if array is None else Column(array, {})


def _at_once(field: Field, values: Sequence[Any]) -> pa.Array | None:
    """The values in Arrow, or None unless all have the field's type for certain."""
    import pyarrow as pa

    if not set(map(type, values)) <= {*_PLAIN[field.type], type(None)}:
        return None
    try:
        if field.type == "timestamp":
            return _times(values)
        if field.type in _ELEMENTS:
            return _rising(values, field)
        array = pa.array(values, arrow_schema([field])[0].type)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        return None
    return array if field.type != "float" or np.isfinite(array.drop_null().to_numpy()).all() else None


def _times(values: Sequence[str | None]) -> pa.Array | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(values, pa.string())
    canonical = pc.match_substring_regex(texts, _CANONICAL)
    return None if pc.any(pc.invert(canonical)).as_py() else texts.cast(pa.timestamp("us", tz="UTC"))


def _rising(values: Sequence[list[Any] | None], field: Field) -> pa.Array | None:
    import pyarrow as pa

    if not set(map(type, chain.from_iterable(filter(None, values)))) <= _PLAIN[_ELEMENTS[field.type]]:
        return None
    array = pa.array(values, arrow_schema([field])[0].type)
    moments = array.flatten().to_numpy(zero_copy_only=False)
    steps = np.diff(moments, prepend=0.0)
    starts = array.offsets.to_numpy()[:-1]
    starts = starts[starts < len(moments)]
    steps[starts] = moments[starts]  # the first of each list follows on no other
    return array if np.isfinite(moments).all() and (steps >= 0).all() else None


def _one_by_one(field: Field, values: Sequence[Any]) -> Column:
    import pyarrow as pa

    misfits = {
        row: MISSING if value is MISSING else Misfit(value)
        for row, value in enumerate(values)
        if not (value is None or _HAS_TYPE[field.type](value))
    }
    kept = [None if row in misfits else value for row, value in enumerate(values)]
    if field.type == "timestamp":
        kept = [moment(value) for value in kept]
    return Column(pa.array(kept, arrow_schema([field])[0].type), misfits)


def moment(value: Any) -> datetime | None:
    """The moment that ISO 8601 text names, in UTC; None for anything else, and for text without an offset."""
    try:
        parsed = datetime.fromisoformat(value)
        return None if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_text(value: Any) -> bool:
    """Whether it can be stored: a lone surrogate, which JSON can carry, has no UTF-8."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return -_INT64 <= int(value) < _INT64


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_integer(value) and abs(value) <= _EXACT_FLOAT


def is_rising(value: Any) -> bool:
    """Whether it is a list, or an array, of numbers in rising order, none below 0."""
    if not isinstance(value, list | np.ndarray) or not all(map(_is_number, value)):
        return False
    return all(earlier <= later for earlier, later in pairwise([0, *value]))


_HAS_TYPE: dict[FieldType, Callable[[Any], bool]] = {
    "string": _is_text,
    "float": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "timestamp": lambda value: moment(value) is not None,
    "offsets": is_rising,
    "ordinals": lambda value: is_rising(value) and all(map(_is_integer, value)),
}


def as_came(table: pa.Table, misfits: Mapping[str, Mapping[int, Misfit]]) -> pd.DataFrame:
    """Columns of records in pandas, for what looks at types and nulls.

    A column in which every value fits has its field's type, another is one of objects, misfits among them.
    """
    import pandas as pd

    columns = {
        name: _objects(table[name], misfits[name]) if misfits.get(name) else _as_stored(table[name])
        for name in table.column_names
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def as_values(table: pa.Table) -> pd.DataFrame:
    """Columns of records in pandas, for what looks at values: null for what doesn't fit its column.

    Numbers are 64-bit floats: Great Expectations compares those all at once, and others one by one.
    """
    import pandas as pd
    import pyarrow as pa

    def is_number(column: pa.ChunkedArray) -> bool:
        return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))

    columns = {
        name: column.cast(pa.float64(), safe=False).to_numpy() if is_number(column) else _as_stored(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _as_stored(column: pa.ChunkedArray) -> pd.Series:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.to_pandas()
    return pd.Series(pd.arrays.ArrowExtensionArray(column))


def _objects(column: pa.ChunkedArray, misfits: Mapping[int, Misfit]) -> pd.Series:
    values = column.to_pandas(integer_object_nulls=True).astype(object)
    values.iloc[list(misfits)] = list(misfits.values())
    return values


class Rows:
    """Records of the right types, in their order. Compressed in memory: a million take some 0.4 GB.

    :param tables: any number of chunks, with the columns of ``arrow_schema()``.
    """

    def __init__(self, tables: Iterable[pa.Table] = ()) -> None:
        self._chunks: deque[bytes] = deque()
        self._count = 0
        for table in tables:
            self.add(table)

    @classmethod
    def of(cls, records: Sequence[RawRecord]) -> Rows:
        """Records that are known to be of the right types."""
        import pyarrow as pa

        columns = [column(field, records).values for field in FIELDS]
        return cls([pa.Table.from_arrays(columns, schema=arrow_schema())])

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.records() == other.records()

    __hash__ = None  # type: ignore[assignment]

    def add(self, table: pa.Table) -> None:
        """Append a chunk."""
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        self._chunks.append(sink.getvalue().to_pybytes())  # the sink holds more than it says
        self._count += table.num_rows

    def tables(self) -> Iterator[pa.Table]:
        """The chunks, one at a time."""
        import pyarrow as pa

        for chunk in self._chunks:
            yield pa.ipc.open_stream(chunk).read_all()

    def drain(self) -> Iterator[pa.Table]:
        """The chunks, one at a time, each given up as it is taken."""
        import pyarrow as pa

        self._count = 0
        while self._chunks:
            yield pa.ipc.open_stream(self._chunks.popleft()).read_all()

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all of them."""
        import pyarrow as pa

        empty = arrow_schema().empty_table().select(names)
        options = pa.ipc.IpcReadOptions(included_fields=[FIELD_NAMES.index(name) for name in names])
        parts = [pa.ipc.open_stream(chunk, options=options).read_all() for chunk in self._chunks]
        return pa.concat_tables([empty, *(part.select(names) for part in parts)])

    def records(self) -> list[Record]:
        """All of them, as plain records."""
        return [record for table in self.tables() for record in records_of(table)]
