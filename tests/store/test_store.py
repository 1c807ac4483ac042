from __future__ import annotations

import errno
import io
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_bench.errors import ConflictError, StorageError
from llm_bench.fields import Field
from llm_bench.records import FIELDS, utc_text
from llm_bench.store.base import FileStore, from_parquet, lineage_of, object_path, open_store, read_table, to_parquet

PATH = "records/study=thesis/date=2026-12-07/20261207T075125.714285Z.parquet"


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "data")


def visible(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock")


class TestOpenStore:
    def test_a_relative_folder_lies_in_the_project(self, tmp_path):
        open_store("file://data/runs", tmp_path).commit("a", b"1", 0)
        assert (tmp_path / "data" / "runs" / "a").read_bytes() == b"1"

    def test_an_absolute_folder_lies_where_it_says(self, tmp_path):
        open_store(f"file://{tmp_path}/elsewhere", Path("/nowhere")).commit("a", b"1", 0)
        assert (tmp_path / "elsewhere" / "a").read_bytes() == b"1"

    @pytest.mark.parametrize("url", ["s3://bucket/prefix", "data", "file://", "gs://", "gs:///prefix"])
    def test_refuses_what_names_no_store(self, url, tmp_path):
        with pytest.raises(StorageError, match="names no store"):
            open_store(url, tmp_path)


class TestObjectPath:
    def test_names_the_slot_in_utc_to_the_microsecond(self):
        assert object_path("records", "thesis", datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)) == PATH

    def test_writes_microseconds_even_where_there_are_none(self):
        path = object_path("validations", "thesis", datetime(2026, 12, 7, tzinfo=UTC), "json")
        assert path == "validations/study=thesis/date=2026-12-07/20261207T000000.000000Z.json"

    @given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
    def test_is_one_for_one_moment_in_any_zone(self, naive, minutes):
        moment = naive.replace(tzinfo=UTC)
        there = moment.astimezone(timezone(timedelta(minutes=minutes)))
        assert object_path("records", "thesis", there) == object_path("records", "thesis", moment)

    @given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), unique=True))
    def test_differs_between_slots_and_sorts_as_they_do(self, moments):
        slots = sorted(moment.replace(tzinfo=UTC) for moment in moments)
        paths = [object_path("records", "thesis", slot) for slot in slots]
        assert paths == sorted(set(paths))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The emulator of a bucket, behind a proxy that does no harm but honours all preconditions."""
    from doubles import gcs, proxy

    with gcs.serving() as server, proxy.proxied(server) as clean:
        yield clean.url


@pytest.fixture(params=["file", pytest.param("gs", marks=pytest.mark.slow)])
def any_store(request, tmp_path, monkeypatch):
    """Each kind of store in turn; empty."""
    if request.param == "file":
        return open_store("file://data", tmp_path)
    from doubles import gcs

    gcs.connect(request.getfixturevalue("bucket"), monkeypatch)
    return open_store(f"gs://studies/{request.node.name}", tmp_path)


class TestAnyStore:
    def test_has_no_object_at_first(self, any_store):
        assert any_store.read(PATH) is None
        assert any_store.list("records/") == any_store.entries("") == []

    def test_gives_content_and_generation(self, any_store):
        generation = any_store.commit(PATH, b"content", 0)
        assert generation > 0
        assert any_store.read(PATH) == (b"content", generation)

    def test_lists_what_is_under_the_prefix_sorted(self, any_store):
        for path in ("records/b/2", "records/b/1", "records/a/9", "quarantine/b/1"):
            any_store.commit(path, b"x", 0)
        assert any_store.list("records/") == ["records/a/9", "records/b/1", "records/b/2"]
        assert any_store.list("records/b/1") == ["records/b/1"]

    def test_lists_each_objects_generation_size_and_time(self, any_store):
        before = datetime.now(UTC) - timedelta(seconds=5)
        first = any_store.commit(PATH, b"one", 0)
        second = any_store.commit(PATH, b"three", first)
        (entry,) = any_store.entries("records/")
        assert entry[:3] == (PATH, second, 5)
        assert before < entry.written_at < datetime.now(UTC) + timedelta(seconds=5)

    def test_replaces_the_generation_that_was_read(self, any_store):
        first = any_store.commit(PATH, b"one", 0)
        second = any_store.commit(PATH, b"two", first)
        assert second > first
        assert any_store.read(PATH) == (b"two", second)

    @pytest.mark.parametrize("expected", [0, 17])
    def test_refuses_to_replace_any_other(self, any_store, expected):
        any_store.commit(PATH, b"one", 0)
        with pytest.raises(ConflictError, match=f"Another writer replaced .*{PATH}"):
            any_store.commit(PATH, b"two", expected)
        assert any_store.read(PATH)[0] == b"one"

    @pytest.mark.parametrize("expected", [0, 17])
    def test_keeps_what_has_the_content_already(self, any_store, expected):
        generation = any_store.commit(PATH, b"one", 0)
        assert any_store.commit(PATH, b"one", expected) == generation
        assert any_store.read(PATH) == (b"one", generation)

    def test_lets_exactly_one_of_many_create_an_object(self, any_store):
        def commit(number: int) -> bool:
            try:
                return bool(any_store.commit(PATH, b"from %d" % number, 0))
            except ConflictError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(commit, range(8))) == 1

    def test_keeps_its_content_whatever_is_said_of_it(self, any_store):
        any_store.commit(PATH, b"one", 0, {"run_id": "r", "records": "80"})
        assert any_store.read(PATH)[0] == b"one"

    def test_removes_the_generation_that_was_read(self, any_store):
        any_store.delete(PATH, any_store.commit(PATH, b"one", 0))
        assert any_store.read(PATH) is None
        assert any_store.list("") == []

    def test_refuses_to_remove_what_has_been_replaced(self, any_store):
        stale = any_store.commit(PATH, b"one", 0)
        current = any_store.commit(PATH, b"two", stale)
        with pytest.raises(ConflictError, match=f"Another writer replaced .*{PATH}"):
            any_store.delete(PATH, stale)
        assert any_store.read(PATH) == (b"two", current)

    def test_removes_what_is_gone_already_in_silence(self, any_store):
        generation = any_store.commit(PATH, b"one", 0)
        any_store.delete(PATH, generation)
        any_store.delete(PATH, generation)

    def test_gives_an_object_made_anew_another_generation(self, any_store):
        first = any_store.commit(PATH, b"one", 0)
        any_store.delete(PATH, first)
        assert any_store.commit(PATH, b"one", 0) > first


class TestRead:
    def test_of_what_cannot_be_read_says_what_to_do(self, store):
        (store.root / PATH).mkdir(parents=True)
        with pytest.raises(StorageError, match=r"can't be read: Is a directory\. Check that folder"):
            store.read(PATH)


class TestList:
    def test_leaves_out_what_a_killed_writer_left(self, store):
        store.commit("records/a", b"x", 0)
        (store.root / "records" / ".partial").write_bytes(b"half")
        assert store.list("") == ["records/a"]


class TestCommit:
    def test_refuses_to_replace_what_has_been_replaced(self, store):
        stale = store.commit(PATH, b"one", 0)
        store.commit(PATH, b"two", stale)
        with pytest.raises(ConflictError):
            store.commit(PATH, b"three", stale)
        assert store.read(PATH)[0] == b"two"

    def test_refuses_to_replace_what_is_gone(self, store):
        with pytest.raises(ConflictError):
            store.commit(PATH, b"one", 17)
        assert store.read(PATH) is None

    def test_moves_the_generation_on_though_the_clock_stands_still(self, store, monkeypatch):
        monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
        generations = [0]
        for content in (b"one", b"two", b"one"):
            generations.append(store.commit(PATH, content, generations[-1]))
        assert generations == sorted(set(generations))

    def test_gives_the_file_the_usual_rights(self, store):
        store.commit(PATH, b"one", 0)
        (store.root / "plain").touch()
        assert (store.root / PATH).stat().st_mode == (store.root / "plain").stat().st_mode

    def test_takes_over_what_a_killed_writer_left(self, store):
        folder = (store.root / PATH).parent
        folder.mkdir(parents=True)
        (folder / ".partial").write_bytes(b"half of something long")
        store.commit(PATH, b"one", 0)
        assert visible(store.root) == [PATH]


def _race(root: Path, number: int, expected: int, start: Any, outcomes: Any) -> None:
    start.wait()
    try:
        FileStore(root).commit(PATH, b"from %d" % number, expected)
        outcomes.put(number)
    except ConflictError:
        outcomes.put(None)


class TestRace:
    @pytest.mark.parametrize("existing", [False, True], ids=["creating", "replacing"])
    def test_of_processes_has_exactly_one_winner(self, store, existing):
        expected = store.commit(PATH, b"before", 0) if existing else 0
        context = multiprocessing.get_context("fork")
        start, outcomes = context.Barrier(4), context.Queue()
        racers = [
            context.Process(target=_race, args=(store.root, number, expected, start, outcomes)) for number in range(4)
        ]
        for racer in racers:
            racer.start()
        finished = [outcomes.get() for _ in racers]
        for racer in racers:
            racer.join()
        (winner,) = [number for number in finished if number is not None]
        assert store.read(PATH)[0] == b"from %d" % winner

    def test_leaves_no_reader_with_half_an_object(self, store):
        contents = [bytes([65 + number]) * 200_000 for number in range(20)]

        def write() -> None:
            generation = 0
            for content in contents:
                generation = store.commit(PATH, content, generation)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not writing.done():
                stored = store.read(PATH)
                assert stored is None or stored[0] in contents
            writing.result()


class TestFailedWrite:
    @pytest.fixture(params=["write", "fsync", "replace"])
    def full_disk(self, request, monkeypatch):
        """The disk is full when the content is written, flushed, or put in place."""

        def fail(*_args: Any, **_named: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def fill() -> None:
            if request.param == "write":
                monkeypatch.setattr(Path, "write_bytes", fail)
            elif request.param == "replace":
                monkeypatch.setattr(Path, "replace", fail)
            else:
                monkeypatch.setattr(os, "fsync", fail)

        return fill

    def test_leaves_the_object_as_it_was(self, store, full_disk):
        generation = store.commit(PATH, b"one", 0)
        full_disk()
        with pytest.raises(StorageError, match=r"No space left on device\. Free some space there"):
            store.commit(PATH, b"two", generation)
        assert store.read(PATH) == (b"one", generation)

    def test_leaves_nothing_behind(self, store, full_disk):
        (store.root / PATH).parent.mkdir(parents=True)
        full_disk()
        with pytest.raises(StorageError):
            store.commit(PATH, b"one", 0)
        assert visible(store.root) == []

    def test_can_be_repeated(self, store, full_disk, monkeypatch):
        store.commit("records/other", b"x", 0)
        full_disk()
        with pytest.raises(StorageError):
            store.commit(PATH, b"one", 0)
        monkeypatch.undo()
        store.commit(PATH, b"one", 0)
        assert store.read(PATH)[0] == b"one"

    def test_for_want_of_rights_says_so(self, store, monkeypatch):
        def fail(*_args: Any) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(StorageError, match=r"Permission denied\. Give the user that Airflow runs as"):
            store.commit(PATH, b"one", 0)

    def test_for_want_of_a_folder_says_so(self, tmp_path):
        (tmp_path / "data").write_text("a file")
        with pytest.raises(StorageError, match="can't be written"):
            FileStore(tmp_path / "data").commit(PATH, b"one", 0)


def _values(field: Field) -> st.SearchStrategy[Any]:
    values: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(st.characters(codec="utf-8")),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "integer": st.integers(-(2**63), 2**63 - 1),
        "boolean": st.booleans(),
        "timestamp": st.datetimes(timezones=st.just(UTC)).map(utc_text),
        "offsets": st.lists(st.floats(0, 1e6)).map(sorted),
        "ordinals": st.lists(st.integers(1, 99), unique=True).map(sorted),
    }
    return st.none() | values[field.type] if field.nullable else values[field.type]


class TestParquet:
    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.fixed_dictionaries({field.name: _values(field) for field in FIELDS}), max_size=3))
    def test_gives_back_exactly_what_was_put_in(self, records):
        assert from_parquet(to_parquet(records)) == records

    def test_keeps_the_types(self, make_record):
        record = make_record(0)
        (kept,) = from_parquet(to_parquet([record]))
        assert {name: type(value) for name, value in kept.items()} == {n: type(v) for n, v in record.items()}

    def test_is_the_same_for_the_same_records(self, make_batch):
        assert to_parquet(make_batch()) == to_parquet(make_batch())

    def test_damaged_in_any_column_is_an_error(self, make_batch):
        content = to_parquet(make_batch())
        group = pq.read_metadata(io.BytesIO(content)).row_group(0)
        for number in range(group.num_columns):
            column = group.column(number)
            damaged = bytearray(content)
            last = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1
            damaged[last] ^= 0xFF
            with pytest.raises(StorageError, match="can't be read"):
                from_parquet(bytes(damaged))

    def test_damaged_anywhere_in_its_pages_never_gives_other_records(self, make_batch):
        content = to_parquet(make_batch())
        footer = int.from_bytes(content[-8:-4], "little") + 8
        for place in range(0, len(content) - footer, 37):
            damaged = bytearray(content)
            damaged[place] ^= 0x01
            with suppress(StorageError):
                assert from_parquet(bytes(damaged)) == make_batch()

    def test_tells_where_its_records_come_from(self, make_batch):
        named = lineage_of(make_batch())
        content = to_parquet(make_batch(), lineage=named)
        kept = {name.decode(): value.decode() for name, value in read_table(content).schema.metadata.items()}
        assert kept == named
        assert kept["run_id"] == "scheduled__2026-12-07T07:51:25.714285+00:00"
        assert kept["records"] == "80"
        assert content == to_parquet(make_batch(), lineage=named)
        assert from_parquet(content) == make_batch()

    def test_without_a_record_tells_that_there_is_none(self):
        assert lineage_of([]) == {"records": "0"}

    def test_of_something_else_is_an_error(self):
        with pytest.raises(StorageError, match="can't be read"):
            from_parquet(b"not Parquet")
