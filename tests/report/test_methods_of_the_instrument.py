"""What the methods say of the clock and of what a record holds, held to a client that asks a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpcore
import httpx
import pytest

from doubles.clock import Clock
from doubles.provider import Hang, Provider, Response, Step, Wait, chunk, event, stream
from fixtures.replies import KEY, recorded
from llm_bench.analysis.metrics import DERIVED
from llm_bench.errors import CredentialsError
from llm_bench.llms import Price
from llm_bench.measure import prices, timing, transport
from llm_bench.measure.accounts import FileAccount
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.exchange import Exchange, RefusedRequestError
from llm_bench.measure.formats.answer import Usage
from llm_bench.measure.formats.reader import read
from llm_bench.measure.ledger import Moment
from llm_bench.measure.limits import SENT_WITHIN_SEC, Rates, Tokens
from llm_bench.measure.pacing import Pacer
from llm_bench.records import Record, is_cut
from llm_bench.study import LLM, Deadlines, Generation
from report.claims import says

ASKED = [{"role": "user", "content": "Question: Which category leads?"}]
GROQ = LLM(model="groq/some-model")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


def client(provider: Provider, **deadlines: float) -> LLMClient:
    limits = Deadlines(**({"connect_sec": 5, "first_token_sec": 5, "total_sec": 5} | deadlines))
    return LLMClient(llm=GROQ, endpoint=Endpoint(KEY, provider.url), generation=Generation(), deadlines=limits)


def record(provider: Provider, *body: Step, **deadlines: float) -> Record:
    if body:
        provider.script = lambda _asked: Response(body)
    with client(provider, **deadlines) as asking:
        return recorded(GROQ, asking.ask(ASKED))


def an_exchange() -> Exchange:
    return Exchange(connect_sec=9, first_token_sec=9, total_sec=9, question="?")


class Inner(httpcore.NetworkStream):
    """A connection on which each write and each read takes a while."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.clock.sleep(2)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.clock.sleep(3)
        return b"x"

    def get_extra_info(self, info: str) -> Any:
        return None


