"""Waiting between requests, so that the study's own rate limit is never reached. Outside the clock."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pacer:
    """Spaces requests evenly.

    :param per_minute: requests a minute allowed to this cell; None: no limit.
    :param clock: seconds, monotonic.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        per_minute: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next: float | None = None

    def wait(self) -> float:
        """Waits until the next request is allowed; seconds waited."""
        now = self._clock()
        waited = max(0.0, (self._next or now) - now) if self._gap else 0.0
        if waited:
            self._sleep(waited)
        self._next = self._clock() + self._gap
        return waited
