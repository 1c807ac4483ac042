"""What a response says of its provider's rate limits, in its headers or in the words of a refusal. Pure.

Groq: ``retry-after`` in seconds; ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``, a reset as ``2m59.56s``; a
    refusal says "try again in 8m12s". https://console.groq.com/docs/rate-limits
OpenAI: the same headers, https://platform.openai.com/docs/guides/rate-limits, and ``retry-after-ms``, which its own
    client reads first: ``_parse_retry_after_header`` in https://github.com/openai/openai-python
Azure: as OpenAI; a refusal says "retry after 6 seconds".
    https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota
Anthropic: ``retry-after``; ``anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-…`` with limit, remaining
    and reset, as RFC 3339. https://docs.anthropic.com/en/api/rate-limits
Gemini, Vertex: nothing in headers; ``RetryInfo.retryDelay`` ("34s") and ``QuotaFailure.quotaId`` in a refusal. A
    ``…PerDay…`` is reset at midnight Pacific time. https://ai.google.dev/gemini-api/docs/rate-limits
Cerebras: ``x-ratelimit-{limit,remaining,reset}-{requests-day,tokens-minute}``, a reset in seconds.
    https://inference-docs.cerebras.ai/support/rate-limits
Mistral: ``x-ratelimit-{limit,remaining}-{req,tokens}-minute``. https://github.com/mistralai/client-ts/issues/169
DigitalOcean: ``x-ratelimit-…-{requests,tokens-per-minute,tokens-per-day}``, a reset in seconds since the epoch.
    https://docs.digitalocean.com/products/inference/reference/quota-specific-response-headers/
Fireworks: ``x-ratelimit-{limit,remaining}-{requests,tokens-prompt,tokens-generated}``.
    https://docs.fireworks.ai/serverless/rate-limits
OpenRouter: ``x-ratelimit-{limit,remaining,reset}``, the reset in milliseconds since the epoch, repeated in the error's
    ``metadata.headers``. https://openrouter.ai/docs/api-reference/limits
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from llm_bench.measure.formats.answer import as_dict, as_list
from llm_bench.measure.refusals import error_of

LONGEST_WAIT_SEC = 300.0
"""What lifts within this time is waited for; a cell doesn't last long enough to wait for more."""
LONGEST_SEC = 86400.0
"""What lasts longer than a day is absurd, or no limit of a rate."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|seconds?|minutes?|hours?|days?|secs?|mins?|hrs?|[smhd])(?![a-z])"
_PARTS = re.compile(_PART, re.IGNORECASE)
_WAIT = re.compile(rf"(?:try(?: again)?|retry|available again) (?:in|after) ((?:{_PART}[\s,]*)+)", re.IGNORECASE)
_DAY = re.compile(r"per[ _-]?day|\b(?:[TR]PD|daily)\b|_daily", re.IGNORECASE)
_SAID = re.compile(r"\b(requests|tokens) per (minute|day)\b[^:]{0,20}: Limit (\d+)", re.IGNORECASE)
_SPANS = {"minute": 60.0, "day": 86400.0}
_PACIFIC = ZoneInfo("America/Los_Angeles")

_EPOCH_SEC, _EPOCH_MS = 1e9, 1e11
"""From here on a number is no duration, but a moment: seconds, or milliseconds, since the epoch."""

_NAMES = (
    re.compile(
        r"x-ratelimit-(?P<word>limit|remaining|reset)-(?P<what>requests|req|tokens-prompt|tokens-generated|tokens)"
        r"(?:-(?:per-)?(?P<span>minute|hour|day|month))?"
    ),
    re.compile(
        r"anthropic-ratelimit-(?P<what>requests|tokens|input-tokens|output-tokens)-(?P<word>limit|remaining|reset)"
    ),
    re.compile(r"x-ratelimit-(?P<word>limit|remaining|reset)"),
)
_KINDS = {"tokens": "all", "input-tokens": "prompt", "tokens-prompt": "prompt"} | dict.fromkeys(
    ("output-tokens", "tokens-generated"), "answer"
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limit allows, and what is left of it.

    :param limit: in its whole span.
    :param remaining: at most the limit, at least 0.
    """

    limit: float
    remaining: float


