"""A provider's rate limits as far as they are known, and when the next request may go. Pure.

What is known comes from the study (requests and tokens, a minute and a day) and from each response
(:mod:`llm_bench.measure.notices`). Tokens a minute refill steadily, and a request counts with its prompt and all of its
``max_tokens`` until it is answered. All of it is bounded: whatever was stated or kept, no wait is for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from llm_bench.measure.notices import LONGEST_SEC, LONGEST_WAIT_SEC, Allowance, Notice
from llm_bench.method import Method

MINUTE_SEC, DAY_SEC = 60.0, 86400.0
BUCKET_SEC = 600.0
"""What was let go within a day is kept in sums of so many seconds: up to 144 of them."""
PROBE_SEC = 1800.0
"""While a long block lasts, one request in so many seconds goes all the same, so that its end shows, should it come
early, and each batch has the provider's own word for it."""
SENT_WITHIN_SEC = 5.0
"""A request may leave so long after it was let go, on a busy machine; until it is answered nobody knows when it did."""

_LONGEST_SPAN_SEC = 30 * DAY_SEC

PACING = Method(
    "Pacing",
    "A request waits until the limits that the study states for its LLM, and those that the provider reports, leave "
    "room for it. "
    "The wait comes before its clock starts.",
)


class Tokens(NamedTuple):
    """What a request can cost, or has cost."""

    prompt: int
    answer: int

    def of(self, kind: str) -> int:
        """Those that a limit of ``all``, of the ``prompt`` or the ``answer`` counts."""
        return {"prompt": self.prompt, "answer": self.answer}.get(kind, self.prompt + self.answer)


class Grant(NamedTuple):
    """A request that was let go.

    :param moment: when; once it is answered, when its provider had counted it.
    """

    moment: float
    tokens: Tokens
    answered: bool = False

    def end(self, span: float) -> float:
        """When it no longer counts against a limit, whenever its provider counted it."""
        return self.moment + span + (0.0 if self.answered else SENT_WITHIN_SEC)


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits that the study states for an LLM; None where it states none."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    requests_per_day: float | None = None
    tokens_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """A limit that lifts too late to wait for it.

    :param for_sec: seconds until then.
    :param whose: who says so: ``provider``, or the name of the study's limit.
    """

    for_sec: float
    whose: str


@dataclass(slots=True)
class Sums:
    """What was let go from ``start`` on, for :data:`BUCKET_SEC`."""

    start: float
    requests: float
    tokens: float


@dataclass(slots=True)
class Level:
    """What is left of a limit of tokens a minute, as of the request that was counted at ``at``."""

    limit: float
    remaining: float
    at: float


