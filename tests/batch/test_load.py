from __future__ import annotations

import io
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_bench.batch.load import Loaded, load
from llm_bench.errors import ConflictError, StorageError
from llm_bench.gate.columns import Rows
from llm_bench.gate.validate import Refused, Verdict, validate
from llm_bench.records import FIELD_NAMES, FIELDS, utc_text
from llm_bench.store.base import FileStore, from_parquet, object_path, to_parquet
from llm_bench.store.compaction import compact

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
        loaded = load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        assert loaded == Loaded(object_path("records", "thesis", slot), 80, 0)
        assert store.list("records/") == [loaded.path]
        assert from_parquet(store.read(loaded.path)[0]) == make_batch()

    def test_replaces_nothing_that_another_place_has_measured_meanwhile(self, store, slot, make_batch):
        began, later = slot + timedelta(seconds=1), utc_text(slot + timedelta(seconds=30))
        elsewhere = [record | {"timestamp": later, "measured_at": later} for record in make_batch()]
        load(store, "thesis", slot, Verdict(Rows.of(elsewhere), [], RESULTS))
        with pytest.raises(StorageError, match="Another place has measured this slot"):
            load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS), since=began)
        assert from_parquet(store.read(object_path("records", "thesis", slot))[0]) == elsewhere

    def test_replaces_what_was_measured_before_its_run_began(self, store, slot, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        later = utc_text(slot + timedelta(days=1, seconds=30))
        anew = [record | {"timestamp": later, "measured_at": later} for record in make_batch()]
        load(store, "thesis", slot, Verdict(Rows.of(anew), [], RESULTS), since=slot + timedelta(days=1))
        assert from_parquet(store.read(object_path("records", "thesis", slot))[0]) == anew

    def test_twice_changes_nothing(self, store, slot, make_record, make_batch):
        verdict = Verdict(Rows.of(make_batch()), [Refused(make_record(0), ("study must not be null",))], RESULTS)
        first = load(store, "thesis", slot, verdict)
        before = {path: store.read(path) for path in store.list("")}
        assert load(store, "thesis", slot, verdict) == first
        assert {path: store.read(path) for path in store.list("")} == before
        assert len(before) == 3
        assert len(from_parquet(store.read(first.path)[0])) == 80

    def test_replaces_what_was_measured_anew_and_keeps_the_rest(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        again = [make_record(0, attempt=2, run_id="manual__later")]
        loaded = load(store, "thesis", slot, Verdict(Rows.of(again), [], {"success": False}))
        assert store.list("records/") == [loaded.path]
        assert loaded.records == 80
        assert from_parquet(store.read(loaded.path)[0]) == make_batch()[1:] + again
        assert json.loads(store.read(object_path("validations", "thesis", slot, "json"))[0]) == {"success": False}

    def test_over_an_object_that_lacks_a_field_keeps_its_records(self, store, slot, make_record, make_batch):
        older = [field for field in FIELDS if field.name not in {"answerable", "warnings"}]
        path = object_path("records", "thesis", slot)
        store.commit(path, to_parquet(make_batch()[1:], older), 0)
        load(store, "thesis", slot, Verdict(Rows.of([make_record(0)]), [], RESULTS))
        records = from_parquet(store.read(path)[0])
        assert records == [record | {"answerable": None} for record in make_batch()[1:]] + [make_record(0)]

    def test_tells_in_the_object_where_it_comes_from(self, store, slot, make_batch):
        loaded = load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        metadata = pq.read_schema(io.BytesIO(store.read(loaded.path)[0])).metadata
        stated = {name: metadata[name.encode()].decode() for name in ("study", "run_id", "litellm_version", "records")}
        assert stated == {
            "study": "thesis",
            "run_id": make_batch()[0]["run_id"],
            "litellm_version": "1.96.2",
            "records": "80",
        }

    def test_of_many_chunks_is_one_object_in_their_order(self, store, slot, make_batch, due):
        batch = make_batch()
        loaded = load(store, "thesis", slot, validate([batch[:7], batch[7:50], batch[50:]], due))
        assert from_parquet(store.read(loaded.path)[0]) == batch

    def test_of_the_same_slot_in_another_zone_is_the_same_object(self, store, slot, make_batch):
        verdict = Verdict(Rows.of(make_batch()), [], RESULTS)
        load(store, "thesis", slot, verdict)
        load(store, "thesis", slot.astimezone(timezone(timedelta(hours=1))), verdict)
        assert len(store.list("records/")) == 1

    def test_of_another_slot_is_another_object(self, store, slot, make_batch):
        later = slot + timedelta(microseconds=1)
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        load(store, "thesis", later, Verdict(Rows.of(make_batch(slot=later)), [], RESULTS))
        assert len(store.list("records/")) == 2

    def test_refuses_records_of_another_slot(self, store, slot, make_batch):
        with pytest.raises(StorageError, match="can't be loaded as thesis, 2026-12-07T07:51:26"):
            load(store, "thesis", slot + timedelta(seconds=1), Verdict(Rows.of(make_batch()), [], RESULTS))
        assert store.list("") == []

    def test_refuses_records_of_another_study(self, store, slot, make_batch):
        with pytest.raises(StorageError, match=f"is of study thesis, slot {utc_text(slot)}"):
            load(store, "quickstart", slot, Verdict(Rows.of(make_batch()), [], RESULTS))

    def test_keeps_the_gates_results(self, store, slot, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        content, _ = store.read(object_path("validations", "thesis", slot, "json"))
        assert json.loads(content) == RESULTS

    def test_loses_to_another_that_loads_the_slot_meanwhile(self, store, slot, make_record, make_batch):
        class Overtaken(FileStore):
            def commit(self, path, content, expected_generation, metadata=None):
                if path.startswith("records/"):
                    store.commit(path, b"the other's", 0)
                return super().commit(path, content, expected_generation, metadata)

        with pytest.raises(ConflictError):
            load(Overtaken(store.root), "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        assert store.read(object_path("records", "thesis", slot))[0] == b"the other's"


class TestQuarantine:
    def test_keeps_the_row_and_what_it_broke(self, store, slot, make_record):
        record = make_record(0, latency_sec="fast", mood="gut")
        refused = [Refused(record, ("latency_sec must be a finite number", "unknown field mood"))]
        assert load(store, "thesis", slot, Verdict(Rows(), refused, RESULTS)).quarantined == 1
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
        load(store, "thesis", slot, Verdict(Rows(), refused, RESULTS))
        (row,) = quarantined(store, slot)
        json.loads(row["record"], parse_constant=pytest.fail)

    def test_is_not_written_for_a_clean_batch(self, store, slot, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        assert store.list("quarantine/") == []

    def test_is_emptied_by_a_run_whose_records_are_valid(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()[1:]), [Refused(make_record(0), ("x",))], RESULTS))
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        assert quarantined(store, slot) == []

    def test_keeps_what_a_later_run_did_not_measure(self, store, slot, make_record, make_batch):
        refused = [Refused(make_record(0), ("x",)), Refused({"record_id": None}, ("y",))]
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()[2:]), refused, RESULTS))
        loaded = load(store, "thesis", slot, Verdict(Rows.of(make_batch()[2:]), [], RESULTS))
        assert loaded.quarantined == 2
        assert [row["broken"] for row in quarantined(store, slot)] == [["x"], ["y"]]

    def test_takes_a_record_that_is_refused_when_measured_anew(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        loaded = load(store, "thesis", slot, Verdict(Rows(), [Refused(make_record(0), ("x",))], RESULTS))
        assert (loaded.records, loaded.quarantined) == (79, 1)
        assert make_record(0)["record_id"] not in ids(store, slot)


def ids(store, slot):
    content, _ = store.read(object_path("records", "thesis", slot))
    return [record["record_id"] for record in from_parquet(content)]


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
_junk = st.dictionaries(st.sampled_from(FIELD_NAMES) | st.text(max_size=3), _values, max_size=3)


class TestWhatWasMeasured:
    @pytest.mark.slow
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changes=st.dictionaries(st.integers(0, 79), _junk, max_size=20))
    def test_is_loaded_or_in_quarantine_whatever_it_is(self, tmp_path_factory, slot, make_batch, due, changes):
        store = FileStore(tmp_path_factory.mktemp("store"))
        batch = [{**record, **changes.get(number, {})} for number, record in enumerate(make_batch())]
        for _ in range(2):
            loaded = load(store, "thesis", slot, validate([batch], due))
            assert loaded.records + loaded.quarantined == len(batch)
        kept = quarantined(store, slot) if loaded.quarantined else []
        assert len(kept) == loaded.quarantined
        stored = ids(store, slot) if loaded.records else []
        assert len(set(stored)) == len(stored) == loaded.records
        assert not set(stored) & {row["record_id"] for row in kept}


