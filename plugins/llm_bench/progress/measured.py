"""What the store holds of a study, slot by slot and LLM by LLM: counts and times, without the answers."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llm_bench.progress.states import Batch, Measured
from llm_bench.records import LLM_SQL, UNNAMED, WARM_SQL
from llm_bench.schedule import from_us
from llm_bench.store.base import Store, object_path, together, unreadable, without_slots
from llm_bench.store.names import client_in, slot_in
from llm_bench.store.remembered import Remembered
from llm_bench.store.snapshot import RecordObject, snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from llm_bench.analysis.cache import Records

_COLUMNS = (
    *("slot", "llm", "llm_provider", "llm_model", "run_id", "run_type", "late_sec", "measured_at", "latency_sec"),
    *("attempt", "suspect", "cost_usd", "failure_kind", "client"),
    *("question_id", "prompt_hash", "settings_hash", "cache_probe"),
)

# A measuring task that was killed goes on in a second attempt, as does a cell that is cleared days later: only first
# attempts show how long a batch took.
_QUERY = f"""
    SELECT epoch_us(slot) AS slot, {LLM_SQL} AS llm, any_value(run_id) AS run_id,
        any_value(run_type) AS run_type, count(*) AS records, min(late_sec) AS late_sec,
        min(epoch_us(measured_at)) FILTER (attempt = 1) AS first,
        max(epoch_us(measured_at) + CAST(coalesce(latency_sec, 0) * 1e6 AS BIGINT)) FILTER (attempt = 1) AS last,
        count(suspect) AS suspect, coalesce(sum(cost_usd), 0) AS cost_usd, count(cost_usd) AS cost_known,
        list(failure_kind) FILTER (failure_kind IS NOT NULL) AS failures,
        list(DISTINCT settings_hash) AS settings,
        bit_xor(hash(question_id, prompt_hash)) FILTER (NOT {WARM_SQL}) AS asked
    FROM records WHERE client IS NOT DISTINCT FROM $client GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608


def whose(own: str | None, known: Sequence[str], chosen: Sequence[str] = ()) -> str | None:
    """The client whose slots are accounted for: the only one chosen, or else this place.

    A place without a name that holds only others' records, as a reader's, takes the first of these.

    :param own: this place's name.
    :param known: the clients that have records, ``UNNAMED`` among them; none where no record names one.
    """
    if len(chosen) == 1:
        name = chosen[0]
    else:
        name = known[0] if own is None and known and UNNAMED not in known else own or UNNAMED
    return None if name == UNNAMED else name


def clients(store: Store, study: str) -> list[str]:
    """The clients that have records of a study, as ``whose`` takes them.

    :raises StorageError: the store can't be read.
    """
    return sorted({client_in(path) or UNNAMED for path in store.list(f"records/study={study}/")})


def measured(store: Store, study: str, client: str | None = None) -> list[Measured]:
    """One entry for each LLM in each slot that has records, in their order.

    :param client: name of the place that they were measured from.

    :raises StorageError: the store can't be read.
    """
    import duckdb

    with TemporaryDirectory(prefix="llm-bench-") as scratch:
        copies = snapshot(store, Path(scratch), study, lambda path: client_in(path) == client)
        tables = [_table(listed, file) for listed, file in copies.items()]
    if not tables:
        return []
    with duckdb.connect() as connection:
        connection.register("records", together(tables))
        rows = connection.sql(_QUERY, params={"client": client}).to_arrow_table().to_pylist()
    return [_measured(row) for row in rows]


def held(records: Records, client: str | None = None) -> list[Measured]:
    """The same from the local copy of a study's records; found once, as it rests on all of them."""
    return records.once(
        f"measured {client}", lambda copy: [_measured(row) for row in copy.rows(_QUERY, {"client": client})]
    )


def refused_per_slot(store: Store, study: str, client: str | None = None) -> dict[datetime, int]:
    """Slot → records that the quality gate refused; only slots that have some.

    :param client: name of the place that they were measured from.

    :raises StorageError: the store can't be read.
    """
    counts = {}
    for entry in store.entries(f"quarantine/study={study}/"):
        slot = slot_in(entry.path)
        if client_in(entry.path) == client and slot is not None and (rows := _REFUSED.of(store, entry)):
            counts[datetime.fromisoformat(slot)] = rows
    return counts


def _rows(path: str, content: bytes) -> int:
    """How many rows a Parquet object has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(io.BytesIO(content)).num_rows)
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(path, fault) from None


_REFUSED = Remembered(_rows, most=10_000)


def due_per_slot(
    store: Store, study: str, batches: Iterable[Batch], *, expected: int, client: str | None = None
) -> dict[datetime, int]:
    """Slot → records that were due in its batch, where it has more or fewer than a batch of today: it may have changed.

    :param expected: records of a whole batch of today.
    :param client: name of the place that they were measured from.

    :raises StorageError: the store can't be read.
    """
    others = [batch.slot for batch in batches if batch.records != expected]
    if not others:
        return {}
    entries = {entry.path: entry for entry in store.entries(f"validations/study={study}/")}
    paths = {slot: object_path("validations", study, slot, "json", client=client) for slot in others}
    due = {slot: _DUE.of(store, entries[path]) for slot, path in paths.items() if path in entries}
    return {slot: records for slot, records in due.items() if records is not None}


def _due(path: str, notes: bytes) -> int | None:
    """The records that were due in a batch, as the gate noted it; None of one before it did so."""
    try:
        due = json.loads(notes).get("due")
    except (ValueError, AttributeError) as fault:
        raise unreadable(path, fault) from None
    return due if isinstance(due, int) else None


_DUE = Remembered(_due, most=10_000)


def _measured(row: dict[str, Any]) -> Measured:
    moments = {name: _moment(row[name]) for name in ("slot", "first", "last")}
    settings = frozenset(filter(None, row["settings"] or ()))
    return Measured(**(row | moments | {"failures": Counter(row["failures"] or ()), "settings": settings}))


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _table(listed: RecordObject, file: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file).read(columns=list(_COLUMNS))
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(listed.path, fault) from None
    for name in ("llm", "client", "settings_hash", "cache_probe"):
        if name not in table.column_names:  # of schema 1
            table = table.append_column(name, pa.nulls(len(table), pa.string()))
    return without_slots(table, listed.without)
