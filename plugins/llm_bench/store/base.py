"""The object store of records: one interface over a folder and a Google Cloud Storage bucket.

An object is replaced whole or not at all, and only by a writer that knows which generation it replaces.
"""

from __future__ import annotations

import builtins
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from llm_bench.errors import StorageError
from llm_bench.fields import Field
from llm_bench.records import FIELDS, RawRecord, Record, arrow_schema, parse_times, records_of
from llm_bench.store.entry import Entry
from llm_bench.store.file import FileStore
from llm_bench.store.names import client_folder, moment_name

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["records", "quarantine", "validations", "calibrations"]

LINEAGE_FIELDS = (
    "study",
    "slot",
    "run_id",
    "llm_bench_version",
    "litellm_version",
    "embedding_model",
    "schema_version",
)
"""The fields that are the same in all records of a slot and say where they come from."""

ROWS_A_GROUP = 10_000
"""Some 10 MB as stored: a reader that wants one slot of a day need not decode the others."""


class Store(Protocol):
    """Objects by path (``/`` between its parts, none at either end).

    :param address: what tells it from every other store.
    """

    address: str

    def read(self, path: str) -> tuple[bytes, int] | None:
        """An object's content and generation (over 0), or None where there is no such object.

        :raises StorageError: the store can't be read.
        """

    def list(self, prefix: str) -> builtins.list[str]:
        """The paths that start with ``prefix``, sorted.

        :raises StorageError: the store can't be read.
        """

    def entries(self, prefix: str) -> builtins.list[Entry]:
        """The objects whose paths start with ``prefix``, sorted by path.

        No snapshot: what others write or remove while the store is listed may or may not show.

        :raises StorageError: the store can't be read.
        """

    def commit(
        self, path: str, content: bytes, expected_generation: int, metadata: Mapping[str, str] | None = None
    ) -> int:
        """Put an object in place of the generation that the caller has read; idempotent.

        :param expected_generation: 0: there must be no such object yet.
        :param metadata: shown beside the object where the store can (gs: its custom metadata, 8 KiB at most). It is
            for people who look at a bucket; what a program needs belongs in the content.
        :return: the new generation, or the old one where the object has this very content already.
        :raises ConflictError: another writer replaced the object since; it stays as it is.
        :raises StorageError: the store can't be written. The object is as it was or, where only the reply was lost,
            replaced; never a part of it.
        """

    def delete(self, path: str, expected_generation: int) -> None:
        """Remove the generation that the caller has read; an object that is gone already is no error.

        A power cut may bring a file back, as the same generation.

        :raises ConflictError: another writer replaced the object since; it stays as it is.
        :raises StorageError: it can't be removed; it is there still or, where only the reply was lost, gone.
        """


def open_store(url: str, home: Path) -> Store:
    """The store that a study's ``storage`` names.

    :param url: ``file://`` and a folder, absolute or relative to ``home``; or ``gs://bucket/prefix``.
    :raises StorageError: the URL is neither, or its connection can't be used.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "file" and rest:
        return FileStore(home / rest)
    bucket, _, prefix = rest.partition("/")
    if scheme == "gs" and bucket:
        from llm_bench.store.gcs import GCSStore  # noqa: PLC0415

        return GCSStore(bucket, prefix.strip("/"))
    raise StorageError(
        f"The storage {url!r} names no store.",
        "Set the study's storage to file:// and a folder, or to gs://bucket/prefix.",
    )


def object_path(kind: Kind, study: str, slot: datetime, suffix: str = "parquet", *, client: str | None = None) -> str:
    """The path of the object of a study's slot.

    :param slot: aware; its UTC date and time name the object, e.g. ``20261207T075125.714285Z``.
    :param client: name of the place that was measured from: each has objects of its own.
    """
    return (
        f"{kind}/study={study}/{client_folder(client)}date={slot.astimezone(UTC):%Y-%m-%d}/{moment_name(slot)}.{suffix}"
    )


def lineage_of(records: Sequence[RawRecord]) -> dict[str, str]:
    """The origin of the records of one slot: the values of ``LINEAGE_FIELDS``, and how many ``records`` there are.

    :param records: of one run; without any, there is only their number.
    """
    named = {name: str(records[0][name]) for name in LINEAGE_FIELDS} if records else {}
    return named | {"records": str(len(records))}


def to_parquet(
    records: Sequence[RawRecord], fields: Sequence[Field] = FIELDS, lineage: Mapping[str, str] | None = None
) -> bytes:
    """The records as a Parquet object, with checksums; the same records always give the same bytes.

    :param records: of the right types, as the quality gate lets them through.
    :param fields: the columns; others that a record has are left out.
    :param lineage: kept in the object's own key-value metadata.
    """
    import pyarrow as pa

    table = pa.Table.from_pylist([parse_times(record) for record in records], schema=arrow_schema(fields))
    return write_table(table, lineage)


def write_table(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """A table as a Parquet object, with a checksum in each page.

    :param metadata: added to the table's own key-value metadata.
    """
    import pyarrow.parquet as pq

    named = {name.encode(): value.encode() for name, value in (metadata or {}).items()}
    table = table.replace_schema_metadata((table.schema.metadata or {}) | named)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True, row_group_size=ROWS_A_GROUP)
    return buffer.getvalue()


def read_table(content: bytes) -> pa.Table:
    """The table of a Parquet object.

    The checksums cover every value. The footer (names and types) has none in Parquet's format: there, a bucket's own
    checksum of the whole object, verified at each read, is what finds a fault.

    :raises StorageError: it isn't Parquet, its checksums don't fit, or it is too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        check_bounds(io.BytesIO(content))
        return pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError) as fault:
        raise StorageError(f"{_UNREAD}{fault}.", "Clear the run of its slot to load it anew.") from None


