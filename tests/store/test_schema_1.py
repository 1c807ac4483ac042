"""An object that the first schema's own code wrote is read as it was, everywhere."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from fixtures.batches import SLOT
from llm_bench.analysis import queries
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.view import View
from llm_bench.batch.load import load, to_quarantine
from llm_bench.batch.requeue import requeue
from llm_bench.gate.validate import Refused, validate
from llm_bench.progress.measured import measured
from llm_bench.records import FIELD_NAMES, FIELDS
from llm_bench.store.base import FileStore, from_parquet, object_path, read_table, to_parquet, write_table
from llm_bench.store.compaction import compact
from llm_bench.store.exports import export

CONTENT = (Path(__file__).parents[1] / "fixtures" / "schema_1.parquet").read_bytes()
LLMS = ["groq/llama3-70b-8192", "groq/moonshotai/kimi-k2-instruct"]
ADDED = {field.name for field in FIELDS if field.since == 2}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path / "data")
    store.commit(object_path("records", "thesis", SLOT), CONTENT, 0)
    return store


class TestARecordOfSchema1:
    def test_comes_from_the_store_with_its_own_fields(self):
        records = from_parquet(CONTENT)
        assert len(records) == 5
        assert set(FIELD_NAMES) - set(records[0]) == ADDED

    def test_passes_the_gate(self, due):
        verdict = validate([from_parquet(CONTENT)], due)
        assert verdict.refused == []
        assert {record["llm"] for record in verdict.valid.records()} == set(LLMS)

    def test_is_known_by_its_model_in_the_local_copy(self, store, due, tmp_path):
        records = Cache(tmp_path).records(due.study)
        rows = records.rows(
            "SELECT llm, count(*) AS n, count(settings_hash) AS since FROM records GROUP BY 1 ORDER BY 1"
        )
        assert rows == [{"llm": LLMS[0], "n": 3, "since": 0}, {"llm": LLMS[1], "n": 2, "since": 0}]
        listed, total = queries.page(records, View(llms=(LLMS[1],)))
        assert (total, {row.llm for row in listed}) == (2, {LLMS[1]})
        assert queries.record(records, listed[0].record_id)["note"] is None

    def test_is_counted_by_its_model(self, store):
        assert [(row.llm, row.records) for row in measured(store, "thesis")] == [(LLMS[0], 3), (LLMS[1], 2)]

    def test_is_exported_with_the_columns_of_today(self, store, tmp_path):
        export(store, tmp_path)
        with (tmp_path / "batch_eval_metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["llm"] for row in rows] == [LLMS[0]] * 3 + [LLMS[1]] * 2
        assert {row["schema_version"] for row in rows} == {"1"}
        assert tuple(json.loads((tmp_path / "batch_eval_metrics.json").read_text())[0]) == FIELD_NAMES

    def test_stands_beside_those_of_today(self, store, due, make_record, tmp_path):
        record = make_record(1, llm=("groq", "moonshotai/kimi-k2-instruct"))
        load(store, "thesis", SLOT, validate([[record]], due))
        rows = Cache(tmp_path).records(due.study).rows("SELECT llm, count(*) AS n FROM records GROUP BY 1 ORDER BY 1")
        assert rows == [{"llm": LLMS[0], "n": 3}, {"llm": LLMS[1], "n": 3}]

    def test_is_compacted(self, store):
        compact(store, "thesis", date(2026, 12, 8))
        assert [(row.llm, row.records) for row in measured(store, "thesis")] == [(LLMS[0], 3), (LLMS[1], 2)]


class TestARefusedRecordOfSchema1:
    def test_is_loaded_once_the_rules_let_it_through(self, due, tmp_path):
        store = FileStore(tmp_path / "data")
        refused = [Refused(record, ("an earlier rule",)) for record in from_parquet(CONTENT)]
        path = object_path("quarantine", "thesis", SLOT)
        content = to_quarantine(refused)
        store.commit(path, content, 0)
        assert requeue(store, due).loaded == 5
        # The same quarantine again, as after a kill between the two writes: all are loaded already.
        store.commit(path, content, store.read(path)[1])
        again = requeue(store, due)
        assert (again.loaded, again.kept) == (5, [])
        assert [(row.llm, row.records) for row in measured(store, "thesis")] == [(LLMS[0], 3), (LLMS[1], 2)]


class TestARecordWithoutTheLatestFields:
    """Schema 2 as it was before answers' citations were kept."""

    LATEST = ("context_passages", "context_utilization", "citations", "citation_support", "scoring_version")

    @pytest.fixture
    def older(self, tmp_path: Path, make_batch) -> FileStore:
        table = read_table(to_parquet(make_batch())).drop_columns(list(self.LATEST))
        store = FileStore(tmp_path / "data")
        store.commit(object_path("records", "thesis", SLOT), write_table(table), 0)
        return store

    def test_has_null_there_in_the_local_copy(self, older, due, tmp_path):
        records = Cache(tmp_path).records(due.study)
        (counts,) = records.rows(
            f"SELECT count(*) AS n, {', '.join(f'count({name})' for name in self.LATEST)} FROM records"
        )
        assert list(counts.values()) == [80, 0, 0, 0, 0, 0]
        assert queries.citations(records, View()) == []
        listed, _ = queries.page(records, View())
        record = queries.record(records, listed[0].record_id)
        assert [record[name] for name in self.LATEST] == [None] * 5

    def test_is_exported_with_the_columns_of_today(self, older, tmp_path):
        export(older, tmp_path)
        first, *_ = json.loads((tmp_path / "batch_eval_metrics.json").read_text())
        assert tuple(first) == FIELD_NAMES
        assert first["citations"] is None
