from __future__ import annotations

import io
import json
import math
from datetime import datetime, timedelta, timezone

import pyarrow.parquet as pq
import pytest

from llm_bench.errors import ConflictError, StorageError
from llm_bench.join.load import Loaded, load
from llm_bench.join.quality import Refused, Verdict
from llm_bench.join.store import FileStore, from_parquet, object_path
from llm_bench.records import utc_text

RESULTS = {"success": True, "statistics": {"evaluated_expectations": 114}}


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "data")


@pytest.fixture
def slot(make_record):
    return datetime.fromisoformat(make_record(0)["slot"])


def quarantined(store, slot):
    content, _ = store.read(object_path("quarantine", "thesis", slot))
    return pq.read_table(io.BytesIO(content)).to_pylist()


class TestLoad:
    def test_puts_a_batch_into_one_object(self, store, slot, make_batch):
        loaded = load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        assert loaded == Loaded(object_path("records", "thesis", slot), 80, 0)
        assert store.list("records/") == [loaded.path]
        assert from_parquet(store.read(loaded.path)[0]) == make_batch()

    def test_twice_changes_nothing(self, store, slot, make_record, make_batch):
        verdict = Verdict(make_batch(), [Refused(make_record(0), ("study must not be null",))], RESULTS)
        first = load(store, "thesis", slot, verdict)
        before = {path: store.read(path) for path in store.list("")}
        assert load(store, "thesis", slot, verdict) == first
        assert {path: store.read(path) for path in store.list("")} == before
        assert len(before) == 3
        assert len(from_parquet(store.read(first.path)[0])) == 80

    def test_of_a_new_run_replaces_the_objects(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        again = [make_record(0, attempt=2)]
        loaded = load(store, "thesis", slot, Verdict(again, [], {"success": False}))
        assert store.list("records/") == [loaded.path]
        assert from_parquet(store.read(loaded.path)[0]) == again
        assert json.loads(store.read(object_path("validations", "thesis", slot, "json"))[0]) == {"success": False}

    def test_of_the_same_slot_in_another_zone_is_the_same_object(self, store, slot, make_batch):
        verdict = Verdict(make_batch(), [], RESULTS)
        load(store, "thesis", slot, verdict)
        load(store, "thesis", slot.astimezone(timezone(timedelta(hours=1))), verdict)
        assert len(store.list("records/")) == 1

    def test_of_another_slot_is_another_object(self, store, slot, make_batch):
        later = slot + timedelta(microseconds=1)
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        load(store, "thesis", later, Verdict(make_batch(slot=later), [], RESULTS))
        assert len(store.list("records/")) == 2

    def test_refuses_records_of_another_slot(self, store, slot, make_batch):
        with pytest.raises(StorageError, match="can't be loaded as thesis, 2026-12-07T07:51:26"):
            load(store, "thesis", slot + timedelta(seconds=1), Verdict(make_batch(), [], RESULTS))
        assert store.list("") == []

    def test_refuses_records_of_another_study(self, store, slot, make_batch):
        with pytest.raises(StorageError, match=f"is of study thesis, slot {utc_text(slot)}"):
            load(store, "quickstart", slot, Verdict(make_batch(), [], RESULTS))

    def test_keeps_the_gates_results(self, store, slot, make_batch):
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        content, _ = store.read(object_path("validations", "thesis", slot, "json"))
        assert json.loads(content) == RESULTS

    def test_loses_to_another_that_loads_the_slot_meanwhile(self, store, slot, make_record, make_batch):
        class Overtaken(FileStore):
            def commit(self, path, content, expected_generation):
                if path.startswith("records/"):
                    store.commit(path, b"the other's", 0)
                return super().commit(path, content, expected_generation)

        with pytest.raises(ConflictError):
            load(Overtaken(store.root), "thesis", slot, Verdict(make_batch(), [], RESULTS))
        assert store.read(object_path("records", "thesis", slot))[0] == b"the other's"


class TestQuarantine:
    def test_keeps_the_row_and_what_it_broke(self, store, slot, make_record):
        record = make_record(0, latency_sec="fast", mood="gut")
        refused = [Refused(record, ("latency_sec must be a finite number", "unknown field mood"))]
        assert load(store, "thesis", slot, Verdict([], refused, RESULTS)).quarantined == 1
        (row,) = quarantined(store, slot)
        assert row["record_id"] == record["record_id"]
        assert row["broken"] == ["latency_sec must be a finite number", "unknown field mood"]
        assert json.loads(row["record"]) == record

    @pytest.mark.parametrize(
        "change",
        [{"record_id": 7}, {"answer": "a\ud800"}, {"cost_usd": math.nan}, {"slot": object()}, {"\ud800": 1}],
        ids=["id", "surrogate", "nan", "object", "field name"],
    )
    def test_holds_whatever_is_wrong(self, store, slot, make_record, change):
        refused = [Refused(make_record(0) | change, ("some rule",))]
        load(store, "thesis", slot, Verdict([], refused, RESULTS))
        (row,) = quarantined(store, slot)
        json.loads(row["record"], parse_constant=pytest.fail)

    def test_is_not_written_for_a_clean_batch(self, store, slot, make_batch):
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        assert store.list("quarantine/") == []

    def test_is_emptied_by_a_run_that_refuses_nothing(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(make_batch(), [Refused(make_record(0), ("x",))], RESULTS))
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        assert quarantined(store, slot) == []


class TestNoValidRecords:
    def test_writes_no_records_object(self, store, slot, make_record):
        loaded = load(store, "thesis", slot, Verdict([], [Refused(make_record(0), ("x",))], RESULTS))
        assert loaded.records == 0
        assert store.list("records/") == []

    def test_empties_the_object_of_an_earlier_run(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(make_batch(), [], RESULTS))
        loaded = load(store, "thesis", slot, Verdict([], [Refused(make_record(0), ("x",))], RESULTS))
        assert from_parquet(store.read(loaded.path)[0]) == []
