"""Every fault of a provider × every wire format × the stage of the stream at which it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from doubles import anthropic, azure, bedrock, cohere, gemini, groq, ollama, openrouter
from doubles.faults import ANSWER, REASONING, Format, Mixed, OpenAILike, Served, answers
from doubles.provider import Asked, Provider, Raw, Script, Step, Wait, event, refusing, unreachable
from fixtures.replies import KEY, recorded
from llm_bench import errors
from llm_bench.measure.client import Endpoint, LLMClient, Reply
from llm_bench.records import FAILURE_KINDS, Record
from llm_bench.study import LLM, Deadlines, Generation

PATIENT = Deadlines(connect_sec=5, first_token_sec=5, total_sec=10)
HASTY = Deadlines(connect_sec=0.2, first_token_sec=0.3, total_sec=0.5)
"""For what never ends; for all else it would be a race with whatever else this machine does."""
OPENAI_LIKE = {"groq": groq, "openrouter": openrouter, "azure": azure}
DOUBLES = OPENAI_LIKE | {
    "anthropic": anthropic, "gemini": gemini, "bedrock": bedrock, "cohere": cohere, "ollama": ollama
}  # fmt: skip
LLMS = {
    "groq": LLM(model="groq/some-model"),
    "openrouter": LLM(model="openrouter/vendor/some-model"),
    **{name: LLM(model=double.MODEL) for name, double in DOUBLES.items() if name not in {"groq", "openrouter"}},
}


def client(name: str, url: str, deadlines: Deadlines) -> LLMClient:
    return LLMClient(llm=LLMS[name], endpoint=Endpoint(KEY, url), generation=Generation(), deadlines=deadlines)


@dataclass
class Cell:
    """A provider's double and a client of it, both kept over all faults: none may spoil it for the next question."""

    name: str
    double: ModuleType
    provider: Provider
    client: LLMClient

    def ask(self, script: Script, question: str = "Which category leads?") -> Reply:
        """One answer, after exactly one request."""
        self.provider.script = script
        before = len(self.provider.asked)
        try:
            return self.client.ask([{"role": "user", "content": f"Question: {question}"}])
        finally:
            assert len(self.provider.asked) == before + 1

    def record(self, script: Script) -> Record:
        return recorded(LLMS[self.name], self.ask(script))


Cells = dict[tuple[str, Deadlines], Cell]


@pytest.fixture(scope="module")
def cells() -> Iterator[Cells]:
    """By provider and deadlines."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AZURE_API_VERSION", "2024-10-21")
        environment.setenv("AWS_REGION_NAME", "us-east-1")
        cells = {}
        for name, double in DOUBLES.items():
            provider = stack.enter_context(Provider())
            for deadlines in (PATIENT, HASTY):
                asking = stack.enter_context(client(name, provider.url, deadlines))
                cells[name, deadlines] = Cell(name, double, provider, asking)
        yield cells


@pytest.fixture(params=DOUBLES)
def cell(request: pytest.FixtureRequest, cells: Cells) -> Cell:
    """Each provider."""
    return cells[request.param, PATIENT]


@pytest.fixture(params=OPENAI_LIKE)
def openai_like(request: pytest.FixtureRequest, cells: Cells) -> Cell:
    """Each provider that speaks OpenAI's format."""
    return cells[request.param, PATIENT]


def never_ends(fault: str) -> bool:
    return not {"hang", "hangs", "trickle"}.isdisjoint(fault.split())


def assert_is_a_failure(record: Record, expected: dict[str, Any]) -> None:
    assert {field: record[field] for field in expected} == expected
    assert record["success"] is False
    assert record["failure_kind"] in FAILURE_KINDS
    assert record["error"]
    assert KEY not in str(record)
    assert [record[metric] for metric in ("latency_sec", "throughput_tps", "decode_tps")] == [None] * 3


def each(table: str) -> Any:
    names = [(name, entry) for name, double in DOUBLES.items() for entry in getattr(double, table)]
    return pytest.mark.parametrize(("name", "entry"), names, ids=str)


