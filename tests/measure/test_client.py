from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from doubles.provider import Asked, Hang, Provider, Reset, Response, Step, Wait, chunk, event, stream
from fixtures.replies import KEY, recorded
from llm_bench.errors import CredentialsError, RequestError
from llm_bench.measure.client import Endpoint, LLMClient, find_endpoint
from llm_bench.records import FIELD_NAMES, FIELDS, Record
from llm_bench.study import LLM, Deadlines, Generation

MESSAGES = [{"role": "user", "content": "Question: Which category leads?"}]
LLMS = [LLM(model="groq/some-model"), LLM(model="openrouter/vendor/some-model"), LLM(model="baseline/lead")]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


def client(provider: Provider, llm: LLM = LLMS[0], **deadlines: float) -> LLMClient:
    limits = Deadlines(**({"connect_sec": 2, "first_token_sec": 2, "total_sec": 4} | deadlines))
    return LLMClient(llm=llm, endpoint=Endpoint(KEY, provider.url), generation=Generation(), deadlines=limits)


def record_of(provider: Provider, llm: LLM = LLMS[0], **deadlines: float) -> Record:
    with client(provider, llm, **deadlines) as asking:
        return recorded(llm, asking.ask(MESSAGES))


def answered(*body: Step, **more: Any) -> Any:
    return lambda _asked: Response(body, **more)


class TestASuccess:
    @pytest.mark.parametrize("llm", LLMS, ids=lambda llm: llm.provider)
    def test_fills_every_field_that_has_a_meaning(self, provider: Provider, llm: LLM):
        provider.script = lambda _: Response(stream(first_token_sec=0.01, token_sec=0.01))
        record = record_of(provider, llm)
        scored = {"coverage_score", "groundedness", "declined", "warnings"}
        scored |= {
            "context_utilization",
            "citations",
            "citation_support",
            "scoring_version",
            "scoring_model",
            "context_passages",
            "score_note",
        }
        empty = scored | {"reasoning_tokens", "cached_tokens", "failure_kind", "error", "cost_usd", "suspect",
                          "client_delay_sec", "dns_sec", "tls_sec", "network_rtt_sec", "provider_queue_sec",
                          "provider_prompt_sec", "provider_completion_sec", "cache_write_tokens", "price_source",
                          "upstream_provider", "system_fingerprint", "service_tier", "note", "cache_probe", "client",
                          "unique_line"}  # fmt: skip
        assert tuple(record) == FIELD_NAMES
        assert {name for name, value in record.items() if value is None} <= empty
        assert (record["success"], record["answer"], record["response_tokens"]) == (True, "Home & Kitchen led.", 4)

    def test_is_one_request_with_the_key_as_the_provider_wants_it(self, provider: Provider):
        record_of(provider)
        (asked,) = provider.asked
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.path == "/v1/chat/completions"

    def test_asks_as_the_study_says(self, provider: Provider):
        record_of(provider)
        content = provider.asked[0].content
        assert (content["model"], content["stream"], content["max_tokens"], content["temperature"]) == (
            "some-model", True, 512, 0.0,
        )  # fmt: skip
        assert content["stream_options"] == {"include_usage": True}

    def test_takes_its_times_from_the_arrival_of_the_bytes(self, provider: Provider):
        provider.script = lambda _: Response(stream("a b c d e", first_token_sec=0.2, token_sec=0.05))
        record = record_of(provider)
        # The server's delays are a lower bound; half of one is left for a busy machine that reads a piece late.
        assert 0.2 <= record["ttft_sec"] <= record["latency_sec"] - 0.1
        assert 0.025 <= record["itl_mean_sec"] <= record["itl_p99_sec"] <= record["itl_max_sec"]
        assert record["throughput_tps"] == pytest.approx(5 / record["latency_sec"])
        assert record["first_answer_sec"] == record["ttft_sec"]

    def test_keeps_the_connection_for_the_next_question(self, provider: Provider):
        with client(provider) as asking:
            replies = [asking.ask(MESSAGES) for _ in range(3)]
        assert [asked.connection for asked in provider.asked] == [1, 1, 1]
        assert [reply.exchange.connect_started is None for reply in replies] == [False, True, True]

    def test_does_not_wait_for_a_server_that_leaves_a_finished_answer_open(self, provider: Provider):
        provider.script = answered(*stream(), Hang)
        assert record_of(provider)["success"]

    def test_sees_an_end_that_comes_in_two_pieces(self, provider: Provider):
        *body, _ = stream()
        provider.script = answered(*body, b"data: [DO", Wait(0.05), b"NE]\n\n", Hang)
        assert record_of(provider, total_sec=60, first_token_sec=60)["success"]

    def test_tells_reasoning_from_the_answer(self, provider: Provider):
        details = {"reasoning_tokens": 4}
        provider.script = answered(
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning": "hm"}),
            Wait(0.2),
            chunk({"content": "Toys"}),
            chunk({}, "stop"),
            chunk(None, usage={"prompt_tokens": 1, "completion_tokens": 5, "completion_tokens_details": details}),
            event("[DONE]"),
        )
        record = record_of(provider)
        assert (record["answer"], record["reasoning_tokens"]) == ("Toys", 4)
        assert record["first_answer_sec"] - record["ttft_sec"] >= 0.1

    def test_estimates_tokens_that_the_provider_does_not_count_and_says_so(self, provider: Provider):
        provider.script = answered(chunk({"content": "Home and Kitchen"}), chunk({}, "stop"), event("[DONE]"))
        record = record_of(provider)
        assert record["token_source"] == "estimated"
        assert record["response_tokens"] == 3

    def test_takes_the_cost_that_openrouter_states(self, provider: Provider):
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00042}
        provider.script = answered(chunk({"content": "a"}, "stop"), chunk(None, usage=usage), event("[DONE]"))
        assert record_of(provider, LLMS[1])["cost_usd"] == 0.00042

    def test_has_no_cost_where_no_price_is_known(self, provider: Provider):
        assert record_of(provider)["cost_usd"] is None


