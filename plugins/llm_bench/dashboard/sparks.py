"""How a metric is spread, so small that it fits into a row of a table: an outline, with a line at the median."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text

if TYPE_CHECKING:
    from llm_bench.analysis.metrics import Metric
    from llm_bench.analysis.queries import Spread

WIDTH, HEIGHT = 120, 20
"""Pixels of a drawing."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A small drawing.

    :param outline: path of what lies where.
    :param middle: where the median is; None where it lies among the failures.
    :param words: the same, for whoever can't see it.
    """

    outline: str
    middle: float | None
    words: str


def sparks(spreads: Sequence[Spread], metric: Metric) -> Mapping[str, Spark]:
    """LLM → the drawing of its values, all on the same scale: of shares from 0 to 1, of others logarithmic."""
    there = [spread for spread in spreads if spread.quantiles and spread.maximum is not None]
    lows = [step.low for spread in there for step in spread.bins if step.count and step.low > 0]
    highs = [step.high for spread in there for step in spread.bins if step.count]
    if not lows or not highs:
        return {}
    place = _share if metric.share else _logarithmic(min(lows), max(highs))
    return {spread.llm: _spark(spread, metric, place) for spread in there}


def _share(value: float) -> float:
    return value * WIDTH


def _logarithmic(low: float, high: float) -> Callable[[float], float]:
    start, length = math.log(low), math.log(high / low) or 1.0
    return lambda value: (math.log(max(value, low)) - start) / length * WIDTH


def _spark(spread: Spread, metric: Metric, place: Callable[[float], float]) -> Spark:
    middle = spread.quantiles[0.5]
    half = text.between(spread.quantiles[0.25], spread.quantiles[0.75], metric.unit)
    return Spark(
        outline=" ".join(_steps(spread, place)),
        middle=round(place(middle), 1) if math.isfinite(middle) else None,
        words=f"{metric.title}: median {text.value(middle, metric.unit)}, the middle half {half}, "
        f"95th percentile {text.value(spread.quantiles[0.95], metric.unit)}",
    )


def _steps(spread: Spread, place: Callable[[float], float]) -> Iterator[str]:
    largest = max(step.count for step in spread.bins) or 1
    for step in spread.bins:
        if step.count:
            left, right = place(step.low), place(step.high)
            top = HEIGHT * (1 - step.count / largest)
            yield f"M{left:.0f} {HEIGHT}V{top:.0f}H{max(right, left + 1):.0f}V{HEIGHT}z"
