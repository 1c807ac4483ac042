"""One request to one LLM: exactly one HTTP attempt through LiteLLM, timed by our transport."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, cast

import httpx

from llm_bench.errors import CredentialsError, RequestError
from llm_bench.measure import failures, wire
from llm_bench.measure.transport import Exchange, InstrumentedTransport, secrets_of
from llm_bench.study import BASELINE, LLM, Deadlines, Generation

ENVIRONMENT = "environment"
"""Source of a key that is no connection's."""

_KEY = re.compile(r"[\x21-\x7e]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an LLM is reached.

    :param api_key: the provider's key; empty for an endpoint that needs none, and where LiteLLM finds it by itself.
    :param api_base: overrides the provider's own address.
    :param source: where the key was found.
    :param api_version: what LiteLLM calls so; it reaches providers whose addresses carry a version (Azure AI).
    :param headers: sent with every request, over LiteLLM's own; as secret as the key.
    """

    api_key: str = ""
    api_base: str | None = None
    source: str = ""
    api_version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:  # a key must not reach a log
        return f"Endpoint(api_base={self.api_base!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never show."""
        return secrets_of((self.api_key, *self.headers.values()))

    def check(self) -> None:
        """Checks what no request could carry, before it looks like a fault of the provider's.

        :raises CredentialsError: the key or a header can't be sent.
        """
        if not _KEY.fullmatch(self.api_key):
            raise CredentialsError(
                f"The key ({self.source}) holds a space, a line break or a character that no key has.",
                "Paste it again, alone.",
            )
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise CredentialsError(
                    f"The extra header {name!r} ({self.source}) holds a character that HTTP can't send.",
                    "Correct its name or its value in the connection.",
                )


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    :param exchange: the wire's stamps; times are CLOCK_MONOTONIC.
    :param answer: what the stream said, as far as it came.
    :param failure_kind: None for a success.
    :param error: the fault in the words of the provider or the network, secrets removed.
    :param prompt_tokens: tokens of the prompt.
    :param response_tokens: tokens generated; None when nothing was.
    :param token_source: ``provider`` or ``estimated``.
    :param cost_usd: None when no price is known.
    """

    exchange: Exchange
    answer: wire.Answer
    failure_kind: str | None
    error: str | None
    prompt_tokens: int | None
    response_tokens: int | None
    token_source: str | None
    cost_usd: float | None


class LLMClient:
    """Asks one LLM, one request at a time, over one connection that stays open.

    :param llm: the LLM.
    :param endpoint: its key and address.
    :param generation: what it is asked with.
    :param deadlines: when a request counts as timed out.
    :raises CredentialsError: the endpoint's key or one of its headers can't be sent.
    """

    def __init__(self, *, llm: LLM, endpoint: Endpoint, generation: Generation, deadlines: Deadlines) -> None:
        endpoint.check()
        self._llm = llm
        self._endpoint = endpoint
        self._generation = generation
        self._deadlines = deadlines
        self._litellm = quiet_litellm()
        self._transport = InstrumentedTransport(endpoint.headers)
        self._handler = _handler(self._transport)
        self._warm_up()

    def __enter__(self) -> LLMClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._handler.close()

    def ask(self, messages: list[dict[str, str]]) -> Reply:
        """One answer. A provider's fault is in the reply.

        :param messages: the chat so far, OpenAI's form.
        :raises CredentialsError: the provider refused the key or the account.
        :raises RequestError: the request is wrong and would be for every question.
        """
        exchange = Exchange(
            connect_sec=self._deadlines.connect_sec,
            first_token_sec=self._deadlines.first_token_sec,
            total_sec=self._deadlines.total_sec,
        )
        self._transport.exchange = exchange
        chunks, fault = self._complete(self._handler, messages, exchange)
        if exchange.requests == 0:
            raise RequestError(
                f"LiteLLM made no request to {self._llm.model}: {_scrub(str(fault), exchange)}.",
                "Check the model string (provider/model) and its parameters in the study file.",
            )
        return self._reply(exchange, _answer(exchange, chunks, whole=fault is None), messages)

    def _complete(
        self, handler: Any, messages: list[dict[str, str]], exchange: Exchange | None
    ) -> tuple[list[tuple[float, str]], Exception | None]:
        """LiteLLM's own chunks with the arrival of the bytes they came from, and the exception that ended them."""
        baseline = self._llm.provider == BASELINE
        chunks: list[tuple[float, str]] = []
        try:
            stream = self._litellm.completion(
                model=self._llm.model_name if baseline else self._llm.model,
                custom_llm_provider="custom_openai" if baseline else None,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                max_tokens=self._generation.max_tokens,
                temperature=self._generation.temperature,
                api_key=self._endpoint.api_key or ("none" if self._endpoint.api_base else None),
                api_base=self._endpoint.api_base,
                api_version=self._endpoint.api_version,
                client=handler,
                num_retries=0,
                timeout=self._deadlines.total_sec,
            )
            chunks.extend((exchange.replayed or 0.0 if exchange else 0.0, chunk.model_dump_json()) for chunk in stream)
        except Exception as fault:
            return chunks, fault
        return chunks, None

    def _reply(
        self,
        exchange: Exchange,
        answer: wire.Answer,
        messages: list[dict[str, str]],
    ) -> Reply:
        page = wire.page(exchange.headers, exchange.body)
        # Some gateways send an error as plain JSON under the content type of the stream that was asked for.
        streamed = wire.is_stream(exchange.status, exchange.headers) and not failures.error_of(page)
        if not streamed:
            self._raise_on_mistake(exchange, page)
        kind = failures.failure_kind(
            missed=exchange.missed, status=exchange.status, streamed=streamed, error_body=page, answer=answer
        )
        prompt_tokens, response_tokens, source = self._tokens(answer, messages)
        return Reply(
            exchange=exchange,
            answer=answer,
            failure_kind=kind,
            error=None if kind is None else self._error(kind, exchange, answer, "" if streamed else page),
            prompt_tokens=prompt_tokens,
            response_tokens=response_tokens,
            token_source=source,
            cost_usd=self._cost(answer, prompt_tokens, response_tokens),
        )

    def _raise_on_mistake(self, exchange: Exchange, page: str) -> None:
        status, text = exchange.status, _scrub(_words(page), exchange)
        if failures.refused_key(status, page):
            raise CredentialsError(
                f"{self._llm.provider} refused the key or the account (HTTP {status}): {text}",
                f"Correct the API key of the Airflow connection llm_{self._llm.provider} or the provider's "
                "environment variable, or top up the account, then clear this task.",
            )
        if failures.refused_request(status, page):
            raise RequestError(
                f"{self._llm.provider} refused the request for {self._llm.model_name} (HTTP {status}): {text}",
                "Correct the model or the generation settings in the study file, then clear this task.",
            )

    def _error(self, kind: str, exchange: Exchange, answer: wire.Answer, page: str) -> str:
        if answer.error is not None:
            text = failures.error_message(answer.error)
        elif exchange.missed is not None and kind == f"timeout_{exchange.missed}":
            limit = getattr(self._deadlines, f"{exchange.missed}_sec")
            text = f"not done within {exchange.missed}_sec = {limit:g} s"
        elif wire.is_stream(exchange.status, exchange.headers):
            text = _words(page) or str(exchange.fault or "") or failures.describe(kind, answer)
        elif exchange.status is None:
            text = str(exchange.fault or "") or kind
        else:
            headers = (exchange.headers.get(name, "") for name in ("location", "content-type", "content-encoding"))
            text = " ".join([f"HTTP {exchange.status}:", _words(page), *(headers if exchange.status < 400 else ())])
        return _scrub(text, exchange)

    def _tokens(self, answer: wire.Answer, messages: list[dict[str, str]]) -> tuple[int | None, int | None, str | None]:
        usage, generated = answer.usage or {}, answer.reasoning + answer.text
        counted = usage.get("completion_tokens")
        if counted or (counted == 0 and not generated):  # some send zeros until they have counted
            return usage.get("prompt_tokens"), counted, "provider"
        if not generated:
            return None, None, None
        # Without a model: for some LiteLLM would fetch a tokenizer from the network, in the middle of the batch.
        count = self._litellm.token_counter
        return count(model="", messages=messages), count(model="", text=generated), "estimated"

    def _cost(self, answer: wire.Answer, prompt_tokens: int | None, response_tokens: int | None) -> float | None:
        stated = (answer.usage or {}).get("cost")
        if isinstance(stated, int | float):
            return float(stated)
        if prompt_tokens is None or response_tokens is None or self._llm.provider == BASELINE:
            return None
        try:
            prompt_cost, response_cost = self._litellm.cost_per_token(
                model=self._llm.model, prompt_tokens=prompt_tokens, completion_tokens=response_tokens
            )
        except Exception:
            return None
        return float(prompt_cost + response_cost)

    def _warm_up(self) -> None:
        """Runs LiteLLM's whole path once without a network, so that the first question pays for no import."""
        chunk = (
            b'data: {"id":"0","object":"chat.completion.chunk","created":0,"model":"m","choices":'
            b'[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}\n\n'
            b'data: {"id":"0","object":"chat.completion.chunk","created":0,"model":"m","choices":'
            b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        )
        canned = httpx.MockTransport(
            lambda _request: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=chunk)
        )
        handler = _handler(canned)
        self._complete(handler, [{"role": "user", "content": "a"}], None)
        handler.close()
        wire.read_answer(wire.events([(0.0, chunk)]))


