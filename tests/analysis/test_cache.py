from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from fixtures.stored import a_record
from llm_bench.analysis import cache as module
from llm_bench.analysis.cache import Cache, Records
from llm_bench.errors import StorageError
from llm_bench.records import FIELD_NAMES, FIELDS
from llm_bench.store.base import FileStore, object_path, to_parquet
from llm_bench.store.compaction import compact
from llm_bench.study import Study

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
STUDY = Study.model_validate({"name": "mine", "llms": [{"model": "baseline/lead"}], "industries": ["retail"]})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(home: Path) -> FileStore:
    return FileStore(home / "data")


@pytest.fixture
def cache(home: Path) -> Cache:
    return Cache(home, fresh_sec=0)


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The paths of the objects that a refresh reads."""
    paths: list[str] = []
    original = module.read_object

    def noted(store, stored):
        paths.append(stored.path)
        return original(store, stored)

    monkeypatch.setattr(module, "read_object", noted)
    return paths


def put(store: FileStore, number: int = 0, count: int = 3, fields=FIELDS, **changes) -> str:
    """Loads a slot's records in place of those there; the object's path."""
    slot = SLOT + timedelta(hours=number)
    path = object_path("records", "mine", slot)
    records = [a_record(slot, n, 2.0, study="mine", record_id=f"{number}-{n}", **changes) for n in range(count)]
    held = store.read(path)
    store.commit(path, to_parquet(records, fields), held[1] if held else 0)
    return path


def ids(cache: Cache) -> list[str]:
    return [row["record_id"] for row in cache.records(STUDY).rows("SELECT record_id FROM records ORDER BY 1")]


def raise_as_damaged(reader: Records) -> None:
    """A query that DuckDB refuses as it does what it can't read from the disk."""
    reader.query("SELECT * FROM read_csv('/no/such/file.csv')")


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "data" / "cache").rglob("*.duckdb"))


class TestRecords:
    def test_are_those_of_the_store(self, store, cache):
        put(store, 0)
        put(store, 1, answer="“So”, she said; <b>", event_times_sec=[0.1, 0.25])
        rows = cache.records(STUDY).rows(f"SELECT {', '.join(FIELD_NAMES)} FROM records WHERE record_id = '1-2'")
        slot = SLOT + timedelta(hours=1)
        assert rows[0]["slot"] == slot
        assert rows[0]["answer"] == "“So”, she said; <b>"
        assert rows[0]["event_times_sec"] == [0.1, 0.25]
        assert ids(cache) == ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]

    def test_are_none_of_an_empty_store(self, cache):
        assert ids(cache) == []

    def test_know_their_llm_by_its_whole_name(self, store, cache):
        put(store, llm_provider="groq", llm_model="moonshotai/kimi-k2-instruct")
        assert cache.records(STUDY).rows("SELECT DISTINCT llm FROM records") == [
            {"llm": "groq/moonshotai/kimi-k2-instruct"}
        ]

    def test_lack_what_an_older_object_lacks(self, store, cache):
        put(store, fields=[field for field in FIELDS if field.name not in ("groundedness", "tls_sec")])
        assert cache.records(STUDY).rows("SELECT count(*) AS n, count(groundedness) AS known FROM records") == [
            {"n": 3, "known": 0}
        ]

    def test_stand_once_while_days_are_compacted_and_slots_loaded_anew(self, store, cache):
        for number in range(4):
            put(store, number)
        compact(store, "mine", date(2026, 12, 8))
        put(store, 1, count=2)
        assert ids(cache) == ["0-0", "0-1", "0-2", "1-0", "1-1", "2-0", "2-1", "2-2", "3-0", "3-1", "3-2"]
        compact(store, "mine", date(2026, 12, 8))
        assert len(ids(cache)) == 11

    def test_are_of_one_study_alone(self, store, cache):
        put(store)
        store.commit(object_path("records", "other", SLOT), to_parquet([a_record(SLOT, 0, 2.0, study="other")]), 0)
        assert len(ids(cache)) == 3

    def test_aren_t_those_of_another_store_of_the_same_study(self, store, cache, home):
        put(store)
        ids(cache)
        moved = STUDY.model_copy(update={"storage": "file://elsewhere"})
        assert cache.records(moved).rows("SELECT count(*) AS n FROM records") == [{"n": 0}]

    def test_that_can_t_be_read_are_named(self, store, cache):
        put(store, 0)
        path = object_path("records", "mine", SLOT + timedelta(hours=1))
        store.commit(path, b"not Parquet", 0)
        with pytest.raises(StorageError, match=path):
            cache.records(STUDY)
        store.delete(path, store.read(path)[1])
        assert len(ids(cache)) == 3

    def test_keep_what_depends_on_them_until_they_change(self, store, cache):
        put(store, 0)
        made = []
        for _ in range(2):
            cache.records(STUDY).once("count", lambda records: made.append(len(records.rows("FROM records"))))
        put(store, 1)
        cache.records(STUDY).once("count", lambda records: made.append(len(records.rows("FROM records"))))
        assert made == [3, 6]

    def test_of_a_view_what_was_found_out_is_kept_for_every_reader_until_they_change(self, store, cache):
        counted = []
        for number, change in enumerate((0, None, 1)):
            if change is not None:
                put(store, change)
            counted.append(cache.records(STUDY).of_view("mine", "count", partial(int, number)))
        assert counted == [0, 0, 2]

    def test_of_views_the_last_few_are_kept_alone(self, store, cache):
        put(store)
        records = cache.records(STUDY)
        for view in range(module._VIEWS + 1):
            records.of_view(view, "count", lambda: "first")
        again = [records.of_view(view, "count", lambda: "anew") for view in (module._VIEWS, 0)]
        assert again == ["first", "anew"]


