"""A clock for tests that wait."""

from __future__ import annotations

NOW = 1_800_000_000.0
"""Seconds since the epoch: 2027-01-15 08:00 UTC."""


class Clock:
    """A clock that moves only when somebody waits; it begins at ``NOW``."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
