"""The noise floor of a study: what an LLM and its twin, which is the same one, differ by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from llm_bench.analysis.queries.shapes import Comparison
    from llm_bench.analysis.statistics import Interval

LEVEL = 0.05
"""Corrected p below which a difference is called significant."""

Standing = Literal["above", "unclear", "below"]


@dataclass(frozen=True, slots=True)
class Floor:
    """How much two measurements of one LLM differ in a metric, whatever the sign.

    :param pair: the LLM and its twin; of several twins those that differ most.
    :param size: of the difference, never below 0, with its interval.
    """

    pair: Comparison
    size: Interval

    def standing(self, difference: Interval | None) -> Standing | None:
        """How a difference of other LLMs stands to it: ``unclear`` where it is larger than the floor, but not than all
        that the floor may be by its interval; None without a difference.
        """
        if difference is None or difference.estimate is None or self.size.estimate is None:
            return None
        amount = abs(difference.estimate)
        if amount < self.size.estimate:
            return "below"
        return "above" if self.size.high is not None and amount > self.size.high else "unclear"


def floor(pairs: Iterable[Comparison], metric: str) -> Floor | None:
    """The noise floor of a metric; None without a twin whose records have it.

    :param pairs: of all metrics.
    """
    floors = [
        Floor(pair, _size(pair.difference))
        for pair in pairs
        if pair.twins and pair.metric == metric and pair.difference and pair.difference.estimate is not None
    ]
    return max(floors, key=lambda known: known.size.estimate or 0.0, default=None)


def are_twins(twins: Mapping[str, str], first: str, second: str) -> bool:
    """Whether two names are of one LLM, measured twice.

    :param twins: LLM → its twin.
    """
    return twins.get(first) == second or twins.get(second) == first


def significant(pair: Comparison) -> bool:
    """Whether the two differ by more than chance, after the correction."""
    return pair.p_holm is not None and pair.p_holm < LEVEL


def doubtful(pairs: Sequence[Comparison], metric: str, standing: Standing) -> list[Comparison]:
    """The significant differences in a metric that stand so to its noise floor."""
    known = floor(pairs, metric)
    if known is None:
        return []
    others = (pair for pair in pairs if pair.metric == metric and not pair.twins and significant(pair))
    return [pair for pair in others if known.standing(pair.difference) == standing]


def _size(difference: Interval) -> Interval:
    """A difference without its sign; an interval around zero begins there."""
    estimate, low, high = difference.estimate, difference.low, difference.high
    if estimate is None or low is None or high is None:
        return replace(difference, estimate=None if estimate is None else abs(estimate), low=None, high=None)
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return replace(difference, estimate=abs(estimate), low=nearest, high=max(abs(low), abs(high)))
