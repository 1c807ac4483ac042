"""``llm-bench ask``: one request now, by the client that measures a study."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doubles import anthropic, groq, openrouter
from doubles.faults import ANSWER, REASONING, answers
from doubles.provider import Provider, refusing
from llm_bench.cli.main import main
from llm_bench.cli.timeline import Phase, heights, phases
from llm_bench.inert import seen
from llm_bench.measure.advice import ADVICE
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, complete

KEY = "canary-key-5d1c-0123456789"

Connect = Callable[..., None]

pytestmark = pytest.mark.usefixtures("undone")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(groq.good) as server:
        yield server


@pytest.fixture
def connect(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Sets the connection of a provider, which leads to the double."""

    def set_connection(name: str = "groq", url: str = provider.url) -> None:
        connection = {"conn_type": "llm", "host": url, "password": KEY}
        monkeypatch.setenv(f"AIRFLOW_CONN_LLM_{name.upper()}", json.dumps(connection))

    return set_connection


class TestOfAProvider:
    @pytest.mark.parametrize(
        ("model", "double"),
        [("groq/some-model", groq), ("openrouter/vendor/some-model", openrouter), (anthropic.MODEL, anthropic)],
        ids=["groq", "openrouter", "anthropic"],
    )
    def test_prints_the_whole_record(self, command, connect, provider, model, double):
        connect(model.partition("/")[0])
        provider.script = double.good
        said = command("ask", model, "Which category leads?", "--json")
        record = json.loads(said.out)
        assert (said.code, said.err) == (0, "")
        assert tuple(record) == FIELD_NAMES
        assert (record["success"], record["answer"], record["token_source"]) == (True, ANSWER, "provider")
        assert "Which category leads?" in str(provider.asked[0].content)

    def test_shows_a_timeline_and_what_is_known_of_the_answer(self, command, connect, provider):
        connect()
        provider.script = answers(groq.Groq, lambda reply: reply.stream(ANSWER, REASONING, token_sec=0.01))
        said = command("ask", "groq/some-model")
        rows = [line.split()[0] for line in said.out.splitlines() if line.strip()]
        assert rows[:9] == [
            "groq/some-model",
            "took",
            "connect",
            "headers",
            "first",
            "first",
            "reasoning",
            "tokens",
            "end",
        ]
        known = ["answer", "tokens", "speed", "cost", "finish", "served", "network"]
        assert [row for row in rows[9:] if row in known] == known
        assert "response 9 (5 reasoning)" in said.out
        assert max(map(len, said.out.splitlines())) <= 200

    def test_sends_no_temperature_where_no_study_says_one(self, command, connect, provider):
        connect()
        command("ask", "groq/some-model")
        assert "temperature" not in provider.asked[0].content

    def test_asks_again_over_the_same_connection(self, command, connect, provider):
        connect()
        said = command("ask", "groq/some-model", "--repeat", "3", "--json")
        records = [json.loads(line) for line in said.out.splitlines()]
        assert [record["attempt"] for record in records] == [1, 2, 3]
        assert [record["connect_sec"] is None for record in records] == [False, True, True]
        assert {asked.connection for asked in provider.asked} == {1}

    def test_keeps_nothing(self, command, connect, home):
        connect()
        before = sorted(home.rglob("*"))
        command("ask", "groq/some-model")
        assert sorted(home.rglob("*")) == before