_UNREAD = "The object can't be read: "
_MOST_COLUMNS, _MOST_GROUPS = 1_000, 10_000
_LARGEST_TABLE = 4 * 2**30
"""Bytes in memory. A few kilobytes of Parquet can stand for a billion times one text."""


def check_bounds(source: Path | io.BytesIO) -> None:
    """Looks at what an object says of its size, before it is read.

    :raises ValueError: it is larger than any object of ours.
    :raises pyarrow.ArrowException: it isn't Parquet.
    """
    import pyarrow.parquet as pq

    footer = pq.read_metadata(source)
    if footer.num_columns > _MOST_COLUMNS or footer.num_row_groups > _MOST_GROUPS:
        raise ValueError(f"it has {footer.num_columns:,} columns in {footer.num_row_groups:,} groups of rows")
    columns = [
        footer.row_group(group).column(place)
        for group in range(footer.num_row_groups)
        for place in range(footer.num_columns)
    ]
    size = sum(8 * column.num_values + column.total_uncompressed_size for column in columns)
    _check_size(size)
    texts = [column for column in columns if column.physical_type == "BYTE_ARRAY"]
    if sum(column.num_values * column.total_uncompressed_size for column in texts) > _LARGEST_TABLE:
        _check_size(_text_bytes(source, {column.path_in_schema for column in texts}))


def _check_size(size: int) -> None:
    if size > _LARGEST_TABLE:
        raise ValueError(f"it would take {size / 2**30:,.1f} GiB of memory")


def _text_bytes(source: Path | io.BytesIO, paths: Collection[str]) -> int:
    """What texts take together, each of which may be stored once for many rows.

    :param paths: of their columns.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def count(array: pa.Array) -> int:
        if pa.types.is_dictionary(array.type):
            return pc.sum(pc.binary_length(array.dictionary).take(array.indices).cast("int64")).as_py() or 0
        if pa.types.is_struct(array.type):
            return sum(map(count, array.flatten()))
        return count(array.flatten()) if pa.types.is_nested(array.type) else int(array.nbytes)

    total = 0
    for path in sorted(paths):
        column = pq.ParquetFile(source, read_dictionary=[path]).read(columns=[path])
        total += sum(count(chunk) for name in column.column_names for chunk in column[name].chunks)
    return total


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of several, at least one. What one of them lacks is null there.

    Objects of an older schema lack columns, so that nulls may stand where the newer one wants a value.
    """
    import pyarrow as pa

    loose = [table.cast(pa.schema([field.with_nullable(True) for field in table.schema])) for table in tables]
    return pa.concat_tables(loose, promote_options="default")


def current(table: pa.Table) -> pa.Table:
    """The table with the columns of today, in their order: null for one that an older object lacks."""
    import pyarrow as pa

    schema = arrow_schema()
    columns = [
        table[field.name].cast(field.type) if field.name in table.schema.names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    fields = [
        field.with_nullable(field.nullable or column.null_count > 0)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, schema.metadata))


def without_slots(table: pa.Table, slots: Sequence[str]) -> pa.Table:
    """The rows of other slots.

    :param slots: as the records have them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = pa.array(slots, pa.string()).cast(table.schema.field("slot").type)
    return table.filter(pc.invert(pc.is_in(table["slot"], value_set=moments)))


def unreadable(path: str, fault: Exception) -> StorageError:
    """The error to raise for an object of records that can't be read."""
    words = fault.cause.removeprefix(_UNREAD) if isinstance(fault, StorageError) else str(fault)
    return StorageError(
        f"The object {path} can't be read: {words.splitlines()[0].rstrip('.')}.",
        "Clear the run of its slot to load it anew, or move the object out of the store.",
    )


def from_parquet(content: bytes) -> list[Record]:
    """The records of a Parquet object, as they were when it was written.

    :raises StorageError: it isn't Parquet, or its checksums don't fit.
    """
    return records_of(read_table(content))