class TestAFault:
    @each("FAULTS")
    def test_is_one_request_and_a_record_and_the_next_question_works(self, cells: Cells, name: str, entry: str):
        cell = cells[name, HASTY if never_ends(entry) else PATIENT]
        script, expected = cell.double.FAULTS[entry]
        assert_is_a_failure(cell.record(script), expected)
        following = cell.ask(cell.double.good)
        assert (following.failure_kind, following.answer.text) == (None, ANSWER)

    @pytest.mark.parametrize("name", ["groq", "openrouter"])
    @pytest.mark.parametrize(
        ("where", "kind"), [(refusing, "connection"), (unreachable, "timeout_connect")], ids=["refused", "unreachable"]
    )
    def test_of_the_way_to_the_provider_is_a_record(
        self, name: str, where: Callable[[], AbstractContextManager[str]], kind: str
    ):
        with where() as url, client(name, url, HASTY) as asking:
            record = recorded(LLMS[name], asking.ask([{"role": "user", "content": "Question: a?"}]))
        assert_is_a_failure(record, {"failure_kind": kind, "http_status": None, "ttft_sec": None, "answer": None})

    @pytest.mark.parametrize("name", DOUBLES)
    @pytest.mark.parametrize(
        ("fault", "deadline"),
        [("trickle after the headers", "first_token_sec"), ("trickle after answer text", "total_sec")],
    )
    def test_that_goes_on_for_ever_is_read_until_its_deadline(self, cells: Cells, name: str, fault: str, deadline: str):
        reply = cells[name, HASTY].ask(DOUBLES[name].FAULTS[fault].script)
        limit, exchange = getattr(HASTY, deadline), reply.exchange
        assert reply.error == f"not done within {deadline} = {limit:g} s"
        assert exchange.last_read is not None
        assert exchange.sent is not None
        assert exchange.last_read - exchange.sent >= limit / 2

    def test_is_told_in_the_providers_words(self, cells: Cells):
        reply = cells["openrouter", PATIENT].ask(openrouter.FAULTS["502, upstream"].script)
        assert reply.error == (
            'HTTP 502: Provider returned error (key ***) (DeepInfra: {"detail":"engine overloaded"})'
        )

    def test_names_what_a_stream_lacks(self, cells: Cells):
        reply = cells["groq", PATIENT].ask(groq.FAULTS["clean end after answer text"].script)
        assert reply.error == "the stream ended without finish_reason and [DONE]"

    @pytest.mark.parametrize("name", ["groq", "openrouter"])
    def test_keeps_the_providers_headers_for_the_pacing(self, cells: Cells, name: str):
        reply = cells[name, PATIENT].ask(DOUBLES[name].FAULTS["429, with retry-after"].script)
        assert reply.exchange.headers["retry-after"] == "5"


class TestAMistake:
    @each("MISTAKES")
    def test_stops_the_cell_after_one_request_and_tells_no_key(self, cells: Cells, name: str, entry: str):
        script, error = DOUBLES[name].MISTAKES[entry]
        with pytest.raises(getattr(errors, error)) as caught:
            cells[name, PATIENT].ask(script)
        assert KEY not in str(caught.value)
        assert "***" in str(caught.value)


class TestAGoodStream:
    def test_is_a_success_in_every_format(self, cell: Cell):
        record = cell.record(cell.double.good)
        assert (record["success"], record["answer"], record["response_tokens"]) == (True, ANSWER, 4)
        assert (record["prompt_tokens"], record["token_source"]) == (100, "provider")
        assert record["provider_request_id"] == cell.double.FORMAT.request_id
        assert cell.client.ask([{"role": "user", "content": "Question: a?"}]).timing_source == "wire"

    def test_says_its_cached_tokens_where_the_provider_does(self, cell: Cell):
        cached = 64 if cell.double.FORMAT.counts_cached else None
        assert cell.record(cell.double.good)["cached_tokens"] == cached

    def test_says_its_cost_where_the_provider_does(self, cells: Cells):
        assert cells["openrouter", PATIENT].record(openrouter.good)["cost_usd"] == openrouter.COST
        assert cells["groq", PATIENT].record(groq.good)["cost_usd"] is None

    def test_tells_reasoning_deltas_from_the_answer(self, cell: Cell):
        record = cell.record(answers(cell.double.FORMAT, lambda it: it.stream(ANSWER, REASONING, token_sec=0.02)))
        counted = 5 if cell.double.FORMAT.counts_reasoning else None
        assert (record["answer"], record["reasoning_tokens"], record["response_tokens"]) == (ANSWER, counted, 9)
        assert record["first_answer_sec"] == pytest.approx(record["event_times_sec"][len(REASONING.split())], abs=1e-6)

    def test_tells_think_tags_from_the_answer(self, cell: Cell):
        pieces = ["<th", "ink>", "Hm.", " So", "</thi", "nk>\n\n", "Toys", " led."]

        def build(reply: Format) -> Iterator[Step]:
            yield from reply.opening()
            for piece in pieces:
                yield Wait(0.02)
                yield reply.answer(piece)
            yield from reply.closing(len(pieces))

        record = cell.record(answers(cell.double.FORMAT, build))
        assert (record["success"], record["answer"].strip()) == (True, "Toys led.")
        assert record["first_answer_sec"] == pytest.approx(record["event_times_sec"][pieces.index("Toys")], abs=1e-6)

    def test_may_be_cut_at_max_tokens(self, cell: Cell):
        word = {"gemini": "MAX_TOKENS", "cohere": "MAX_TOKENS", "anthropic": "max_tokens", "bedrock": "max_tokens"}
        reason = word.get(cell.name, "length")
        record = cell.record(
            answers(cell.double.FORMAT, lambda it: [*it.opening(), it.answer("a"), *it.closing(1, 0, reason)])
        )
        assert (record["success"], record["finish_reason"]) == (True, reason)

    def test_keeps_the_connection_for_the_next_question(self, cell: Cell):
        replies = [cell.ask(cell.double.good) for _ in range(2)]
        assert replies[1].exchange.connect_started is None

    def test_is_one_without_done_where_its_finish_and_usage_came_and_says_so(self, openai_like: Cell):
        cell = openai_like
        reply = cell.ask(answers(cell.double.FORMAT, lambda it: list(it.stream())[:-1]))
        assert (reply.failure_kind, reply.response_tokens) == (None, 4)
        assert reply.answer.note == "the stream ended without [DONE]"

    def test_is_one_whatever_comes_after_done(self, openai_like: Cell):
        cell = openai_like
        record = cell.record(answers(cell.double.FORMAT, lambda it: [*it.stream(), Raw(b"zz\r\n")]))
        assert (record["success"], record["answer"]) == (True, ANSWER)

    def test_is_estimated_and_marked_so_where_usage_is_missing(self, openai_like: Cell):
        cell = openai_like

        def build(reply: Format) -> list[Step]:
            assert isinstance(reply, OpenAILike)
            return [*reply.opening(), reply.answer("Home"), reply.finish(), event("[DONE]")]

        record = cell.record(answers(cell.double.FORMAT, build))
        assert (record["success"], record["response_tokens"], record["token_source"]) == (True, 1, "estimated")
        assert record["prompt_tokens"] > 0
        assert record["throughput_tps"] > 0


