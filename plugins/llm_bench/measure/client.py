"""One request to one LLM: exactly one HTTP attempt through LiteLLM, timed by our transport."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import httpx

from llm_bench.errors import CredentialsError, LLMBenchError, RequestError
from llm_bench.measure import failures, refusals, tap, watchdog
from llm_bench.measure.exchange import Exchange
from llm_bench.measure.formats.answer import Answer
from llm_bench.measure.formats.framing import BrokenFrameError, TooLargeError
from llm_bench.measure.formats.reader import END, read
from llm_bench.measure.library import in_use, known_provider, off_line, quiet_litellm, unmeasurable
from llm_bench.measure.metadata import refuse_metadata
from llm_bench.measure.page import page
from llm_bench.measure.parameters import parameters_of, refused
from llm_bench.measure.prices import cost
from llm_bench.measure.settings import settings_hash, settings_of
from llm_bench.measure.standstill import asleep_sec, raise_on_standstill
from llm_bench.measure.transport import AnsweredError, InstrumentedTransport, Nowhere, secrets_of
from llm_bench.study import BASELINE, LLM, Deadlines, Generation

ENVIRONMENT = "environment"
"""Source of a key that is no connection's."""

_LONGEST_COUNTED = 1_000_000
"""Characters of which the tokens are counted here; a longer text is taken to go on as it begins."""
_SEVERAL_REQUESTS = {"replicate"}
"""Providers whose answer is fetched by further requests (https://replicate.com/docs/topics/predictions/streaming)."""
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
    :param timing_source: ``wire`` where the format is known, ``client`` where LiteLLM translated it: its tokens then
        have the times of the pieces that it read; None where nothing was sent.
    :param failure_kind: None for a success.
    :param error: the fault in the words of the provider or the network, secrets removed.
    :param prompt_tokens: tokens of the prompt.
    :param response_tokens: tokens generated; None when nothing was.
    :param token_source: ``provider`` or ``estimated``.
    :param cost_usd: None when no price is known.
    :param price_source: where the cost is from: ``provider``, ``study``, or LiteLLM and its version.
    :param settings_hash: of what the LLM was asked with.
    """

    exchange: Exchange
    answer: Answer
    timing_source: str | None
    failure_kind: str | None
    error: str | None
    prompt_tokens: int | None
    response_tokens: int | None
    token_source: str | None
    cost_usd: float | None
    price_source: str | None = None
    settings_hash: str | None = None


class LLMClient:
    """Asks one LLM, one request at a time, over one connection that stays open.

    :param llm: the LLM.
    :param endpoint: its key and address.
    :param generation: what it is asked with.
    :param deadlines: when a request counts as timed out.
    :raises CredentialsError: the endpoint's key or one of its headers can't be sent.
    :raises RequestError: no request to it can be made, or none that can be timed.
    """

    def __init__(self, *, llm: LLM, endpoint: Endpoint, generation: Generation, deadlines: Deadlines) -> None:
        endpoint.check()
        in_use.update(endpoint.secrets)
        self._llm = llm
        self._endpoint = endpoint
        self._parameters = parameters_of(llm, llm.asked_with(generation))
        self._deadlines = deadlines
        self._litellm = quiet_litellm()
        address = self._warm_up()
        self.settings = settings_of(llm, generation, deadlines, None if llm.provider == BASELINE else address)
        """What is asked with, the address included."""
        self.settings_hash = settings_hash(self.settings)
        self._transport = self._connected()

    def __enter__(self) -> LLMClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def ask(self, messages: list[dict[str, str]]) -> Reply:
        """One answer. A provider's fault is in the reply.

        :param messages: the chat so far, OpenAI's form.
        :raises CredentialsError: the provider refused the key or the account.
        :raises RequestError: the request is wrong and would be for every question.
        :raises StandstillError: this machine stood still meanwhile, so that nothing is known of the provider.
        """
        exchange = self._exchange(messages)
        self._transport.exchange = exchange
        asleep = asleep_sec()
        try:
            with watchdog.watching(exchange):
                return self._ask(messages, exchange, asleep)
        except watchdog.HeldError as held:
            self._transport.close()  # nobody knows in which state it is
            self._transport = self._connected()
            self._raise_on_standstill(exchange, asleep)
            return self.held(str(held), exchange)

    def _ask(self, messages: list[dict[str, str]], exchange: Exchange, asleep: float) -> Reply:
        chunks, fault = self._complete(self._transport, messages, exchange)
        self._raise_on_standstill(exchange, asleep)
        self._raise_on_no_request(exchange, fault)
        if isinstance(exchange.fault, LLMBenchError):  # the address can't be one
            raise exchange.fault
        answer = exchange.answer
        if exchange.foreign:
            answer = _translated(exchange, chunks, whole=fault is None)
        answer.request_id = answer.request_id or exchange.headers.get("x-generation-id")  # OpenRouter's
        return self._reply(exchange, answer, messages)

    def held(self, place: str, exchange: Exchange | None = None) -> Reply:
        """The reply to a question that was held beyond its deadlines, with what came of it before.

        :param place: where the code was that held it.
        :param exchange: None where nothing is known of it any more.
        """
        known = exchange is not None
        exchange = exchange or self._exchange([{"content": ""}])
        answer = exchange.cut()
        return Reply(
            exchange=exchange,
            answer=answer,
            timing_source=("client" if exchange.foreign else "wire") if known else None,
            failure_kind="held",
            error=_scrub(watchdog.explain(place, self._deadlines.total_sec), exchange.secrets),
            prompt_tokens=answer.usage.prompt,
            response_tokens=answer.usage.response,
            token_source="provider" if answer.usage.prompt or answer.usage.response else None,
            cost_usd=None,
            settings_hash=self.settings_hash,
        )

    def _raise_on_standstill(self, exchange: Exchange, asleep: float) -> None:
        """Raises where this machine stood still during an exchange.

        :param asleep: how long it had been asleep before.
        """
        raise_on_standstill(max(exchange.stood_still_sec, asleep_sec() - asleep), self._llm.name)

    def _connected(self) -> InstrumentedTransport:
        return InstrumentedTransport(self._llm.headers | dict(self._endpoint.headers))

    def _exchange(self, messages: list[dict[str, str]]) -> Exchange:
        openai = "openai" in self._llm.provider
        return Exchange(
            connect_sec=self._deadlines.connect_sec,
            first_token_sec=self._deadlines.first_token_sec,
            total_sec=self._deadlines.total_sec,
            question=messages[-1]["content"],
            host=_host(self._endpoint.api_base) if self._endpoint.api_base else None,
            provider=self._llm.provider,
            openai_key=None if self._endpoint.api_key or openai else os.environ.get("OPENAI_API_KEY"),
        )

    def _complete(
        self, transport: httpx.BaseTransport, messages: list[dict[str, str]], exchange: Exchange
    ) -> tuple[list[tuple[float, bytes]], Exception | None]:
        """Has LiteLLM make its request over a transport.

        :return: LiteLLM's own chunks as events, where it has to translate, with the arrival of the bytes that they
            came from; and what went wrong in LiteLLM.
        """
        baseline = self._llm.provider == BASELINE
        chunks: list[tuple[float, bytes]] = []
        try:
            with tap.measuring(transport, exchange), suppress(AnsweredError):
                stream = self._litellm.completion(
                    model=self._llm.model_name if baseline else self._llm.model,
                    custom_llm_provider="custom_openai" if baseline else None,
                    messages=messages,
                    stream=True,
                    **self._parameters,
                    api_key=self._endpoint.api_key or ("none" if self._endpoint.api_base else None),
                    api_base=self._endpoint.api_base,
                    api_version=self._endpoint.api_version,
                    # At Hugging Face it would stand in the request's body.
                    num_retries=None if self._llm.provider == "huggingface" else 0,
                    timeout=self._deadlines.total_sec,
                )
                for chunk in stream:
                    chunks.append((exchange.replayed, f"data: {chunk.model_dump_json()}\n\n".encode()))  # noqa: PERF401
        except Exception as fault:
            return chunks, fault
        return chunks, None

    def _raise_on_no_request(self, exchange: Exchange, fault: Exception | None) -> None:
        """Raises where LiteLLM didn't make the one request that is timed, or couldn't do without a second one."""
        if exchange.requests and (fault is None or not exchange.wanted_more):
            return
        others = [*exchange.refused, *(f"a connection of its library's own, to {host}" for host in exchange.elsewhere)]
        if others:
            raise unmeasurable(self._llm, others)
        words = _scrub(str(fault), self._endpoint.secrets)
        if type(fault).__name__ == "UnsupportedParamsError":
            raise refused(self._llm, self._parameters, words)
        raise RequestError(
            f"LiteLLM made no request to {self._llm.model}: {words}.",
            "Check the model string (provider/model) and its parameters in the study file.",
        )

    def _reply(self, exchange: Exchange, answer: Answer, messages: list[dict[str, str]]) -> Reply:
        text = page(exchange.headers, exchange.head)
        # Some gateways send an error as plain JSON under the content type of the stream that was asked for.
        streamed = exchange.streamed and (answer.events > 0 or not refusals.error_of(text))
        if not streamed:
            self._raise_on_mistake(exchange, text)
        kind = failures.failure_kind(
            missed=exchange.missed,
            status=exchange.status,
            streamed=streamed,
            error_body=text,
            answer=answer,
            headers=exchange.headers,
        )
        prompt_tokens, response_tokens, source = self._tokens(answer, messages)
        cost_usd, price_source = cost(self._litellm, self._llm, answer.usage, (prompt_tokens, response_tokens))
        return Reply(
            exchange=exchange,
            answer=answer,
            timing_source="client" if exchange.foreign else "wire",
            failure_kind=kind,
            error=None if kind is None else self._error(kind, exchange, answer, "" if streamed else text),
            prompt_tokens=prompt_tokens,
            response_tokens=response_tokens,
            token_source=source,
            cost_usd=cost_usd,
            price_source=price_source,
            settings_hash=self.settings_hash,
        )

    def _raise_on_mistake(self, exchange: Exchange, text: str) -> None:
        status = exchange.status
        if status is None or not 400 <= status < 500:
            return
        mistake = refusals.outcome(status, text, exchange.headers)
        if isinstance(mistake, refusals.Mistake):
            words = _scrub(_words(text), exchange.secrets)
            raise mistake.error(
                f"{self._llm.provider} refused {mistake.what} for {self._llm.model_name} (HTTP {status}): {words}",
                mistake.fix.format(connection=self._llm.conn_id),
            )

    def _error(self, kind: str, exchange: Exchange, answer: Answer, text: str) -> str:
        if answer.error is not None:
            text = refusals.error_message(answer.error)
        elif exchange.missed is not None and kind == f"timeout_{exchange.missed}":
            limit = getattr(self._deadlines, f"{exchange.missed}_sec")
            text = f"not done within {exchange.missed}_sec = {limit:g} s"
        elif exchange.streamed:
            text = _words(text) or str(exchange.fault or "") or failures.describe(kind, answer)
        elif exchange.status is None:
            text = str(exchange.fault or "") or kind
        else:
            headers = (exchange.headers.get(name, "") for name in ("location", "content-type", "content-encoding"))
            text = " ".join([f"HTTP {exchange.status}:", _words(text), *(headers if exchange.status < 400 else ())])
        return _scrub(text, exchange.secrets)

    def _tokens(self, answer: Answer, messages: list[dict[str, str]]) -> tuple[int | None, int | None, str | None]:
        """Tokens of prompt and answer as the provider stated them; what it left out is estimated."""
        usage, generated = answer.usage, answer.reasoning + answer.text
        if usage.response or (usage.response == 0 and not generated):  # some send zeros until they have counted
            return usage.prompt, usage.response, "provider"
        if not generated:
            return usage.prompt, None, "provider" if usage.prompt else None
        # Without a model: for some LiteLLM would fetch a tokenizer from the network, in the middle of the batch.
        count = self._litellm.token_counter
        prompt = usage.prompt or count(model="", messages=messages)
        counted = generated[:_LONGEST_COUNTED]  # the counter needs 50 times a text's memory
        return prompt, round(count(model="", text=counted) * len(generated) / len(counted)), "estimated"

    def _warm_up(self) -> str | None:
        """Has LiteLLM make one request that goes nowhere, so that the first question pays for no import.

        :return: where it would have gone; the address given where that can't be seen.
        :raises RequestError: it makes none, or none that can be timed, or one that would take a key elsewhere.
        """
        messages = [{"role": "user", "content": "This request goes nowhere"}]
        if self._llm.provider in _SEVERAL_REQUESTS:
            raise unmeasurable(self._llm, ["several requests for an answer"])
        exchange = self._exchange(messages)
        _, fault = self._complete(Nowhere(exchange), messages, exchange)
        if not exchange.requests:
            self._raise_on_no_request(exchange, fault)
        read([(0.0, b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n')])
        return exchange.address


def _translated(exchange: Exchange, chunks: list[tuple[float, bytes]], *, whole: bool) -> Answer:
    """What a stream said in LiteLLM's translation, where no reader knows its format.

    :param chunks: LiteLLM's chunks with the arrival of their bytes.
    :param whole: whether LiteLLM read the stream to its end.
    """
    if not chunks or isinstance(exchange.fault, TooLargeError | BrokenFrameError):
        return exchange.answer
    end = [(chunks[-1][0], f"data: {END}\n\n".encode())] if whole else []
    answer = read([*chunks, *end])
    answer.usage = type(answer.usage)()  # LiteLLM invents counts where there are none, so none can be taken
    answer.format, answer.garbage, answer.events = None, exchange.answer.garbage, exchange.answer.events
    return answer


def _host(address: str) -> str:
    try:
        host = httpx.URL(address).host
    except httpx.InvalidURL as fault:
        raise RequestError(  # the address may hold a password
            f"The address of the Airflow connection can't be read: {fault}.",
            "Correct its base URL, as in https://host:port/v1, then clear this task.",
        ) from None
    refuse_metadata(host)
    return host


def _words(text: str) -> str:
    """A response's own words: the message of its error, or else all of it."""
    error = refusals.error_of(text)
    return refusals.error_message(error) if error else text


def _scrub(text: str, secrets: tuple[str, ...]) -> str:
    return failures.scrub(" ".join(text.split()), secrets)


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
    key = os.environ.get(f"{llm.provider.upper()}_API_KEY", "")
    with off_line():
        missing = quiet_litellm().validate_environment(llm.model)["missing_keys"]
    # LiteLLM knows some keys by another name than their provider's (PERPLEXITYAI_API_KEY), and either will do.
    wanted = [name for name in missing if not (key and name.endswith("_API_KEY"))]
    if wanted:
        raise CredentialsError(
            f"There is no key for {llm.provider}: neither the Airflow connection {llm.conn_id} nor the "
            f"environment variable {' or '.join(wanted)} is set.",
            f"Add the connection in the UI (Admin → Connections: id {llm.conn_id}, type LLM API, with the "
            f"API key), or set {wanted[0]} and restart Airflow; then clear this task.",
        )
    return replace(given, api_key=key, source=ENVIRONMENT)
