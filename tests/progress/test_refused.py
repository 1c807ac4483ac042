"""How many records of each slot the quality gate refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.stored import a_record
from llm_bench.errors import StorageError
from llm_bench.progress.measured import refused_per_slot
from llm_bench.store.base import object_path, to_parquet
from llm_bench.store.file import FileStore

SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
PATH = object_path("quarantine", "mine", SLOT)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def test_are_counted_by_place(store: FileStore) -> None:
    rows = [a_record(SLOT, number, 2.0, study="mine") for number in range(3)]
    store.commit(PATH, to_parquet(rows), 0)
    store.commit(object_path("quarantine", "mine", SLOT, client="oslo"), to_parquet(rows[:1]), 0)
    assert refused_per_slot(store, "mine") == {SLOT: 3}
    assert refused_per_slot(store, "mine", "oslo") == {SLOT: 1}


def test_are_read_once(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(PATH, to_parquet([a_record(SLOT, 0, 2.0, study="mine")]), 0)
    refused_per_slot(store, "mine")
    monkeypatch.setattr(FileStore, "read", None)
    assert refused_per_slot(store, "mine") == {SLOT: 1}


def test_of_a_slot_without_any_are_left_out(store: FileStore) -> None:
    store.commit(PATH, to_parquet([]), 0)
    assert refused_per_slot(store, "mine") == {}


def test_cannot_be_counted_in_a_damaged_object_which_is_named(store: FileStore) -> None:
    store.commit(PATH, b"no Parquet", 0)
    with pytest.raises(StorageError, match=PATH):
        refused_per_slot(store, "mine")
