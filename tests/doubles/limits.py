"""Groq's rate limits, enforced as Groq does. Pure but for its clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class GroqLimits:
    """Requests within the last minute, and tokens that refill steadily.

    A request counts with its prompt and ``max_tokens`` when it comes, and with what it used once it is answered. (That
    the refill is steady shows in Groq's own refusals: "Limit 6000, Used 5034, Requested 1443. Please try again in
    4.77s" is (5034 + 1443 − 6000) / (6000 / 60 s).) Limits of each tier: https://console.groq.com/docs/rate-limits.

    :param per_minute: requests a minute.
    :param tokens_per_minute: tokens a minute.
    :param clock: seconds.
    """

    def __init__(self, per_minute: int, tokens_per_minute: int, clock: Callable[[], float] = time.time) -> None:
        self.per_minute, self.limit = per_minute, float(tokens_per_minute)
        self.refused = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._used, self._at = 0.0, clock()
        self._requests: list[float] = []

    def ask(self, requested: int) -> tuple[int, dict[str, str]]:
        """Status and headers for a request that may cost so many tokens."""
        with self._lock:
            now = self._clock()
            self._used = max(0.0, self._used - (now - self._at) * self.limit / 60)
            self._at = now
            self._requests = [moment for moment in self._requests if moment > now - 60]
            if len(self._requests) >= self.per_minute or self._used + requested > self.limit:
                self.refused += 1
                return 429, {"retry-after": "5"}
            self._requests.append(now)
            self._used += requested
            return 200, {
                "x-ratelimit-limit-tokens": str(int(self.limit)),
                "x-ratelimit-remaining-tokens": str(int(self.limit - self._used)),
                "x-ratelimit-reset-tokens": f"{self._used / self.limit * 60:.3f}s",
            }

    def answered(self, requested: int, used: int) -> None:
        """A request is answered: from now on it counts with what it used."""
        with self._lock:
            self._used -= requested - used

    def shortest_sec(self, requests: int, requested: int, used: int) -> float:
        """No schedule is shorter: what all use, and the last one's whole reservation, less a full bucket."""
        return max(0.0, ((requests - 1) * used + requested - self.limit) / (self.limit / 60))