_JOIN = """
import json, os, sys
from datetime import datetime
from pathlib import Path
import great_expectations, pandas, pyarrow.parquet
import great_expectations.expectations
from llm_bench.gate.completeness import Due
from llm_bench.store.compaction import compact
from llm_bench.batch.load import load
from llm_bench.gate.validate import validate
from llm_bench.store.base import FileStore
from llm_bench.study import Study

content = json.loads(Path(sys.argv[1]).read_text())
due = Due(Study.model_validate(content["study"]), datetime.fromisoformat(content["slot"]), content["questions"])
verdict = validate([content["records"]], due)
for folder in sys.stdin:
    joining = os.fork()
    if not joining:
        load(FileStore(Path(folder.strip())), due.study.name, due.slot, verdict)
        os._exit(0)
    print(joining, flush=True)
    os.waitpid(joining, 0)
    print("ended", flush=True)
"""
"""Loads the batch into each folder that it is given, each in a process of its own that has nothing left to import."""


class TestKill:
    @pytest.fixture
    def joiner(self, tmp_path, make_batch, due):
        content = {
            "study": due.study.model_dump(mode="json"),
            "slot": utc_text(due.slot),
            "questions": due.questions,
            "records": make_batch(),
        }
        (tmp_path / "batch.json").write_text(json.dumps(content))
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "plugins")}
        command = [sys.executable, "-c", _JOIN, str(tmp_path / "batch.json")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, env=environment, **pipes) as process:
            yield process
            process.stdin.close()

    def join(self, joiner, folder: Path, kill_after: float | None = None) -> None:
        print(folder, file=joiner.stdin, flush=True)
        joining = int(joiner.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it was done already
                os.kill(joining, signal.SIGKILL)
        assert joiner.stdout.readline() == "ended\n"

    @pytest.mark.slow
    def test_at_any_moment_leaves_all_or_nothing_and_the_retry_all(self, tmp_path, joiner, slot, make_batch, due):
        self.join(joiner, tmp_path / "first")  # waits until the joiner has imported all
        began = time.monotonic()
        self.join(joiner, tmp_path / "whole")
        length = time.monotonic() - began
        chance, verdict = random.Random(7), validate([make_batch()], due)
        for number in range(20):
            store = FileStore(tmp_path / str(number))
            # One random moment of each twentieth of its work.
            self.join(joiner, store.root, length * (number + chance.random()) / 20)
            for path in store.list("records/"):
                assert from_parquet(store.read(path)[0]) == make_batch()
            load(store, "thesis", slot, verdict)
            (path,) = store.list("records/")
            assert from_parquet(store.read(path)[0]) == make_batch()


class TestACompactedSlot:
    def test_keeps_its_records_when_some_are_measured_anew(self, store, slot, make_record, make_batch):
        load(store, "thesis", slot, Verdict(Rows.of(make_batch()), [], RESULTS))
        compact(store, "thesis", slot.date() + timedelta(days=1))
        assert store.read(object_path("records", "thesis", slot)) is None
        again = make_record(0, attempt=2)
        assert load(store, "thesis", slot, Verdict(Rows.of([again]), [], RESULTS)).records == 80
        records = from_parquet(store.read(object_path("records", "thesis", slot))[0])
        assert sorted(map(repr, records)) == sorted(map(repr, [again, *make_batch()[1:]]))


class TestNoValidRecords:
    def test_writes_no_records_object(self, store, slot, make_record):
        loaded = load(store, "thesis", slot, Verdict(Rows(), [Refused(make_record(0), ("x",))], RESULTS))
        assert loaded.records == 0
        assert store.list("records/") == []
