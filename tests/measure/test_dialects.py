"""Providers that speak OpenAI's protocol: what each documents of its own is read so, refusals have their kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from doubles.dialects import DIALECTS
from doubles.faults import ANSWER, REASONING, Format, answers
from doubles.provider import Provider, Script, Step, Wait
from fixtures.replies import KEY, recorded
from llm_bench import errors
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.records import Record
from llm_bench.study import LLM, Deadlines, Generation

MODELS = {"watsonx": "ibm/granite-3-8b-instruct", "perplexity": "sonar", "github": "gpt-4o"}
ENTRIES = [(name, entry) for name, dialect in DIALECTS.items() for entry in dialect.refusals]
MISTAKES = [(name, entry) for name, dialect in DIALECTS.items() for entry in dialect.mistakes]
PATIENT = Deadlines(connect_sec=5, first_token_sec=5, total_sec=10)


class Asking:
    """A client and a double of each provider, made when it is first asked."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._of = cache(self._make)

    def _make(self, name: str) -> tuple[Provider, LLM, LLMClient]:
        provider = self._stack.enter_context(Provider())
        llm = LLM(model=f"{name}/{MODELS.get(name, 'vendor/some-model')}")
        client = LLMClient(llm=llm, endpoint=Endpoint(KEY, provider.url), generation=Generation(), deadlines=PATIENT)
        return provider, llm, self._stack.enter_context(client)

    def __call__(self, name: str, script: Script) -> Record:
        provider, llm, client = self._of(name)
        provider.script = script
        return recorded(llm, client.ask([{"role": "user", "content": "Question: Which category leads?"}]))


@pytest.fixture(scope="module")
def ask() -> Iterator[Asking]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        environment.setenv("WATSONX_PROJECT_ID", "some-project")
        environment.setenv("WATSONX_TOKEN", "canary-token")
        yield Asking(stack)


def whole(reply: Format) -> Iterator[Step]:
    """An answer after its reasoning, where that is sent; 222 tokens, of which 17 are reasoning."""
    yield from reply.opening()
    if reply.thinks:
        yield reply.reasoning(REASONING)
        yield Wait(0.01)
    yield from (reply.answer(ANSWER[:4]), reply.answer(ANSWER[4:]))
    yield from reply.closing(222, 17)


@pytest.mark.parametrize("name", DIALECTS)
class TestAnAnswer:
    def test_is_said_once_and_apart_from_its_reasoning(self, ask: Asking, name: str):
        kind = DIALECTS[name].format
        record = ask(name, answers(kind, whole))
        assert (record["success"], record["answer"], record["error"]) == (True, ANSWER, None)
        assert (record["first_answer_sec"] > record["ttft_sec"]) is kind.thinks

    def test_has_the_tokens_that_are_stated(self, ask: Asking, name: str):
        kind = DIALECTS[name].format
        record = ask(name, answers(kind, whole))
        assert (record["prompt_tokens"], record["response_tokens"], record["token_source"]) == (100, 222, "provider")
        assert record["reasoning_tokens"] == (17 if kind.counts_reasoning else None)
        assert record["cached_tokens"] == (64 if kind.counts_cached else None)

    def test_names_the_model(self, ask: Asking, name: str):
        assert ask(name, answers(DIALECTS[name].format, whole))["response_model"]


class TestARefusal:
    @pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=str)
    def test_has_its_kind(self, ask: Asking, name: str, entry: str):
        script, expected = DIALECTS[name].refusals[entry]
        record = ask(name, script)
        assert {field: record[field] for field in expected} == expected
        assert KEY not in str(record)

    @pytest.mark.parametrize(("name", "entry"), MISTAKES, ids=str)
    def test_stops_the_cell_where_it_is_the_users(self, ask: Asking, name: str, entry: str):
        script, error = DIALECTS[name].mistakes[entry]
        with pytest.raises(getattr(errors, error)) as caught:
            ask(name, script)
        assert KEY not in str(caught.value)


class TestDeepInfra:
    def test_estimates_its_cost(self, ask: Asking):
        assert ask("deepinfra", answers(DIALECTS["deepinfra"].format, whole))["cost_usd"] == 2.7e-05
