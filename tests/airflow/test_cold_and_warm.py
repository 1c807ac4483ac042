"""What a cell puts on the wire: each question cold and warm, in the slot's order, behind a first request or none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from doubles import groq
from doubles.faults import refuses
from doubles.provider import Asked, Provider, Response
from fixtures.cells import Store, prompts, pulls
from llm_bench.airflow.operators.measure import LLMBenchmarkOperator
from llm_bench.measure.turns import turns
from llm_bench.rag.prompt import parse_messages
from llm_bench.study import Study

PROMPTS = prompts(4)
SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
LINE = re.compile(r"(Request [0-9]{15}\.)\n\n")
REFUSED = refuses(groq.Groq, 401, "Invalid API Key", code="invalid_api_key")


class Cell:
    """The cell of an LLM in retail, and the provider that it asks."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.state = Store()

    def study(self, **content: Any) -> Study:
        entries = {"name": "mine", "llms": [{"model": "groq/x", "twin": "x again"}], "industries": ["retail"]}
        return Study.model_validate(entries | content)

    def measure(self, llm: str = "groq/x", slot: datetime = SLOT, **content: Any) -> list[dict[str, Any]]:
        """Its records."""
        operator = LLMBenchmarkOperator(
            task_id="measure",
            llm=llm,
            industry="retail",
            cell=f"{llm} · retail",
            prepare_task_id="prepare",
        )
        context: Any = {
            "ti": SimpleNamespace(
                xcom_pull=pulls(self.study(**content), PROMPTS), xcom_push=lambda *_: None, try_number=1
            ),
            "dag_run": SimpleNamespace(logical_date=slot, run_after=slot, run_id="r", run_type="scheduled"),
            "task_state_store": self.state,
        }
        return operator.execute(context)

    @property
    def sent(self) -> list[list[dict[str, str]]]:
        """The messages of each request."""
        return [asked.content["messages"] for asked in self.provider.asked]

    @property
    def lines(self) -> list[str | None]:
        """The unique line of each request."""
        matched = [LINE.match(messages[0]["content"]) for messages in self.sent]
        return [line and line[1] for line in matched]

    @property
    def questions(self) -> list[str]:
        return [parse_messages(messages)[0] for messages in self.sent]


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Cell]:
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    with Provider() as server:
        server.script = groq.good
        connection = {"conn_type": "http", "host": server.url, "password": "canary"}
        monkeypatch.setenv("AIRFLOW_CONN_LLM_GROQ", json.dumps(connection))
        yield Cell(server)


class TestTheOrder:
    def test_on_the_wire_is_the_slots(self, cell: Cell):
        records = cell.measure()
        due = turns(cell.study(), SLOT, "retail", PROMPTS)
        assert cell.questions == [turn.prompt["question"] for turn in due]
        assert [record["position"] for record in records] == [1, 2, 3, 4]
        assert [record["question_id"] for record in records] == [turn.prompt["question_id"] for turn in due]

    def test_is_the_same_for_a_twin(self, cell: Cell):
        cell.measure()
        cell.state = Store()
        records = cell.measure("x again")
        assert cell.questions[:4] == cell.questions[4:]
        assert {(record["llm"], record["llm_model"]) for record in records} == {("x again", "x")}


class TestACacheThatIsKeptOut:
    def test_sees_a_line_of_its_own_before_each_prompt(self, cell: Cell):
        records = cell.measure()
        assert len(set(cell.lines)) == 4
        assert None not in cell.lines
        assert [record["unique_line"] for record in records] == cell.lines
        assert {record["cache_probe"] for record in records} == {"cold"}

    def test_sees_another_line_in_another_slot(self, cell: Cell):
        cell.measure()
        cell.state = Store()
        cell.measure(slot=SLOT.replace(hour=8))
        assert len(set(cell.lines)) == 8

    def test_is_let_in_where_the_study_says_so(self, cell: Cell):
        records = cell.measure(cache="as_is")
        assert cell.lines == [None] * 4
        assert [(record["cache_probe"], record["unique_line"]) for record in records] == [(None, None)] * 4


