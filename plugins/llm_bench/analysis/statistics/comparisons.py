"""The correction for comparing many. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llm_bench.method import Method

HOLM = Method(
    "Correction for many comparisons",
    "p is corrected by Holm's sequentially rejective procedure: over the primary comparisons; that of the exploratory "
    "ones over all comparisons, which they were looked for among. Primary are those that were sealed; where nothing "
    "was, all pairs in the first metric.",
    ("holm1979",),
)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for being many, in their order (Holm, Scandinavian Journal of Statistics 1979).

    At any level, those below it stay below it with the chance of one false alarm among all no greater than the level.
    None stays None and doesn't count: no test was made there.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    ascending = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    least = 0.0
    for rank, (p, i) in enumerate(ascending):
        least = adjusted[i] = max(least, min(1.0, (len(ascending) - rank) * p))
    return adjusted