def _handler(transport: httpx.BaseTransport) -> Any:
    """LiteLLM's HTTP client over a transport of ours. It closes its connections when it is garbage: keep it."""
    from litellm.llms.custom_httpx.http_handler import HTTPHandler

    return HTTPHandler(client=httpx.Client(transport=transport, follow_redirects=False))


def _answer(exchange: Exchange, chunks: Sequence[tuple[float, str]], *, whole: bool) -> wire.Answer:
    """What a stream said: from its bytes, or, where they aren't in OpenAI's form, from LiteLLM's translation.

    :param chunks: LiteLLM's chunks with the arrival of their bytes.
    :param whole: whether LiteLLM read the stream to its end.
    """
    request_id = exchange.headers.get("x-generation-id")  # OpenRouter's id, also of what isn't a stream
    if not wire.is_stream(exchange.status, exchange.headers):
        return wire.Answer(request_id=request_id)
    answer = wire.read_answer(wire.events(exchange.body))
    answer.request_id = answer.request_id or request_id
    if answer.chunks or not answer.foreign or not chunks:
        return answer
    end = [(exchange.body[-1][0], wire.END)] if whole else []
    translated = wire.read_answer([*chunks, *end])
    translated.usage = None  # LiteLLM invents counts where there are none, so none of them can be taken
    translated.error, translated.garbage = answer.error, answer.garbage  # it reads on over both
    return translated