class TestAProvidersFault:
    @pytest.mark.parametrize(
        ("script", "kind"),
        [
            (answered(b"{}", status=429), "rate_limited"),
            (answered(b"<html>Bad Gateway</html>", status=502, headers={"content-type": "text/html"}), "server_error"),
            (answered(b"", before=Reset), "connection"),
            (answered(b"", before=Hang), "timeout_first_token"),
            (answered(chunk({"content": "a"}), Hang), "timeout_total"),
            (answered(chunk({"content": "a"}), whole=False), "truncated_stream"),
            (answered(chunk({"content": "a"})), "truncated_stream"),
            (answered(chunk({"content": "a"}), Reset), "truncated_stream"),
            (answered(chunk({"content": "a"}), event({"error": {"code": 502, "message": "gone"}})), "stream_error"),
            (answered(chunk({}, "stop"), event("[DONE]")), "empty_answer"),
            (answered(chunk({"content": "a"}), event("{nonsense"), event("[DONE]")), "bad_response"),
        ],
    )
    def test_is_a_record_after_exactly_one_request(self, provider: Provider, script: Any, kind: str):
        provider.script = script
        record = record_of(provider, first_token_sec=0.3, total_sec=0.6)
        assert (record["success"], record["failure_kind"]) == (False, kind)
        assert record["error"]
        assert (record["latency_sec"], record["throughput_tps"], record["decode_tps"]) == (None, None, None)
        assert len(provider.asked) == 1

    def test_of_a_server_that_is_not_there_is_a_record_too(self):
        with Provider() as gone:
            pass
        record = record_of(gone)
        assert (record["failure_kind"], record["http_status"]) == ("connection", None)

    def test_a_trickle_is_cut_at_the_total_deadline(self, provider: Provider):
        def trickle(_asked: Asked) -> Response:
            return Response(step for _ in range(200) for step in (chunk({"content": "a"}), Wait(0.05)))

        provider.script = trickle
        record = record_of(provider, first_token_sec=0.3, total_sec=0.6)
        assert record["failure_kind"] == "timeout_total"
        assert record["itl_mean_sec"] >= 0.025
        assert record["answer"].startswith("aaa")

    def test_a_redirect_is_not_followed(self, provider: Provider):
        provider.script = answered(b"", status=307, headers={"location": provider.url + "/elsewhere"})
        assert record_of(provider)["failure_kind"] == "bad_response"
        assert len(provider.asked) == 1

    def test_keeps_what_came_before_it(self, provider: Provider):
        provider.script = answered(
            Wait(0.1), chunk({"content": "Half an"}), Wait(0.1), chunk({"content": " ans"}), Reset
        )
        record = record_of(provider)
        assert record["answer"] == "Half an ans"
        assert record["ttft_sec"] >= 0.1

    def test_does_not_spoil_the_next_question(self, provider: Provider):
        scripts = iter(
            [answered(chunk({"content": "a"}), Reset), answered(b"", before=Hang), lambda _: Response(stream())]
        )
        provider.script = lambda asked: next(scripts)(asked)  # noqa: PLW0108
        with client(provider, first_token_sec=0.3, total_sec=0.6) as asking:
            kinds = [asking.ask(MESSAGES).failure_kind for _ in range(3)]
        assert kinds == ["truncated_stream", "timeout_first_token", None]


