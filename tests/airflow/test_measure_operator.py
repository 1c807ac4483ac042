from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from doubles import groq
from doubles.faults import refuses
from doubles.provider import Asked, Provider, Response
from llm_bench.airflow.operators.measure import LLMBenchmarkOperator
from llm_bench.study import Study

PROMPTS = [
    {
        "question_id": f"retail-{n}",
        "question": f"Which category is number {n}?",
        "passages": ["Toys lead."],
        "answerable": True,
        "context_hash": "c" * 64,
        "prompt_hash": "p" * 64,
    }
    for n in range(5)
]
REFUSES = refuses(groq.Groq, 400, "Failed to call a function.", code="tool_use_failed")


class Store(dict[str, Any]):
    """A task state store."""

    def set(self, name: str, value: Any) -> None:
        self[name] = value


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Provider]:
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    with Provider() as server:
        connection = {"conn_type": "http", "host": server.url, "password": "canary"}
        monkeypatch.setenv("AIRFLOW_CONN_LLM_GROQ", json.dumps(connection))
        yield server


def run(store: Store) -> list[dict[str, Any]]:
    study = Study.model_validate({"name": "mine", "llms": [{"model": "groq/x"}], "industries": ["retail"]})
    operator = LLMBenchmarkOperator(
        task_id="measure",
        study=study.model_dump(mode="json"),
        llm="groq/x",
        industry="retail",
        cell="x · retail",
        prompts_task_id="prepare",
    )
    slot = datetime(2026, 12, 7, 7, tzinfo=UTC)
    context: Any = {
        "ti": SimpleNamespace(xcom_pull=lambda **_: PROMPTS, try_number=1),
        "dag_run": SimpleNamespace(logical_date=slot, run_after=slot, run_id="r", run_type="scheduled"),
        "task_state_store": store,
    }
    return operator.execute(context)


class TestARefusalOfOneQuestion:
    def test_is_a_record_and_the_cell_goes_on(self, provider: Provider):
        def script(asked: Asked) -> Response:
            return REFUSES(asked) if "number 1" in asked.question else groq.good(asked)

        provider.script = script
        kinds = [record["failure_kind"] for record in run(Store())]
        assert kinds == [None, "refused", None, None, None]


class TestTheSameRefusalOfTheFirstQuestions:
    def test_stops_the_cell_as_a_mistake_and_keeps_nothing(self, provider: Provider):
        provider.script = REFUSES
        store = Store()
        with pytest.raises(AirflowFailException, match="refused the first 3 questions alike: HTTP 400: Failed to call"):
            run(store)
        assert len(provider.asked) == 3
        assert store == {}

    def test_stops_nothing_once_one_was_answered(self, provider: Provider):
        def script(asked: Asked) -> Response:
            return groq.good(asked) if "number 0" in asked.question else REFUSES(asked)

        provider.script = script
        assert [record["failure_kind"] for record in run(Store())] == [None, *["refused"] * 4]
