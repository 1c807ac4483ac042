"""How many records were due in a batch that has others than one of today."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from llm_bench.errors import StorageError
from llm_bench.progress.measured import due_per_slot
from llm_bench.progress.states import Measured, batches
from llm_bench.store.base import object_path
from llm_bench.store.file import FileStore

SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
PATH = object_path("validations", "mine", SLOT, "json")
BATCHES = batches([Measured(SLOT, "a/b", "r", "scheduled", 10, 0)]).values()


def due(folder: Path, notes: bytes, expected: int = 20) -> dict[datetime, int]:
    store = FileStore(folder)
    store.commit(PATH, notes, 0)
    return due_per_slot(store, "mine", BATCHES, expected=expected)


def test_are_those_that_the_gate_noted(tmp_path: Path) -> None:
    assert due(tmp_path, b'{"due": 10}') == {SLOT: 10}


def test_are_not_known_of_a_batch_before_the_gate_noted_them(tmp_path: Path) -> None:
    assert due(tmp_path, b"{}") == {}


def test_are_not_looked_up_of_a_batch_like_one_of_today(tmp_path: Path) -> None:
    assert due(tmp_path, b"{", expected=10) == {}


@pytest.mark.parametrize("notes", [b"{", b"[]", b"\xff"])
def test_cannot_be_read_of_a_damaged_object_which_is_named(tmp_path: Path, notes: bytes) -> None:
    with pytest.raises(StorageError, match=PATH):
        due(tmp_path, notes)
