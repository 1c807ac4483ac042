"""The object store of records: one interface over a folder and a Google Cloud Storage bucket.

An object is replaced whole or not at all, and only by a writer that knows which generation it replaces.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from llm_bench.errors import StorageError
from llm_bench.join.filestore import FileStore
from llm_bench.records import FIELDS, Field, Record, arrow_schema, parse_times, utc_text

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["records", "quarantine", "validations"]


class Store(Protocol):
    """Objects by path (``/`` between its parts, none at either end)."""

    def read(self, path: str) -> tuple[bytes, int] | None:
        """An object's content and generation (over 0), or None where there is no such object.

        :raises StorageError: the store can't be read.
        """

    def list(self, prefix: str) -> list[str]:
        """The paths that start with ``prefix``, sorted.

        :raises StorageError: the store can't be read.
        """

    def commit(self, path: str, content: bytes, expected_generation: int) -> int:
        """Put an object in place of the generation that the caller has read; idempotent.

        :param expected_generation: 0: there must be no such object yet.
        :return: the new generation, or the old one where the object has this very content already.
        :raises ConflictError: another writer replaced the object since; it stays as it is.
        :raises StorageError: the store can't be written; the object stays as it is.
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
        from llm_bench.join.gcsstore import GCSStore  # noqa: PLC0415

        return GCSStore(bucket, prefix.strip("/"))
    raise StorageError(
        f"The storage {url!r} names no store.",
        "Set the study's storage to file:// and a folder, or to gs://bucket/prefix.",
    )


def object_path(kind: Kind, study: str, slot: datetime, suffix: str = "parquet") -> str:
    """Where the object of a study's slot lies.

    :param slot: aware; its UTC date and time name the object, e.g. ``20261207T075125.714285Z``.
    """
    utc = slot.astimezone(UTC)
    return f"{kind}/study={study}/date={utc:%Y-%m-%d}/{utc:%Y%m%dT%H%M%S.%fZ}.{suffix}"


def to_parquet(records: Sequence[Record], fields: Sequence[Field] = FIELDS) -> bytes:
    """The records as a Parquet object, with checksums; the same records always give the same bytes.

    :param records: of the right types, as the quality gate lets them through.
    :param fields: the columns; others that a record has are left out.
    """
    import pyarrow as pa

    return write_table(pa.Table.from_pylist([parse_times(record) for record in records], schema=arrow_schema(fields)))


def write_table(table: pa.Table) -> bytes:
    """A table as a Parquet object, with checksums."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def from_parquet(content: bytes) -> list[Record]:
    """The records of a Parquet object, as they were when it was written.

    :raises StorageError: it isn't Parquet, or its checksums don't fit.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(io.BytesIO(content), page_checksum_verification=True).to_pylist()
    except (pa.ArrowException, OSError) as fault:
        raise StorageError(
            f"The object can't be read: {fault}.", "Clear the run of its slot to load it anew."
        ) from None
    return [
        {name: utc_text(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in rows
    ]
