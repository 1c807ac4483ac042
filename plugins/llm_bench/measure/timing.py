"""The clock's metrics, from arrival times. Pure; definitions as in docs/metrics.md. All times in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from llm_bench.method import Method

SUSPECT_DELAY_SHARE = 0.05
"""A record is suspect when one of its reads waited for a core longer than this share of its time to first token.

A stamp is late by what its read waited. In 326 requests by 1 to 8 cells beside 0 to 2 processes that hog a core, on two
cores, this rule found the records with a time off by that much with a precision of 0.96 and a recall of 0.97. Neither
the sum of all waits nor the load average tells them apart (precision at most 0.4)."""
SUSPECT_DELAY_SEC = 0.001
"""Waits below this are never suspect. (In the same requests, a read that waited longer than this found the times off by
over 1 ms with a precision of 1.00 and a recall of 0.99.)"""

CLOCK = Method(
    "Clock",
    "Times are of the monotonic clock, from the moment when the request's first byte is handed to the open connection. "
    "A piece of the answer is stamped when the read of the socket that brought it returns, before it is parsed. "
    "Each question is one HTTP request, whose answer is streamed and not compressed: a second request is kept off the "
    "wire. "
    "The first question of a cell opens the connection, which the others use again; opening it is no part of a time. "
    "Nothing is sent to warm up: the client library is loaded by a request that goes nowhere.",
)
LATENCY = Method("Latency", "From the request to the end of the answer's stream; a failed request has none.")
FIRST_TOKEN = Method(
    "Time to first token", "From the request to the first event that carries a generated token, reasoning included."
)
FIRST_ANSWER = Method(
    "Time to first answer",
    "From the request to the first event with text of the answer that isn't blank: later where the LLM reasons first.",
)
THROUGHPUT = Method(
    "Throughput",
    "Tokens generated, reasoning included, over the latency. "
    "Each LLM's tokens are counted by its own tokenizer, so that rates of two LLMs aren't rates of text.",
)
SUSPECT = Method(
    "Suspect",
    "A record is suspect where one of its reads waited for a core of this machine for longer than "
    f"{SUSPECT_DELAY_SEC * 1000:g} ms and {SUSPECT_DELAY_SHARE:.0%} of its time to first token.".replace("%", " %"),
)


def elapsed(start: float | None, end: float | None) -> float | None:
    """Time from one moment to another; None where either wasn't seen."""
    return None if start is None or end is None else end - start


def throughput(tokens: int | None, seconds: float | None) -> float | None:
    """Tokens a second over the whole answer; None where either is unknown or no time has passed."""
    return tokens / seconds if tokens is not None and seconds else None


def decode_rate(tokens: int | None, first: float | None, last: float | None) -> float | None:
    """Tokens a second after the first one; None under two tokens, or when all came in one piece."""
    if tokens is None or tokens < 2 or first is None or last is None or last <= first:
        return None
    return (tokens - 1) / (last - first)


def gaps(arrivals: Sequence[float]) -> list[float]:
    """Gaps between token-bearing events, one fewer than there are events."""
    return [later - earlier for earlier, later in pairwise(arrivals)]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: a value that was observed; None of nothing.

    :param share: in (0, 1], e.g. 0.99.
    """
    if not values:
        return None
    return sorted(values)[math.ceil(share * len(values)) - 1]


def suspicion(delay_sec: float | None, ttft_sec: float | None) -> str | None:
    """Why a record's times can't be trusted, or None.

    :param delay_sec: the longest that the measuring thread, in one read, was ready to run but had no core.
    :param ttft_sec: the record's time to first token.
    """
    if delay_sec is None or ttft_sec is None or delay_sec <= SUSPECT_DELAY_SEC:
        return None
    if delay_sec <= SUSPECT_DELAY_SHARE * ttft_sec:
        return None
    return f"the client waited {delay_sec * 1000:.1f} ms for a core, {delay_sec / ttft_sec:.0%} of the TTFT"
