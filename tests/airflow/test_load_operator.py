from __future__ import annotations

import csv
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors

from fixtures.cells import pulls
from llm_bench.airflow.operators.load import ValidateAndLoadOperator, records_asset
from llm_bench.records import record_id, utc_text
from llm_bench.store.contexts import read_context
from llm_bench.store.file import FileStore
from llm_bench.study import Study


class Run:
    def __init__(self, slot: Any) -> None:
        self.logical_date = self.run_after = self.start_date = slot


class Instance:
    """The part of a task instance that the operator uses."""

    def __init__(self, study: Study, asked: list[dict[str, Any]], records: Any) -> None:
        self.pull = pulls(study, asked)
        self.records = records

    def xcom_pull(self, *, task_ids: str, key: str) -> Any:
        if task_ids == "prepare":
            return self.pull(task_ids=task_ids, key=key)
        assert (task_ids, key) == ("score", "records")
        return self.records


@pytest.fixture
def study(tmp_path, include, monkeypatch):
    (tmp_path / "include").symlink_to(include)
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    return Study.model_validate({"name": "mine", "llms": [{"model": "groq/llama3-70b-8192"}], "industries": ["retail"]})


@pytest.fixture
def asked(study, include):
    """The questions, each with its context, as the batch's first task hands them over."""
    from llm_bench.rag.questions import load_question_sets

    context = {"passages": ["Toys lead."], "prompt_hash": "p" * 64}
    questions = load_question_sets(include, study.industries)["retail"]
    return [{"question_id": question.id, "question": question.text} | context for question in questions]


@pytest.fixture
def batch(asked, make_record, due):
    slot = utc_text(due.slot)
    return [
        make_record(0, study="mine")
        | {"question_id": prompt["question_id"], "question": prompt["question"]}
        | {"record_id": record_id("mine", slot, "groq/llama3-70b-8192", prompt["question_id"])}
        for prompt in asked
    ]


@pytest.fixture
def execute(study, asked, due):
    """Runs the operator on records; its return value and the extra of the asset's event."""

    def execute(records: Any) -> tuple[Any, dict[str, Any]]:
        events = OutletEventAccessors()
        operator = ValidateAndLoadOperator(
            task_id="load",
            prepare_task_id="prepare",
            records_task_id="score",
            outlets=[records_asset(study)],
        )
        counts = operator.execute(
            {"ti": Instance(study, asked, records), "dag_run": Run(due.slot), "outlet_events": events}
        )
        return counts, events[records_asset(study)].extra

    return execute


class TestAWholeBatch:
    def test_is_loaded_and_told_in_the_assets_event(self, execute, batch, tmp_path, due):
        counts, event = execute(batch)
        assert counts["records"] == len(batch)
        assert event == {"slot": utc_text(due.slot), **counts}
        assert (tmp_path / "data" / counts["path"]).exists()

    def test_has_its_contexts_kept_beside_it(self, execute, asked, batch, tmp_path):
        execute(batch)
        store = FileStore(tmp_path / "data")
        assert read_context(store, "mine", "retail-01", "p" * 64) == asked[0]

    def test_is_exported(self, execute, batch, tmp_path):
        execute(batch)
        with (tmp_path / "data" / "batch_eval_metrics.csv").open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(batch)


class TestABatchThatLacksRecords:
    def test_is_loaded_and_fails_the_task(self, execute, batch, tmp_path):
        with pytest.raises(AirflowFailException, match=f"1 of {len(batch)} records are missing"):
            execute(batch[1:])
        assert list((tmp_path / "data" / "records").rglob("*.parquet"))

    def test_for_a_refused_one_fails_the_task_and_says_how_to_load_it(self, execute, batch):
        with pytest.raises(AirflowFailException, match="llm-bench requeue mine"):
            execute([batch[0] | {"attempt": 0}, *batch[1:]])

    def test_because_nothing_was_measured_leaves_the_store_as_it_is(self, execute, batch, tmp_path):
        with pytest.raises(AirflowFailException, match="records are missing"):
            execute([])
        assert not (tmp_path / "data").exists()

    def test_because_nothing_was_scored_says_so(self, execute):
        with pytest.raises(AirflowFailException, match="score left no records"):
            execute(None)


class TestTheAsset:
    @pytest.mark.parametrize(
        ("storage", "uri"),
        [
            ("gs://bucket/prefix/", "gs://bucket/prefix/records/study=mine"),
            ("gs://bucket", "gs://bucket/records/study=mine"),
            ("file:///elsewhere", "file:///elsewhere/records/study=mine"),
        ],
    )
    def test_is_where_the_records_are(self, study, storage, uri):
        asset = records_asset(study.model_copy(update={"storage": storage}))
        assert (asset.name, asset.uri) == ("llm_bench_mine", uri)

    def test_in_the_projects_folder_has_an_absolute_address(self, study, tmp_path):
        assert records_asset(study).uri == f"file://{tmp_path}/data/records/study=mine"
