"""The loaded records of all studies as one CSV and one JSON file."""

from __future__ import annotations

import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from llm_bench.errors import StorageError
from llm_bench.fields import Field
from llm_bench.files import locked, replacing, storage_errors
from llm_bench.inert import cell_sql
from llm_bench.records import FIELDS, LLM_SQL
from llm_bench.store.base import Store, check_bounds, to_parquet, unreadable
from llm_bench.store.snapshot import RecordObject, snapshot

if TYPE_CHECKING:
    import duckdb

STEM = "batch_eval_metrics"


def _column(field: Field) -> str:
    if field.name == "llm":
        return f"{LLM_SQL} AS llm"
    return f"{_text(field.name)} AS {field.name}" if field.type == "timestamp" else field.name


def _text(moment: str) -> str:
    """A timestamp as utc_text has it, whatever time zone this session is in."""
    return f"strftime(make_timestamp(epoch_us({moment})), '%Y-%m-%dT%H:%M:%S.%fZ')"


COLUMNS = ", ".join(map(_column, FIELDS))
CELLS = ", ".join(
    f"{cell_sql(field.name)} AS {field.name}" if field.type == "string" else field.name for field in FIELDS
)
"""What a CSV selects of ``COLUMNS``: texts are such that no spreadsheet computes them."""
ORDER = "study, slot, llm_provider, llm_model, llm, question_id, client, cache_probe, record_id"
"""What every export selects from a table of records, and in which order; no two records have the same place in it."""


def export(store: Store, data: Path) -> int:
    """Write ``batch_eval_metrics.csv`` and ``.json``: the fields of ``FIELDS``, ordered by study, slot, LLM, question.

    :param data: the folder to write to.
    :return: how many records each of them holds.
    :raises StorageError: the store can't be read (an object that can't is named), or the folder can't be written.
    """
    import duckdb

    with (
        storage_errors(data, "written"),
        TemporaryDirectory(prefix="llm-bench-") as scratch,
        duckdb.connect() as connection,
    ):
        rows = _collect(connection, snapshot(store, Path(scratch)), Path(scratch))
        with locked(data):
            _write(connection, f"SELECT {CELLS} FROM records", data / f"{STEM}.csv", "FORMAT csv, HEADER true")  # noqa: S608
            _write(connection, "FROM records", data / f"{STEM}.json", "FORMAT json, ARRAY true")
    return rows


def _collect(connection: duckdb.DuckDBPyConnection, files: dict[RecordObject, Path], scratch: Path) -> int:
    """Fill the table ``records`` from the files; returns its rows."""
    import duckdb
    import pyarrow as pa

    # An object without rows comes first, so that the columns are there even where no object has them.
    model = scratch / "model.parquet"
    model.write_bytes(to_parquet([]))
    left_out = [f"{files[listed]} {slot}" for listed in files for slot in listed.without]
    for listed, file in files.items():
        try:
            check_bounds(file)
        except (pa.ArrowException, OSError, ValueError) as fault:
            raise unreadable(listed.path, fault) from None
    try:
        _select(connection, [model, *files.values()], left_out)
    except duckdb.Error as fault:
        for listed, file in files.items():
            try:
                _select(connection, [model, file], left_out)
            except duckdb.Error as broken:
                raise unreadable(listed.path, broken) from None
        raise StorageError(f"The store can't be read: {fault}.", "Clear the task.") from None
    counted = connection.execute("SELECT count(*) FROM records").fetchone()
    return int(counted[0]) if counted else 0


def _select(connection: duckdb.DuckDBPyConnection, files: list[Path], left_out: list[str]) -> None:
    """Fill the table ``records`` from files.

    :param left_out: a file and a slot in it, a space between them.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE records AS SELECT {COLUMNS} "  # noqa: S608  (our names)
        "FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = 'object_file') "
        f"WHERE NOT list_contains($left_out::VARCHAR[], object_file || ' ' || {_text('slot')}) "
        f"ORDER BY {ORDER}",
        {"files": [glob.escape(str(file)) for file in files], "left_out": left_out},
    )


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> None:
    import duckdb

    with replacing(path) as partial:
        try:
            connection.execute(f"COPY ({query}) TO '{str(partial).replace(chr(39), chr(39) * 2)}' ({options})")
        except duckdb.Error as fault:
            raise StorageError(
                f"{path} can't be written: {str(fault).splitlines()[0]}", "Check that folder and its disk."
            ) from None
