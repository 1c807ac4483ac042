"""However much a server sends, and however slowly: deadlines hold, and neither memory nor LiteLLM is flooded."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from doubles import anthropic, gemini
from doubles.faults import answers, page
from doubles.provider import Provider, Response, Step, Wait, chunk, event, stream
from llm_bench.measure import exchange as exchanges
from llm_bench.measure.client import Endpoint, LLMClient, Reply
from llm_bench.study import LLM, Deadlines, Generation

MESSAGES = [{"role": "user", "content": "Question: Which category leads?"}]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


def ask(provider: Provider, model: str = "groq/x", url: str | None = None, **deadlines: float) -> Reply:
    limits = Deadlines(**({"connect_sec": 5, "first_token_sec": 5, "total_sec": 10} | deadlines))
    endpoint = Endpoint("canary", url or provider.url)
    with LLMClient(llm=LLM(model=model), endpoint=endpoint, generation=Generation(), deadlines=limits) as asking:
        return asking.ask(MESSAGES)


class TestADeadline:
    @pytest.mark.parametrize(("model", "double"), [(anthropic.MODEL, anthropic), (gemini.MODEL, gemini)])
    def test_of_the_first_token_is_met_by_a_token_of_any_format(self, provider: Provider, model: str, double: Any):
        def build(reply: Any) -> Iterator[Step]:
            yield from reply.opening()
            yield reply.answer("Home")
            yield Wait(0.6)
            yield reply.answer(" led.")
            yield from reply.closing(2)

        provider.script = answers(double.FORMAT, build)
        reply = ask(provider, model, first_token_sec=0.5)
        assert (reply.failure_kind, reply.answer.text) == (None, "Home led.")

    def test_of_the_connection_counts_the_look_up_of_the_name(
        self, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ):
        look_up = socket.getaddrinfo

        def slow(host: Any, *arguments: Any, **more: Any) -> Any:
            if host == "slow.example":
                time.sleep(2)
            return look_up("127.0.0.1" if host == "slow.example" else host, *arguments, **more)

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        url = provider.url.replace("127.0.0.1", "slow.example")
        assert ask(provider, url=url, connect_sec=0.3).failure_kind == "timeout_connect"
        assert ask(provider, url=url, connect_sec=30).failure_kind is None

    def test_of_the_answer_holds_while_a_page_unpacks(self, provider: Provider):
        bomb = gzip.compress(b"sorry " * 20_000_000)
        provider.script = page(500, "text/html", bomb, content_encoding="gzip")
        reply = ask(provider)
        assert reply.failure_kind == "server_error"
        assert reply.error is not None
        assert len(reply.error) <= 2000

    def test_of_the_first_token_is_not_missed_over_comments(self, provider: Provider):
        comments = [b": OPENROUTER PROCESSING\n\n"] * 3000
        provider.script = lambda _: Response([*comments, *stream()])
        assert ask(provider).failure_kind is None


class TestASize:
    def test_of_a_text_whose_tokens_are_counted_is_bounded(self, provider: Provider, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("llm_bench.measure.client._LONGEST_COUNTED", 50)
        words = [chunk({"content": "word "}) for _ in range(1000)]
        provider.script = lambda _: Response([*words, chunk({}, "stop"), event("[DONE]")])
        reply = ask(provider)
        assert (reply.token_source, reply.response_tokens) == ("estimated", pytest.approx(1000, rel=0.2))

    def test_of_an_answer_is_bounded(self, provider: Provider, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("llm_bench.measure.formats.reader.LONGEST_ANSWER", 100_000)
        provider.script = lambda _: Response(chunk({"content": "word "}) for _ in range(1000))
        reply = ask(provider)
        assert reply.failure_kind == "bad_response"
        assert "the answer is larger" in str(reply.error)
        assert reply.answer.text.startswith("word word")

    def test_of_a_foreign_answer_is_bounded_so_that_litellm_sees_none_of_it(
        self, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(exchanges, "LONGEST_FOREIGN", 10_000)
        provider.script = lambda _: Response(event({"response": "word "}) for _ in range(1000))
        reply = ask(provider, "cloudflare/x")
        assert reply.failure_kind == "bad_response"
        assert "unknown format" in str(reply.error)

    def test_of_what_is_kept_is_that_of_the_answer(self, provider: Provider):
        provider.script = lambda _: Response([*(b": a comment\n\n" * 100 for _ in range(100)), *stream()])
        reply = ask(provider)
        assert len(reply.exchange.head) <= 64 * 1024
        assert reply.exchange._pieces == []


class TestAForeignFormat:
    def test_is_timed_by_the_pieces_that_litellm_read_and_says_so(self, provider: Provider):
        # https://developers.cloudflare.com/workers-ai/: {"response": "…"} and [DONE]
        def steps() -> Iterator[Step]:
            for word in ("Home", " & Kitchen", " led."):
                yield event({"response": word, "p": "abc"})
                yield Wait(0.2)
            yield event("[DONE]")

        provider.script = lambda _: Response(steps())
        reply = ask(provider, "cloudflare/@cf/meta/llama-3")
        assert reply.timing_source == "client"
        assert reply.token_source in {"estimated", None}
