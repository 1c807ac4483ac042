"""Samples whose statistics the tests take."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from llm_bench.analysis.statistics import (
    Interval,
)

UNHURRIED = settings(deadline=None)
NOTHING = Interval(None, None, None, 0, 0)

CHANCES = st.one_of(st.none(), st.floats(0, 1))


def latencies(
    rng: np.random.Generator, slots: int = 56, between: float = 0.3, within: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Lognormal seconds of 10 to 20 records a slot, with their slots. The median of all is 1."""
    slot = np.repeat(np.arange(slots), rng.integers(10, 21, slots))
    return np.exp(rng.normal(0, between, slots)[slot] + rng.normal(0, within, slot.size)), slot


def numbers(interval: Interval) -> tuple[float | None, ...]:
    return interval.estimate, interval.low, interval.high


def about(*expected: float | None) -> tuple[object, ...]:
    return tuple(None if end is None else pytest.approx(end, rel=1e-9, abs=1e-9) for end in expected)


def course(rng: np.random.Generator, days: int = 4, times: int = 14, keeps: float = 0.5) -> np.ndarray:
    """Days × times: each slot keeps so much of the one before it; no time of day is like another's on purpose."""
    noise = rng.normal(size=(days, times))
    table = noise.copy()
    table[:, 0] /= math.sqrt(1 - keeps**2)
    for i in range(1, times):
        table[:, i] = keeps * table[:, i - 1] + noise[:, i]
    return table


def days_and_times(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    days, times = np.indices(table.shape)
    return days.ravel(), times.ravel()
