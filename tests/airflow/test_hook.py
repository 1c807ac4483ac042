from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from doubles.provider import Provider, Response
from llm_bench.airflow.hook import LiteLLMHook
from llm_bench.errors import CredentialsError
from llm_bench.study import LLM

KEY = "canary-key-c41e"
HEADER = "canary-header-90ab"
MODEL = LLM(model="hosted_vllm/some-model")
MESSAGES = [{"role": "user", "content": "Which category leads?"}]

Connect = Callable[..., None]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        server.models = ["some-model"]
        server.key = KEY
        yield server


@pytest.fixture
def connect(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Sets a connection that leads to the double; of the form that the UI saves."""

    def set_connection(conn_id: str = "llm_hosted_vllm", extra: dict[str, Any] | None = None, **fields: Any) -> None:
        content = {"conn_type": "llm", "host": provider.url, "password": KEY, "extra": extra or {}} | fields
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(content))

    return set_connection


class TestTheConnection:
    @pytest.mark.parametrize("conn_type", ["llm", "http", "generic"])
    def test_of_each_of_these_types_gives_key_and_address(self, connect: Connect, provider: Provider, conn_type: str):
        connect(conn_type=conn_type)
        endpoint = LiteLLMHook(llm=MODEL).endpoint()
        assert (endpoint.api_key, endpoint.api_base) == (KEY, provider.url)
        assert endpoint.source == "connection llm_hosted_vllm"

    def test_of_type_http_may_have_a_login_which_says_nothing(self, connect: Connect):
        connect(conn_type="http", login="me")
        assert LiteLLMHook(llm=MODEL).endpoint().api_key == KEY

    @pytest.mark.parametrize(
        ("fields", "address"),
        [
            ({"host": "gateway.example"}, "https://gateway.example"),
            ({"host": "gateway.example", "schema": "http", "port": 8000}, "http://gateway.example:8000"),
            ({"host": "http://gateway.example/v1", "port": 8000}, "http://gateway.example:8000/v1"),
            ({"host": "http://gateway.example:8001/v1", "port": 443}, "http://gateway.example:8001/v1"),
            ({"host": None, "port": 443}, None),
        ],
    )
    def test_may_give_scheme_and_port_apart(self, connect: Connect, fields: dict[str, Any], address: str | None):
        connect(**fields)
        assert LiteLLMHook(llm=MODEL).endpoint().api_base == address

    def test_is_the_providers_own_unless_another_is_named(self, connect: Connect):
        connect("second_account", password="another-key")  # pragma: allowlist secret
        connect()
        assert LiteLLMHook(llm=MODEL).endpoint().api_key == KEY
        assert LiteLLMHook("second_account", llm=MODEL).endpoint().api_key == "another-key"  # pragma: allowlist secret

    def test_that_is_named_must_be_there(self):
        with pytest.raises(CredentialsError, match=r"There is no Airflow connection absent\. Add it"):
            LiteLLMHook("absent", llm=MODEL).endpoint()

    def test_of_another_provider_gives_no_key(self, connect: Connect):
        connect(login="groq")
        with pytest.raises(CredentialsError, match="connection llm_hosted_vllm is groq's") as caught:
            LiteLLMHook(llm=MODEL).endpoint()
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("headers", ["no JSON", ["X-A"], {"X-A": 1}], ids=str)
    def test_with_extra_headers_that_are_none_says_how_to_write_them(self, connect: Connect, headers: Any):
        connect(extra={"headers": headers})
        with pytest.raises(CredentialsError, match=r"JSON object of texts\. Write them as"):
            LiteLLMHook(llm=MODEL).endpoint()

    def test_takes_what_the_form_leaves_empty_as_not_given(self, connect: Connect):
        connect(extra={"api_version": "", "organization": None, "headers": None})
        endpoint = LiteLLMHook(llm=MODEL).endpoint()
        assert (endpoint.api_version, endpoint.headers) == (None, {})


class TestARequest:
    def ask(self, model: str) -> Any:
        with LiteLLMHook(llm=LLM(model=model)).get_conn() as client:
            return client.ask(MESSAGES)

    @pytest.mark.parametrize("model", ["groq/a", "openrouter/a/b", "openai/a", "hosted_vllm/a", "anthropic/a"])
    @pytest.mark.parametrize("stated", [dict, json.dumps])
    def test_carries_organisation_and_extra_headers_and_never_in_its_body(
        self, connect: Connect, provider: Provider, model: str, stated: Callable[[Any], Any]
    ):
        extra = {"organization": "org-17", "headers": stated({"X-Gateway-Key": HEADER})}
        connect(f"llm_{model.partition('/')[0]}", extra)
        self.ask(model)
        (asked,) = provider.asked
        assert asked.headers["x-gateway-key"] == HEADER
        assert asked.headers["openai-organization"] == "org-17"
        assert HEADER not in json.dumps(asked.content)
        assert "extra_headers" not in asked.content

    def test_carries_the_version_of_the_api(self, connect: Connect, provider: Provider):
        connect("llm_azure_ai", {"api_version": "2025-05-01"})
        self.ask("azure_ai/a")
        assert provider.asked[0].path.endswith("?api-version=2025-05-01")

    def test_lets_an_extra_header_take_the_place_of_litellms_own(self, connect: Connect, provider: Provider):
        connect(extra={"headers": {"Authorization": f"Basic {HEADER}"}})
        self.ask(MODEL.model)
        assert provider.asked[0].headers["authorization"] == f"Basic {HEADER}"

    @pytest.mark.parametrize("value", [HEADER, f"Basic {HEADER}"])
    def test_has_its_secrets_taken_out_of_what_comes_back(self, connect: Connect, provider: Provider, value: str):
        connect(extra={"headers": {"X-Gateway-Key": value}})
        page = json.dumps({"error": {"message": f"{HEADER} of {value} and {KEY} are not welcome"}}).encode()
        provider.script = lambda _: Response([page], 500, {"content-type": "application/json"})
        reply = self.ask(MODEL.model)
        assert reply.error == "HTTP 500: *** of *** and *** are not welcome"

    @pytest.mark.parametrize("header", [{"X Y": "value"}, {"X-Y": "line\nbreak"}], ids=str)
    def test_is_not_sent_with_a_header_that_http_has_not(self, connect: Connect, provider: Provider, header: Any):
        connect(extra={"headers": header})
        with pytest.raises(CredentialsError, match="holds a character that HTTP can't send"):
            self.ask(MODEL.model)
        assert provider.asked == []


class TestTheTest:
    def test_says_what_the_provider_says_without_spending_a_token(self, connect: Connect, provider: Provider):
        connect("transient", login="hosted_vllm")
        passed, message = LiteLLMHook("transient").test_connection()
        assert passed
        assert message.endswith("Key: accepted (this connection); models listed: 1.")
        assert provider.asked == []

    def test_takes_the_provider_from_the_id_where_it_is_known(self, connect: Connect):
        connect()
        assert LiteLLMHook("llm_hosted_vllm").test_connection()[0]

    def test_asks_for_the_provider_where_nothing_says_it(self, connect: Connect):
        connect("transient")
        passed, message = LiteLLMHook("transient").test_connection()
        assert not passed
        assert "Fill in Provider" in message

    def test_fails_for_a_provider_that_litellm_does_not_know(self, connect: Connect):
        connect("transient", login="nonsense")
        passed, message = LiteLLMHook("transient").test_connection()
        assert not passed
        assert "LiteLLM knows no provider 'nonsense'" in message

    def test_fails_with_a_key_that_is_refused_and_shows_none(self, connect: Connect):
        connect("transient", login="hosted_vllm", password=f"{KEY}-old")
        passed, message = LiteLLMHook("transient").test_connection()
        assert not passed
        assert "hosted_vllm refused the key (this connection): HTTP 401." in message
        assert KEY not in message

    def test_fails_without_a_key_for_a_provider_that_needs_one(self, connect: Connect):
        connect("transient", login="groq", host=None, password=None)
        passed, message = LiteLLMHook("transient").test_connection()
        assert not passed
        assert "There is no key for groq" in message


def test_importing_the_hook_imports_no_litellm():
    code = "import sys, llm_bench.airflow.hook; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"litellm", "openai", "llm_bench.measure.client"}.isdisjoint(done.stdout.split())


class TestTheConnectionOfAnEntry:
    LAB = LLM(model="groq/some-model", connection="groq_lab")

    def test_takes_the_place_of_the_usual_one(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("AIRFLOW_CONN_LLM_GROQ", json.dumps({"conn_type": "llm", "password": "usual-canary"}))
        monkeypatch.setenv("AIRFLOW_CONN_GROQ_LAB", json.dumps({"conn_type": "llm", "password": "lab-canary"}))
        endpoint = LiteLLMHook(llm=self.LAB).endpoint()
        assert (endpoint.api_key, endpoint.source) == ("lab-canary", "connection groq_lab")

    def test_must_be_there_though_the_environment_has_a_key(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("GROQ_API_KEY", "usual-canary")
        with pytest.raises(CredentialsError, match="There is no Airflow connection groq_lab"):
            LiteLLMHook(llm=self.LAB).endpoint()
