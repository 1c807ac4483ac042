"""Means with their intervals, of values whose slot is the cluster. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import (
    LEAST_SLOTS,
    NOTHING,
    Floats,
    Interval,
    interval,
    reach_of_mean,
    sample,
    student,
)


def mean(
    values: npt.ArrayLike, clusters: npt.ArrayLike, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Interval:
    """The mean over all values and its interval, in the values' unit.

    A ratio of two sums over slots (values, counts), since slots differ in how many values they hold: estimate ∓ t ·
    error, with the linearised error of a ratio and Student's t of slots − 1 degrees of freedom (Cochran, Sampling
    Techniques, 3rd edition 1977, ch. 6 and 9): the interval of a regression on a constant with clustered errors.

    :param clusters: the slot of each value: anything that sorts.
    :param weights: how often each value stands in its slot; once where left out.
    """
    ascending, slots, counts = sample(values, clusters, weights)
    if not ascending.size:
        return NOTHING
    estimate = float(counts @ ascending / counts.sum())
    reach = reach_of_mean(ascending, slots, counts, level)
    return interval(estimate, None if reach is None else (estimate - reach, estimate + reach), slots, counts)


def means(sums: Floats, counts: npt.ArrayLike, level: float = 0.95) -> list[Interval | None]:
    """``mean`` of many groups at once, from their sums and counts in each slot; None for a group without a value.

    :param sums: of the shape (groups, slots), like ``counts``.
    """
    held = np.asarray(counts, np.float64)
    n, slots = held.sum(axis=1), np.count_nonzero(held, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimates = sums.sum(axis=1) / n
        rest = sums - estimates[:, None] * held
        errors = np.sqrt(np.square(rest).sum(axis=1) * slots / (slots - 1)) / n
    return [
        _mean(*group, level) if group[3] else None
        for group in zip(estimates.tolist(), errors.tolist(), n.astype(int).tolist(), slots.tolist(), strict=True)
    ]


def _mean(estimate: float, error: float, n: int, slots: int, level: float) -> Interval:
    if slots < LEAST_SLOTS:
        return Interval(estimate, None, None, n, slots)
    reach = student(level, slots) * error
    return Interval(estimate, estimate - reach, estimate + reach, n, slots)


def share(parts: Floats, wholes: Floats, n: int, level: float = 0.95) -> Interval | None:
    """What part of a whole something is, over all slots, with the interval of a ratio, kept within [0, 1].

    :param parts: in each slot.
    :param wholes: in each slot.
    :param n: values that the wholes are the sums of.
    :return: None where there is no whole.
    """
    (ratio,) = means(parts[None], wholes[None], level)
    if ratio is None or ratio.low is None or ratio.high is None:
        return ratio and replace(ratio, n=n)
    return replace(ratio, low=max(ratio.low, 0.0), high=min(ratio.high, 1.0), n=n)
