"""How the local copy of a study's records is laid out in DuckDB, and how an object gets into it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from llm_bench import __version__
from llm_bench.analysis.metrics import DERIVED, METRICS
from llm_bench.errors import StorageError
from llm_bench.fields import FieldType
from llm_bench.records import CLIENT_SQL, FIELDS, LLM_SQL, UNNAMED, UPSTREAM_SQL
from llm_bench.store.base import current, read_table, together, unreadable, without_slots
from llm_bench.store.snapshot import RecordObject

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

T = TypeVar("T")

_Loaded = tuple[RecordObject, "pa.Table"]
"""An object and the records of it that count."""

_TYPES: dict[FieldType, str] = {
    "string": "VARCHAR",
    "float": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "offsets": "DOUBLE[]",
    "ordinals": "BIGINT[]",
}

BIN = math.log(1.005)
"""Of the logarithm: each bin is 0.5 % wide, so that its middle is within 0.25 % of any value in it."""
FLOOR = 1e-9
"""Where the bins begin; the bin 0 is for what lies below, which is 0 in all our units."""

_DEFINITION = f"""
CREATE TABLE version (layout VARCHAR, content VARCHAR);
CREATE TABLE objects (object_no BIGINT, path VARCHAR, generation BIGINT, without VARCHAR[]);
CREATE TABLE slots (slot_no UINTEGER, slot TIMESTAMPTZ);
CREATE TABLE llms (llm_no USMALLINT, llm VARCHAR);
CREATE TABLE questions (question_no USMALLINT, industry VARCHAR, question_id VARCHAR, question VARCHAR);
CREATE TABLE upstreams (upstream_no USMALLINT, upstream VARCHAR);
CREATE TABLE clients (client_no USMALLINT, client VARCHAR);
CREATE TABLE records ({", ".join(f"{field.name} {_TYPES[field.type]}" for field in FIELDS)},
    {", ".join(f"{field.name} {_TYPES[field.type]}" for field in DERIVED)},
    object_no BIGINT, slot_no UINTEGER, llm_no USMALLINT, question_no USMALLINT,
    upstream_no USMALLINT, client_no USMALLINT,
    {", ".join(f"{name}_bin USMALLINT" for name in METRICS)});
"""

_BINS = ", ".join(
    f"CASE WHEN {name} < {FLOOR} THEN 0 ELSE floor(ln({name} / {FLOOR}) / {BIN}) + 1 END AS {name}_bin"
    for name in METRICS
)

_DERIVED = ", ".join(f"{sql} AS {field.name}" for field, sql in DERIVED.items())

# Numbers go from 0 without a gap, and stay: they index arrays.
_STATEMENTS = (
    "INSERT INTO slots SELECT (SELECT count(*) FROM slots) + row_number() OVER (ORDER BY slot) - 1, slot "
    "FROM (SELECT DISTINCT slot FROM loaded ANTI JOIN slots USING (slot))",
    "INSERT INTO llms SELECT (SELECT count(*) FROM llms) + row_number() OVER (ORDER BY llm) - 1, llm "  # noqa: S608
    f"FROM (SELECT DISTINCT {LLM_SQL} AS llm FROM loaded) ANTI JOIN llms USING (llm)",
    "INSERT INTO questions "
    "SELECT (SELECT count(*) FROM questions) + row_number() OVER (ORDER BY industry, question_id) - 1, * "
    "FROM (SELECT industry, question_id, any_value(question) "
    "FROM loaded ANTI JOIN questions USING (industry, question_id) GROUP BY ALL)",
    "INSERT INTO upstreams SELECT (SELECT count(*) FROM upstreams) + row_number() OVER (ORDER BY upstream) - 1, "  # noqa: S608
    f"upstream FROM (SELECT DISTINCT {UPSTREAM_SQL} AS upstream FROM loaded) ANTI JOIN upstreams USING (upstream)",
    "INSERT INTO clients SELECT (SELECT count(*) FROM clients) + row_number() OVER (ORDER BY name) - 1, name "  # noqa: S608
    f"FROM (SELECT DISTINCT {CLIENT_SQL} AS name FROM loaded) AS asked ANTI JOIN clients ON clients.client = name",
    f"INSERT INTO records BY NAME SELECT asked.*, slot_no, llm_no, question_no, upstream_no, client_no, {_BINS} "  # noqa: S608
    f"FROM (SELECT * REPLACE ({LLM_SQL} AS llm), {_DERIVED} FROM loaded) AS asked "
    "JOIN slots USING (slot) JOIN llms USING (llm) JOIN questions USING (industry, question_id) "
    f"JOIN upstreams ON upstream = {UPSTREAM_SQL} "
    f"JOIN clients ON clients.client = coalesce(asked.client, '{UNNAMED}') "
    "ORDER BY slot, llm_no, question_no, client_no, cache_probe, record_id",
)
_KEYS = ("slot", "industry", "question_id")
"""A record without one of them would be joined with nothing, and be missing without a word."""
_ROWS_AT_ONCE = 50_000

LAYOUT = hashlib.sha256(f"{__version__} {_DEFINITION} {_STATEMENTS}".encode()).hexdigest()
"""Changes with the layout, and with the package: a copy of another layout is made anew."""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """The empty tables."""
    connection.execute(_DEFINITION)
    connection.execute("INSERT INTO version VALUES ($layout, '')", {"layout": LAYOUT})


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the tables are there, as this layout has them."""
    tables = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'version'").fetchone()
    if tables != (1,):
        return False
    return connection.execute("SELECT layout FROM version").fetchone() == (LAYOUT,)