class TestTheClock:
    @says("Times are of the monotonic clock, from the moment when the request's first byte is handed to the open")
    def test_it_is_monotonic_and_starts_before_the_first_byte_is_written(self, monkeypatch: pytest.MonkeyPatch):
        clock = Clock()
        monkeypatch.setattr(time, "monotonic", clock)
        monkeypatch.setattr(time, "time", lambda: pytest.fail("the wall clock was asked"))
        instrumented = transport.InstrumentedTransport()
        instrumented.exchange = exchange = an_exchange()
        stamped = transport._StampedStream(Inner(clock), instrumented)
        began = clock()
        stamped.write(b"head")
        stamped.write(b"body")
        assert exchange.sent == began

    @says("A piece of the answer is stamped when the read of the socket that brought it returns, before it is parsed.")
    def test_a_piece_has_the_moment_at_which_its_read_returned(self, monkeypatch: pytest.MonkeyPatch):
        clock = Clock()
        monkeypatch.setattr(time, "monotonic", clock)
        instrumented = transport.InstrumentedTransport()
        instrumented.exchange = exchange = an_exchange()
        stamped = transport._StampedStream(Inner(clock), instrumented)
        stamped.write(b"head")
        began, taken = clock(), []
        monkeypatch.setattr(Exchange, "_take", lambda _self, at, _part: taken.append(at) or True)
        stamped.read(100)
        clock.sleep(50)  # what comes between, such as parsing
        exchange.receive([b"x"])
        assert exchange.last_read == began + 3
        assert taken == [began + 3]

    @says(
        "Each question is one HTTP request, whose answer is streamed and not compressed: a second request is kept off"
    )
    def test_a_question_is_one_request_for_a_stream_as_it_is(self, provider: Provider):
        record(provider)
        (asked,) = provider.asked
        assert (asked.content["stream"], asked.headers["accept-encoding"]) == (True, "identity")
        exchange = an_exchange()
        request = httpx.Request("POST", "http://127.0.0.1/v1", json={"messages": [{"content": "?"}]})
        exchange.admit(request)
        with pytest.raises(RefusedRequestError):
            exchange.admit(request)

    def test_a_failure_isnt_asked_again(self, provider: Provider):
        provider.script = lambda _asked: Response([b"busy"], status=503)
        assert record(provider)["success"] is False
        assert len(provider.asked) == 1

    @says("The first question of a cell opens the connection, which the others use again; opening it is no part")
    def test_the_first_question_opens_the_connection_before_its_clock_starts(self, provider: Provider):
        with client(provider) as asking:
            replies = [asking.ask(ASKED) for _ in range(3)]
        records = [recorded(GROQ, reply) for reply in replies]
        assert [asked.connection for asked in provider.asked] == [1, 1, 1]
        assert [made["connect_sec"] is None for made in records] == [False, True, True]
        assert replies[0].exchange.sent >= replies[0].exchange.connected

    @says("Nothing is sent to warm up: the client library is loaded by a request that goes nowhere.")
    def test_making_a_client_sends_nothing(self, provider: Provider):
        with client(provider):
            assert provider.asked == []

    @says(
        "A request waits until the limits that the study states for its LLM, and those that the provider reports",
        "The wait comes before its clock starts.",
    )
    def test_a_request_waits_for_the_studys_limit_and_the_providers(self, tmp_path: Path, provider: Provider):
        clock = Clock()

        def pacer(model: str, rates: Rates) -> Pacer:
            account = FileAccount(tmp_path, model, lambda: Moment("boot", clock.now, clock.now))
            return Pacer(account, rates, clock.sleep, clock)

        paced = pacer("groq/a", Rates(requests_per_minute=1))
        assert [round(paced.wait(Tokens(1, 0))) for _ in range(2)] == [0, 60 + SENT_WITHIN_SEC]
        free = pacer("groq/b", Rates())
        free.wait(Tokens(1, 0))
        provider.script = lambda _asked: Response([b"slow"], status=429, headers={"retry-after": "7"})
        with client(provider) as asking:
            free.learn(asking.ask(ASKED))
        assert free.wait(Tokens(1, 0)) == pytest.approx(7)

    @says("What takes longer is a failure.")
    @pytest.mark.parametrize(
        ("body", "limits"),
        [
            ((Hang,), {"first_token_sec": 0.3}),
            ((chunk({"content": "a"}), Hang), {"first_token_sec": 1, "total_sec": 1}),
        ],
    )
    def test_what_takes_longer_than_a_deadline_is_a_failure(
        self, provider: Provider, body: tuple[Step, ...], limits: dict[str, float]
    ):
        made = record(provider, *body, **limits)
        assert made["success"] is False
        assert made["failure_kind"] in {"timeout_first_token", "timeout_total"}


def events(*parts: tuple[float, str]) -> Any:
    return read([(at, f"data: {part}\n\n".encode()) for at, part in parts])


def delta(**content: str) -> str:
    import json

    return json.dumps({"choices": [{"delta": content}]})


REASONED = [
    (0.1, delta(role="assistant")),
    (0.2, delta(reasoning="Rye?")),
    (0.5, delta(content=" ")),
    (0.7, delta(content="Rye.")),
    (0.9, "[DONE]"),
]


