from __future__ import annotations

import csv
import errno
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llm_bench.errors import StorageError
from llm_bench.records import FIELD_NAMES, FIELDS, SEED_NAMES
from llm_bench.store.base import FileStore, object_path, to_parquet
from llm_bench.store.exports import export

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "store")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def put(store, records, fields=FIELDS, slot=SLOT, study="thesis"):
    path = object_path("records", study, slot)
    store.commit(path, to_parquet(records, fields), 0)
    return path


def read_csv(data: Path) -> list[dict[str, str]]:
    with (data / "batch_eval_metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(data: Path):
    return json.loads((data / "batch_eval_metrics.json").read_text(encoding="utf-8"))


class TestColumns:
    def test_begin_with_the_seeds_eleven(self, store, data, make_batch):
        put(store, make_batch())
        export(store, data)
        assert tuple(read_csv(data)[0])[:11] == SEED_NAMES
        assert tuple(read_csv(data)[0]) == FIELD_NAMES
        assert tuple(read_json(data)[0]) == FIELD_NAMES

    def test_are_there_without_a_record(self, store, data):
        assert export(store, data) == 0
        header = (data / "batch_eval_metrics.csv").read_text(encoding="utf-8").strip()
        assert header == ",".join(FIELD_NAMES)
        assert read_json(data) == []

    def test_are_null_where_an_older_object_lacks_them(self, store, data, make_batch):
        put(store, make_batch(), [field for field in FIELDS if field.name != "groundedness"])
        assert export(store, data) == 80
        assert read_json(data)[0]["groundedness"] is None


class TestRows:
    @pytest.fixture
    def there(self, monkeypatch, zone):
        """This machine is in another time zone."""
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        yield
        monkeypatch.undo()
        time.tzset()

    def test_are_counted(self, store, data, make_batch):
        put(store, make_batch())
        later = SLOT + timedelta(minutes=51)
        put(store, make_batch(slot=later), slot=later)
        assert export(store, data) == 160
        assert len(read_csv(data)) == len(read_json(data)) == 160

    def test_are_ordered_by_study_slot_llm_and_question(self, store, data, make_batch):
        for study in ("thesis", "quickstart"):
            for slot in (SLOT + timedelta(days=9), SLOT):
                put(store, make_batch(slot=slot, study=study)[::-1], slot=slot, study=study)
        export(store, data)
        keys = [
            (row["study"], row["slot"], row["llm_provider"], row["llm_model"], row["question_id"])
            for row in read_json(data)
        ]
        assert keys == sorted(keys)
        assert [(r["record_id"]) for r in read_csv(data)] == [r["record_id"] for r in read_json(data)]

    @pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
    @pytest.mark.usefixtures("there")
    def test_are_as_measured(self, store, data, make_record, make_failure):
        records = [make_record(0, answer='"So", she said;\n{"a": 1}, =1+1', finish_reason=""), make_failure(1)]
        put(store, records)
        export(store, data)
        assert read_json(data) == records
        rows = read_csv(data)
        assert rows[0]["answer"] == records[0]["answer"]
        assert rows[0]["slot"] == records[0]["slot"]
        assert float(rows[0]["throughput_tps"]) == records[0]["throughput_tps"]
        assert rows[1]["latency_sec"] == ""

    def test_come_only_from_records_objects(self, store, data, make_batch):
        put(store, make_batch())
        store.commit("records/notes.txt", b"not Parquet", 0)
        store.commit("quarantine/study=thesis/x.parquet", b"not Parquet", 0)
        assert export(store, data) == 80

    def test_come_from_a_folder_with_any_name(self, tmp_path, make_batch):
        store = FileStore(tmp_path / "it's [new] *")
        put(store, make_batch())
        assert export(store, store.root) == 80
        assert len(read_csv(store.root)) == 80


class TestStore:
    def test_may_be_any_that_keeps_objects(self, store, data, make_batch):
        class Remote:
            read, entries = store.read, store.entries

        put(store, make_batch())
        assert export(Remote(), data) == 80

    def test_with_an_unreadable_object_names_it(self, store, data, make_batch):
        put(store, make_batch())
        later = SLOT + timedelta(minutes=51)
        path = object_path("records", "thesis", later)
        store.commit(path, b"not Parquet", 0)
        with pytest.raises(StorageError, match=path):
            export(store, data)

    def test_with_a_truncated_object_names_it(self, store, data, make_batch):
        path = put(store, make_batch())
        (store.root / path).write_bytes(to_parquet(make_batch())[:-20])
        with pytest.raises(StorageError, match=path):
            export(store, data)


class TestFiles:
    def test_are_replaced(self, store, data, make_batch):
        put(store, make_batch())
        export(store, data)
        store.commit(object_path("records", "thesis", SLOT), to_parquet([]), store.read(store.list("records/")[0])[1])
        export(store, data)
        assert read_json(data) == []

    def test_stay_as_they_were_when_the_store_cannot_be_read(self, store, data, make_batch):
        path = put(store, make_batch())
        export(store, data)
        (store.root / path).write_bytes(b"broken")
        with pytest.raises(StorageError):
            export(store, data)
        assert len(read_csv(data)) == 80

    def test_stay_as_they_were_when_the_disk_is_full(self, store, data, make_batch, monkeypatch):
        put(store, make_batch())
        export(store, data)

        def fail(*_args: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError, match="No space left"):
            export(store, data)
        assert len(read_csv(data)) == 80
        assert sorted(path.name for path in data.iterdir() if not path.name.startswith(".")) == [
            "batch_eval_metrics.csv",
            "batch_eval_metrics.json",
        ]
        assert not (data / ".partial").exists()
