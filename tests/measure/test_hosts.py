"""No request goes to a host that the study doesn't name: not by a proxy of the environment's, nor by a redirect."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from doubles.provider import Provider, Response
from llm_bench.airflow import notifier
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.inquiry import ask
from llm_bench.study import LLM, Deadlines, Generation

MESSAGES = [{"role": "user", "content": "Which category leads?"}]
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Provider]:
    """A host that nobody named."""
    with Provider() as server:
        yield server


def client(provider: Provider) -> LLMClient:
    endpoint = Endpoint(api_key="a-key", api_base=provider.url)
    return LLMClient(
        llm=LLM(model="hosted_vllm/a"), endpoint=endpoint, generation=Generation(), deadlines=Deadlines(total_sec=60)
    )


@pytest.fixture
def proxied(elsewhere: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a proxy."""
    for name in PROXIES:
        monkeypatch.setenv(name, elsewhere.url.removesuffix("/v1"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.mark.usefixtures("proxied")
class TestAProxyOfTheEnvironments:
    def test_sees_no_question(self, provider: Provider, elsewhere: Provider):
        with client(provider) as asking:
            assert asking.ask(MESSAGES).failure_kind is None
        assert (len(provider.asked), len(elsewhere.asked)) == (1, 0)

    def test_sees_no_key_that_is_checked(self, provider: Provider, elsewhere: Provider):
        provider.models, provider.key = ["a"], "canary-key"
        assert ask("/models", Endpoint(api_key="canary-key", api_base=provider.url)).status == 200
        assert not elsewhere.asked


class TestARedirect:
    @pytest.mark.parametrize(
        ("status", "target"),
        [(302, "http://169.254.169.254/latest/"), (307, "http://metadata.google.internal/"), (308, "//evil.example/")],
    )
    def test_leads_no_question_elsewhere(self, provider: Provider, status: int, target: str):
        provider.script = lambda _: Response([b""], status, {"location": target})
        with client(provider) as asking:
            reply = asking.ask(MESSAGES)
        assert reply.failure_kind == "bad_response"
        assert target in reply.error
        assert len(provider.asked) == 1

    def test_leads_no_alert_elsewhere(self, provider: Provider, elsewhere: Provider, monkeypatch: pytest.MonkeyPatch):
        provider.script = lambda _: Response([b""], 307, {"location": f"{elsewhere.url}/chat/completions"})
        hook = f"{provider.url}/chat/completions"
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS", f'{{"conn_type": "generic", "host": "{hook}"}}')
        with pytest.raises(httpx.HTTPStatusError):
            notifier.post("alerts", "text")
        assert not elsewhere.asked