class TestBothProbes:
    def test_are_two_equal_requests_one_right_after_the_other(self, cell: Cell):
        records = cell.measure(cache="both")
        assert len(cell.sent) == 8
        assert cell.sent[::2] == cell.sent[1::2]
        assert len(set(cell.lines)) == 4
        assert [record["cache_probe"] for record in records] == ["cold", "warm"] * 4

    def test_are_two_records_with_one_place_and_one_line(self, cell: Cell):
        records = cell.measure(cache="both")
        for cold, warm in zip(records[::2], records[1::2], strict=True):
            assert cold["record_id"] != warm["record_id"]
            assert [cold[name] for name in ("question_id", "position", "unique_line", "prompt_hash")] == [
                warm[name] for name in ("question_id", "position", "unique_line", "prompt_hash")
            ]

    def test_are_taken_up_by_a_retry_between_them(self, cell: Cell):
        def third_is_refused(asked: Asked) -> Response:
            return REFUSED(asked) if len(cell.provider.asked) > 3 else groq.good(asked)

        cell.provider.script = third_is_refused
        with pytest.raises(AirflowFailException):
            cell.measure(cache="both")
        cell.provider.script = groq.good
        records = cell.measure(cache="both")
        assert [record["cache_probe"] for record in records] == ["cold", "warm"] * 4
        assert cell.sent[4] == cell.sent[2]  # the warm one that was refused, asked again behind the cold one's line

    def test_draw_another_line_where_the_cold_one_is_asked_again(self, cell: Cell):
        cell.provider.script = lambda asked: REFUSED(asked) if len(cell.provider.asked) > 2 else groq.good(asked)
        with pytest.raises(AirflowFailException):
            cell.measure(cache="both")
        cell.provider.script = groq.good
        records = cell.measure(cache="both")
        refused, again = cell.lines[2:4]
        assert cell.questions[2] == cell.questions[3]
        assert refused != again
        assert [record["unique_line"] for record in records[2:4]] == [again, again]


class TestAWarmUp:
    def test_is_a_request_before_the_first_question_and_no_record(self, cell: Cell):
        records = cell.measure(warm_up=True)
        assert len(records) == 4
        assert len(cell.sent) == 5
        assert "Question:" not in str(cell.sent[0])

    def test_opens_the_connection_that_the_questions_use(self, cell: Cell):
        records = cell.measure(warm_up=True)
        assert len({asked.connection for asked in cell.provider.asked}) == 1
        assert {record["connect_sec"] for record in records} == {None}

    def test_is_left_out_where_the_study_doesn_t_ask_for_it(self, cell: Cell):
        records = cell.measure()
        assert len(cell.sent) == 4
        assert [record["connect_sec"] is None for record in records] == [False, True, True, True]

    def test_that_fails_stops_nothing(self, cell: Cell):
        busy = refuses(groq.Groq, 503, "upstream is busy")
        cell.provider.script = lambda asked: groq.good(asked) if "Question:" in str(asked.content) else busy(asked)
        assert [record["success"] for record in cell.measure(warm_up=True)] == [True] * 4

    def test_is_left_out_where_nothing_is_left_to_ask(self, cell: Cell):
        class Killed(Store):
            """The state of a task that ended before it could clear it."""

            def clear(self) -> None: ...

        cell.state = Killed()
        cell.measure(warm_up=True)
        cell.measure(warm_up=True)
        assert len(cell.sent) == 5


class TestTheClientsName:
    def test_is_in_every_record_and_its_identity(self, cell: Cell, monkeypatch: pytest.MonkeyPatch):
        without = cell.measure()
        cell.state = Store()
        monkeypatch.setenv("LLM_BENCH_CLIENT", "frankfurt")
        records = cell.measure()
        assert {record["client"] for record in records} == {"frankfurt"}
        assert {record["client"] for record in without} == {None}
        assert not {record["record_id"] for record in records} & {record["record_id"] for record in without}