@dataclass(slots=True)
class Limits:
    """What is known of the limits of one LLM. All times are seconds on the account's own clock.

    :param grants: the requests of the last minute, or of the time that the study's limit is for.
    :param day: sums of what was let go in the last day, oldest first.
    :param levels: limits of tokens a minute that a response stated, by what they count.
    :param allowed: what whole limits allow that a response stated, by the study's names of such limits.
    :param blocked_until: no request before; never more than :data:`LONGEST_WAIT_SEC` away.
    :param shut_until: the end of a long block, which no cell can wait for.
    :param probed_at: when a request last met the long block, or tries it.
    """

    grants: list[Grant] = field(default_factory=list)
    day: list[Sums] = field(default_factory=list)
    levels: dict[str, Level] = field(default_factory=dict)
    allowed: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    shut_until: float = 0.0
    probed_at: float = 0.0

    def closed(self, now: float, tokens: Tokens, rates: Rates) -> Closed | None:
        """The limit that lifts too late for a request to wait for it, if there is one."""
        self._tidy(now, rates)
        waits = self._day_waits(now, tokens, rates)
        if now < self.probed_at + PROBE_SEC:
            waits["provider"] = self.shut_until - now
        whose = max(waits, key=lambda name: waits[name])
        return Closed(waits[whose], whose) if waits[whose] > LONGEST_WAIT_SEC else None

    def reserve(self, now: float, tokens: Tokens, rates: Rates) -> float:
        """Lets a request go, or says how long to wait before asking again. What is closed isn't asked here.

        :param tokens: the maximum that it can cost: prompt and longest answer.
        :return: seconds; 0 when the request may go, which is noted.
        """
        self._tidy(now, rates)
        learnt = max([self.blocked_until - now, *(self._level_wait(now, kind, tokens) for kind in self.levels)])
        shut = self.shut_until - now
        if shut <= LONGEST_WAIT_SEC:
            learnt = max(learnt, shut)
        stated = max(*self._minute_waits(now, tokens, rates), *self._day_waits(now, tokens, rates).values())
        wait = max(min(learnt, LONGEST_WAIT_SEC), stated)
        if wait > 0:
            return wait
        if shut > 0:
            self.probed_at = now
        self.grants.append(Grant(now, tokens))
        self._count(now, 1, tokens.of("all"))
        return 0.0

    def learn(
        self, let_go: float, now: float, notice: Notice, used: Tokens | None = None, counted: float | None = None
    ) -> None:
        """Takes in what a response says of the limits.

        :param let_go: when its request was.
        :param used: what it has cost, where that is known.
        :param counted: by when the provider had counted it; when it was let go, where that isn't known.
        """
        counted = let_go if counted is None else min(max(counted, let_go), now)
        for kind, allowance in notice.tokens.items():
            self._level(counted, kind, allowance)
        self.allowed |= notice.allowed
        if notice.hold_sec > LONGEST_WAIT_SEC:
            self.shut_until = max(self.shut_until, now + notice.hold_sec)
            self.probed_at = now
        elif notice.hold_sec > 0:
            self.blocked_until = max(self.blocked_until, now + notice.hold_sec)
        if notice.answered and let_go >= self.probed_at:
            self.shut_until = 0.0
        grant = next((grant for grant in self.grants if grant.moment == let_go and not grant.answered), None)
        if grant is not None:
            self.grants[self.grants.index(grant)] = Grant(counted, grant.tokens, answered=True)
            if used is not None:
                self._count(now, 0, used.of("all") - grant.tokens.of("all"))

    def _level(self, counted: float, kind: str, allowance: Allowance) -> None:
        known = self.levels.get(kind)
        if allowance.limit > 0 and (known is None or counted >= known.at):
            self.levels[kind] = Level(allowance.limit, allowance.remaining, counted)

    def _tidy(self, now: float, rates: Rates) -> None:
        """Forgets what is over, and holds all else to its bounds: a clock may have been put back."""
        memory = max(_span(MINUTE_SEC, rates.requests_per_minute), _span(MINUTE_SEC, rates.tokens_per_minute))
        self.grants = [
            grant._replace(moment=min(grant.moment, now)) for grant in self.grants if grant.end(memory) > now
        ]
        day = max(_span(DAY_SEC, rates.requests_per_day), _span(DAY_SEC, rates.tokens_per_day)) + BUCKET_SEC
        self.day = [Sums(min(s.start, now), s.requests, s.tokens) for s in self.day if s.start > now - day]
        for level in self.levels.values():
            level.at = min(level.at, now)
        self.probed_at = min(self.probed_at, now)
        self.blocked_until = min(self.blocked_until, now + LONGEST_WAIT_SEC)
        self.shut_until = min(self.shut_until, now + LONGEST_SEC)

    def _count(self, now: float, requests: int, tokens: float) -> None:
        if not self.day or now >= self.day[-1].start + BUCKET_SEC:
            self.day.append(Sums(now, 0, 0))
        self.day[-1].requests += requests
        self.day[-1].tokens += tokens  # below 0 where what was let go before has cost less

    def _minute_waits(self, now: float, tokens: Tokens, rates: Rates) -> tuple[float, float]:
        """Seconds until a request keeps within each of the study's limits a minute."""

        def wait(rate: float | None, amount: float, costs: Iterable[float]) -> float:
            ends = (grant.end(_span(MINUTE_SEC, rate)) - now for grant in self.grants)
            return _until_room(_whole(rate), amount, sorted(zip(ends, costs, strict=True)))

        spent = (grant.tokens.of("all") for grant in self.grants)
        return (
            wait(rates.requests_per_minute, 1, [1.0] * len(self.grants)),
            wait(rates.tokens_per_minute, tokens.of("all"), spent),
        )

    def _day_waits(self, now: float, tokens: Tokens, rates: Rates) -> dict[str, float]:
        """Seconds until a request keeps within each of the study's limits a day, by its name."""

        def wait(rate: float | None, amount: float, costs: Iterable[float]) -> float:
            ends = (sums.start + BUCKET_SEC + _span(DAY_SEC, rate) - now for sums in self.day)
            return _until_room(_whole(rate), amount, zip(ends, costs, strict=True))

        return {
            "requests_per_day": wait(rates.requests_per_day, 1, (sums.requests for sums in self.day)),
            "tokens_per_day": wait(rates.tokens_per_day, tokens.of("all"), (sums.tokens for sums in self.day)),
        }

    def _level_wait(self, now: float, kind: str, tokens: Tokens) -> float:
        """Until the refill covers the request. What was counted after the last known state isn't in it yet."""
        level = self.levels[kind]
        rate = max(level.limit, 1.0) / MINUTE_SEC
        refilled = min(level.limit, level.remaining + max(0.0, now - level.at) * rate)
        since = max(level.at, now - MINUTE_SEC)  # what is a minute old is refilled
        taken = sum(min(grant.tokens.of(kind), level.limit) for grant in self.grants if grant.end(0) > since)
        return (min(tokens.of(kind), level.limit) - refilled + taken) / rate


def _span(span: float, rate: float | None) -> float:
    """Seconds that a limit counts over: longer where it allows less than one."""
    return min(span / rate, _LONGEST_SPAN_SEC) if rate is not None and 0 < rate < 1 else span


def _whole(rate: float | None) -> float:
    """What a limit allows in its span; without bound where there is none, or none that can be kept to."""
    if rate is None or not 0 < rate < math.inf:
        return math.inf
    return max(1.0, float(math.floor(rate)))


def _until_room(allowed: float, amount: float, spent: Iterable[tuple[float, float]]) -> float:
    """Seconds until an amount has room in a limit.

    :param amount: more than the whole limit counts as that.
    :param spent: what counts against it, by its end: the seconds until it no longer does, and how much it is.
    """
    past = [(end, cost) for end, cost in spent if end > 0]
    over = sum(cost for _, cost in past) + min(amount, allowed) - allowed
    wait = 0.0
    for end, cost in past:
        if not over > 0:
            break
        over, wait = over - cost, max(wait, end)
    return wait
