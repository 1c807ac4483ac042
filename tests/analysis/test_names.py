"""Two entries of one model are two LLMs, wherever records are counted, shown or written."""

from __future__ import annotations

import csv

import pytest

from fixtures.batches import SLOT
from llm_bench.airflow.stats import gauges
from llm_bench.analysis import charts, queries
from llm_bench.analysis.cache import Cache
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.summary import summarise
from llm_bench.analysis.view import View
from llm_bench.batch.load import load
from llm_bench.gate.completeness import Due, account
from llm_bench.gate.validate import validate
from llm_bench.progress.measured import measured
from llm_bench.records import Record, record_id
from llm_bench.store.base import FileStore
from llm_bench.store.exports import export
from llm_bench.study import Study

MODEL = ("groq", "llama3-70b-8192")


@pytest.fixture(scope="module")
def named(due) -> Due:
    llms = [{"name": name, "model": "/".join(MODEL)} for name in ("cool", "hot")]
    study = Study.model_validate({**due.study.model_dump(mode="json"), "llms": llms})
    return Due(study, due.slot, due.questions)


@pytest.fixture(scope="module")
def records(make_record, named) -> list[Record]:
    """All questions to both; the second is slower by a second."""
    made = []
    for late, llm in enumerate(named.study.llms):
        for number in range(20):
            record = make_record(number, llm=MODEL)
            latency = record["latency_sec"] + late
            own = {"llm": llm.name, "latency_sec": latency, "throughput_tps": 120 / latency}
            key = record_id("thesis", record["slot"], llm.name, record["question_id"])
            made.append(record | own | {"record_id": key})
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory, records, named) -> FileStore:
    store = FileStore(tmp_path_factory.mktemp("home") / "data")
    verdict = validate([records], named)
    assert verdict.refused == []
    load(store, "thesis", SLOT, verdict)
    return store


class TestTwoEntriesOfOneModel:
    def test_make_a_whole_batch_together_and_not_alone(self, records, named):
        assert account(named, records, []) is None
        assert "20 of 40 records are missing: hot · retail (10 of 10), hot · finance" in str(
            account(named, records[:20], [])
        )

    def test_are_apart_in_the_summary_and_the_gauges(self, records, named):
        assert [row.llm for row in summarise(records)] == ["cool", "hot"]
        assert {gauge.tags.get("llm") for gauge in gauges(named, records)} == {None, "cool", "hot"}

    def test_are_apart_in_the_status(self, store):
        assert [(row.llm, row.records) for row in measured(store, "thesis")] == [("cool", 20), ("hot", 20)]

    def test_are_apart_in_what_is_shown(self, store, named, tmp_path):
        study = named.study.model_copy(update={"storage": f"file://{store.root}"})
        copy = Cache(tmp_path).records(study)
        assert queries.choices(copy).llms == ("cool", "hot")
        assert charts.looks(["cool", "hot"]).names == {"cool": "cool", "hot": "hot"}
        cool, hot = queries.summary(copy, View(), METRICS["latency_sec"])
        assert (cool.llm, hot.llm) == ("cool", "hot")
        assert queries.page(copy, View(llms=("hot",)))[1] == 20

    def test_are_apart_in_the_export(self, store, tmp_path):
        export(store, tmp_path)
        with (tmp_path / "batch_eval_metrics.csv").open(newline="") as file:
            rows = [(row["llm"], row["llm_model"]) for row in csv.DictReader(file)]
        assert rows == [("cool", MODEL[1])] * 20 + [("hot", MODEL[1])] * 20