class TestOfAStudy:
    @pytest.fixture
    def study(self, home: Path) -> None:
        (home / "include" / "studies" / "mine.yaml").write_text(
            "llms: [{model: groq/some-model}]\nindustries: [retail]\n"
            "generation: {max_tokens: 7, temperature: 0.5}\ndeadlines: {first_token_sec: 0.3, total_sec: 0.5}\n"
        )

    @pytest.fixture
    def retrieved(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = {"question_id": "retail-01", "question": "Which category leads?", "passages": ["Toys lead."]}
        first |= {"answerable": True, "context_hash": "c", "prompt_hash": "p"}
        monkeypatch.setattr("llm_bench.rag.retrieval.retrieve", lambda *_: [first])

    def test_asks_with_its_settings(self, command, connect, provider, study):
        connect()
        command("ask", "groq/some-model", "Why?", "--study", "mine")
        content = provider.asked[0].content
        assert (content["max_tokens"], content["temperature"]) == (7, 0.5)
        assert content["messages"] == [{"role": "user", "content": "Why?"}]

    def test_keeps_its_deadlines(self, command, connect, provider, study):
        connect()
        provider.script = answers(groq.Groq, lambda reply: reply.stream(first_token_sec=2))
        said = command("ask", "groq/some-model", "Why?", "--study", "mine")
        assert said.code == 1
        assert "✗ timeout_first_token: not done within first_token_sec = 0.3 s" in said.out

    def test_asks_its_first_question_with_its_context(self, command, connect, provider, study, retrieved):
        connect()
        said = command("ask", "groq/some-model", "--study", "mine", "--json")
        system, user = provider.asked[0].content["messages"]
        assert system["role"] == "system"
        assert user["content"] == "[1] Toys lead.\n\nQuestion: Which category leads?"
        record = json.loads(said.out)
        assert (record["study"], record["industry"], record["question_id"]) == ("mine", "retail", "retail-01")

    def test_names_its_llms(self, command, connect, provider, home):
        (home / "include" / "studies" / "mine.yaml").write_text(
            "llms: [{name: warm, model: groq/some-model, temperature: 1}, {name: cold, model: groq/some-model}]\n"
            "industries: [retail]\n"
        )
        connect()
        said = command("ask", "warm", "Why?", "--study", "mine", "--json")
        assert (json.loads(said.out)["llm"], provider.asked[0].content["temperature"]) == ("warm", 1)

    def test_may_be_asked_with_another_model(self, command, connect, provider, study):
        connect()
        assert command("ask", "groq/another", "Why?", "--study", "mine").code == 0
        assert (provider.asked[0].model, provider.asked[0].content["max_tokens"]) == ("another", 7)

    def test_that_is_not_there_is_told_with_those_that_are(self, command, connect):
        said = command("ask", "groq/some-model", "--study", "mien")
        assert said.code == 2
        assert "Did you mean mine?" in said.err


class TestWhatGoesWrong:
    def test_of_the_provider_is_shown_with_what_to_do(self, command, connect, provider):
        connect()
        provider.script = groq.FAULTS["503"].script
        said = command("ask", "groq/some-model")
        assert said.code == 1
        assert "groq/some-model  HTTP 503" in said.out
        assert "✗ server_error: HTTP 503: Service Unavailable" in said.out
        assert f"→ {ADVICE['server_error']}" in said.out

    def test_of_the_provider_is_in_the_record_too(self, command, connect, provider):
        connect()
        provider.script = openrouter.FAULTS["error event, 429"].script
        said = command("ask", "groq/some-model", "--json")
        record = json.loads(said.out)
        assert (said.code, record["success"], record["failure_kind"]) == (1, False, "rate_limited")

    def test_of_an_address_without_a_server_is_shown_with_what_to_do(self, command, connect):
        with refusing() as url:
            connect(url=url)
            said = command("ask", "groq/some-model")
        assert said.code == 1
        assert "no response" in said.out
        assert "✗ connection: [Errno 111] Connection refused\n→ Check the address" in said.out

    def test_of_a_key_that_is_refused_is_one_message(self, command, connect, provider):
        connect()
        provider.script = groq.MISTAKES["401"].script
        said = command("ask", "groq/some-model", "--json")
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("groq refused the key for some-model (HTTP 401): Invalid API Key")
        assert said.err.endswith("the provider's environment variable, then ask again.\n")

    def test_of_a_key_that_is_nowhere_is_one_message(self, command):
        said = command("ask", "groq/some-model")
        assert (said.code, said.out) == (1, "")
        assert "neither the Airflow connection llm_groq nor the environment variable GROQ_API_KEY is set" in said.err

    def test_of_a_provider_that_nobody_knows_is_one_message(self, command):
        said = command("ask", "nobody/some-model")
        assert said.code == 1
        assert said.err.startswith("LiteLLM knows no provider 'nobody'")

    @pytest.mark.parametrize(
        "arguments", [["some-model"], ["groq/x", "--repeat", "0"], ["groq/x", "--repeat", "x"], []]
    )
    def test_of_what_was_given_is_refused(self, command, arguments):
        assert command("ask", *arguments).code == 2

    @pytest.mark.parametrize("name", ["401", "503", "400, spend limit"])
    @pytest.mark.parametrize("shape", [[], ["--json"]])
    def test_shows_no_key(self, command, connect, provider, name, shape):
        connect()
        provider.script = (groq.FAULTS | groq.MISTAKES)[name].script  # they echo it
        said = command("ask", "groq/some-model", *shape)
        assert KEY not in said.out + said.err


class TestTheKey:
    def test_is_the_providers_variable_outside_a_project(self, provider, tmp_path, monkeypatch, capfd):
        monkeypatch.setattr("llm_bench.cli.ask.home", _nowhere)
        for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        monkeypatch.setenv("GROQ_API_BASE", provider.url)
        assert main(["ask", "groq/some-model", "--json"]) == 0
        assert provider.asked[0].key == KEY


def _nowhere() -> Path:
    from llm_bench.errors import SetupError

    raise SetupError("There is no project.", "Write one.")


@pytest.mark.slow
class TestTheProgram:
    def run(self, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "LLM_BENCH_HOME": str(folder),
            "AIRFLOW_HOME": str(folder / "airflow"),
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "llm_bench", "ask", "groq/some-model", "--json"],
            env=environment | variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_writes_nothing_but_the_record(self, provider, home):
        connection = json.dumps({"conn_type": "llm", "host": provider.url, "password": KEY})
        done = self.run(home, AIRFLOW_CONN_LLM_GROQ=connection)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["answer"] == ANSWER

    def test_finds_the_key_that_is_in_the_environment_alone(self, provider, home):
        done = self.run(home, GROQ_API_KEY=KEY, GROQ_API_BASE=provider.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert provider.asked[0].key == KEY


def record(**values: Any) -> Any:
    return complete(values)


class TestThePhasesOfARequest:
    def test_follow_each_other_from_the_connection_to_the_end(self):
        listed = phases(record(
            connect_sec=0.03, tls_sec=0.02, headers_sec=0.1, first_byte_sec=0.1, ttft_sec=0.2, first_answer_sec=0.3,
            event_times_sec=[0.2, 0.25, 0.3, 0.4], latency_sec=0.5,
        ))  # fmt: skip
        assert [(phase.name, phase.start, phase.end) for phase in listed] == [
            ("connect", -0.03, -0.02), ("TLS", -0.02, 0.0), ("headers", 0.0, 0.1), ("first byte", 0.1, 0.1),
            ("first token", 0.1, 0.2), ("reasoning", 0.2, 0.3), ("tokens", 0.3, 0.4), ("end", 0.4, 0.5),
        ]  # fmt: skip

    def test_leave_out_a_connection_that_was_open(self):
        assert phases(record(headers_sec=0.1)) == [Phase("headers", 0.0, 0.1)]

    def test_end_where_the_request_failed(self):
        assert [phase.name for phase in phases(record(connect_sec=0.03, headers_sec=0.1))] == ["connect", "headers"]
        assert phases(record()) == []

    def test_are_all_reasoning_where_no_answer_came(self):
        (tokens,) = phases(record(event_times_sec=[0.2, 0.3]))
        assert (tokens.name, tokens.events) == ("reasoning", [0.2, 0.3])


class TestTheRowOfTokens:
    def test_is_higher_where_more_came(self):
        assert heights([0.0, 0.1, 0.1, 0.9], 1.0, 4) == "█  ▃"

    def test_holds_the_last_moment(self):
        assert heights([1.0], 1.0, 3) == "  █"

    def test_is_empty_without_tokens(self):
        assert heights([], 1.0, 3) == "   "


def test_what_a_terminal_would_obey_is_not_printed():
    assert seen("a\x1b[2Jb\nc\u202ed \u202fe") == "a[U+001B][2Jb\nc[U+202E]d \u202fe"


def test_there_is_advice_for_each_failure():
    assert set(ADVICE) == set(FAILURE_KINDS)
    assert all(words[0].isupper() and words.endswith(".") for words in ADVICE.values())
