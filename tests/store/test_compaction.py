from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from llm_bench.errors import ConflictError, StorageError
from llm_bench.records import utc_text
from llm_bench.store.base import FIELDS, FileStore, from_parquet, object_path, open_store, to_parquet
from llm_bench.store.compaction import Compacted, compact
from llm_bench.store.exports import export
from llm_bench.store.snapshot import RecordObject, compacted_slot, record_objects, snapshot

MORNING = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
SLOTS = tuple(MORNING + timedelta(minutes=51 * number) for number in range(3))
TODAY = date(2026, 12, 8)
DAY = "records/study=thesis/date=2026-12-07/day.parquet"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The emulator of a bucket, behind a proxy that does no harm but honours all preconditions."""
    from doubles import gcs, proxy

    with gcs.serving() as server, proxy.proxied(server) as clean:
        yield clean.url


@pytest.fixture(params=["file", pytest.param("gs", marks=pytest.mark.slow)])
def url(request, tmp_path, monkeypatch) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/store"
    from doubles import gcs

    gcs.connect(request.getfixturevalue("bucket"), monkeypatch)
    return f"gs://studies/{request.node.name}"


@pytest.fixture
def store(url, tmp_path):
    return open_store(url, tmp_path)


@pytest.fixture
def make_slot(make_record):
    """A slot's three records; ``attempt`` tells one run of the slot from another."""

    def make(slot, attempt=1):
        return [make_record(number, slot=slot, attempt=attempt) for number in range(3)]

    return make


def put(store, slot, records, fields=FIELDS):
    path = object_path("records", "thesis", slot)
    current = store.read(path)
    return store.commit(path, to_parquet(records, fields), current[1] if current else 0)


def read(store, folder) -> list[tuple[str, str, int]]:
    """Slot, question and attempt of every record, as a reader of ``record_objects`` sees them."""
    folder.mkdir(exist_ok=True)
    return sorted(
        (record["slot"], record["question_id"], record["attempt"])
        for stored, file in snapshot(store, folder).items()
        for record in from_parquet(file.read_bytes())
        if record["slot"] not in stored.without
    )


class TestCompaction:
    def test_puts_a_days_slots_into_one_object(self, store, make_slot):
        for slot in SLOTS[::-1]:
            put(store, slot, make_slot(slot)[::-1])
        assert compact(store, "thesis", TODAY) == Compacted(days=1, slots=3, removed=3)
        assert store.list("records/") == [DAY]
        assert record_objects(store) == [RecordObject(DAY, store.read(DAY)[1])]
        records = from_parquet(store.read(DAY)[0])
        keys = [
            (record["slot"], record["llm_provider"], record["llm_model"], record["question_id"]) for record in records
        ]
        assert keys == sorted(keys)
        assert sorted(records, key=json.dumps) == sorted((r for slot in SLOTS for r in make_slot(slot)), key=json.dumps)

    def test_leaves_today_and_other_studies_alone(self, store, make_record):
        put(store, SLOTS[0] + timedelta(days=1), [])
        other = object_path("records", "quickstart", SLOTS[0])
        store.commit(other, to_parquet([make_record(study="quickstart")]), 0)
        before = store.entries("")
        assert compact(store, "thesis", TODAY) == Compacted()
        assert store.entries("") == before

    def test_twice_changes_nothing(self, store, make_slot):
        put(store, SLOTS[0], make_slot(SLOTS[0]))
        compact(store, "thesis", TODAY)
        before = store.entries("")
        assert compact(store, "thesis", TODAY) == Compacted()
        assert store.entries("") == before

    def test_adds_a_slot_that_came_late(self, store, make_slot, tmp_path):
        for slot in SLOTS:
            put(store, slot, make_slot(slot))
            assert compact(store, "thesis", TODAY) == Compacted(1, 1, 1)
        assert len(read(store, tmp_path / "copies")) == 9

    def test_keeps_columns_that_only_some_objects_have(self, store, make_slot):
        put(store, SLOTS[0], make_slot(SLOTS[0]), [field for field in FIELDS if field.name != "answerable"])
        put(store, SLOTS[1], make_slot(SLOTS[1]))
        compact(store, "thesis", TODAY)
        kept = [record["answerable"] for record in from_parquet(store.read(DAY)[0])]
        assert kept == [None] * 3 + [True] * 3

    def test_refuses_records_of_another_slot(self, store, make_slot):
        put(store, SLOTS[0], make_slot(SLOTS[1]))
        with pytest.raises(StorageError, match="holds records of another slot"):
            compact(store, "thesis", TODAY)
        assert len(store.list("")) == 1

    def test_keeps_the_slots_where_the_days_object_cannot_be_written(self, store, make_slot, monkeypatch):
        put(store, SLOTS[0], make_slot(SLOTS[0]))

        def full(*_args: Any) -> None:
            raise StorageError("No space left.", "Free some.")

        monkeypatch.setattr(type(store), "commit", full)
        with pytest.raises(StorageError):
            compact(store, "thesis", TODAY)
        assert store.list("") == [object_path("records", "thesis", SLOTS[0])]