@dataclass(frozen=True, slots=True)
class Notice:
    """What a response says of the limits.

    :param answered: whether it was let through.
    :param refused: whether it was refused for a limit.
    :param hold_sec: no request before so many seconds have passed, counted from the response; 0 to a day.
    :param tokens: tokens a minute: of ``all``, of the ``prompt`` or the ``answer`` alone.
    :param allowed: what whole limits allow, by the study's name of such a limit, e.g. "tokens_per_day".
    """

    answered: bool = False
    refused: bool = False
    hold_sec: float = 0.0
    tokens: Mapping[str, Allowance] = field(default_factory=dict)
    allowed: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Stated:
    """One limit as headers state it; None for what isn't there."""

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None


def notice(status: int | None, headers: Mapping[str, str], *, refusal: str | None, now: float) -> Notice:
    """What a response says.

    :param status: HTTP status.
    :param headers: names in lower case.
    :param refusal: the body, or the error within a stream, of one that was refused for a limit; None for any other.
    :param now: this machine's clock, seconds since the epoch; what a date is counted from if the server sends none.
    """
    now = _server_time(headers, now)
    if refusal is not None:
        headers = {**headers, **_headers_within(refusal)}
    stated = _stated(headers, now)
    hold = _emptied(stated) if refusal is None else _refused(stated, headers, refusal, now)
    return Notice(
        answered=status == 200 and refusal is None,
        refused=refusal is not None,
        hold_sec=min(hold, LONGEST_SEC),
        tokens=_tokens(stated),
        allowed=_allowed(stated, refusal or ""),
    )


def seconds(text: str, now: float) -> float | None:
    """Seconds in the forms that providers use: ``2``, ``7.66s``, ``2m59.56s``, ``120ms``, a date, an epoch.

    :param text: a duration, or a moment: an HTTP date, RFC 3339, or a number of (milli)seconds since the epoch.
    :param now: seconds since the epoch, which a moment is counted from.
    :return: 0 to a day; None for anything else.
    """
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        value = _duration(text)
        value = _moment(text) - now if math.isnan(value) else value
    else:
        if _EPOCH_SEC <= value < math.inf:
            value = (value / 1000 if value >= _EPOCH_MS else value) - now
    return None if math.isnan(value) else min(max(0.0, value), LONGEST_SEC)


def _duration(text: str) -> float:
    """Seconds of a duration with units, NaN for anything else."""
    parts = [match.groups() for match in _PARTS.finditer(text)]
    rest = _PARTS.sub("", text)
    return sum(float(number) * _unit(unit) for number, unit in parts) if parts and not rest.strip(" ,") else math.nan


def _unit(name: str) -> float:
    name = name.lower()
    return _UNITS["ms" if name.startswith(("ms", "mil")) else name[0]]


def _moment(text: str) -> float:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return math.nan


def _server_time(headers: Mapping[str, str], now: float) -> float:
    """The server's clock, by which it states moments; this machine's where it says nothing, or nonsense."""
    moment = _moment(headers.get("date", ""))
    return moment if _EPOCH_SEC <= moment < _EPOCH_MS / 10 else now


def _stated(headers: Mapping[str, str], now: float) -> dict[tuple[str, str], _Stated]:
    """The limits in the headers, by what they count (empty where it isn't said) and in which span."""
    stated: dict[tuple[str, str], _Stated] = {}
    for name, text in headers.items():
        match = next(filter(None, (form.fullmatch(name.lower()) for form in _NAMES)), None)
        if match is None:
            continue
        groups = match.groupdict()
        what = "requests" if groups.get("what") == "req" else groups.get("what") or ""
        limit = stated.setdefault((what, groups.get("span") or ""), _Stated())
        setattr(limit, groups["word"], seconds(text, now) if groups["word"] == "reset" else _number(text))
    return stated


def _tokens(stated: Mapping[tuple[str, str], _Stated]) -> dict[str, Allowance]:
    """The limits of tokens a minute that are stated whole."""
    tokens = {}
    for (what, span), stated_limit in stated.items():
        limit, remaining = stated_limit.limit or 0.0, stated_limit.remaining
        if what in _KINDS and span in {"", "minute"} and limit > 0 and remaining is not None:
            tokens[_KINDS[what]] = Allowance(limit, min(max(0.0, remaining), limit))
    # Anthropic's tokens of all kinds are those of whichever limit is the narrowest: mostly of one that stands there.
    if tokens.get("all") in (tokens.get("prompt"), tokens.get("answer")):
        tokens.pop("all", None)
    return tokens