def _words(page: str) -> str:
    """A response's own words: the message of its error, or else all of it."""
    error = failures.error_of(page)
    return failures.error_message(error) if error else page


def _scrub(text: str, exchange: Exchange) -> str:
    return failures.scrub(" ".join(text.split()), exchange.secrets)


def quiet_litellm() -> ModuleType:
    """LiteLLM with everything off that would send more than the one request, or go to the network by itself."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    # Every provider that speaks OpenAI's protocol then goes through the HTTP client that it is given.
    os.environ["EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER"] = "true"
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.disable_streaming_logging = True
    litellm.num_retries = None  # 0 would be taken for "not set"
    litellm.callbacks = []
    litellm.cache = None
    return cast("ModuleType", litellm)


def known_provider(llm: LLM) -> tuple[str | None, str | None]:
    """What LiteLLM knows of an LLM's provider: a key from its environment, and its address where it is like OpenAI's.

    :raises RequestError: it knows no such provider.
    """
    try:
        _, _, key, address = quiet_litellm().get_llm_provider(llm.model)
    except Exception as fault:
        raise RequestError(
            f"LiteLLM knows no provider {llm.provider!r} (model {llm.model!r}).",
            "Write the model as provider/model with a provider of LiteLLM's list, in the study file.",
        ) from fault
    return key, address


def find_endpoint(llm: LLM, given: Endpoint) -> Endpoint:
    """The endpoint of an LLM, its key from the provider's own environment variable where none is given.

    :param given: what the Airflow connection says; empty where there is none.
    :raises CredentialsError: there is no key; names the connection and the variable.
    :raises RequestError: LiteLLM knows no such provider.
    """
    if given.api_key or given.api_base:
        return given
    if llm.provider == BASELINE:
        raise CredentialsError(
            "The address of the built-in baselines isn't known: there is no Airflow connection llm_baseline.",
            "Start Airflow with `llm-bench run` or `llm-bench up`, which serve the baselines and set the connection.",
        )
    known_provider(llm)
    wanted = quiet_litellm().validate_environment(llm.model)["missing_keys"]
    if wanted:
        raise CredentialsError(
            f"There is no key for {llm.provider}: neither the Airflow connection llm_{llm.provider} nor the "
            f"environment variable {' or '.join(wanted)} is set.",
            f"Add the connection in the UI (Admin → Connections: id llm_{llm.provider}, type LLM API, with the "
            f"API key), or set {wanted[0]} and restart Airflow; then clear this task.",
        )
    return replace(given, api_key=os.environ.get(f"{llm.provider.upper()}_API_KEY", ""), source=ENVIRONMENT)
