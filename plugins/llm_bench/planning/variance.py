"""What makes the difference of two LLMs vary: questions, slots, days, and what is left. Pure.

The difference of question q in slot s of day d is taken as mean + question + day + slot + rest. What a question has for
both LLMs isn't in it; its part is what the question has for one of them alone, LLM × question. The parts are estimated
by the sums of squares of the usual analysis of variance (Searle, Casella and McCulloch, Variance Components, 1992, ch.
2 and 4): unbiased as long as few records are missing, and a part that comes out below zero is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llm_bench.analysis.statistics import Codes, Floats

LEAST_DAYS = 3
"""With fewer days, how much they vary is taken as stated: two differ by chance alone as much as not at all."""

Part = Literal["question", "day", "slot", "rest"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Standard deviations of the parts of a difference, in the metric's unit; of times, in that of logarithms.

    :param question: what one LLM has over the other on one question more than on another (LLM × question); it is the
        same in each slot.
    :param day: of a whole day.
    :param slot: of a whole slot, within its day.
    :param rest: of a single question in a single slot.
    :param assumed: the parts that the records couldn't show.
    """

    question: float
    day: float
    slot: float
    rest: float
    assumed: tuple[Part, ...] = ()


def estimate(differences: Floats, questions: Codes, slots: Codes, days: Codes, stated: Parts) -> Parts:
    """The parts of a difference, and in place of what the records can't show, what is stated.

    Records of one slot alone show how much questions differ there, and not which part of it they would keep in the
    next: that is divided as it is stated.

    :param differences: first − second, of one question in one slot each; none is missing.
    :param questions: the question of each.
    :param slots: the slot of each.
    :param days: the day of each.
    :param stated: in the same unit.
    """
    _, question = np.unique(questions, return_inverse=True)
    _, first, slot = np.unique(slots, return_index=True, return_inverse=True)
    if differences.size < 2:
        return Parts(stated.question, stated.day, stated.slot, stated.rest, ("question", "day", "slot", "rest"))
    if first.size < 2:
        scale = float(np.std(differences, ddof=1) / (np.hypot(stated.question, stated.rest) or 1.0))
        return Parts(stated.question * scale, stated.day, stated.slot, stated.rest * scale, ("question", "day", "slot"))
    means = np.bincount(question, differences) / np.bincount(question)
    free = differences - means[question]
    by_slot = np.bincount(slot, free) / np.bincount(slot)
    left = free - by_slot[slot]
    rest = _variance(left, differences.size - means.size - first.size + 1)
    each = 1 / float(np.mean(1 / np.bincount(slot)))
    between = max(0.0, _variance(means - means.mean(), means.size - 1) - rest / first.size)
    day, within = _days(by_slot, np.asarray(days)[first])
    slot_part = float(np.sqrt(max(0.0, within - rest / each)))
    assumed: tuple[Part, ...] = () if day is not None else ("day",)
    return Parts(float(np.sqrt(between)), stated.day if day is None else day, slot_part, float(np.sqrt(rest)), assumed)


def _variance(deviations: Floats, free: int) -> float:
    return float(deviations @ deviations) / max(1, free)


def _days(by_slot: Floats, days: Codes) -> tuple[float | None, float]:
    """Standard deviation between days, None where fewer than three or single slots show it; variance within a day."""
    _, day, sizes = np.unique(days, return_inverse=True, return_counts=True)
    n, many = by_slot.size, sizes.size
    if many < 2 or n == many:
        return None, _variance(by_slot - by_slot.mean(), n - 1)
    means = np.bincount(day, by_slot) / sizes
    within = _variance(by_slot - means[day], n - many)
    if many < LEAST_DAYS:
        return None, within
    between = float(sizes @ (means - by_slot.mean()) ** 2) / (many - 1)
    size = (n - float((sizes**2).sum()) / n) / (many - 1)
    return float(np.sqrt(max(0.0, (between - within) / size))), within


def pooled(parts: Sequence[Parts]) -> Parts:
    """The parts of a typical pair: the root of the mean square of each.

    :param parts: of each pair, at least one.
    """

    def middle(values: Sequence[float]) -> float:
        return float(np.sqrt(np.mean(np.square(values))))

    return Parts(
        middle([pair.question for pair in parts]),
        middle([pair.day for pair in parts]),
        middle([pair.slot for pair in parts]),
        middle([pair.rest for pair in parts]),
        tuple(dict.fromkeys(part for pair in parts for part in pair.assumed)),
    )
