"""What an LLM's entry of a study says, as it reaches the wire, the record and the cost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from doubles import anthropic, bedrock, gemini, groq, openrouter
from doubles.faults import answers
from doubles.ollama import Ollama
from doubles.provider import Provider, Response, Script, chunk, event, stream
from fixtures.replies import KEY, recorded
from llm_bench.errors import RequestError
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.records import Record
from llm_bench.study import LLM, Deadlines, Generation

MESSAGES = [{"role": "user", "content": "Question: Which category leads?"}]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        server.script = lambda _: Response(stream())
        yield server


def client(provider: Provider, llm: LLM, generation: Generation | None = None, **endpoint: Any) -> LLMClient:
    place = replace(Endpoint(KEY, provider.url), **endpoint)
    return LLMClient(llm=llm, endpoint=place, generation=generation or Generation(), deadlines=Deadlines())


def record_of(provider: Provider, llm: LLM, script: Script | None = None, **more: Any) -> Record:
    provider.script = script or provider.script
    with client(provider, llm, **more) as asking:
        return recorded(llm, asking.ask(MESSAGES))


def entry(model: str = "groq/some-model", **content: Any) -> LLM:
    return LLM.model_validate({"model": model, **content})


class TestParameters:
    def test_are_sent_in_the_body_as_they_stand_there(self, provider: Provider):
        own = {"top_p": 0.5, "seed": 7, "extra_body": {"a": 1}, "reasoning_format": "parsed"}
        record_of(provider, entry(parameters=own))
        sent = provider.asked[0].content
        assert {name: sent.get(name) for name in ("top_p", "seed", "a", "reasoning_format")} == {
            "top_p": 0.5, "seed": 7, "a": 1, "reasoning_format": "parsed",
        }  # fmt: skip

    def test_of_openrouters_routing_are_sent(self, provider: Provider):
        routing = {"order": ["deepinfra"], "allow_fallbacks": False}
        record_of(provider, entry("openrouter/vendor/some-model", parameters={"provider": routing}))
        assert provider.asked[0].content["provider"] == routing

    def test_that_are_headers_are_sent_as_headers_and_not_in_the_body(self, provider: Provider):
        record_of(provider, entry(parameters={"extra_headers": {"x-trace": "blue-moon"}}))
        (asked,) = provider.asked
        assert asked.headers["x-trace"] == "blue-moon"
        assert "blue-moon" not in str(asked.content)

    def test_that_are_null_take_a_parameter_of_ours_away(self, provider: Provider):
        record_of(provider, entry(parameters={"stream_options": None}))
        assert "stream_options" not in provider.asked[0].content

    def test_give_the_longest_answer_by_its_newer_name(self, provider: Provider):
        record_of(provider, entry(parameters={"max_completion_tokens": 77}))
        sent = provider.asked[0].content
        assert sent.get("max_completion_tokens", sent.get("max_tokens")) == 77
        assert not {"max_completion_tokens", "max_tokens"} <= set(sent)


SENT = {
    "anthropic/claude-sonnet-4-5": (anthropic.Anthropic, "thinking", {"type": "enabled", "budget_tokens": 2048}),
    "bedrock/anthropic.claude-sonnet-4-20250514-v1:0": (
        bedrock.Bedrock,
        "additionalModelRequestFields.thinking",
        {"type": "enabled", "budget_tokens": 2048},
    ),
    "gemini/gemini-2.5-flash": (
        gemini.Gemini,
        "generationConfig.thinkingConfig",
        {"includeThoughts": True, "thinkingBudget": 2048},
    ),
    "openrouter/vendor/some-model": (openrouter.OpenRouter, "reasoning", {"max_tokens": 2048}),
}
LONGEST = {"bedrock": "inferenceConfig.maxTokens", "gemini": "generationConfig.max_output_tokens"}


def at(content: dict[str, Any], path: str) -> Any:
    """What stands there in a request; None where nothing does."""
    for part in path.split("."):
        content = content.get(part) or {}
    return content or None


@pytest.mark.parametrize("model", SENT)
class TestABudgetForReasoning:
    @pytest.fixture
    def asked(self, provider: Provider, model: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """The request that is sent."""
        monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
        provider.script = answers(
            SENT[model][0], lambda reply: [*reply.opening(), reply.answer("Home."), *reply.closing(4)]
        )
        record = record_of(provider, entry(model, reasoning_budget=2048), generation=Generation(max_tokens=100))
        assert record["success"]
        return provider.asked[0].content

    def test_reaches_the_provider_by_its_own_parameter(self, asked: dict[str, Any], model: str):
        _, path, sent = SENT[model]
        assert at(asked, path) == sent

    def test_leaves_the_answer_its_own_length(self, asked: dict[str, Any], model: str):
        assert at(asked, LONGEST.get(model.partition("/")[0], "max_tokens")) == 2148

    def test_is_sent_to_claude_without_a_temperature(self, asked: dict[str, Any], model: str):
        claude = model.startswith(("anthropic", "bedrock"))
        assert ("temperature" not in str(asked)) is claude


def test_a_budget_for_reasoning_that_a_model_of_bedrock_takes_otherwise_is_named(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
    with pytest.raises(
        RequestError, match=r"LiteLLM doesn't send thinking .*2048.* to bedrock/amazon\.nova-lite-v1:0: "
    ):
        record_of(provider, entry("bedrock/amazon.nova-lite-v1:0", reasoning_budget=2048))
    assert provider.asked == []


class TestTemperature:
    @pytest.mark.parametrize(("llm", "sent"), [({}, 0.3), ({"temperature": 1}, 1.0), ({"temperature": None}, None)])
    def test_is_the_studys_or_the_entrys_own_or_none(self, provider: Provider, llm: dict[str, Any], sent: float | None):
        record_of(provider, entry(**llm), generation=Generation(temperature=0.3))
        assert provider.asked[0].content.get("temperature") == sent

    def test_null_of_the_study_is_none_for_all(self, provider: Provider):
        record_of(provider, entry(), generation=Generation(temperature=None))
        assert "temperature" not in provider.asked[0].content

    @pytest.mark.parametrize("model", ["openai/gpt-5", "openai/gpt-5-mini", "openai/o3", "openai/o4-mini"])
    def test_that_litellm_refuses_is_named_before_any_request(self, provider: Provider, model: str):
        with pytest.raises(
            RequestError, match=rf"LiteLLM doesn't send temperature 0.0 to {model}: .*Only temperature=1"
        ):
            client(provider, entry(model))
        assert provider.asked == []

    @pytest.mark.parametrize("model", ["openai/gpt-5", "openai/o3", "openai/o4-mini"])
    def test_null_lets_such_a_model_be_asked(self, provider: Provider, model: str):
        assert record_of(provider, entry(model, temperature=None))["success"]
        assert "temperature" not in provider.asked[0].content


class TestAParameterThatLiteLLMRefuses:
    @pytest.mark.parametrize(
        ("llm", "named"),
        [
            (entry("v0/some-model"), "temperature 0.0, max_tokens 512|max_tokens 512, temperature 0.0"),
            (entry(parameters={"reasoning_effort": "low"}), "reasoning_effort low"),
        ],
        ids=["v0", "groq"],
    )
    def test_is_named_with_its_value_and_its_model(self, provider: Provider, llm: LLM, named: str):
        with pytest.raises(RequestError, match=f"LiteLLM doesn't send ({named}) to {llm.model}: .*does not support"):
            client(provider, llm)

    def test_is_sent_all_the_same_where_the_entry_allows_it(self, provider: Provider):
        allowed = {"reasoning_effort": "low", "allowed_openai_params": ["reasoning_effort"]}
        record_of(provider, entry(parameters=allowed))
        assert provider.asked[0].content["reasoning_effort"] == "low"


class TestTheCost:
    """A prompt of 10,000 tokens, of which 9,900 were read from a cache, and an answer of 10."""

    USAGE = {  # noqa: RUF012
        "prompt_tokens": 10_000,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 9_900},
    }

    def script(self, **usage: Any) -> Script:
        return lambda _: Response(
            [chunk({"content": "Toys"}, "stop"), chunk(None, usage=self.USAGE | usage), event("[DONE]")]
        )

    def test_counts_cached_tokens_at_their_price_in_litellms_list(self, provider: Provider):
        record = record_of(provider, entry("openai/gpt-4o"), self.script())
        assert record["cost_usd"] == pytest.approx(100 * 2.5e-6 + 9_900 * 1.25e-6 + 10 * 10e-6)
        assert round(record["cost_usd"], 4) == 0.0127
        assert record["price_source"] == f"litellm {record['litellm_version']}"

    def test_counts_them_at_the_studys_price(self, provider: Provider):
        price = {"input": 2, "cached_input": 0.5, "output": 8}
        record = record_of(provider, entry(price=price), self.script())
        assert record["cost_usd"] == pytest.approx((100 * 2 + 9_900 * 0.5 + 10 * 8) / 1e6)
        assert record["price_source"] == "study"

    def test_counts_them_as_the_others_where_the_study_has_no_price_for_them(self, provider: Provider):
        record = record_of(provider, entry(price={"input": 2, "output": 8}), self.script())
        assert record["cost_usd"] == pytest.approx((10_000 * 2 + 10 * 8) / 1e6)

    def test_is_what_the_provider_states_where_it_does(self, provider: Provider):
        record = record_of(provider, entry(price={"input": 2, "output": 8}), self.script(cost=0.25))
        assert (record["cost_usd"], record["price_source"]) == (0.25, "provider")

    def test_without_a_price_has_no_source(self, provider: Provider):
        record = record_of(provider, entry(), self.script())
        assert (record["cost_usd"], record["price_source"]) == (None, None)


class TestWhatAProviderSaysOfItself:
    def test_is_kept_of_groq(self, provider: Provider):
        record = record_of(provider, entry(), groq.good)
        times = [record[f"provider_{name}_sec"] for name in ("queue", "prompt", "completion")]
        assert times == [0.0378, 0.0006, 0.4635]
        assert record["system_fingerprint"] == "fp_179b0f92c9"

    def test_is_kept_of_openrouter(self, provider: Provider):
        record = record_of(provider, entry("openrouter/vendor/some-model"), openrouter.good)
        assert record["upstream_provider"] == "DeepInfra"

    def test_is_kept_of_ollama(self, provider: Provider):
        record = record_of(
            provider,
            entry("ollama_chat/some-model"),
            lambda asked: Response(list(Ollama(asked).stream()), headers={"content-type": "application/x-ndjson"}),
        )
        times = [record[f"provider_{name}_sec"] for name in ("queue", "prompt", "completion")]
        assert times == pytest.approx([0.101397084, 0.013074791, 0.052479709])

    def test_is_kept_of_cerebras_and_of_llama_cpp(self, provider: Provider):
        for more in (
            {"time_info": {"queue_time": 0.1, "prompt_time": 0.2, "completion_time": 0.3}},
            {"timings": {"prompt_ms": 200.0, "predicted_ms": 300.0}},
        ):
            last = chunk({}, "stop", **more)
            record = record_of(
                provider, entry(), lambda _, last=last: Response([chunk({"content": "a"}), last, event("[DONE]")])
            )
            assert (record["provider_prompt_sec"], record["provider_completion_sec"]) == (0.2, 0.3)

    def test_of_its_tier_is_kept(self, provider: Provider):
        last = chunk({}, "stop", service_tier="flex")
        record = record_of(provider, entry(), lambda _: Response([chunk({"content": "a"}), last, event("[DONE]")]))
        assert record["service_tier"] == "flex"

    def test_is_never_a_number_that_it_isn_t(self, provider: Provider):
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "queue_time": "soon", "prompt_time": -1}
        body = [
            chunk({"content": "a"}, "stop", system_fingerprint=7, provider={}),
            chunk(None, usage=usage),
            event("[DONE]"),
        ]
        record = record_of(provider, entry(), lambda _: Response(body))
        names = ("provider_queue_sec", "provider_prompt_sec", "system_fingerprint", "upstream_provider")
        assert [record[name] for name in names] == [None] * 4


class TestTheRecord:
    def test_names_the_entry_and_its_settings(self, provider: Provider):
        record = record_of(provider, entry(name="hot", temperature=1))
        assert (record["llm"], record["llm_provider"], record["llm_model"]) == ("hot", "groq", "some-model")
        assert len(record["settings_hash"]) == 64
        assert (record["position"], record["timing_source"]) == (1, "wire")

    def test_notes_a_success_without_its_documented_end(self, provider: Provider):
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        record = record_of(provider, entry(), lambda _: Response([chunk({"content": "a"}, "stop", usage=usage)]))
        assert (record["success"], record["note"]) == (True, "the stream ended without [DONE]")

    @pytest.mark.skipif(sys.platform != "linux", reason="other kernels tell it otherwise")
    def test_has_the_kernels_round_trip_of_the_connection(self, provider: Provider):
        with client(provider, entry()) as asking:
            trips = [recorded(entry(), asking.ask(MESSAGES))["network_rtt_sec"] for _ in range(2)]
        assert all(trip is not None and trip > 0 for trip in trips)

    @pytest.mark.skipif(sys.platform != "linux", reason="other kernels tell it otherwise")
    def test_has_a_round_trip_that_the_servers_own_time_is_no_part_of(self, provider: Provider):
        provider.script = lambda _: Response(stream("a b", first_token_sec=0.02, token_sec=0.02))
        with client(provider, entry()) as asking:
            trips = [recorded(entry(), asking.ask(MESSAGES))["network_rtt_sec"] for _ in range(6)]
        assert trips == sorted(trips, reverse=True)  # the shortest of late never grows, as the smoothed one does

    def test_has_the_time_of_a_name_s_look_up_as_a_part_of_connecting(self, provider: Provider):
        url = provider.url.replace("127.0.0.1", "localhost")
        with client(provider, entry(), api_base=url) as asking:
            first, second = (recorded(entry(), asking.ask(MESSAGES)) for _ in range(2))
        assert 0 < first["dns_sec"] <= first["connect_sec"]
        assert (second["dns_sec"], second["connect_sec"]) == (None, None)

    def test_has_no_look_up_of_an_address(self, provider: Provider):
        record = record_of(provider, entry())
        assert record["connect_sec"] > 0
        assert record["dns_sec"] is None


class TestTheSettingsHash:
    def of(self, provider: Provider, llm: LLM, generation: Generation | None = None, **endpoint: Any) -> str:
        with client(provider, llm, generation, **endpoint) as asking:
            return asking.settings_hash

    def test_is_the_same_for_another_key_a_price_or_a_limit(self, provider: Provider):
        other = entry(price={"input": 1, "output": 2}, requests_per_minute=3)
        assert self.of(provider, entry()) == self.of(provider, other, api_key="another", headers={"x-secret": "words"})

    @pytest.mark.parametrize(
        "llm",
        [entry(name="b"), entry("groq/b"), entry(temperature=None), entry(max_tokens=9), entry(parameters={"seed": 1})],
    )
    def test_differs_with_what_is_asked(self, provider: Provider, llm: LLM):
        assert self.of(provider, llm) != self.of(provider, entry())

    def test_differs_with_the_budget_for_reasoning_alone(self, provider: Provider):
        whole = entry("openrouter/vendor/a", max_tokens=3000)
        split = entry("openrouter/vendor/a", max_tokens=1000, reasoning_budget=2000)
        assert self.of(provider, whole) != self.of(provider, split)

    def test_differs_with_the_address(self, provider: Provider):
        assert self.of(provider, entry()) != self.of(provider, entry(), api_base=provider.url + "/b")

    def test_is_of_an_address_without_its_secrets(self, provider: Provider):
        address = provider.url.replace("://", "://user:canary@") + "?key=canary"
        with client(provider, entry(), api_base=address) as asking:
            assert "canary" not in str(asking.settings)

    def test_of_a_baseline_is_the_same_wherever_its_server_is(self, provider: Provider):
        llm = entry("baseline/lead")
        assert self.of(provider, llm) == self.of(provider, llm, api_base="http://127.0.0.1:9/v1")
