"""What a provider says of a key and its models, without a token being spent."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from doubles.provider import Provider, refusing
from llm_bench.errors import CredentialsError, LLMBenchError
from llm_bench.measure.client import Endpoint
from llm_bench.measure.inquiry import Heard, accepted, ask, inquire, listed, server_time

KEY = "canary-key-3a90"


def heard(status: int = 200, content: Any = None) -> Heard:
    return Heard(status, content, elapsed_sec=0.1, ahead_sec=0.0)


class TestAccepted:
    @pytest.mark.parametrize("status", [401, 403])
    def test_is_not_a_key_that_was_refused(self, status):
        with pytest.raises(CredentialsError, match=rf"groq refused the key \(environment\): HTTP {status}\. Correct"):
            accepted("groq", heard(status), "environment")

    def test_is_not_an_account_that_cannot_pay(self):
        with pytest.raises(CredentialsError, match=r"HTTP 402\. Top up the account"):
            accepted("openrouter", heard(402), "environment")

    def test_tells_what_is_left_of_the_keys_limit(self):
        content = {"data": {"label": "sk-or-v1-au7...890", "limit": 100, "limit_remaining": 74.5}}
        answer = accepted("openrouter", heard(content=content), "environment")
        assert answer == "accepted (environment), 74.50 USD left of its limit"

    def test_needs_no_limit(self):
        content = {"data": {"limit": None, "limit_remaining": None}}
        assert accepted("openrouter", heard(content=content), "environment") == "accepted (environment)"

    def test_is_not_a_key_whose_limit_is_used_up(self):
        with pytest.raises(CredentialsError, match="its credit limit is used up"):
            accepted("openrouter", heard(content={"data": {"limit_remaining": 0}}), "environment")

    @pytest.mark.parametrize("status", [404, 405])
    def test_cannot_be_told_where_there_is_no_list(self, status):
        assert accepted("groq", heard(status), "environment").endswith("can't be told before it is asked")

    @pytest.mark.parametrize(("status", "fix"), [(302, "sign-in page"), (200, "sign-in page"), (503, "status page")])
    def test_is_not_said_of_an_answer_that_tells_nothing(self, status, fix):
        with pytest.raises(LLMBenchError, match=rf"groq answers HTTP {status}.*{fix}"):
            accepted("groq", heard(status), "environment")


class TestTheList:
    def test_may_be_a_bare_one(self):
        assert listed(heard(content=[{"id": "a"}])) == {"a": {"id": "a"}}


class TestAsking:
    def test_sends_the_key_the_extra_headers_and_the_version_of_the_api(self):
        headers = {"X-Tenant": "research", "Authorization": "Basic other"}
        with Provider() as provider:
            endpoint = Endpoint(KEY, provider.url, api_version="2025-05-01", headers=headers)
            ask("/models", endpoint)
        (got,) = provider.got
        assert got.path == "/v1/models?api-version=2025-05-01"
        assert (got.headers["x-tenant"], got.headers["authorization"]) == ("research", "Basic other")


class TestAnInquiry:
    @pytest.fixture
    def provider(self):
        with Provider() as server:
            server.models = ["a", "b"]
            server.key = KEY
            yield server

    def test_says_that_the_key_is_accepted_and_how_many_models_are_listed(self, provider: Provider):
        said = inquire("hosted_vllm", Endpoint(KEY, provider.url, "environment"))
        assert said.startswith("hosted_vllm answers in 0.")
        assert said.endswith(" s. Key: accepted (environment); models listed: 2.")

    def test_spends_no_token(self, provider: Provider):
        inquire("hosted_vllm", Endpoint(KEY, provider.url))
        assert provider.asked == []

    def test_says_that_the_key_is_refused(self, provider: Provider):
        with pytest.raises(CredentialsError, match=r"refused the key \(environment\): HTTP 401"):
            inquire("hosted_vllm", Endpoint(f"{KEY}-old", provider.url, "environment"))

    def test_says_that_nobody_is_there(self):
        with refusing() as url, pytest.raises(LLMBenchError, match=r"hosted_vllm can't be reached: .*base URL"):
            inquire("hosted_vllm", Endpoint(KEY, url))

    def test_sends_no_key_that_was_pasted_with_a_line_break(self, provider: Provider):
        with pytest.raises(CredentialsError, match="holds a space, a line break"):
            inquire("hosted_vllm", Endpoint(f"{KEY}\n", provider.url))
        assert provider.got == []

    def test_asks_nothing_of_a_provider_whose_list_has_another_form(self):
        assert "Whether anthropic accepts it can't be told" in inquire("anthropic", Endpoint(KEY))


class TestServerTime:
    def test_is_the_middle_of_the_second_that_it_names(self):
        now = float(int(time.time()))
        assert server_time(httpx.Headers({"date": formatdate(now, usegmt=True)})) == now + 0.5

    def test_counts_how_long_a_cache_has_kept_the_answer(self):
        now = float(int(time.time()))
        assert server_time(httpx.Headers({"date": formatdate(now - 60, usegmt=True), "age": "60"})) == now + 0.5

    @pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
    def test_is_unknown_without_a_date(self, headers):
        assert server_time(httpx.Headers(headers)) is None
