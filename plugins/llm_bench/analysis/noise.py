"""The noise floor of a study: what an LLM and its twin, which is the same one, differ by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from llm_bench.method import Method

if TYPE_CHECKING:
    from llm_bench.analysis.queries.shapes import Comparison
    from llm_bench.analysis.statistics import Interval

LEVEL = 0.05
"""Corrected p below which a difference is called significant."""

Standing = Literal["above", "unclear", "below"]

NOISE_FLOOR = Method(
    "Noise floor",
    "Where an LLM has a twin, which is the same LLM measured once more in the same slots, what the two differ by is "
    "the noise floor: the same comparison, without its direction. Of several twins it is the largest. A difference of "
    "other LLMs that isn't larger is no verdict. Twins are no two LLMs, so their pairs are corrected by Holm apart "
    "from the others.",
)


@dataclass(frozen=True, slots=True)
class Floor:
    """How much two measurements of one LLM differ in a metric, whichever way.

    :param pair: the LLM and its twin; of several twins those that differ most.
    :param size: a ratio of at least 1, or a difference of at least 0, with its interval.
    """

    pair: Comparison
    size: Interval

    def standing(self, size: Interval | None) -> Standing | None:
        """How the size of a comparison of other LLMs stands to it; None without one.

        It is ``unclear`` where it is larger than the floor, but not than all that the floor may be by its interval.
        """
        if size is None or size.estimate is None or self.size.estimate is None:
            return None
        amount = magnitude(size.estimate, is_ratio=self.pair.is_ratio)
        if amount <= self.size.estimate:
            return "below"
        return "above" if self.size.high is not None and amount > self.size.high else "unclear"


def magnitude(size: float, *, is_ratio: bool) -> float:
    """How far a size is from no difference, whichever way: a ratio of at least 1, or a difference of at least 0."""
    return max(size, 1 / size) if is_ratio else abs(size)


def floor(pairs: Iterable[Comparison], metric: str) -> Floor | None:
    """The noise floor of a metric; None without a twin whose records have it.

    :param pairs: of all metrics.
    """
    floors = [
        Floor(pair, _size(pair.size, is_ratio=pair.is_ratio))
        for pair in pairs
        if pair.twins and pair.metric == metric and pair.size and pair.size.estimate is not None
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
    return [pair for pair in others if known.standing(pair.size) == standing]


def _size(size: Interval, *, is_ratio: bool) -> Interval:
    """A size whichever way it goes; an interval around no difference begins there."""
    estimate, low, high = size.estimate, size.low, size.high
    assert estimate is not None  # noqa: S101  (left out before)
    largest = magnitude(estimate, is_ratio=is_ratio)
    if low is None or high is None:
        return replace(size, estimate=largest, low=None, high=None)
    ends = sorted(magnitude(end, is_ratio=is_ratio) for end in (low, high))
    null = float(is_ratio)
    return replace(size, estimate=largest, low=null if low <= null <= high else ends[0], high=ends[1])
