"""Asks each provider what costs nothing: GET requests for its models and, where that tells nothing of it, its key."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace

import httpx

from llm_bench.airflow.connections import find_key
from llm_bench.errors import CredentialsError, LLMBenchError
from llm_bench.measure import failures
from llm_bench.measure.client import Endpoint, LLMClient, known_provider, quiet_litellm
from llm_bench.preflight import answers
from llm_bench.preflight.checks import Check, start, tell
from llm_bench.preflight.wire import Heard, ask
from llm_bench.study import LLM, Study

# Where LiteLLM keeps the address to itself.
_ADDRESSES = {"openrouter": "https://openrouter.ai/api/v1", "openai": "https://api.openai.com/v1"}
_MODELS = "/models"
# OpenRouter sends its list of models to anyone, so its key is tried elsewhere.
# https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key
_KEY_PATHS = {"openrouter": "/key"}
_SENDABLE = re.compile(r"[\x21-\x7e]*")


class Inquiry:
    """What is asked of one provider; the requests are under way as soon as it is made.

    :param provider: e.g. "groq".
    :param study: its LLMs of that provider are looked for.
    """

    def __init__(self, provider: str, study: Study) -> None:
        self.provider = provider
        self._study = study
        self._llms = [llm for llm in study.llms if llm.provider == provider]
        self._key_path = _KEY_PATHS.get(provider, _MODELS)
        self._address: str | None = None
        self._key, self._source = "", ""
        self._endpoint: Endpoint | None = None
        self._found = tell(f"{provider}: key", self._find)
        self._requests: dict[str, Future[Heard]] = {}
        if self._address is not None:
            for path in {_MODELS, self._key_path}:
                self._requests[path] = start(self._request(path))

    @property
    def asks(self) -> bool:
        """Whether the provider has an address that can be asked for its models."""
        return bool(self._requests)

    @property
    def _place(self) -> str:
        """Host and port, without the user and password that an address may hold."""
        return (self._address or "").partition("://")[2].partition("/")[0].rpartition("@")[2]

    def _find(self) -> str:
        """Finds address and key; the address also where there is no key."""
        like_openai, self._address, ambient_key = _known(self._llms[0])
        endpoint = find_key(self._llms[0])
        self._endpoint, source = endpoint, endpoint.source
        if endpoint.api_base is None:
            endpoint = Endpoint(endpoint.api_key or ambient_key)
        elif like_openai:
            self._address = endpoint.api_base.rstrip("/")
        if not _SENDABLE.fullmatch(endpoint.api_key):
            raise CredentialsError(
                f"The key ({source}) holds a space, a line break or a character that no key has.",
                "Paste it again, alone.",
            )
        self._key, self._source = endpoint.api_key, source if endpoint.api_key else ""
        return source

    def _request(self, path: str) -> Callable[[], Heard]:
        url, key = f"{self._address}{path}", self._key
        return lambda: ask(url, key)

    def _answer(self, path: str, deadline: float) -> Heard:
        mend = "Check this machine's network and the provider's address, then check again."
        try:
            return self._requests[path].result(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, httpx.TimeoutException):
            raise LLMBenchError(f"{self._place} doesn't answer in time.", mend) from None
        except Exception as fault:  # an odd address has other errors than httpx's, too
            raise LLMBenchError(f"{self._place} can't be reached: {str(fault).rstrip('.')}.", mend) from None

    def heard(self, deadline: float) -> Heard | None:
        """The answer with the models, or None where there is none.

        :param deadline: CLOCK_MONOTONIC.
        """
        try:
            return self._answer(_MODELS, deadline) if self.asks else None
        except LLMBenchError:
            return None

    def checks(self, deadline: float) -> Iterator[Check]:
        """How it went: reached, key, each model.

        :param deadline: CLOCK_MONOTONIC.
        """
        heard = self.heard(deadline)
        key = self._check_key(heard, deadline)
        reached = [tell(f"{self.provider}: reached", lambda: self._reached(deadline))] if self.asks else []
        for check in (*reached, key, *(self._check_model(llm, heard, key) for llm in self._llms)):
            # The provider's own words are in some.
            detail, mend = (failures.scrub(text, (self._key,)) for text in (check.detail, check.mend))
            yield replace(check, detail=detail, mend=mend)

    def _reached(self, deadline: float) -> str:
        heard = self._answer(_MODELS, deadline)
        return f"{self._place}, in {heard.elapsed_sec:.2f} s"

    def _check_key(self, heard: Heard | None, deadline: float) -> Check:
        name = self._found.name
        if not self._found.passed:
            return self._found
        if not self.asks:
            return Check(name, True, f"there ({self._source}); whether it is accepted {answers.NOT_BEFORE_ASKED}")
        if heard is None:
            return Check(name, None, f"there ({self._source}); not tried, as {self.provider} isn't reached")
        return tell(name, lambda: answers.accepted(self.provider, self._answer(self._key_path, deadline), self._source))

    def _rehearse(self, llm: LLM) -> str:
        """Has LiteLLM make the model's request, which goes nowhere.

        :raises RequestError: it makes none with the study's settings, or none that can be timed.
        """
        if self._found.passed and self._endpoint is not None:
            study = self._study
            LLMClient(llm=llm, endpoint=self._endpoint, generation=study.generation, deadlines=study.deadlines).close()
        return ""

    def _check_model(self, llm: LLM, heard: Heard | None, key: Check) -> Check:
        def look() -> str:
            if heard is None or heard.status in answers.NO_SUCH_PATH:
                return f"whether it is served {answers.NOT_BEFORE_ASKED}"
            models = answers.listed(heard)
            if models is None:
                raise answers.unexpected(self.provider, heard)
            return answers.served(llm, models, self._study)

        rehearsed = tell(llm.model, lambda: self._rehearse(llm))
        if not rehearsed.passed:
            return rehearsed
        if self.asks and heard is None:
            return Check(llm.model, None, f"not told, as {self.provider} isn't reached")
        if not key.passed and (heard is None or answers.listed(heard) is None):
            return Check(llm.model, None, f"not told without a key that {self.provider} accepts")
        return tell(llm.model, look)


def check_clock(inquiries: Sequence[Inquiry], deadline: float) -> Check:
    """Whether this machine's clock agrees with the providers'.

    :param deadline: CLOCK_MONOTONIC.
    """
    heard = [(inquiry.provider, inquiry.heard(deadline)) for inquiry in inquiries if inquiry.asks]
    told = [(provider, answer) for provider, answer in heard if answer is not None]
    if heard and not told:
        return Check("clock", None, "not told, as no provider is reached")
    return answers.clock(told)


def _known(llm: LLM) -> tuple[bool, str | None, str]:
    """What LiteLLM knows: whether the provider's API is like OpenAI's, its address then, and a key of the environment.

    :raises RequestError: it knows no such provider.
    """
    key, address = known_provider(llm)
    if llm.provider in _ADDRESSES:
        address = address or os.environ.get(f"{llm.provider.upper()}_API_BASE") or _ADDRESSES[llm.provider]
    like_openai = address is not None or llm.provider in quiet_litellm().openai_compatible_providers
    return like_openai, address.rstrip("/") if address else None, key or ""
