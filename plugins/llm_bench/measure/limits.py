"""A provider's rate limits as far as they are known, and when the next request may go. Pure.

What is known comes from the study (requests a minute) and from the headers of each response. Groq and OpenAI send
``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` with every response and ``retry-after`` with a 429
(https://console.groq.com/docs/rate-limits). Tokens a minute refill steadily, and a request counts with its prompt and
all of its ``max_tokens`` until it is answered. OpenRouter sends ``x-ratelimit-reset``, milliseconds since the epoch,
with a 429 (https://openrouter.ai/docs/api-reference/limits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

MINUTE_SEC = 60.0
LONGEST_WAIT_SEC = 300.0
"""What takes longer to lift (a limit of requests a day) can't be waited out within a batch: the request goes, and the
provider's refusal is recorded as what it is."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_UNIT_SEC = {"ms": 0.001, "s": 1.0, "m": MINUTE_SEC, "h": 3600.0, "d": 86400.0}


@dataclass(slots=True)
class Limits:
    """What is known of the limits of one LLM. All times are seconds since the epoch.

    :param grants: when each request of the last minute was let go, and with how many tokens, oldest first.
    :param token_limit: tokens a minute; None until a response tells.
    :param remaining: tokens left at ``remaining_at``, when the request that told so was let go.
    :param blocked_until: no request before.
    """

    grants: list[tuple[float, int]] = field(default_factory=list)
    token_limit: float | None = None
    remaining: float = 0.0
    remaining_at: float = 0.0
    blocked_until: float = 0.0

    def reserve(self, now: float, tokens: int, per_minute: float | None) -> float:
        """Lets a request go, or tells how long to wait before asking again.

        :param tokens: the most it can cost: prompt and longest answer.
        :param per_minute: the study's limit of requests a minute, or None.
        :return: seconds; 0 when the request may go, which is noted.
        """
        memory = max(MINUTE_SEC, MINUTE_SEC / per_minute) if per_minute else MINUTE_SEC
        self.grants = [grant for grant in self.grants if grant[0] > now - memory]
        wait = max(self.blocked_until - now, self._request_wait(now, per_minute), self._token_wait(now, tokens))
        if 0 < wait <= LONGEST_WAIT_SEC:
            return wait
        self.grants.append((now, tokens))
        return 0.0

    def learn(self, sent: float, now: float, status: int | None, headers: Mapping[str, str]) -> None:
        """Takes in what a response tells of the limits.

        :param sent: when its request was let go.
        :param headers: of the response; names in lower case.
        """
        limit, remaining = _number(headers, "limit-tokens"), _number(headers, "remaining-tokens")
        if limit and remaining is not None and sent >= self.remaining_at:
            self.token_limit, self.remaining, self.remaining_at = limit, remaining, sent
        until = 0.0
        if status == 429:
            until = now + (seconds(headers.get("retry-after", ""), now) or _reset(headers, now))
        elif _number(headers, "remaining-requests") == 0:
            until = now + (seconds(headers.get("x-ratelimit-reset-requests", ""), now) or 0.0)
        self.blocked_until = max(self.blocked_until, until)

    def _request_wait(self, now: float, per_minute: float | None) -> float:
        """Until fewer than ``per_minute`` requests lie within the last minute; under one a minute, their distance."""
        if per_minute is None or not self.grants:
            return 0.0
        if per_minute < 1:
            return self.grants[-1][0] + MINUTE_SEC / per_minute - now
        allowed = int(per_minute)
        return self.grants[-allowed][0] + MINUTE_SEC - now if len(self.grants) >= allowed else 0.0

    def _token_wait(self, now: float, tokens: int) -> float:
        """Until the refill covers the request. What was let go after the last known state isn't in it yet."""
        if self.token_limit is None:
            return 0.0
        rate = self.token_limit / MINUTE_SEC
        refilled = min(self.token_limit, self.remaining + max(0.0, now - self.remaining_at) * rate)
        since = sum(cost for moment, cost in self.grants if moment > self.remaining_at)
        return (min(tokens, self.token_limit) - refilled + since) / rate


def seconds(text: str, now: float) -> float | None:
    """Seconds in the forms that providers use: ``2``, ``7.66s``, ``2m59.56s``, ``120ms``, or an HTTP date.

    :param now: seconds since the epoch, which a date is counted from.
    :return: None for anything else.
    """
    text = text.strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_SEC[unit] for number, unit in parts)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError):
        return None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return float(headers[f"x-ratelimit-{name}"])
    except (KeyError, ValueError):
        return None


def _reset(headers: Mapping[str, str], now: float) -> float:
    """Seconds until a limit is lifted that comes as milliseconds since the epoch; 0 where it isn't told."""
    moment = _number(headers, "reset") if "x-ratelimit-reset" in headers else None
    return max(0.0, moment / 1000 - now) if moment is not None else 0.0
