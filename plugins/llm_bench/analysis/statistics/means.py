"""Means with their intervals, of values whose slot is the cluster. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import (
    LEAST_SLOTS,
    Floats,
    Interval,
    student,
)


def means(sums: Floats, counts: npt.ArrayLike, level: float = 0.95) -> list[Interval | None]:
    """The mean of each group with its interval, from its sums and counts in each slot; None without a value.

    A ratio of two sums over slots (values, counts), since slots differ in how many values they hold: estimate ∓ t ·
    error, with the linearised error of a ratio and Student's t of slots − 1 degrees of freedom (Cochran, Sampling
    Techniques, 3rd edition 1977, ch. 6 and 9): the interval of a regression on a constant with clustered errors.

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
    return ratio and replace(ratio.within(0.0, 1.0), n=n)