class TestAMistake:
    @pytest.mark.parametrize("status", [401, 402, 403])
    def test_of_the_key_names_the_connection_and_never_the_key(self, provider: Provider, status: int):
        body = f'{{"error": {{"message": "Invalid API Key: {KEY}"}}}}'.encode()
        provider.script = answered(body, status=status, headers={"content-type": "application/json"})
        with client(provider) as asking, pytest.raises(CredentialsError, match="llm_groq") as caught:
            asking.ask(MESSAGES)
        assert KEY not in str(caught.value)
        assert len(provider.asked) == 1

    def test_of_the_request_stops_at_once(self, provider: Provider):
        body = b'{"error": {"message": "max_tokens must be at most 100", "type": "invalid_request_error"}}'
        provider.script = answered(body, status=400, headers={"content-type": "application/json"})
        with client(provider) as asking, pytest.raises(RequestError, match="max_tokens must be at most 100"):
            asking.ask(MESSAGES)

    def test_a_missing_key_names_the_connection_and_the_variable(self):
        with pytest.raises(CredentialsError, match="connection llm_groq nor the environment variable GROQ_API_KEY"):
            find_endpoint(LLMS[0], Endpoint())

    def test_an_unknown_provider_is_told(self):
        with pytest.raises(RequestError, match="no provider 'nonsense'"):
            find_endpoint(LLM(model="nonsense/model"), Endpoint())


class TestTheKey:
    def test_comes_from_the_providers_variable_without_a_connection(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        assert find_endpoint(LLMS[0], Endpoint()).api_key == KEY

    def test_comes_from_the_variable_with_its_providers_name_where_litellm_has_another(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.delenv("PERPLEXITYAI_API_KEY", raising=False)
        monkeypatch.setenv("PERPLEXITY_API_KEY", KEY)
        assert find_endpoint(LLM(model="perplexity/sonar"), Endpoint()).api_key == KEY

    def test_shows_in_no_representation(self):
        assert KEY not in repr(Endpoint(KEY, "http://x"))

    def test_is_no_field_of_the_record(self, provider: Provider):
        assert KEY not in str(record_of(provider))


def test_the_schema_has_no_field_that_a_record_lacks(provider: Provider):
    assert {field.name for field in FIELDS} == set(record_of(provider))
