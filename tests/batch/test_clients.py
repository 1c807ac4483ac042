"""Two installations that measure one study into one store, each from a place with a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from llm_bench.analysis import queries
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.view import View
from llm_bench.batch.load import Loaded, load
from llm_bench.gate.completeness import Due
from llm_bench.gate.validate import validate
from llm_bench.progress import measured
from llm_bench.records import Record, record_id
from llm_bench.store.base import FileStore, from_parquet, object_path
from llm_bench.study import Study

LATER = 5.0
"""What the second place's answers take longer."""


def placed(record: Record, client: str | None, **changes: Any) -> Record:
    """A record that was measured from a place."""
    identity = record_id(record["study"], record["slot"], str(record["llm"]), record["question_id"], client=client)
    return {**record, "client": client, "record_id": identity, **changes}  # type: ignore[typeddict-item]


class Shared:
    """A store that two places load into."""

    def __init__(self, store: FileStore, due: Due, batch: list[Record]) -> None:
        self.store, self.due, self.batch = store, due, batch

    def load(self, client: str | None, **changes: Any) -> Loaded:
        due = Due(self.due.study, self.due.slot, self.due.questions, client)
        records = [placed(record, client, **changes) for record in self.batch]
        return load(self.store, due.study.name, due.slot, validate([records], due), client)

    def held(self, client: str | None) -> list[Record]:
        return from_parquet(self.store.read(object_path("records", "thesis", self.due.slot, client=client))[0])


@pytest.fixture
def shared(tmp_path, due, make_batch) -> Shared:
    return Shared(FileStore(tmp_path / "data"), due, make_batch())


class TestTwoNames:
    def test_have_objects_of_their_own(self, shared):
        paths = [shared.load(client).path for client in ("frankfurt", "oslo", None)]
        assert shared.store.list("records/") == sorted(paths)
        assert paths[0].startswith("records/study=thesis/client=frankfurt/date=2026-12-07/")
        assert paths[2].startswith("records/study=thesis/date=2026-12-07/")

    def test_keep_all_of_both(self, shared):
        for client in ("frankfurt", "oslo", None):
            assert shared.load(client).records == 80
        assert [len(shared.held(client)) for client in ("frankfurt", "oslo", None)] == [80] * 3

    def test_replace_nothing_of_one_another_when_measured_anew(self, shared):
        shared.load("frankfurt")
        before = shared.held("frankfurt")
        shared.load("oslo", attempt=2)
        shared.load("oslo", attempt=3)
        assert shared.held("frankfurt") == before
        assert {record["attempt"] for record in shared.held("oslo")} == {3}

    def test_have_verdicts_of_their_own(self, shared):
        for client in ("frankfurt", "oslo"):
            shared.load(client)
        folders = [f"validations/study=thesis/client={client}/" for client in ("frankfurt", "oslo")]
        kept = [shared.store.list(folder) for folder in folders]
        assert [len(paths) for paths in kept] == [2, 2]  # the verdict and the suite, whose rules name the place
        assert shared.store.list("validations/") == sorted(kept[0] + kept[1])

    def test_are_counted_apart(self, shared):
        shared.load("frankfurt")
        shared.load("oslo")
        for client, records in (("frankfurt", 80), ("oslo", 80), (None, 0)):
            batches = measured.measured(shared.store, "thesis", client)
            assert sum(batch.records for batch in batches) == records

    def test_are_read_together(self, shared, tmp_path, due):
        shared.load("frankfurt")
        shared.load("oslo")
        records = Cache(tmp_path).records(due.study.model_copy(update={"storage": "file://data"}))
        assert queries.total(records, View()) == 160
        assert queries.clients(records, View()) == {"frankfurt": 80, "oslo": 80}


class TestTheSameName:
    def test_replaces_what_it_has_measured_anew(self, shared):
        assert shared.load("frankfurt") == shared.load("frankfurt")
        shared.load("frankfurt", attempt=2)
        assert [record["attempt"] for record in shared.held("frankfurt")] == [2] * 80


class TestARecordOfAnotherPlace:
    @pytest.mark.parametrize("client", ["oslo", None])
    def test_is_refused(self, shared, client):
        due = Due(shared.due.study, shared.due.slot, shared.due.questions, "frankfurt")
        records = [placed(record, "frankfurt") for record in shared.batch[1:]]
        verdict = validate([[placed(shared.batch[0], client), *records]], due)
        assert [refusal.record["client"] for refusal in verdict.refused] == [client]
        assert "client must" in " ".join(verdict.refused[0].broken)


class TestABatchThatWasAskedColdAndWarm:
    @pytest.fixture
    def due(self, due: Due) -> Due:
        content = due.study.model_dump() | {"cache": "both"}
        return Due(Study.model_validate(content), due.slot, due.questions)

    def probed(self, record: Record, probe: str, line: str | None = "Request 000000000000001.") -> Record:
        names = (record["study"], record["slot"], str(record["llm"]), record["question_id"])
        changes = {"cache_probe": probe, "unique_line": line, "record_id": record_id(*names, cache_probe=probe)}
        return {**record, **changes}  # type: ignore[typeddict-item]

    def test_is_whole_with_two_records_of_each_question(self, due, make_batch):
        records = [self.probed(record, probe) for record in make_batch() for probe in ("cold", "warm")]
        verdict = validate([records], due)
        assert (len(verdict.valid), verdict.refused) == (160, [])

    def test_has_no_warm_record_without_its_line(self, due, make_batch):
        first, *others = make_batch()
        bad = self.probed(first, "warm", line=None)
        verdict = validate([[bad, *(self.probed(record, "cold") for record in others)]], due)
        assert [refusal.broken for refusal in verdict.refused] == [("unique_line must be set when cache_probe is set",)]

    def test_has_no_probe_of_another_kind(self, due, make_batch):
        first, *others = make_batch()
        verdict = validate([[self.probed(first, "lukewarm"), *others]], due)
        assert "cache_probe must be one of cold, warm" in verdict.refused[0].broken

    def test_has_no_warm_record_under_the_cold_ones_identity(self, due, make_batch):
        first, *others = make_batch()
        bad = {**self.probed(first, "warm"), "record_id": first["record_id"]}
        verdict = validate([[bad, *others]], due)
        assert "record_id must be that of study" in verdict.refused[0].broken[0]


def test_a_slot_of_a_place_is_named_by_its_moment(shared):
    slot: datetime = shared.due.slot
    assert (
        object_path("records", "thesis", slot, client="oslo").rpartition("/")[2]
        == (object_path("records", "thesis", slot).rpartition("/")[2])
    )