class TestASlotLoadedAgain:
    @pytest.fixture
    def compacted(self, store, make_slot):
        for slot in SLOTS:
            put(store, slot, make_slot(slot))
        compact(store, "thesis", TODAY)
        return store

    def test_wins_over_its_rows_of_the_day(self, compacted, make_slot, tmp_path):
        put(compacted, SLOTS[1], make_slot(SLOTS[1], attempt=2))
        seen = read(compacted, tmp_path / "copies")
        assert Counter(attempt for _, _, attempt in seen) == {1: 6, 2: 3}
        assert {slot for slot, _, attempt in seen if attempt == 2} == {utc_text(SLOTS[1])}

    def test_wins_with_the_same_records_too(self, compacted, make_slot, tmp_path):
        put(compacted, SLOTS[1], make_slot(SLOTS[1]))
        assert len(read(compacted, tmp_path / "copies")) == 9

    def test_wins_without_records_too(self, compacted, tmp_path):
        put(compacted, SLOTS[1], [])
        assert len(read(compacted, tmp_path / "copies")) == 6

    def test_wins_in_the_exports(self, compacted, make_slot, tmp_path):
        put(compacted, SLOTS[1], make_slot(SLOTS[1], attempt=2))
        assert export(compacted, tmp_path) == 9
        rows = json.loads((tmp_path / "batch_eval_metrics.json").read_text())
        assert [row["attempt"] for row in rows] == [1, 1, 1, 2, 2, 2, 1, 1, 1]

    def test_can_begin_with_its_rows_of_the_day(self, compacted, make_slot):
        assert from_parquet(compacted_slot(compacted, object_path("records", "thesis", SLOTS[1]))) == make_slot(
            SLOTS[1]
        )
        for other in (SLOTS[1] + timedelta(days=1), SLOTS[1] + timedelta(seconds=1)):
            assert compacted_slot(compacted, object_path("records", "thesis", other)) is None

    def test_is_taken_over_by_the_next_compaction(self, compacted, make_slot, tmp_path):
        put(compacted, SLOTS[1], make_slot(SLOTS[1], attempt=2))
        seen = read(compacted, tmp_path / "copies")
        assert compact(compacted, "thesis", TODAY) == Compacted(1, 1, 1)
        assert compacted.list("") == [DAY]
        assert read(compacted, tmp_path / "copies") == seen


class TestStep:
    """A compaction that ends at each of its changes to the store: before it, and right after it."""

    STEPS = tuple(
        (operation, number, moment)
        for operation, count in (("commit", 1), ("delete", 3))
        for number in range(count)
        for moment in ("before", "after")
    )

    @pytest.mark.parametrize("step", STEPS, ids=lambda step: " ".join(map(str, step)))
    def test_may_be_the_last_of_a_killed_one(self, url, store, make_slot, tmp_path, step):
        for slot in SLOTS:
            put(store, slot, make_slot(slot))
        seen = read(store, tmp_path / "copies")
        _run(_compact_until, url, tmp_path, *step)
        assert read(store, tmp_path / "copies") == seen
        put(store, SLOTS[0], make_slot(SLOTS[0], attempt=2))
        again = read(store, tmp_path / "copies")
        assert Counter(attempt for _, _, attempt in again) == {1: 6, 2: 3}
        compact(store, "thesis", TODAY)
        assert store.list("") == [DAY]
        assert read(store, tmp_path / "copies") == again


