"""What a cell that is measured again takes up of the answers that an earlier attempt kept."""

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
from fixtures.cells import Store, pulls
from llm_bench.airflow.operators.measure import LLMBenchmarkOperator
from llm_bench.study import Study

REFUSED = refuses(groq.Groq, 401, "Invalid API Key", code="invalid_api_key")
KEY = "canary-key-7e3f"


def prompts(industry: str, prompt_hash: str = "p" * 64) -> list[dict[str, Any]]:
    return [
        {
            "question_id": f"{industry}-{number}",
            "question": f"Which {industry} category is number {number}?",
            "passages": ["Toys lead."],
            "answerable": True,
            "context_hash": "c" * 64,
            "prompt_hash": prompt_hash,
        }
        for number in range(10)
    ]


class JsonStore(Store):
    """A task state store: what it gives back has been through JSON, as Airflow's has."""

    def set(self, name: str, value: Any) -> None:
        self[name] = json.dumps(value)

    def get(self, name: str, default: Any = None) -> Any:
        return json.loads(self[name]) if name in self else default


class Cells:
    """The cells of one run, each with the state that Airflow keeps by its map index."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.state: dict[int, JsonStore] = {}

    def measure(
        self, number: int, *, fail_after: int | None = None, prompt_hash: str = "p" * 64, **content: Any
    ) -> Any:
        """Runs the cell of a map index; fails after so many answers where that is said."""
        llms = content.pop("llms", [{"model": "groq/x"}])
        study = Study.model_validate(
            {
                "name": "mine",
                "llms": llms,
                "industries": ["retail", "finance"],
                "order": "as_written",
                "cache": "as_is",
                **content,
            }
        )
        llm, industry = study.cells[number]
        first = len(self.provider.asked)

        def script(asked: Asked) -> Response:
            refused = fail_after is not None and len(self.provider.asked) - first > fail_after
            return REFUSED(asked) if refused else groq.good(asked)

        self.provider.script = script
        operator = LLMBenchmarkOperator(
            task_id="measure",
            llm=llm.name,
            industry=industry,
            cell=f"{study.label(llm)} · {industry}",
            prepare_task_id="prepare",
        )
        slot = datetime(2026, 12, 7, 7, tzinfo=UTC)
        asked = prompts(industry, prompt_hash)
        context: Any = {
            "ti": SimpleNamespace(xcom_pull=pulls(study, asked), try_number=1),
            "dag_run": SimpleNamespace(logical_date=slot, run_after=slot, run_id="r", run_type="scheduled"),
            "task_state_store": self.state.setdefault(number, JsonStore()),
        }
        if fail_after is None:
            return operator.execute(context)
        with pytest.raises(AirflowFailException):
            operator.execute(context)
        return None

    def asked_since(self, count: int) -> int:
        return len(self.provider.asked) - count


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Cells]:
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    with Provider() as server:
        connection = {"conn_type": "http", "host": server.url, "password": KEY}
        monkeypatch.setenv("AIRFLOW_CONN_LLM_GROQ", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(connection | {"host": server.url + "/elsewhere"}))
        yield Cells(server)


class TestACellThatFailed:
    def test_goes_on_with_the_answers_that_were_measured_alike(self, cells: Cells):
        cells.measure(0, fail_after=3)
        before = len(cells.provider.asked)
        records = cells.measure(0)
        assert cells.asked_since(before) == 7
        assert [record["position"] for record in records] == list(range(1, 11))
        assert len({record["settings_hash"] for record in records}) == 1

    def test_keeps_nothing_once_it_is_done(self, cells: Cells):
        cells.measure(0)
        assert cells.state[0] == {}


class TestKeptAnswers:
    @pytest.mark.parametrize(
        ("first", "then", "why"),
        [
            (
                {"generation": {"temperature": 0, "max_tokens": 512}},
                {"generation": {"temperature": 1, "max_tokens": 64}},
                "max_tokens 512 → 64, temperature 0.0 → 1.0",
            ),
            (
                {},
                {"llms": [{"model": "groq/x", "parameters": {"seed": 1}}]},
                "parameters {} → {'seed': 1}",
            ),
            ({}, {"llms": [{"model": "groq/x", "connection": "other"}]}, "/v1/elsewhere/chat/completions"),
            ({}, {"deadlines": {"total_sec": 90}}, "total_sec 180.0 → 90.0"),
            ({}, {"prompt_hash": "q" * 64}, "retail-0 has another prompt now"),
            ({}, {"llms": [{"model": "groq/y"}]}, "they are those of groq/x · retail"),
            (
                {"llms": [{"name": "x", "model": "groq/x"}]},
                {"llms": [{"name": "x", "model": "groq/y"}]},
                "model groq/x → groq/y",
            ),
            ({}, {"llms": [{"model": "groq/y"}, {"model": "groq/x"}]}, "they are those of groq/x · retail"),
            ({}, {"industries": ["finance", "retail"]}, "they are those of groq/x · retail"),
        ],
        ids=[
            "settings",
            "parameters",
            "address",
            "deadline",
            "prompt",
            "model",
            "model of a name",
            "order",
            "industry",
        ],
    )
    def test_are_dropped_where_what_was_asked_is_another_now_and_the_log_says_so(
        self, cells: Cells, capsys: pytest.CaptureFixture[str], first: dict[str, Any], then: dict[str, Any], why: str
    ):
        cells.measure(0, fail_after=3, **first)
        before = len(cells.provider.asked)
        records = cells.measure(0, **then)
        assert cells.asked_since(before) == len(records) == 10
        assert len({record["settings_hash"] for record in records}) == 1
        (said,) = (line for line in capsys.readouterr().out.splitlines() if "dropped" in line)
        assert why in said

    def test_of_schema_1_are_dropped(self, cells: Cells):
        cells.measure(0, fail_after=3)
        for name in list(cells.state[0]):
            record = cells.state[0].get(name)
            record.pop("settings_hash", None)
            cells.state[0].set(name, record)
        del cells.state[0]["_cell"]
        before = len(cells.provider.asked)
        assert len(cells.measure(0)) == 10
        assert cells.asked_since(before) == 10

    @pytest.mark.parametrize(
        "then",
        [
            {"llms": [{"model": "groq/x", "requests_per_minute": 6000}]},
            {"llms": [{"model": "groq/x", "price": {"input": 1, "output": 2}}]},
            {"llms": [{"model": "groq/x"}, {"model": "groq/y"}]},
            {"concurrency": 2},
        ],
    )
    def test_are_taken_up_where_nothing_of_the_measurement_changed(self, cells: Cells, then: dict[str, Any]):
        cells.measure(0, fail_after=3)
        before = len(cells.provider.asked)
        cells.measure(0, **then)
        assert cells.asked_since(before) == 7

    def test_hold_no_key(self, cells: Cells):
        cells.measure(0, fail_after=3)
        assert KEY not in str(cells.state)


class TestTwoEntriesOfOneModel:
    def test_are_two_cells_with_records_of_their_own(self, cells: Cells):
        llms = [{"name": "cool", "model": "groq/x"}, {"name": "hot", "model": "groq/x", "temperature": 1}]
        cool, hot = (cells.measure(number, llms=llms) for number in (0, 2))
        assert [{record["llm"] for record in cell} for cell in (cool, hot)] == [{"cool"}, {"hot"}]
        assert not {record["record_id"] for record in cool} & {record["record_id"] for record in hot}
        assert {asked.content["temperature"] for asked in cells.provider.asked[10:]} == {1.0}


class TestATemplateOfTheStudys:
    def test_is_what_is_sent(self, cells: Cells, monkeypatch: pytest.MonkeyPatch):
        template = {"system": "Be brief.", "user": "{context}\n\nQ: {question}"}
        monkeypatch.setattr(f"{__name__}.prompts", lambda *_: [prompt | {"template": template} for prompt in PLAIN])
        cells.measure(0, prompt="brief")
        system, user = cells.provider.asked[0].content["messages"]
        assert system["content"] == "Be brief."
        assert user["content"] == "[1] Toys lead.\n\nQ: Which retail category is number 0?"


PLAIN = prompts("retail")
