"""Records as typed columns: a chunk of them in Arrow, and many chunks, compressed, on their way through the join."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llm_bench.records import FIELDS, Field, FieldType, RawRecord, Record, arrow_schema, records_of

if TYPE_CHECKING:
    import pyarrow as pa

TYPE_NAMES: dict[FieldType, str] = {
    "string": "Unicode text",
    "float": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "ISO 8601 text with a UTC offset",
    "offsets": "numbers in rising order, none below 0",
}
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

MISSING = object()
"""Stands for the value of a field that a record lacks."""

_PLAIN: dict[FieldType, set[type]] = {
    "string": {str},
    "float": {float, int},
    "integer": {int},
    "boolean": {bool},
    "timestamp": {str},
    "offsets": {list},
}
_CANONICAL = r"^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
"""Times as ``utc_text`` gives them."""
_EXACT_FLOAT = 2**53
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a chunk of records; arrays of one entry a record.

    :param values: null where the value is null, missing or of another type; times in UTC.
    :param typed: false where the value has another type than its field.
    :param missing: true where the record lacks the field.
    """

    values: pa.Array
    typed: Flags
    missing: Flags

    @property
    def judged(self) -> Flags:
        """Where ``values`` says what the record says."""
        return self.typed & ~self.missing

    @property
    def present(self) -> Flags:
        """Where the record doesn't say null: a value of any type, or no such field."""
        return ~(self.judged & self.null)

    @property
    def null(self) -> Flags:
        found: Flags = self.values.is_null().to_numpy(zero_copy_only=False)
        return found

    @property
    def numbers(self) -> Numbers:
        """As 64-bit floats, NaN for null; times in microseconds since the epoch."""
        import pyarrow as pa

        values = self.values.cast(pa.int64()) if pa.types.is_timestamp(self.values.type) else self.values
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        found: Numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return found


def column(field: Field, records: Sequence[RawRecord]) -> Column:
    """A field of the records. Values that all have the field's type are converted at once, others one by one."""
    try:
        values = list(map(itemgetter(field.name), records))
    except KeyError:
        values = [record.get(field.name, MISSING) for record in records]
    array = _at_once(field, values)
    if array is not None:
        return Column(array, np.ones(len(values), bool), np.zeros(len(values), bool))
    return _one_by_one(field, values)


def _at_once(field: Field, values: Sequence[Any]) -> pa.Array | None:
    """The values in Arrow, or None unless all have the field's type for certain."""
    import pyarrow as pa

    if not set(map(type, values)) <= {*_PLAIN[field.type], type(None)}:
        return None
    try:
        if field.type == "timestamp":
            return _times(values)
        if field.type == "offsets":
            return _rising(values)
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


def _rising(values: Sequence[list[Any] | None]) -> pa.Array | None:
    import pyarrow as pa

    if not set(map(type, chain.from_iterable(filter(None, values)))) <= _PLAIN["float"]:
        return None
    array = pa.array(values, pa.list_(pa.float64()))
    moments = array.flatten().to_numpy(zero_copy_only=False)
    steps = np.diff(moments, prepend=0.0)
    starts = array.offsets.to_numpy()[:-1]
    starts = starts[starts < len(moments)]
    steps[starts] = moments[starts]  # the first of each list follows on no other
    return array if np.isfinite(moments).all() and (steps >= 0).all() else None


def _one_by_one(field: Field, values: Sequence[Any]) -> Column:
    import pyarrow as pa

    missing = np.fromiter((value is MISSING for value in values), bool, len(values))
    said = [None if value is MISSING else value for value in values]
    typed = np.fromiter((value is None or _HAS_TYPE[field.type](value) for value in said), bool, len(values))
    kept = [value if good else None for value, good in zip(said, typed, strict=True)]
    if field.type == "timestamp":
        kept = [moment(value) for value in kept]
    return Column(pa.array(kept, arrow_schema([field])[0].type), typed, missing)


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
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_integer(value) and abs(value) <= _EXACT_FLOAT


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
    def of(cls, records: Sequence[Record]) -> Rows:
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

    def records(self) -> list[Record]:
        """All of them, as plain records."""
        return [record for table in self.tables() for record in records_of(table)]