def _run(target: Any, *args: Any) -> None:
    process = multiprocessing.get_context("fork").Process(target=target, args=args)
    process.start()
    process.join()
    assert process.exitcode == -9


def _compact_until(url: str, home: Any, operation: str, number: int, moment: str) -> None:
    store = open_store(url, home)
    real, calls = getattr(store, operation), itertools.count()

    def last(*args: Any) -> Any:
        dying = next(calls) == number
        if dying and moment == "before":
            os.kill(os.getpid(), 9)
        outcome = real(*args)
        if dying:
            os.kill(os.getpid(), 9)
        return outcome

    setattr(store, operation, last)
    compact(store, "thesis", TODAY)


class TestReader:
    def test_sees_every_record_once_while_others_load_and_compact(self, url, store, make_slot, tmp_path):
        for slot in SLOTS:
            put(store, slot, make_slot(slot))
        until = time.monotonic() + 4

        def work(job: Any) -> int:
            own, rounds = open_store(url, tmp_path), 0
            while time.monotonic() < until:
                try:
                    job(own, rounds)
                except ConflictError:
                    continue
                rounds += 1
            return rounds

        def reload(own: Any, number: int) -> None:
            slot = SLOTS[number % 3]
            put(own, slot, make_slot(slot, attempt=number + 2))
            time.sleep(0.03)

        def look(own: Any, _number: int) -> None:
            seen = Counter((slot, question) for slot, question, _ in read(own, tmp_path / "copies"))
            assert set(seen.values()) == {1}
            assert len(seen) == 9

        with ThreadPoolExecutor(4) as pool:
            jobs = [lambda own, _: compact(own, "thesis", TODAY)] * 2 + [reload, look]
            *_, loads, looks = [outcome.result() for outcome in [pool.submit(work, job) for job in jobs]]
        assert loads > 3
        assert looks > 3
        compact(store, "thesis", TODAY)
        assert store.list("") == [DAY]
        newest = {utc_text(slot): 0 for slot in SLOTS} | {
            utc_text(SLOTS[number % 3]): number + 2 for number in range(loads)
        }
        assert {(slot, attempt) for slot, _, attempt in read(store, tmp_path / "copies")} == set(newest.items())

    def test_starts_over_where_an_object_moved_under_it(self, tmp_path, make_slot):
        class Overtaken(FileStore):
            def read(self, path: str) -> tuple[bytes, int] | None:
                if path != DAY and not self.root.joinpath(DAY).exists():
                    compact(FileStore(self.root), "thesis", TODAY)
                return super().read(path)

        store = FileStore(tmp_path / "store")
        for slot in SLOTS:
            put(store, slot, make_slot(slot))
        assert len(read(Overtaken(store.root), tmp_path / "copies")) == 9

    def test_gives_up_on_a_store_that_never_rests(self, tmp_path, make_slot):
        class Restless(FileStore):
            def read(self, path: str) -> tuple[bytes, int] | None:
                stored = super().read(path)
                return stored and (stored[0], stored[1] + 1)

        store = Restless(tmp_path / "store")
        FileStore(store.root).commit(object_path("records", "thesis", SLOTS[0]), to_parquet([]), 0)
        with pytest.raises(StorageError, match="changes all the time"):
            read(store, tmp_path / "copies")

    def test_of_one_study_sees_that_alone(self, store, make_slot, make_record):
        put(store, SLOTS[0], make_slot(SLOTS[0]))
        other = object_path("records", "quickstart", SLOTS[0])
        store.commit(other, to_parquet([make_record(study="quickstart")]), 0)
        assert [stored.path for stored in record_objects(store, "quickstart")] == [other]
        assert len(record_objects(store)) == 2

    def test_of_a_broken_days_object_is_told(self, store, make_slot):
        put(store, SLOTS[0], make_slot(SLOTS[0]))
        store.commit(DAY, b"broken", 0)
        with pytest.raises(StorageError, match="A day's object can't be read"):
            record_objects(store)
