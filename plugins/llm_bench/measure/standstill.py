"""Whether this machine stood still while it measured: it slept, or the process was stopped.

A request that was open then says nothing about its provider: CLOCK_MONOTONIC doesn't count a machine's sleep, so that
two hours can be a quick answer; and the connection may have been given up meanwhile by whoever was awake.
"""

from __future__ import annotations

import time

from llm_bench.errors import LLMBenchError

BEAT_SEC = 0.25
"""How long a read of the socket waits at a time: what takes longer was held up here, not by the provider."""
LONGEST_SEC = 1.0
"""A machine that stood still for longer than this didn't measure; for less, the record is suspect."""

_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC", None)
"""The clock that counts sleep, too: Linux's CLOCK_BOOTTIME, and CLOCK_MONOTONIC of macOS, where Python's own
``time.monotonic()`` is another one."""


class StandstillError(LLMBenchError):
    """This machine stood still while a question was open."""


def asleep_sec() -> float:
    """How long this machine has been asleep since it was started; only differences of it mean something."""
    return time.clock_gettime(_AWAKE_OR_NOT) - time.monotonic() if _AWAKE_OR_NOT is not None else 0.0


def raise_on_standstill(seconds: float, llm: str) -> None:
    """Refuses what was seen of a request.

    :param seconds: for how long this machine stood still meanwhile.
    :param llm: that was asked.
    :raises StandstillError: for too long.
    """
    if seconds > LONGEST_SEC:
        raise StandstillError(
            f"This machine stood still for {seconds:,.0f} s while {llm} was asked: it slept, or the process was "
            "stopped. What came of the request isn't the provider's.",
            "Keep the machine awake; the question is asked again by the task's next attempt.",
        )
