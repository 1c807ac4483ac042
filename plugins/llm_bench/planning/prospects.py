"""What a study can show: the smallest differences that its report would find, and what makes them smaller. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from llm_bench.analysis.statistics import LEAST_SLOTS
from llm_bench.analysis.statistics.scopes import FEW_DAYS, FEW_QUESTIONS, LEAST_DAYS, LEAST_QUESTIONS, Scope
from llm_bench.analysis.statistics.success import FEW_SLOTS
from llm_bench.planning.failing import Failing, typical
from llm_bench.planning.power import LEVEL, LIKE, POWER, THESE, Design, smallest, smallest_of_rates
from llm_bench.planning.variance import Parts, pooled

FIRST = "latency_sec"
"""The metric whose pairs are the primary comparisons of a study that seals none."""
ASSUMED: Mapping[str, Parts] = {
    "latency_sec": Parts(question=0.30, day=0.05, slot=0.10, rest=0.50),
    "coverage_score": Parts(question=0.20, day=0.00, slot=0.01, rest=0.10),
}
"""Parts of a difference where no records show them: of latency of its logarithm, so 0.3 is about 30 %."""
ASSUMED_FAILING = Failing(isolated=0.02, outages=0.0, length=1.0)

_AS_GOOD = 1.01


@dataclass(frozen=True, slots=True)
class Pair:
    """Two LLMs, and what makes their difference in a metric vary."""

    first: str
    second: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class Prospect:
    """The smallest difference in a metric that is found with 80 % power; None where none would be.

    Of latency all are ratios of the slower to the faster, of the others differences.

    :param scope: what the conclusion is for; all are for days like those.
    :param typical: of a typical pair, at a two-sided 5 %.
    :param after_holm: the same where it is the only difference among the comparisons that are corrected with it.
    :param of_pairs: first and second LLM → theirs, at 5 %; empty for success.
    :param doubled: what there would be twice as much of (days, slots of a day, questions) → the typical one then.
    :param most: those of them that make it the smallest.
    :param these: the typical one for these questions alone; None where that is the scope, or it isn't found.
    :param basis: what it varies by: the parts of the typical pair, or how requests fail.
    :param doubt: why none would be found: "few days", "few questions", "few slots"; else None.
    """

    metric: str
    scope: Scope
    typical: float | None
    after_holm: float | None
    of_pairs: Mapping[str, float | None]
    doubled: Mapping[str, float | None]
    most: tuple[str, ...]
    these: float | None
    basis: Parts | Failing
    doubt: str | None = None
    power: float = POWER
    level: float = LEVEL
    comparisons: int = field(default=1)

    @property
    def widest(self) -> tuple[str, float] | None:
        """The pair whose difference must be the largest."""
        known = [(pair, size) for pair, size in self.of_pairs.items() if size is not None]
        return max(known, key=lambda pair: pair[1]) if known else None


def prospect(metric: str, pairs: Sequence[Pair], design: Design, comparisons: int) -> Prospect:
    """What a study of a design can show in times or scores.

    :param pairs: at least one.
    :param comparisons: that p is corrected over.
    """
    parts = pooled([pair.parts for pair in pairs])

    def size(other: Design, *, of: Parts = parts, level: float = LEVEL, scope: Scope = LIKE) -> float | None:
        return as_shown(metric, smallest(of, other, level, scope))

    doubled, most = _doubled(size, design)
    return Prospect(
        metric=metric,
        scope=LIKE,
        typical=size(design),
        after_holm=size(design, level=LEVEL / comparisons),
        of_pairs={f"{pair.first} · {pair.second}": size(design, of=pair.parts) for pair in pairs},
        doubled=doubled,
        most=most,
        these=size(design, scope=THESE),
        basis=parts,
        doubt=_doubt(design),
        comparisons=comparisons,
    )


def prospect_of_success(pairs: Sequence[Failing], design: Design, comparisons: int) -> Prospect:
    """The same in success.

    :param pairs: how the requests of each pair of LLMs fail; at least one.
    """
    failing = typical(pairs)

    def size(other: Design, level: float = LEVEL) -> float | None:
        return smallest_of_rates(failing, other, level)

    doubled, most = _doubled(size, design)
    return Prospect(
        metric="success",
        scope=THESE,
        typical=size(design),
        after_holm=size(design, LEVEL / comparisons),
        of_pairs={},
        doubled=doubled,
        most=most,
        these=None,
        basis=failing,
        doubt=FEW_SLOTS if design.all_slots < LEAST_SLOTS else None,
        comparisons=comparisons,
    )


def as_shown(metric: str, size: float | None) -> float | None:
    """A difference of logarithms of latencies as a ratio; one of scores as it is, where scores can differ so much."""
    if size is None or metric == FIRST:
        return None if size is None else math.exp(size)
    return size if size <= 1 else None


def _doubt(design: Design) -> str | None:
    if design.days < LEAST_DAYS:
        return FEW_DAYS
    return FEW_QUESTIONS if design.questions < LEAST_QUESTIONS else None


def _doubled(size: Callable[[Design], float | None], design: Design) -> tuple[dict[str, float | None], tuple[str, ...]]:
    """The smallest difference with twice as much of each, and what makes it the smallest."""
    doubled = {what: size(design.doubled(what)) for what in ("slots", "questions", "days")}
    known = {what: changed for what, changed in doubled.items() if changed is not None}
    least = min(known.values(), default=0.0)
    return doubled, tuple(what for what, changed in known.items() if changed <= least * _AS_GOOD)