class TestWhatNoStoreCouldHold:
    def test_is_text_with_half_a_character_or_nul(self, openai_like: Cell):
        cell = openai_like
        pieces = [r"Toys \ud83d", r"\ude00 \ud83d led", r"\u0000"]
        raw = [f'data: {{"choices": [{{"delta": {{"content": "{piece}"}}}}]}}\n\n'.encode() for piece in pieces]
        reply = cell.ask(answers(cell.double.FORMAT, lambda it: [*it.opening(), *raw, *it.closing(3)]))
        assert reply.answer.text == "Toys 😀 \ufffd led\ufffd"

    def test_is_no_other_text_of_the_provider_either(self, openai_like: Cell):
        cell = openai_like
        named = dict.fromkeys(["id", "model", "system_fingerprint", "service_tier", "provider"], "a\0b\ud83d")
        event_of_names = event({"choices": [], **named})
        record = cell.record(answers(cell.double.FORMAT, lambda it: [*it.opening(), event_of_names, *it.closing(3)]))
        texts = [value for value in record.values() if isinstance(value, str)]
        assert "a\ufffdb\ufffd" in texts
        assert not any("\0" in text or "\ud83d" in text for text in texts)

    @pytest.mark.parametrize("count", ["-1", "1e400", "3.5", '"7"', "true", "null", "99999999999999999999", "[]"])
    def test_is_a_count_that_is_none(self, openai_like: Cell, count: str):
        cell = openai_like
        usage = f'data: {{"choices": [], "usage": {{"prompt_tokens": 1, "completion_tokens": {count}}}}}\n\n'.encode()

        def build(reply: Format) -> list[Step]:
            assert isinstance(reply, OpenAILike)
            return [*reply.opening(), reply.answer("Home"), reply.finish(), usage, event("[DONE]")]

        record = cell.record(answers(cell.double.FORMAT, build))
        assert (record["response_tokens"], record["token_source"]) == (1, "estimated")


class TestTheMix:
    def test_logs_what_each_question_was_answered_with(self, openai_like: Cell):
        cell = openai_like
        quick = {
            name: it for name, it in cell.double.FAULTS.items() if not {"hang", "hangs", "trickle"} & {*name.split()}
        }
        mixed = Mixed(cell.double.good, quick, share=0.4, seed=3)
        questions = [f"Number {number}?" for number in range(40)]
        kinds = {question: cell.ask(mixed, question).failure_kind for question in questions}
        assert {question: served[0].failure_kind for (_, question), served in mixed.log.items()} == kinds
        assert {model for model, _ in mixed.log} == {LLMS[cell.name].model_name}
        assert 5 <= sum(kind is not None for kind in kinds.values()) <= 30

    def test_is_the_same_for_a_seed_in_any_order(self):
        def log(order: Iterable[int]) -> dict[tuple[str, str], list[Served]]:
            mixed = Mixed(groq.good, groq.FAULTS, seed=1)
            for number in order:
                content = {"model": "m", "messages": [{"content": f"Question: {number}?"}]}
                mixed(Asked("/", {}, content, 1, 0.0))
            return mixed.log

        assert log(range(50)) == log(reversed(range(50)))
        assert any(served[0].fault for served in log(range(50)).values())
