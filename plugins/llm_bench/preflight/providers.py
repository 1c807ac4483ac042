"""Asks each provider what costs nothing: GET requests for its models and, where that tells nothing of it, its key.

Only where it is wanted, each LLM is asked one short question, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace

import httpx

from llm_bench.airflow.connections import find_key
from llm_bench.errors import LLMBenchError
from llm_bench.measure import failures, inquiry
from llm_bench.measure.advice import ADVICE
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.inquiry import MODELS, NOT_BEFORE_ASKED, Heard, Listing
from llm_bench.preflight import answers
from llm_bench.preflight.checks import Check, start, tell
from llm_bench.study import LLM, Study

SHORT = 16
"""Tokens of the answer to the short question; OpenAI takes no fewer."""
QUESTION = "Say hello."


class Inquiry:
    """What is asked of one provider; the requests are under way as soon as it is made.

    :param provider: e.g. "groq".
    :param study: its LLMs of that provider are looked for.
    :param connection: id of an Airflow connection; of those LLMs, the ones that are asked by it.
    :param ask: whether each of them is asked one short question.
    """

    def __init__(self, provider: str, study: Study, connection: str | None = None, *, ask: bool = False) -> None:
        usual = f"llm_{provider}"
        connection = connection or usual
        self.provider = provider
        self._title = provider if connection == usual else f"{provider} ({connection})"
        self._ask = ask
        self._study = study
        self._llms = [llm for llm in study.llms if (llm.provider, llm.conn_id) == (provider, connection)]
        self._key_path = inquiry.key_path(provider)
        self._endpoint = Endpoint()
        self._measured = Endpoint()
        self._listing: Listing | None = None
        self._accepted = False
        self._found = tell(f"{self._title}: key", self._find)
        self._requests: dict[str, Future[Heard]] = {}
        if self._endpoint.api_base is not None:
            for path in {MODELS, self._key_path}:
                self._requests[path] = start(self._request(path))

    @property
    def asks(self) -> bool:
        """Whether the provider has an address that can be asked for its models."""
        return bool(self._requests)

    @property
    def _place(self) -> str:
        """Host and port, without the user and password that an address may hold."""
        return (self._endpoint.api_base or "").partition("://")[2].partition("/")[0].rpartition("@")[2]

    def _find(self) -> str:
        """Finds address and key; the address also where there is no key."""
        like_openai, address, ambient_key = inquiry.known(self._llms[0])
        self._endpoint = Endpoint(api_base=address)
        endpoint = find_key(self._llms[0])
        self._measured = endpoint
        if endpoint.api_base is None:
            self._listing = inquiry.listing_of(self.provider) if address is None else None
            address = self._listing.address if self._listing else address
            endpoint = replace(endpoint, api_key=endpoint.api_key or ambient_key, api_base=address)
        elif not like_openai:
            endpoint = replace(endpoint, api_base=None)
        self._endpoint = replace(endpoint, api_key="", headers={})
        endpoint.check()
        self._endpoint = endpoint
        return endpoint.source

    @property
    def _source(self) -> str:
        return self._endpoint.source if self._endpoint.api_key else ""

    def _request(self, path: str) -> Callable[[], Heard]:
        endpoint, query = self._endpoint, ""
        if self._listing:
            endpoint, query = self._listing.signed(endpoint), self._listing.query
        return lambda: inquiry.ask(path + query, endpoint)

    def _answer(self, path: str, deadline: float) -> Heard:
        fix = "Check this machine's network and the provider's address, then check again."
        try:
            return self._requests[path].result(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, httpx.TimeoutException):
            raise LLMBenchError(f"{self._place} doesn't answer in time.", fix) from None
        except Exception as fault:  # an odd address has other errors than httpx's, too
            raise LLMBenchError(f"{self._place} can't be reached: {str(fault).rstrip('.')}.", fix) from None

    def heard(self, deadline: float) -> Heard | None:
        """The answer with the models, or None where there is none.

        :param deadline: CLOCK_MONOTONIC.
        """
        try:
            return self._answer(MODELS, deadline) if self.asks else None
        except LLMBenchError:
            return None

    def checks(self, deadline: float) -> Iterator[Check]:
        """How it went: reached, key, each model.

        :param deadline: CLOCK_MONOTONIC.
        """
        heard = self.heard(deadline)
        key = self._check_key(heard, deadline)
        reached = [tell(f"{self._title}: reached", lambda: self._reached(deadline))] if self.asks else []
        models = [self._check_model(llm, heard, key) for llm in self._llms]
        if self._accepted and _is_unknown(key):
            key = Check(key.name, True, f"accepted ({self._source or 'none needed'}), as it was answered")
        for check in (*reached, key, *models):
            # The provider's own words are in some.
            detail, fix = (failures.scrub(text, self._endpoint.secrets) for text in (check.detail, check.fix))
            yield replace(check, passed=None if _is_unknown(check) else check.passed, detail=detail, fix=fix)

    def _reached(self, deadline: float) -> str:
        heard = self._answer(MODELS, deadline)
        return f"{self._place}, in {heard.elapsed_sec:.2f} s"

    def _check_key(self, heard: Heard | None, deadline: float) -> Check:
        name = self._found.name
        if not self._found.passed:
            return self._found
        if not self.asks:
            return Check(name, True, f"there ({self._source}); whether it is accepted {NOT_BEFORE_ASKED}")
        if heard is None:
            return Check(name, None, f"there ({self._source}); not tried, as {self.provider} isn't reached")
        return tell(name, lambda: inquiry.accepted(self.provider, self._answer(self._key_path, deadline), self._source))

    def _client(self, llm: LLM) -> LLMClient:
        study = self._study
        return LLMClient(llm=llm, endpoint=self._measured, generation=study.generation, deadlines=study.deadlines)

    def _rehearse(self, llm: LLM) -> str:
        """Has LiteLLM make the model's request, which goes nowhere.

        :raises RequestError: it makes none with the study's settings, or none that can be timed.
        """
        if self._found.passed:
            self._client(llm).close()
        return ""

    def _check_model(self, llm: LLM, heard: Heard | None, key: Check) -> Check:
        rehearsed = tell(llm.name, lambda: self._rehearse(llm))
        if rehearsed.passed is False:
            return rehearsed
        listed = self._look_up(llm, heard, key)
        if not self._ask or False in (listed.passed, key.passed) or (self.asks and heard is None):
            return listed
        return tell(llm.name, lambda: self._answered(llm, "" if _is_unknown(listed) else f"{listed.detail}; "))

    def _look_up(self, llm: LLM, heard: Heard | None, key: Check) -> Check:
        """What the provider's list says of a model."""

        def look() -> str:
            if heard is None or heard.status in inquiry.NO_SUCH_PATH:
                return f"whether it is served {NOT_BEFORE_ASKED}"
            models = inquiry.listed(heard)
            if models is None:
                raise inquiry.unexpected(self.provider, heard)
            return answers.served(llm, models, self._study)

        if self.asks and heard is None:
            return Check(llm.name, None, f"not told, as {self.provider} isn't reached")
        if key.passed is False and (heard is None or inquiry.listed(heard) is None):
            return Check(llm.name, None, f"not told without a key that {self.provider} accepts")
        return tell(llm.name, look)

    def _answered(self, llm: LLM, before: str) -> str:
        """What comes of one short question.

        :param before: what is known already.
        :raises LLMBenchError: it isn't answered.
        """
        with self._client(_shortened(llm)) as client:
            reply = client.ask([{"role": "user", "content": QUESTION}])
        arrivals, sent = reply.answer.token_times, reply.exchange.sent
        # A reasoning model may spend so few tokens on reasoning alone.
        if reply.failure_kind not in {None, "empty_answer"} or not arrivals or sent is None:
            kind = reply.failure_kind or "empty_answer"
            raise LLMBenchError(f"{kind}: {reply.error}", ADVICE[kind])  # type: ignore[index]
        self._accepted = True
        return f"{before}answered: TTFT {arrivals[0] - sent:.3f} s, {reply.response_tokens} tokens"


def _shortened(llm: LLM) -> LLM:
    """An LLM whose answer is short, whichever parameter says so."""
    by_parameter = {"max_completion_tokens": SHORT} if "max_completion_tokens" in llm.parameters else {}
    return llm.model_copy(update={"max_tokens": SHORT, "parameters": llm.parameters | by_parameter})


def _is_unknown(check: Check) -> bool:
    """Whether a check that nothing speaks against has looked at nothing, either."""
    return bool(check.passed) and check.detail.endswith(NOT_BEFORE_ASKED)


def check_clock(inquiries: Sequence[Inquiry], deadline: float) -> Check:
    """Whether this machine's clock agrees with the providers'.

    :param deadline: CLOCK_MONOTONIC.
    """
    heard = [(inquiry.provider, inquiry.heard(deadline)) for inquiry in inquiries if inquiry.asks]
    answered = [(provider, answer) for provider, answer in heard if answer is not None]
    if heard and not answered:
        return Check("clock", None, "not told, as no provider is reached")
    return answers.clock(answered)
