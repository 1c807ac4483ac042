from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from llm_bench.join.store import FileStore, object_path, to_parquet
from llm_bench.records import FIELDS, Record, utc_text

_FILLING = {"string": "x", "float": 0.0, "integer": 1, "boolean": True, "timestamp": "2026-12-07T07:00:00.000000Z"}

Fill = Callable[..., None]


def a_record(slot: datetime, number: int, late_sec: float, **changes: Any) -> Record:
    """A record asked ``late_sec`` after its slot; what isn't said is the least that the schema takes."""
    record: Record = {field.name: None if field.nullable else _FILLING[field.type] for field in FIELDS}
    return record | {
        "slot": utc_text(slot),
        "measured_at": utc_text(slot + timedelta(seconds=late_sec)),
        "late_sec": late_sec,
        "run_type": "scheduled",
        "run_id": f"scheduled__{utc_text(slot)}",
        "llm_provider": "baseline",
        "llm_model": "lead",
        "question_id": f"retail-{number:02}",
        "latency_sec": 0.5,
        **changes,
    }


@pytest.fixture(scope="session")
def fill() -> Fill:
    """Stores a batch of as many records as are said, asked one after another, a second apart."""

    def store_batch(
        store: FileStore, study: str, slot: datetime, records: int = 10, late_sec: float = 2.0, **changes: Any
    ) -> None:
        batch = [a_record(slot, number, late_sec + number, study=study, **changes) for number in range(records)]
        store.commit(object_path("records", study, slot), to_parquet(batch), 0)

    return store_batch