class TestARefresh:
    def test_touches_only_the_object_that_changed(self, store, cache, read):
        for number in range(3):
            put(store, number)
        ids(cache)
        read.clear()
        path = put(store, 1, count=5)
        assert len(ids(cache)) == 11
        assert read == [path]

    def test_touches_only_the_object_that_is_new(self, store, cache, read):
        put(store, 0)
        ids(cache)
        read.clear()
        path = put(store, 1)
        ids(cache)
        assert read == [path]

    def test_drops_what_is_gone_and_reads_nothing(self, store, cache, read):
        put(store, 0)
        path = put(store, 1)
        ids(cache)
        read.clear()
        store.delete(path, store.read(path)[1])
        assert ids(cache) == ["0-0", "0-1", "0-2"]
        assert read == []

    def test_changes_the_version_only_with_the_data(self, store, cache):
        put(store, 0)
        first = cache.records(STUDY).version
        assert cache.records(STUDY).version == first
        put(store, 1)
        assert cache.records(STUDY).version != first

    def test_is_left_out_within_seconds_of_the_last(self, store, home):
        patient = Cache(home, fresh_sec=3600)
        put(store, 0)
        assert len(ids(patient)) == 3
        put(store, 1)
        assert len(ids(patient)) == 3

    def test_goes_on_where_an_earlier_process_ended(self, store, home, read):
        put(store, 0)
        first = Cache(home)
        ids(first)
        del first
        read.clear()
        path = put(store, 1)
        assert len(ids(Cache(home))) == 6
        assert read == [path]

    def test_that_fails_leaves_the_copy_as_it_was(self, store, cache, monkeypatch):
        put(store, 0)
        before = cache.records(STUDY).version

        def fail(*_arguments):
            raise StorageError("gone.", "wait.")

        put(store, 1)
        with monkeypatch.context() as patch:
            patch.setattr(module, "read_object", fail)
            with pytest.raises(StorageError, match="gone"):
                cache.records(STUDY)
        assert cache.records(STUDY).version != before
        assert len(ids(cache)) == 6

    def test_looks_again_when_an_object_is_replaced_under_it(self, store, cache, monkeypatch):
        path = put(store, 0)
        original, moved = module.read_object, []

        def replaced(store, stored):
            if not moved:
                moved.append(put(store, 0, count=5))
            return original(store, stored)

        monkeypatch.setattr(module, "read_object", replaced)
        assert len(ids(cache)) == 5
        assert moved == [path]


