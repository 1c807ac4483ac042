from __future__ import annotations

import pytest

from llm_bench.batch.load import from_quarantine, load
from llm_bench.batch.requeue import LOADED_ALREADY, quarantined_slots, requeue
from llm_bench.cli.main import main
from llm_bench.errors import ConflictError, StorageError
from llm_bench.gate.columns import Rows
from llm_bench.gate.validate import Refused, Verdict, validate
from llm_bench.store.base import FileStore, from_parquet, object_path

RESULTS = {"success": False}


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "data")


@pytest.fixture
def waiting(store, due, make_batch):
    """A slot with 78 records, and two in quarantine that today's rules let through."""
    batch = make_batch()
    refused = [Refused(record, ("a rule that is no more",)) for record in batch[:2]]
    load(store, "thesis", due.slot, Verdict(Rows.of(batch[2:]), refused, RESULTS))
    return batch


def records(store, due):
    stored = store.read(object_path("records", "thesis", due.slot))
    return from_parquet(stored[0]) if stored else []


def in_quarantine(store, due):
    return from_quarantine(store.read(object_path("quarantine", "thesis", due.slot))[0])


def by_id(batch):
    return sorted(batch, key=lambda record: record["record_id"])


class TestRequeue:
    def test_loads_what_passes_today(self, store, due, waiting):
        outcome = requeue(store, due)
        assert (outcome.loaded, outcome.kept) == (2, [])
        assert by_id(records(store, due)) == by_id(waiting)
        assert in_quarantine(store, due) == []

    def test_twice_changes_nothing(self, store, due, waiting):
        requeue(store, due)
        before = {path: store.read(path) for path in store.list("")}
        assert requeue(store, due).loaded == 0
        assert {path: store.read(path) for path in store.list("")} == before

    def test_tells_what_still_fails_and_why(self, store, due, make_batch):
        batch = make_batch()
        batch[0]["attempt"] = 0
        refused = [Refused(record, ("a rule that is no more",)) for record in batch[:2]]
        load(store, "thesis", due.slot, Verdict(Rows.of(batch[2:]), refused, RESULTS))
        outcome = requeue(store, due)
        assert outcome.loaded == 1
        assert outcome.kept == in_quarantine(store, due) == [Refused(batch[0], ("attempt must be at least 1",))]
        assert len(records(store, due)) == 79

    def test_loads_into_a_slot_that_has_no_records_yet(self, store, due, make_record):
        load(store, "thesis", due.slot, Verdict(Rows(), [Refused(make_record(0), ("x",))], RESULTS))
        assert requeue(store, due).loaded == 1
        assert records(store, due) == [make_record(0)]

    def test_of_a_slot_without_quarantine_does_nothing(self, store, due):
        assert requeue(store, due).loaded == 0
        assert store.list("") == []

    def test_flags_what_it_loads(self, store, due, make_record):
        odd = make_record(0, cached_tokens=900)
        load(store, "thesis", due.slot, Verdict(Rows(), [Refused(odd, ("x",))], RESULTS))
        requeue(store, due)
        assert records(store, due)[0]["warnings"] == "cached_tokens must not exceed prompt_tokens"

    def test_keeps_both_of_two_twins_waiting(self, store, due, make_record):
        twins = [make_record(0), make_record(0, attempt=2)]
        load(store, "thesis", due.slot, validate([twins], due))
        outcome = requeue(store, due)
        assert outcome.loaded == 0
        assert [refusal.record for refusal in outcome.kept] == twins


class TestARecordThatIsInBoth:
    """A requeue leaves it so that was cut short between its two writes."""

    def test_is_taken_out_of_quarantine(self, store, due, waiting, monkeypatch):
        commit = FileStore.commit

        def fail(self, path, *more):
            if path.startswith("quarantine/"):
                raise StorageError("The disk is full.", "Free some space.")
            return commit(self, path, *more)

        monkeypatch.setattr(FileStore, "commit", fail)
        with pytest.raises(StorageError):
            requeue(store, due)
        monkeypatch.undo()
        assert len(in_quarantine(store, due)) == 2
        assert by_id(records(store, due)) == by_id(waiting)
        assert requeue(store, due).kept == []
        assert in_quarantine(store, due) == []
        assert by_id(records(store, due)) == by_id(waiting)

    def test_but_measured_otherwise_stays_there(self, store, due, make_record, waiting):
        other = make_record(5, attempt=3)
        quarantine = object_path("quarantine", "thesis", due.slot)
        from llm_bench.batch.load import to_quarantine as written

        store.commit(quarantine, written([Refused(other, ("x",))]), store.read(quarantine)[1])
        outcome = requeue(store, due)
        assert (outcome.loaded, outcome.kept) == (0, [Refused(other, (LOADED_ALREADY,))])
        assert make_record(5) in records(store, due)


class TestARunThatLoadsMeanwhile:
    def test_is_not_overwritten(self, store, due, waiting):
        class Overtaken(FileStore):
            def commit(self, path, content, expected_generation, metadata=None):
                if path.startswith("records/"):
                    store.commit(path, b"the other's", expected_generation)
                return super().commit(path, content, expected_generation, metadata)

        with pytest.raises(ConflictError):
            requeue(Overtaken(store.root), due)
        assert len(in_quarantine(store, due)) == 2


class TestSlots:
    def test_are_those_with_a_quarantine_object(self, store, due, waiting):
        assert quarantined_slots(store, "thesis") == [due.slot]
        assert quarantined_slots(store, "quickstart") == []


class TestTheCommand:
    @pytest.fixture
    def home(self, tmp_path, include, monkeypatch, due, make_record):
        """A project with one study whose quarantine holds a record that passes and one that doesn't."""
        (tmp_path / "include" / "studies").mkdir(parents=True)
        for part in ("questions", "knowledge"):
            (tmp_path / "include" / part).symlink_to(include / part)
        (tmp_path / "include" / "studies" / "thesis.yaml").write_text(
            "llms: [{model: groq/llama3-70b-8192}]\nindustries: [retail, finance]\n"
        )
        monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
        refused = [Refused(make_record(0), ("x",)), Refused(make_record(1, attempt=0), ("x",))]
        load(FileStore(tmp_path / "data"), "thesis", due.slot, Verdict(Rows(), refused, RESULTS))
        return tmp_path

    def test_says_what_was_loaded_and_what_stays_and_why(self, home, due, capsys):
        assert main(["requeue", "thesis"]) == 1
        text = capsys.readouterr().out
        assert "2026-12-07T07:51:25.714285Z: loaded 1, kept in quarantine 1" in text
        assert "attempt must be at least 1" in text
        assert len(records(FileStore(home / "data"), due)) == 1

    def test_exports_what_it_loaded(self, home):
        assert main(["requeue", "thesis", "--slot", "2026-12-07T08:51:25.714285+01:00"]) == 1
        assert len((home / "data" / "batch_eval_metrics.csv").read_text().splitlines()) > 1
