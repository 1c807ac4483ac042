"""The records of a view as CSV, JSON or Parquet, a part at a time, so that a million don't fill the memory.

All of FIELDS, the seed's columns first, ordered by study, slot, LLM and question: CSV and JSON are written as
``join.exports`` writes them, to the byte.

CSV is what people open in a spreadsheet, which would run an answer that begins with ``=``: there, an apostrophe stands
before it (``inert.cell`` says of which texts, and how it is taken back). In JSON and Parquet, text stands as recorded.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import gathered
from llm_bench.analysis.view import Condition, View
from llm_bench.records import FIELD_NAMES, arrow_schema
from llm_bench.store.exports import CELLS, COLUMNS, ORDER

Format = Literal["csv", "json", "parquet"]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
PART = 10_000
"""Records of a part, at least; those of one LLM in one slot are never parted."""
_CELL = "slot_no::BIGINT * 65536 + llm_no"
"""One LLM in one slot."""


def stream(records: Records, view: View, form: Format) -> Iterator[bytes]:
    """The records of a view. Its parts together are the file.

    :raises StorageError: the local copy is damaged.
    """
    return {"csv": _csv, "json": _json, "parquet": _parquet}[form](records, _parts(records, view))


def _parts(records: Records, view: View) -> Iterator[Condition]:
    """Conditions that part the view's records, in the order of the export."""
    where, parameters = view.where()
    cells = records.rows(
        f"SELECT slot, llm_provider, llm_model, llm, {_CELL} AS cell, count(*) AS n FROM records WHERE {where} "  # noqa: S608
        "GROUP BY ALL ORDER BY slot, llm_provider, llm_model, llm",
        parameters,
    )
    # The slots alone, too: by these DuckDB knows where not to look.
    within = f"{where} AND slot BETWEEN $first_slot AND $last_slot AND list_contains($cells, {_CELL})"
    for part in gathered(cells, lambda cell: int(cell["n"]), PART):
        named = {"first_slot": part[0]["slot"], "last_slot": part[-1]["slot"], "cells": [cell["cell"] for cell in part]}
        yield within, parameters | named


def _csv(records: Records, parts: Iterable[Condition]) -> Iterator[bytes]:
    yield (",".join(FIELD_NAMES) + "\n").encode()
    yield from _written(records, parts, "FORMAT csv, HEADER false", CELLS)


def _json(records: Records, parts: Iterable[Condition]) -> Iterator[bytes]:
    opened = b"[\n\t"
    for part in _written(records, parts, "FORMAT json", "*"):
        yield opened + part.rstrip(b"\n").replace(b"\n", b",\n\t")
        opened = b",\n\t"
    yield b"\n]\n" if opened == b",\n\t" else b"[\n\t\n]\n"


def _written(records: Records, parts: Iterable[Condition], options: str, columns: str) -> Iterator[bytes]:
    """Each part as DuckDB writes it.

    :param columns: of ``COLUMNS``.
    """
    with TemporaryDirectory(prefix="llm-bench-") as folder:
        file = Path(folder) / "part"
        for where, parameters in parts:
            selected = f"SELECT {COLUMNS} FROM records WHERE {where} ORDER BY {ORDER}"  # noqa: S608
            records.copy(f"SELECT {columns} FROM ({selected})", parameters, file, options)  # noqa: S608
            yield file.read_bytes()


def _parquet(records: Records, parts: Iterable[Condition]) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    schema = arrow_schema()
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True) as writer:
        for where, parameters in parts:
            table = records.query(
                f"SELECT {', '.join(FIELD_NAMES)} FROM records WHERE {where} ORDER BY {ORDER}",  # noqa: S608
                parameters,
            )
            writer.write_table(table.cast(schema))
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that is taken away as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._size += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
