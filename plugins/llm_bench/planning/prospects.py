"""What a study can show: the smallest differences that its report would find, and what makes them smaller. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from llm_bench.planning.power import LEVEL, POWER, Design, of_shares, roughly, smallest, smallest_of_shares
from llm_bench.planning.variance import Parts, pooled

ASSUMED: Mapping[str, Parts] = {
    "latency_sec": Parts(question=0.30, day=0.05, slot=0.10, rest=0.50),
    "coverage_score": Parts(question=0.15, day=0.00, slot=0.01, rest=0.15),
    "success": Parts(question=0.02, day=0.00, slot=0.02, rest=0.24),
}
"""Parts of a difference where no records show them: of latency as shares of the mean, of the others as they are."""
ASSUMED_SUCCESS = 0.97

_NORMAL = 2.80  # of a two-sided 5 % and a power of 80 %
_AS_GOOD = 1.01
_MANY = 20
"""Slots from which on the rough size changes as the simulated one does."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two LLMs, and what makes their difference in a metric vary.

    :param parts: of latency as shares of the mean of both.
    :param share: of the questions that both together answer.
    """

    first: str
    second: str
    parts: Parts
    share: float = ASSUMED_SUCCESS


@dataclass(frozen=True, slots=True)
class Prospect:
    """The smallest difference in a metric that is found with 80 % power; None where none would be.

    Of latency all are ratios of the slower to the faster, of the others differences.

    :param typical: of a typical pair, at a two-sided 5 %.
    :param after_holm: the same where it is the only difference among all that the report compares.
    :param of_pairs: first and second LLM → theirs, at 5 %.
    :param doubled: what there would be twice as much of (days, slots of a day, questions) → the typical one then.
    :param most: those of them that make it the smallest.
    :param like_these: what a claim about questions like these, and not only these, would need; None where not known.
    :param parts: of the typical pair.
    """

    metric: str
    typical: float | None
    after_holm: float | None
    of_pairs: Mapping[str, float | None]
    doubled: Mapping[str, float | None]
    most: tuple[str, ...]
    like_these: float | None
    parts: Parts
    power: float = POWER
    level: float = LEVEL
    comparisons: int = field(default=1)

    @property
    def widest(self) -> tuple[str, float] | None:
        """The pair whose difference must be the largest."""
        known = [(pair, size) for pair, size in self.of_pairs.items() if size is not None]
        return max(known, key=lambda pair: pair[1]) if known else None


def prospect(metric: str, pairs: Sequence[Pair], design: Design, comparisons: int) -> Prospect | None:
    """What a study of a design can show in a metric; None without a pair.

    :param comparisons: that the report makes, over all pairs and metrics.
    """
    if not pairs:
        return None
    typical = Pair("", "", pooled([pair.parts for pair in pairs]), float(np.mean([pair.share for pair in pairs])))

    base = _size(metric, typical, design, LEVEL)

    def size(pair: Pair, other: Design) -> float | None:
        """That of another pair or design: of many slots as the typical one's, changed as it roughly changes."""
        if base is None or min(design.clusters, other.clusters) < _MANY:
            return _size(metric, pair, other, LEVEL)
        rough = roughly(_parts(metric, typical), design)
        return base * roughly(_parts(metric, pair), other) / rough if rough else base

    doubled = {what: size(typical, design.doubled(what)) for what in ("slots", "questions", "days")}
    return Prospect(
        metric=metric,
        typical=as_shown(metric, base),
        after_holm=as_shown(metric, _size(metric, typical, design, LEVEL / comparisons)),
        of_pairs={f"{pair.first} · {pair.second}": as_shown(metric, size(pair, design)) for pair in pairs},
        doubled={what: as_shown(metric, changed) for what, changed in doubled.items()},
        most=_smallest_of(doubled),
        like_these=as_shown(metric, _like_these(typical.parts, design)),
        parts=typical.parts,
        comparisons=comparisons,
    )


def as_shown(metric: str, size: float | None) -> float | None:
    """A difference of latencies, a share of their mean, as a ratio; of another metric as it is."""
    if size is None or metric != "latency_sec":
        return size
    return (2 + size) / (2 - size) if size < 2 else None


def _size(metric: str, pair: Pair, design: Design, level: float) -> float | None:
    if metric == "success":
        return smallest_of_shares(pair.share, _of_slot(pair), design, level)
    return smallest(pair.parts, design, level)


def _parts(metric: str, pair: Pair) -> Parts:
    return of_shares(pair.share, _of_slot(pair)) if metric == "success" else pair.parts


def _of_slot(pair: Pair) -> float:
    return float(np.hypot(pair.parts.slot, pair.parts.day))


def _like_these(parts: Parts, design: Design) -> float | None:
    """The questions are then a sample, too, and their own differences count beside those of days and slots."""
    if "question" in parts.assumed:
        return None
    slots = design.days * design.slots
    variance = (
        parts.question**2 / design.questions
        + parts.day**2 / design.days
        + parts.within_day(design.questions) ** 2 / slots
    )
    return _NORMAL * float(np.sqrt(variance))


def _smallest_of(doubled: Mapping[str, float | None]) -> tuple[str, ...]:
    known = {what: size for what, size in doubled.items() if size is not None}
    least = min(known.values(), default=0.0)
    return tuple(what for what, size in known.items() if size <= least * _AS_GOOD)
