from __future__ import annotations

from pathlib import Path

import pytest

from llm_bench.store.entry import Entry
from llm_bench.store.file import FileStore
from llm_bench.store.remembered import Remembered


class Made:
    """Makes texts of contents, and knows of which objects."""

    def __init__(self) -> None:
        self.of: list[str] = []

    def __call__(self, path: str, content: bytes) -> str:
        self.of.append(path)
        return content.decode()


@pytest.fixture
def made() -> Made:
    return Made()


def put(store: FileStore, path: str, text: str) -> Entry:
    held = store.read(path)
    store.commit(path, text.encode(), held[1] if held else 0)
    (entry,) = store.entries(path)
    return entry


class TestWhatIsMadeOfAnObject:
    def test_is_made_once(self, tmp_path: Path, made: Made) -> None:
        remembered, store = Remembered(made, most=10), FileStore(tmp_path)
        entry = put(store, "a/b", "one")
        assert [remembered.of(store, entry), remembered.of(FileStore(tmp_path), entry)] == ["one", "one"]
        assert made.of == ["a/b"]

    def test_is_made_anew_of_another_generation(self, tmp_path: Path, made: Made) -> None:
        remembered, store = Remembered(made, most=10), FileStore(tmp_path)
        assert [remembered.of(store, put(store, "a", text)) for text in ("one", "two")] == ["one", "two"]

    def test_is_another_one_in_another_store(self, tmp_path: Path, made: Made) -> None:
        remembered, (here, there) = Remembered(made, most=10), (FileStore(tmp_path / name) for name in "ab")
        entry, other = put(here, "a", "one"), put(there, "a", "two")
        other = other._replace(generation=entry.generation)  # as two buckets may have it
        assert [remembered.of(here, entry), remembered.of(there, other)] == ["one", "two"]

    def test_is_nothing_where_the_object_is_gone(self, tmp_path: Path, made: Made) -> None:
        remembered, store = Remembered(made, most=10), FileStore(tmp_path)
        entry = put(store, "a", "one")
        store.delete("a", entry.generation)
        assert remembered.of(store, entry) is None

    def test_goes_first_where_it_was_read_first(self, tmp_path: Path, made: Made) -> None:
        remembered, store = Remembered(made, most=2), FileStore(tmp_path)
        entries = [put(store, name, name) for name in "abc"]
        for entry in [*entries, *entries[::-1]]:
            remembered.of(store, entry)
        assert made.of == ["a", "b", "c", "a"]

    def test_is_made_again_where_that_failed(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path)
        entry, tries = put(store, "a", "one"), [ValueError("no"), None]

        def make(_path: str, _content: bytes) -> int:
            if fault := tries.pop(0):
                raise fault
            return 1

        remembered = Remembered(make, most=2)
        with pytest.raises(ValueError, match="no"):
            remembered.of(store, entry)
        assert remembered.of(store, entry) == 1