def held(connection: duckdb.DuckDBPyConnection) -> dict[RecordObject, int]:
    """What was copied → the number of it."""
    rows = connection.execute("SELECT path, generation, without, object_no FROM objects").fetchall()
    return {RecordObject(path, generation, tuple(without)): number for path, generation, without, number in rows}


def replace(
    connection: duckdb.DuckDBPyConnection, gone: Sequence[int], new: Iterable[tuple[RecordObject, bytes]], content: str
) -> dict[RecordObject, StorageError]:
    """Take objects out of the copy and put others in, all at once or not at all.

    :param gone: their numbers.
    :param new: objects with what they hold.
    :param content: what the copy then stands for.
    :return: objects that can't be read, or aren't of records, and why; they are left out.
    """
    unread: dict[RecordObject, StorageError] = {}
    connection.execute("BEGIN")
    try:
        if gone:
            _drop(connection, gone)
        # Many small objects together: a statement of so many columns costs more than a few thousand rows.
        fitting = _readable(new, unread)
        for part in gathered(fitting, lambda read: read[1].num_rows, _ROWS_AT_ONCE):
            _add(connection, part)
        connection.execute("UPDATE version SET content = $content", {"content": content})
        connection.execute("COMMIT")
    except BaseException:
        with suppress(Exception):
            connection.execute("ROLLBACK")
        raise
    return unread


def _drop(connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> None:
    for table in ("records", "objects"):
        connection.execute(
            f"DELETE FROM {table} WHERE list_contains($numbers, object_no)",  # noqa: S608
            {"numbers": list(numbers)},
        )


def _readable(new: Iterable[tuple[RecordObject, bytes]], unread: dict[RecordObject, StorageError]) -> Iterator[_Loaded]:
    for source, content in new:
        try:
            yield source, _fitting(source, content)
        except StorageError as fault:
            unread[source] = fault


def _fitting(source: RecordObject, content: bytes) -> pa.Table:
    """The object's records that count, with the columns of today: null for one that an older object lacks."""
    import pyarrow as pa

    try:
        table = without_slots(current(read_table(content)), source.without)
        table.validate(full=True)  # its texts may be no UTF-8
        lacking = [name for name in _KEYS if table[name].null_count]
        if lacking:
            raise StorageError(f"{', '.join(lacking)} of a record is null.", "")
        return table
    except (StorageError, pa.ArrowException) as fault:
        raise unreadable(source.path, fault) from None


def gathered(items: Iterable[T], rows: Callable[[T], int], least: int) -> Iterator[list[T]]:
    """Items in lists of at least so many rows together, in their order; the last may have fewer."""
    part: list[T] = []
    total = 0
    for item in items:
        part.append(item)
        total += rows(item)
        if total >= least:
            yield part
            part, total = [], 0
    if part:
        yield part


def _add(connection: duckdb.DuckDBPyConnection, part: list[_Loaded]) -> None:
    import duckdb
    import pyarrow as pa

    row = connection.execute("SELECT coalesce(max(object_no) + 1, 0) FROM objects").fetchone()
    first = int(row[0]) if row else 0
    for number, (source, _) in enumerate(part, first):
        connection.execute(
            "INSERT INTO objects VALUES ($number, $path, $generation, $without)",
            {"number": number, **source._asdict(), "without": list(source.without)},
        )
    numbered = [
        table.append_column("object_no", pa.repeat(pa.scalar(number, pa.int64()), len(table)))
        for number, (_, table) in enumerate(part, first)
    ]
    connection.register("loaded", together(numbered))
    try:
        for statement in _STATEMENTS:
            connection.execute(statement)
    except duckdb.DataError as fault:  # a value or a number of names that no record of ours has
        raise unreadable(" or ".join(source.path for source, _ in part), fault) from None
    connection.unregister("loaded")
