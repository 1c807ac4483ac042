"""Waiting before a request, outside the clock, so that a rate limit is respected before it bites.

All cells that ask one LLM share one account of its limits (:mod:`llm_bench.measure.accounts`): they are processes of
their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from llm_bench.measure.accounts import Account
from llm_bench.measure.ledger import Ledger
from llm_bench.measure.limits import Closed, Rates, Tokens
from llm_bench.measure.notices import Notice, notice
from llm_bench.measure.page import page

if TYPE_CHECKING:
    from llm_bench.measure.client import Reply
    from llm_bench.study import LLM

_BEAT_SEC = 5.0
"""A longer wait is cut in pieces, as another cell may learn meanwhile that it can be shorter."""
COUNTED_WITHIN_SEC = 1.0
"""A provider has counted a request so long after it left, at the latest, and before it answers in any case."""

CHARACTERS_PER_TOKEN = 3
"""Fewer than in English prose (about 4), so that figures and names don't make it too few."""


def most_tokens(messages: Sequence[Mapping[str, str]], max_tokens: int) -> Tokens:
    """The maximum that a request can cost, roughly: its prompt, and an answer of the greatest length."""
    return Tokens(sum(len(message["content"]) for message in messages) // CHARACTERS_PER_TOKEN, max_tokens)


def rates_of(llm: LLM) -> Rates:
    """The limits that a study states for an LLM."""
    return Rates(llm.requests_per_minute, llm.tokens_per_minute, llm.requests_per_day, llm.tokens_per_day)


class ClosedError(Exception):
    """A limit lifts too late to wait for it.

    :param closed: which one, and when.
    :param waited_sec: how long was waited before this showed.
    """

    def __init__(self, closed: Closed, waited_sec: float) -> None:
        super().__init__(closed, waited_sec)
        self.closed = closed
        self.waited_sec = waited_sec


class Pacer:
    """Lets the requests to one LLM go within its limits.

    :param account: of the LLM; the same for all cells.
    :param rates: the study's limits.
    :param sleep: waits that many seconds.
    :param clock: seconds, never set; what a wait is measured by.
    """

    def __init__(
        self,
        account: Account,
        rates: Rates,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._rates = rates
        self._sleep = sleep
        self._clock = clock
        self._let_go = self._ahead = 0.0

    def wait(self, tokens: Tokens) -> float:
        """Waits until the next request may go; seconds waited.

        :param tokens: the maximum that it can cost: prompt and longest answer.
        :raises ClosedError: it would have to wait for too long.
        :raises StorageError: the account can't be read or written.
        """
        started = self._clock()
        while True:
            left = self._ask(tokens)
            if isinstance(left, Closed):
                raise ClosedError(left, self._clock() - started)
            if left <= 0:
                return self._clock() - started
            self._sleep(min(left, _BEAT_SEC))

    def _ask(self, tokens: Tokens) -> float | Closed:
        """Seconds to wait; 0 where the request was let go."""

        def ask(ledger: Ledger) -> float | Closed:
            self._let_go, self._ahead = ledger.now, ledger.now - self._clock()
            closed = ledger.limits.closed(ledger.now, tokens, self._rates)
            return closed or ledger.limits.reserve(ledger.now, tokens, self._rates)

        return self._account.change(ask)

    def learn(self, reply: Reply) -> None:
        """Takes in what the response to the last request says of the limits.

        :raises StorageError: the account can't be read or written.
        """
        response = notice_of(reply, time.time())
        used = Tokens(0, 0) if response.refused else None
        if reply.prompt_tokens is not None and reply.response_tokens is not None:
            used = Tokens(reply.prompt_tokens, reply.response_tokens)
        counted = self._counted(reply)
        self._account.change(lambda ledger: ledger.limits.learn(self._let_go, ledger.now, response, used, counted))

    def _counted(self, reply: Reply) -> float | None:
        """By when the provider had counted the request, on the account's clock: a process may be held up before it."""
        sent, answered = reply.exchange.sent, reply.exchange.headers_read
        if sent is None:
            return None
        latest = sent + COUNTED_WITHIN_SEC
        return self._ahead + (latest if answered is None else min(latest, answered))


def notice_of(reply: Reply, now: float) -> Notice:
    """What a reply says of its provider's limits.

    :param now: time of day, seconds since the epoch.
    """
    exchange, refusal = reply.exchange, None
    if reply.failure_kind == "rate_limited":
        error = reply.answer.error
        refusal = json.dumps(error) if error is not None else page(exchange.headers, exchange.head)
    return notice(exchange.status, dict(exchange.headers), refusal=refusal, now=now)


def unsent(closed: Closed, now: datetime, settings_hash: str) -> Reply:
    """The reply to a question that wasn't asked, as its limit lifts too late; it says so itself.

    :param now: aware.
    :param settings_hash: of what it would have been asked with.
    """
    # Imported here, as it is needed only then, and brings what a request needs.
    from llm_bench.measure.client import Reply  # noqa: PLC0415
    from llm_bench.measure.exchange import Exchange  # noqa: PLC0415
    from llm_bench.measure.formats.answer import Answer  # noqa: PLC0415

    until = f"{now + timedelta(seconds=closed.for_sec):%Y-%m-%d %H:%M} UTC"
    whose = {
        "provider": f"the provider refused an earlier request for a limit that it lifts about {until}",
        "requests_per_day": f"the study's requests_per_day are used up until about {until}",
        "tokens_per_day": f"the study's tokens_per_day are used up until about {until}",
    }
    return Reply(
        exchange=Exchange(connect_sec=0, first_token_sec=0, total_sec=0, question=""),
        answer=Answer(),
        timing_source=None,
        failure_kind="rate_limited",
        error=f"not sent: {whose[closed.whose]}",
        prompt_tokens=None,
        response_tokens=None,
        token_source=None,
        cost_usd=None,
        settings_hash=settings_hash,
    )