def _allowed(stated: Mapping[tuple[str, str], _Stated], refusal: str) -> dict[str, float]:
    """The limits of requests and tokens whose span is known: stated, said in a refusal's words, or by its refill.

    A limit that refills steadily is whole again after the share of its span that was taken of it: that tells Groq's
    requests, which are a day's, from OpenAI's, which are a minute's.
    """
    allowed = {}
    for (what, named), limit in stated.items():
        span = named or _refilled_in(limit) or ("day" if what == "" and _DAY.search(refusal) else "")
        if span in _SPANS and limit.limit and what in {"requests", "tokens", ""}:
            allowed[f"{what or 'requests'}_per_{span}"] = limit.limit
    said = {f"{what.lower()}_per_{span.lower()}": float(limit) for what, span, limit in _SAID.findall(refusal)}
    return {name: amount for name, amount in (allowed | said).items() if amount > 0}


def _refilled_in(stated: _Stated) -> str:
    """The span in which a limit refills, by how long what was taken of it takes; empty where that says neither."""
    limit, remaining, reset = stated.limit or 0.0, stated.remaining, stated.reset
    if remaining is None or not reset or not 0 < remaining < limit:
        return ""
    span = reset * limit / (limit - remaining)
    return next((name for name, seconds in _SPANS.items() if abs(span / seconds - 1) < 0.2), "")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _emptied(stated: Mapping[tuple[str, str], _Stated]) -> float:
    """Seconds until a request is allowed again, where an answer says that none is left; 0 where some are.

    A long reset is that of the whole limit. The limits of Groq, OpenAI, Anthropic and Cerebras refill steadily, so that
    the next request is allowed long before; if it isn't, the refusal says so.
    """
    empty = [limit for (what, _), limit in stated.items() if what in {"requests", ""} and limit.remaining == 0]
    return max((_refill(limit) for limit in empty), default=0.0)


def _refill(limit: _Stated) -> float:
    reset = limit.reset or 0.0
    return reset if reset <= LONGEST_WAIT_SEC else min(LONGEST_WAIT_SEC, reset / max(1.0, limit.limit or 1.0))


def _refused(stated: Mapping[tuple[str, str], _Stated], headers: Mapping[str, str], refusal: str, now: float) -> float:
    """Seconds for which a refusal says to hold off: what says it outright, else the resets."""
    exact = _number(headers.get("retry-after-ms", ""))
    header = max(0.0, exact) / 1000 if exact else seconds(headers.get("retry-after", ""), now) or 0.0
    hold = max(header, *_said(refusal, now)) or _resets(stated)
    return hold or (_until_midnight(now, UTC) if _DAY.search(refusal) else 0.0)


def _said(refusal: str, now: float) -> Iterator[float]:
    """The seconds that the words and details of a refusal name; 0 among them."""
    yield 0.0
    for match in _WAIT.finditer(refusal):
        yield seconds(match[1].strip(" ,"), now) or 0.0
    for detail in map(as_dict, as_list(error_of(refusal).get("details"))):
        yield seconds(str(detail.get("retryDelay", "")), now) or 0.0
        quotas = [str(as_dict(violation).get("quotaId")) for violation in as_list(detail.get("violations"))]
        if any("PerDay" in quota for quota in quotas):  # its retryDelay is of seconds all the same
            yield _until_midnight(now, _PACIFIC)


def _resets(stated: Mapping[tuple[str, str], _Stated]) -> float:
    """The reset of what is used up, else of what says nothing of its rest, else the first of all."""
    resets = [(limit.remaining, limit.reset) for limit in stated.values() if limit.reset]
    used_up = [reset for remaining, reset in resets if remaining is not None and remaining <= 0]
    unsaid = [reset for remaining, reset in resets if remaining is None]
    return max(used_up or unsaid, default=min((reset for _, reset in resets), default=0.0))


def _until_midnight(now: float, zone: Any) -> float:
    """Seconds until the next day begins; a guess where the limit of a day says no more than that it is one."""
    here = datetime.fromtimestamp(now, zone)
    tomorrow = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), zone)
    return tomorrow.timestamp() - now


def _headers_within(refusal: str) -> dict[str, str]:
    """The headers that OpenRouter repeats in its error."""
    kept = as_dict(as_dict(error_of(refusal).get("metadata")).get("headers"))
    return {name.lower(): value if isinstance(value, str) else json.dumps(value) for name, value in kept.items()}
