"""What reaches the wire while a question is asked: one request, to the study's address, and nothing beside it."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Iterator

import httpx
import pytest
import requests

from doubles.provider import Provider
from llm_bench.errors import RequestError
from llm_bench.measure import tap
from llm_bench.measure.client import Endpoint, LLMClient, find_endpoint
from llm_bench.measure.exchange import Exchange, RefusedRequestError
from llm_bench.measure.transport import AnsweredError, InstrumentedTransport
from llm_bench.study import LLM, Deadlines, Generation

QUESTION = "Which category leads?"
MESSAGES = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture
def transport() -> Iterator[InstrumentedTransport]:
    transport = InstrumentedTransport()
    transport.exchange = Exchange(2, 2, 4, question=QUESTION)
    yield transport
    transport.close()


def post(url: str, question: str = QUESTION) -> httpx.Response:
    return httpx.post(f"{url}/chat/completions", json={"messages": [{"content": question}]})


class TestWhateverClient:
    """Each makes its own httpx client; none is handed one."""

    def test_goes_over_the_measured_transport(self, provider: Provider, transport: InstrumentedTransport):
        with tap.measuring(transport, transport.exchange), pytest.raises(AnsweredError):
            post(provider.url)
        assert transport.exchange.answer.text == "Home & Kitchen led."
        assert transport.exchange.sent is not None

    def test_is_left_alone_outside_of_a_measurement(self, provider: Provider, transport: InstrumentedTransport):
        with tap.measuring(transport, transport.exchange):
            pass
        assert post(provider.url).status_code == 200

    def test_is_left_alone_in_other_threads(self, provider: Provider, transport: InstrumentedTransport):
        statuses: list[int] = []
        begin, done = threading.Event(), threading.Event()

        def work() -> None:
            begin.wait(10)
            statuses.append(post(provider.url).status_code)
            done.set()

        threading.Thread(target=work, daemon=True).start()
        with tap.measuring(transport, transport.exchange):
            begin.set()
            done.wait(10)
        assert statuses == [200]


class TestTheOneRequest:
    def test_is_the_only_one(self, provider: Provider, transport: InstrumentedTransport):
        exchange = transport.exchange
        with tap.measuring(transport, exchange):
            with pytest.raises(AnsweredError):
                post(provider.url)
            with pytest.raises(RefusedRequestError, match=r"a second request, to 127.0.0.1/v1/chat"):
                post(provider.url)
        assert len(provider.asked) == 1
        assert exchange.wanted_more

    def test_carries_the_question(self, provider: Provider, transport: InstrumentedTransport):
        with (
            tap.measuring(transport, transport.exchange),
            pytest.raises(RefusedRequestError, match="without the question"),
        ):
            post(provider.url, "What models are there?")
        assert provider.connections == 0

    @pytest.mark.parametrize("question", [QUESTION, "Was ist größer: Ähre oder Öhr?", "最大的类别是什么？", '"\\n"'])
    def test_is_known_in_any_language(self, provider: Provider, transport: InstrumentedTransport, question: str):
        transport.exchange.question = question
        with tap.measuring(transport, transport.exchange), pytest.raises(AnsweredError):
            post(provider.url, question)

    def test_goes_to_the_address_of_the_connection(self, provider: Provider, transport: InstrumentedTransport):
        transport.exchange.host = "gateway.example"
        with (
            tap.measuring(transport, transport.exchange),
            pytest.raises(RefusedRequestError, match=r"to 127.0.0.1 instead of gateway.example"),
        ):
            post(provider.url)
        assert provider.connections == 0


class TestALibraryWithItsOwnHttp:
    @pytest.mark.parametrize(
        "send",
        [
            lambda url: requests.get(url, timeout=1),
            lambda url: urllib.request.urlopen(url, timeout=1),
            lambda url: socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0])), 1),
            lambda _url: socket.getaddrinfo("api.example.org", 443),
        ],
        ids=["requests", "urllib", "socket", "DNS"],
    )
    def test_opens_no_connection(self, provider: Provider, transport: InstrumentedTransport, send):
        exchange = transport.exchange
        with tap.measuring(transport, exchange), pytest.raises(OSError, match=r"can't be timed|refused"):
            send(provider.url)
        assert provider.connections == 0
        assert exchange.elsewhere[0] in {"127.0.0.1", "api.example.org"}

    def test_opens_none_in_a_thread_of_its_own(self, provider: Provider, transport: InstrumentedTransport):
        def send() -> None:
            with pytest.raises(OSError, match=r"can't be timed|refused"):
                requests.get(provider.url, timeout=1)

        with tap.measuring(transport, transport.exchange):
            thread = threading.Thread(target=send)
            thread.start()
            thread.join(10)
        assert provider.connections == 0
        assert transport.exchange.elsewhere

    def test_may_ask_for_an_access_token(self):
        assert tap.signs_in("oauth2.googleapis.com")
        assert tap.signs_in("sts.eu-central-1.amazonaws.com")
        assert not tap.signs_in("api.openai.com")
        assert not tap.signs_in("oauth2.googleapis.com.example.org")


class TestAClient:
    def make(self, model: str, provider: Provider | None = None) -> LLMClient:
        endpoint = Endpoint("canary", provider.url if provider else None)
        return LLMClient(llm=LLM(model=model), endpoint=endpoint, generation=Generation(), deadlines=Deadlines())

    @pytest.mark.parametrize("model", ["openai/gpt-4o", "cloudflare/x", "snowflake/x", "maritalk/x", "oobabooga/x"])
    def test_sends_one_request_and_none_to_warm_up(self, provider: Provider, model: str):
        with self.make(model, provider) as asking:
            assert provider.asked == []
            assert asking.ask(MESSAGES).failure_kind is None
        assert len(provider.asked) == 1

    def test_says_that_a_parameter_is_refused(self, provider: Provider):
        with pytest.raises(RequestError, match="don't support temperature"):
            self.make("openai/gpt-5", provider)
        assert provider.asked == []

    def test_sends_nothing_elsewhere_than_to_its_address(self, provider: Provider, monkeypatch: pytest.MonkeyPatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "canary")
        with pytest.raises(RequestError, match=r"can't be measured: .* request to runtime.sagemaker.* instead of 127"):
            self.make("sagemaker_chat/some-endpoint", provider)
        assert provider.connections == 0

    def test_takes_no_answer_that_is_fetched_by_a_second_request(self):
        with pytest.raises(RequestError, match="several requests for an answer"):
            LLMClient(
                llm=LLM(model="replicate/vendor/model"),
                endpoint=Endpoint("canary"),
                generation=Generation(),
                deadlines=Deadlines(),
            )

    @pytest.mark.parametrize("model", ["github_copilot/gpt-4o", "chatgpt/gpt-5"])
    def test_signs_in_nowhere_to_find_out_whose_a_model_is(self, model: str):
        with pytest.raises(RequestError, match="a request without the question, to"):
            find_endpoint(LLM(model=model), Endpoint())

    def test_has_nothing_of_litellms_own_in_its_body(self, provider: Provider):
        with self.make("huggingface/vendor/model", provider) as asking:
            asking.ask(MESSAGES)
        assert "max_retries" not in provider.asked[0].content

    @pytest.mark.parametrize("model", ["nvidia_nim/vendor/model", "databricks/model"])
    def test_asks_for_the_counts_where_they_come_only_then(self, provider: Provider, model: str):
        with self.make(model, provider) as asking:
            asking.ask(MESSAGES)
        assert provider.asked[0].content["stream_options"] == {"include_usage": True}

    @pytest.mark.parametrize("model", ["litellm_proxy/x", "custom_openai/x", "hosted_vllm/x", "lm_studio/x"])
    def test_takes_no_question_to_openai_for_want_of_an_address(self, monkeypatch: pytest.MonkeyPatch, model: str):
        monkeypatch.setenv("OPENAI_API_KEY", "canary-openai")
        with pytest.raises(RequestError, match=r"api.openai.com, as no address of") as caught:
            LLMClient(llm=LLM(model=model), endpoint=Endpoint(), generation=Generation(), deadlines=Deadlines())
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("model", ["sambanova/x", "github/x"])
    def test_takes_openais_key_to_no_one_else(self, monkeypatch: pytest.MonkeyPatch, model: str):
        monkeypatch.setenv("OPENAI_API_KEY", "canary-openai")
        with pytest.raises(RequestError, match="with OpenAI's key, to"):
            LLMClient(llm=LLM(model=model), endpoint=Endpoint(), generation=Generation(), deadlines=Deadlines())