class TestAReader:
    def test_sees_one_version_while_others_load(self, store, cache):
        put(store, 0)
        reader = cache.records(STUDY)
        put(store, 0, count=7)
        put(store, 1)
        assert len(ids(cache)) == 10
        assert reader.rows("SELECT count(*) AS n FROM records") == [{"n": 3}]

    def test_of_many_threads_gets_whole_versions(self, store, cache):
        put(store, 0, count=10)
        seen, faults = [], []

        def look():
            try:
                for _ in range(5):
                    row = cache.records(STUDY).rows("SELECT count(*) AS n FROM records JOIN slots USING (slot_no)")[0]
                    seen.append(row["n"])
            except Exception as fault:
                faults.append(fault)

        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for number in range(1, 6):
            put(store, number, count=10)
        for thread in threads:
            thread.join()
        assert faults == []
        assert set(seen) <= {10, 20, 30, 40, 50, 60}
        assert len(seen) == 30


class TestACopy:
    def test_of_another_process_is_left_to_it(self, store, home):
        put(store)
        other = subprocess.Popen(
            [
                *(sys.executable, "-c"),
                textwrap.dedent(f"""
                    from pathlib import Path
                    from analysis.test_cache import Cache, STUDY
                    records = Cache(Path({str(home)!r})).records(STUDY)
                    print(records.rows("SELECT count(*) AS n FROM records")[0]["n"], flush=True)
                    input()
                """),
            ],
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "3\n"
            mine = Cache(home)
            assert len(ids(mine)) == 3
            assert files(home) == ["0.duckdb", "1.duckdb"]
        finally:
            other.communicate("\n")
        assert other.returncode == 0

    def test_of_a_process_that_ended_is_used_again(self, store, home):
        put(store)
        for _ in range(3):
            ids(Cache(home))
        assert files(home) == ["0.duckdb"]

    def test_that_is_damaged_is_made_anew(self, store, home):
        put(store)
        ids(Cache(home))
        next((home / "data" / "cache").rglob("0.duckdb")).write_bytes(b"not a database" * 1000)
        assert len(ids(Cache(home))) == 3

    def test_that_is_found_damaged_by_a_reader_is_made_anew(self, store, home):
        put(store)
        cache = Cache(home, fresh_sec=3600)
        ids(cache)
        reader = cache.records(STUDY)
        with pytest.raises(StorageError, match="made anew"):
            raise_as_damaged(reader)
        assert reader.rows("SELECT count(*) AS n FROM records") == [{"n": 3}]
        assert len(ids(cache)) == 3
        assert files(home) == ["1.duckdb"]

    def test_of_another_layout_is_made_anew(self, store, home, monkeypatch):
        put(store)
        ids(Cache(home))
        monkeypatch.setattr(module.layout, "LAYOUT", "of tomorrow")
        assert len(ids(Cache(home))) == 3

    def test_that_lost_a_table_is_made_anew(self, store, home):
        import duckdb

        put(store)
        ids(Cache(home))
        with duckdb.connect(next((home / "data" / "cache").rglob("0.duckdb"))) as connection:
            connection.execute("DROP TABLE objects")
        assert len(ids(Cache(home))) == 3

    def test_may_be_temporary_where_no_file_can_be_kept(self, store, home):
        put(store)
        (home / "data" / "cache").write_text("in the way")
        assert len(ids(Cache(home))) == 3

    def test_is_no_object_of_the_store(self, store, cache):
        put(store)
        ids(cache)
        assert [path for path in store.list("records/") if "cache" in path] == []