class TestWhatARecordHolds:
    @says("From the request to the end of the answer's stream; a failed request has none.")
    def test_latency_goes_to_the_end_of_the_stream(self, provider: Provider):
        with client(provider) as asking:
            reply = asking.ask(ASKED)
        made = recorded(GROQ, reply)
        assert events(*REASONED).ended == 0.9
        assert made["latency_sec"] == pytest.approx(reply.answer.ended - reply.exchange.sent)
        assert record(provider, chunk({"content": "cut off"}))["latency_sec"] is None

    @says("From the request to the first event that carries a generated token, reasoning included.")
    def test_the_first_token_may_be_reasoning_and_is_no_role(self):
        assert events(*REASONED).token_times[0] == 0.2

    @says("From the request to the first event with text of the answer that isn't blank: later where the LLM reasons")
    def test_the_first_answer_is_text_that_isnt_blank(self):
        assert events(*REASONED).first_answer == 0.7

    @says("The time to first token less the shortest round trip to where the connection ends", "It isn't known where")
    def test_less_a_round_trip_is_unknown_where_the_trip_is_or_is_longer(self):
        formula = next(formula for field, formula in DERIVED.items() if field.name == "ttft_less_rtt_sec")
        rows = duckdb.sql(
            f"SELECT {formula} FROM (VALUES (0.5, 0.1), (0.5, NULL), (0.5, 0.6)) AS t(ttft_sec, network_rtt_sec)"
        ).fetchall()
        assert [row[0] and float(row[0]) for row in rows] == [0.4, None, None]

    def test_the_round_trip_is_the_shortest_that_the_kernel_saw(self):
        import socket
        import struct

        class Connection:
            def getsockopt(self, _level: int, option: int, size: int) -> bytes:
                assert option == socket.TCP_INFO
                return bytes(size - 4) + struct.pack("I", 12_000)  # tcpi_min_rtt, in microseconds

        assert transport.round_trip(Connection()) == 0.012  # type: ignore[arg-type]

    @says(
        "Tokens generated, reasoning included, over the latency.", "Each LLM's tokens are counted by its own tokenizer"
    )
    def test_throughput_is_of_the_tokens_that_the_provider_states(self, provider: Provider):
        def made(tokens: int) -> Record:
            usage = {"prompt_tokens": 1, "completion_tokens": tokens}
            return record(
                provider, chunk({"content": "Rye."}), chunk({}, "stop"), chunk(None, usage=usage), event("[DONE]")
            )

        few, many = made(5), made(500)  # the same text, as two tokenizers count it
        assert few["throughput_tps"] == pytest.approx(5 / few["latency_sec"])
        assert many["throughput_tps"] == pytest.approx(500 / many["latency_sec"])
        assert timing.throughput(5, 0.5) == 10

    @says("A record is suspect where one of its reads waited for a core of this machine for longer than 1 ms and 5 %")
    def test_it_is_suspect_over_a_millisecond_and_a_twentieth_of_the_first_token(self):
        assert timing.suspicion(0.0009, 0.001) is None
        assert timing.suspicion(0.049, 1.0) is None
        assert timing.suspicion(0.051, 1.0)
        assert timing.suspicion(0.0011, 0.01)

    @says("A request succeeded where its stream ended as its format documents, for a reason that counts as a success")
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ((*stream("Rye."),), None),
            ((chunk({"content": "Rye."}), event("[DONE]")), "truncated_stream"),
            ((chunk({"content": "Rye."}), chunk({}, "abort"), event("[DONE]")), "stream_error"),
            ((chunk({"content": " "}), chunk({}, "stop"), event("[DONE]")), "empty_answer"),
        ],
    )
    def test_a_success_ends_as_documented_with_an_answer(self, provider: Provider, body: Any, kind: str | None):
        steps = [step for step in body if not isinstance(step, Wait)]
        made = record(provider, *steps)
        assert (made["failure_kind"], made["success"]) == (kind, kind is None)

    @says("What the provider lays to the user (a refused key, an empty account, a wrong request) counts against no LLM")
    def test_a_refused_key_is_no_record(self, provider: Provider):
        provider.script = lambda _asked: Response(
            [b'{"error": {"code": "invalid_api_key"}}'], status=401, headers={"content-type": "application/json"}
        )
        with pytest.raises(CredentialsError):
            record(provider)

    @says("An answer is cut where its finish reason says that it reached its limit of tokens.")
    def test_it_is_cut_by_its_finish_reason(self):
        reasons = ["length", "MAX_TOKENS", "max_tokens", "stop", None]
        assert [is_cut({"finish_reason": reason}) for reason in reasons] == [True, True, True, False, False]

    @says(
        "As the provider states it; else its tokens at the study's price, or at LiteLLM's list price; not known where"
    )
    def test_the_providers_cost_goes_before_the_studys_and_that_before_the_list(self):
        class Listed:
            @staticmethod
            def cost_per_token(**_tokens: Any) -> tuple[float, float]:
                return 1.0, 2.0

        class Unlisted:
            @staticmethod
            def cost_per_token(**_tokens: Any) -> tuple[float, float]:
                raise ValueError("no such model")

        priced = LLM(model="groq/m", price=Price(input=1, output=2))

        def cost(library: Any, llm: LLM, stated: float | None) -> tuple[float | None, str | None]:
            return prices.cost(library, llm, Usage(cost=stated), (1_000_000, 1_000_000))

        assert cost(Listed, priced, 9.0) == (9.0, "provider")
        assert cost(Listed, priced, None) == (3.0, "study")
        assert cost(Listed, GROQ, None)[0] == 3.0
        assert cost(Unlisted, GROQ, None) == (None, None)
