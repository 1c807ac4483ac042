"""Loading a judged batch: one object of each kind per slot, replaced only by a new run of that slot."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llm_bench.errors import StorageError
from llm_bench.join.quality import Refused, Verdict
from llm_bench.join.store import Store, object_path, to_parquet, write_table
from llm_bench.records import Record, utc_text


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load left in the store.

    :param path: the slot's records object.
    :param records: how many records it holds.
    :param quarantined: how many were refused.
    """

    path: str
    records: int
    quarantined: int


def load(store: Store, study: str, slot: datetime, verdict: Verdict) -> Loaded:
    """Put a batch's valid records, its refused ones and the gate's results in the store; idempotent.

    An object without rows is written only to replace one that has some, so that the store always holds the slot's
    latest run and nothing of an earlier one.

    :raises StorageError: the store can't be written, or a record isn't of this study and slot.
    :raises ConflictError: another run of this slot loads at the same time.
    """
    _check_belonging(verdict.valid, study, slot)
    path = object_path("records", study, slot)
    # The records last: whoever sees them finds what the gate said of them.
    results = json.dumps(verdict.results, ensure_ascii=False, indent=1).encode()
    _put(store, object_path("validations", study, slot, "json"), results)
    _put(store, object_path("quarantine", study, slot), quarantine(verdict.refused), needed=bool(verdict.refused))
    _put(store, path, to_parquet(verdict.valid), needed=bool(verdict.valid))
    return Loaded(path, len(verdict.valid), len(verdict.refused))


def _check_belonging(records: Sequence[Record], study: str, slot: datetime) -> None:
    for record in records:
        if record["study"] != study or datetime.fromisoformat(record["slot"]) != slot:
            raise StorageError(
                f"Record {record['record_id']} is of study {record['study']}, slot {record['slot']}; "
                f"it can't be loaded as {study}, {utc_text(slot)}.",
                "Clear the run's measure tasks, so that they measure for this slot.",
            )


def _put(store: Store, path: str, content: bytes, *, needed: bool = True) -> None:
    current = store.read(path)
    if current is None and not needed:
        return
    if current is None or current[0] != content:
        store.commit(path, content, current[1] if current else 0)


def quarantine(refused: Sequence[Refused]) -> bytes:
    """Refused records as a Parquet object. Whatever is wrong with them, it fits: each row is kept as JSON text.

    :return: columns ``record_id`` (null where it isn't text), ``broken`` (list of text) and ``record`` (JSON).
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field("record_id", pa.string()),
            pa.field("broken", pa.list_(pa.string()), nullable=False),
            pa.field("record", pa.string(), nullable=False),
        ]
    )
    rows = [
        {
            "record_id": _storable(one.record.get("record_id")),
            "broken": list(one.broken),
            "record": json.dumps(_jsonable(one.record), default=repr),
        }
        for one in refused
    ]
    return write_table(pa.Table.from_pylist(rows, schema=schema))


def _storable(value: Any) -> str | None:
    """Text with what has no UTF-8 (lone surrogates) escaped; None for anything else."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else None


def _jsonable(record: Record) -> Record:
    """JSON has no NaN and no infinity: they become text."""
    return {
        str(name): str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }
