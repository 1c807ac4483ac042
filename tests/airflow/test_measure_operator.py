from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from doubles import groq
from doubles.faults import refuses
from doubles.provider import Asked, Provider, Response
from fixtures.cells import Store, prompts, pulls
from llm_bench.airflow.operators.measure import SO_FAR, LLMBenchmarkOperator
from llm_bench.errors import StorageError
from llm_bench.measure.pacing import Pacer, most_tokens
from llm_bench.rag.prompt import build_messages
from llm_bench.study import Generation, Study

PROMPTS = prompts(5)
REFUSES = refuses(groq.Groq, 400, "Failed to call a function.", code="tool_use_failed")


class Instance:
    """The part of a task instance that the operator uses."""

    try_number = 1

    study: Study

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_pull(self, *, task_ids: str, key: str) -> Any:
        return pulls(self.study, PROMPTS)(task_ids=task_ids, key=key)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = list(value)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Provider]:
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    with Provider() as server:
        connection = {"conn_type": "http", "host": server.url, "password": "canary"}
        monkeypatch.setenv("AIRFLOW_CONN_LLM_GROQ", json.dumps(connection))
        yield server


class Cell(LLMBenchmarkOperator):
    """With the study that its batch has."""

    study: Study


def operator(model: str = "groq/x", **llm: Any) -> Cell:
    study = Study.model_validate(
        {
            "name": "mine",
            "llms": [{"model": model} | llm],
            "industries": ["retail"],
            "order": "as_written",
            "cache": "as_is",
        }
    )
    cell = Cell(task_id="measure", llm=model, industry="retail", cell="x · retail", prepare_task_id="prepare")
    cell.study = study
    return cell


def run(store: Store, task: Cell | None = None, instance: Instance | None = None) -> list[dict[str, Any]]:
    slot = datetime(2026, 12, 7, 7, tzinfo=UTC)
    task, instance = task or operator(), instance or Instance()
    instance.study = task.study
    context: Any = {
        "ti": instance,
        "dag_run": SimpleNamespace(logical_date=slot, run_after=slot, run_id="r", run_type="scheduled"),
        "task_state_store": store,
    }
    return task.execute(context)


def kinds(records: list[dict[str, Any]]) -> list[str | None]:
    return [record["failure_kind"] for record in records]


def from_question(number: int, script: Callable[[Asked], Response]) -> Callable[[Asked], Response]:
    """Good answers before that question, and the script from it on."""
    return lambda asked: script(asked) if int(asked.question.split("number ")[1][0]) >= number else groq.good(asked)


class TestARefusalOfOneQuestion:
    def test_is_a_record_and_the_cell_goes_on(self, provider: Provider):
        def script(asked: Asked) -> Response:
            return REFUSES(asked) if "number 1" in asked.question else groq.good(asked)

        provider.script = script
        assert kinds(run(Store())) == [None, "refused", None, None, None]


class TestTheSameRefusalOfTheFirstQuestions:
    def test_stops_the_cell_as_a_mistake_and_keeps_nothing(self, provider: Provider):
        provider.script = REFUSES
        store, instance = Store(), Instance()
        with pytest.raises(AirflowFailException, match="refused the first 3 questions alike: HTTP 400: Failed to call"):
            run(store, instance=instance)
        assert len(provider.asked) == 3
        assert (store, instance.pushed) == ({}, {"so_far": []})

    def test_stops_nothing_once_one_was_answered(self, provider: Provider):
        def script(asked: Asked) -> Response:
            return groq.good(asked) if "number 0" in asked.question else REFUSES(asked)

        provider.script = script
        assert kinds(run(Store())) == [None, *["refused"] * 4]


class TestACellThatIsStopped:
    """It leaves what it has measured so far; a retry, or a cleared task, goes on from there."""

    @pytest.fixture
    def store(self) -> Store:
        return Store()

    def stopped(self, store: Store, fault: type[BaseException], task: Cell | None = None) -> list[Any]:
        """What it left, by a fault that ends the task."""
        instance = Instance()
        with pytest.raises(fault):
            run(store, task, instance)
        return [record["question_id"] for record in instance.pushed[SO_FAR]]

    def test_by_a_mistake_of_the_user(self, provider: Provider, store: Store):
        provider.script = from_question(2, refuses(groq.Groq, 401, "Invalid API Key", code="invalid_api_key"))
        assert self.stopped(store, AirflowFailException) == ["retail-0", "retail-1"]
        provider.script = groq.good
        assert kinds(run(store)) == [None] * 5
        assert len(provider.asked) == 6  # the refused question twice, all others once

    def test_by_a_crash(self, provider: Provider):
        class Full(Store):
            def set(self, name: str, value: Any) -> None:
                if name == "retail-3":
                    raise MemoryError
                super().set(name, value)

        provider.script = groq.good
        assert self.stopped(Full(), MemoryError) == ["retail-0", "retail-1", "retail-2"]

    def test_by_a_signal_while_it_waits_for_an_answer(
        self, provider: Provider, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        def never(asked: Asked) -> Response:
            os.kill(os.getpid(), signal.SIGTERM)
            return Response(iter([60.0]))

        provider.script = from_question(2, never)
        task = operator()
        before = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
        try:
            assert self.stopped(store, SystemExit, task) == ["retail-0", "retail-1"]
        finally:
            signal.signal(signal.SIGTERM, before)

    def test_by_a_signal_while_it_keeps_a_record(self, provider: Provider):
        provider.script = groq.good
        task = operator()

        class Stopping(Store):
            def set(self, name: str, value: Any) -> None:
                if name == "retail-0":
                    task.on_kill()
                super().set(name, value)

        assert self.stopped(Stopping(), SystemExit, task) == ["retail-0"]

    def test_by_a_machine_that_slept_is_for_a_retry_which_asks_the_open_question_again(
        self, provider: Provider, store: Store, monkeypatch: pytest.MonkeyPatch
    ):
        provider.script = groq.good
        with monkeypatch.context() as asleep:
            asleep.setattr("llm_bench.measure.client.asleep_sec", lambda: 7200.0 * (len(provider.asked) == 3))
            with pytest.raises(AirflowException, match="stood still") as stop:
                run(store)
        assert not isinstance(stop.value, AirflowFailException)  # which no retry follows
        assert kinds(run(store)) == [None] * 5
        assert len(provider.asked) == 6

    def test_by_a_full_disk_is_for_a_retry(self, provider: Provider, store: Store, monkeypatch: pytest.MonkeyPatch):
        provider.script = groq.good
        with monkeypatch.context() as full:
            full.setattr(Pacer, "wait", full_disk)
            with pytest.raises(AirflowException, match="No space left on device") as stop:
                run(store)
        assert not isinstance(stop.value, AirflowFailException)
        assert kinds(run(store)) == [None] * 5

    def test_again_leaves_what_its_earlier_attempts_have_measured(self, provider: Provider, store: Store):
        provider.script = from_question(2, refuses(groq.Groq, 401, "Invalid API Key", code="invalid_api_key"))
        assert self.stopped(store, AirflowFailException) == ["retail-0", "retail-1"]
        assert self.stopped(store, AirflowFailException) == ["retail-0", "retail-1"]

    def test_says_why_even_where_nothing_can_be_left(self, provider: Provider, store: Store):
        class Broken(Instance):
            def xcom_push(self, key: str, value: Any) -> None:
                raise OSError("the bucket is away")

        provider.script = from_question(2, refuses(groq.Groq, 401, "Invalid API Key", code="invalid_api_key"))
        with pytest.raises(AirflowFailException, match="refused the key"):
            run(store, instance=Broken())


class TestAnAnswer:
    def test_counts_where_what_it_says_of_the_limits_cannot_be_kept(
        self, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ):
        provider.script = groq.good
        monkeypatch.setattr(Pacer, "learn", full_disk)
        assert kinds(run(Store())) == [None] * 5
        assert len(provider.asked) == 5


def full_disk(*_: Any) -> None:
    raise StorageError("data/pacing/groq.json can't be written: No space left on device.", "Free some space.")


class TestALimitOfADay:
    @pytest.fixture
    def records(self, provider: Provider) -> list[dict[str, Any]]:
        """Of a cell that met it at its second question."""
        words = "Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in 8m12s."
        provider.script = from_question(1, refuses(groq.Groq, 429, words, code="rate_limit_exceeded"))
        return run(Store())

    def test_makes_records_of_the_questions_that_are_left_without_asking(
        self, provider: Provider, records: list[dict[str, Any]]
    ):
        assert kinds(records) == [None, *["rate_limited"] * 4]
        assert len(provider.asked) == 2

    def test_shows_in_the_providers_own_words_where_it_was_met(self, records: list[dict[str, Any]]):
        assert records[1]["http_status"] == 429
        assert "tokens per day (TPD)" in records[1]["error"]

    def test_shows_that_the_others_were_not_sent(self, records: list[dict[str, Any]]):
        for record in records[2:]:
            assert record["error"].startswith("not sent: the provider refused an earlier request for a limit")
            assert (record["http_status"], record["latency_sec"], record["ttft_sec"]) == (None, None, None)
            assert (record["success"], record["prompt_tokens"], record["answer"]) == (False, None, None)

    def test_is_known_to_the_next_cell_of_the_llm(self, provider: Provider, records: list[dict[str, Any]]):
        assert kinds(run(Store())) == ["rate_limited"] * 5
        assert len(provider.asked) == 2

    def test_that_the_study_states_is_kept_to(self, provider: Provider):
        provider.script = groq.good
        records = run(Store(), operator(requests_per_day=2))
        assert kinds(records) == [None, None, *["rate_limited"] * 3]
        assert len(provider.asked) == 2
        assert "the study's requests_per_day are used up until about" in records[2]["error"]

    def test_in_tokens_counts_what_an_answer_has_really_cost(self, provider: Provider):
        """So three questions go where the limit is two answers and one request that is not yet answered."""
        provider.script = groq.good
        (first, *_) = run(Store())
        used = first["prompt_tokens"] + first["response_tokens"]
        messages = build_messages(PROMPTS[0]["question"], PROMPTS[0]["passages"])
        reserved = sum(most_tokens(messages, Generation().max_tokens))
        records = run(Store(), operator("groq/y", tokens_per_day=reserved + 2 * used))
        assert kinds(records) == [None] * 3 + ["rate_limited"] * 2
