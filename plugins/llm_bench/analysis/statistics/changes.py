"""Whether what was measured in slots that follow one another changed at some moment, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm_bench.analysis.statistics.sample import Codes, Floats
from llm_bench.method import Method

LEVEL = 0.02
"""Below this p, corrected, answers count as changed. It accuses someone of something, so it is stricter than usual."""
ORDERS, SEED = 1_999, 20_261_207
"""How many random orders of the slots `change` compares with, and the seed that draws them."""
LEAST_BEFORE_AND_AFTER = 5
"""Slots on each side of a moment: fewer say little, and make a real change harder to tell from all the moments."""
LEAST_TO_COMPARE = 11
"""With fewer slots nothing is tested: of 10, a clean change in the middle has a p of 1/126 at the least, which isn't
below `LEVEL` any more where the p of four LLMs are corrected."""
_AT_ONCE = 64
"""Orders that are looked at together."""

CHANGES = Method(
    "Which model answered",
    "At each moment between two slots, the answers before are compared with those after by their maximum mean "
    "discrepancy, as Gao, Liang and Guestrin compare a service's answers with a model's, though by another kernel. "
    f"Each side has {LEAST_BEFORE_AND_AFTER} slots or more, and with fewer than {LEAST_TO_COMPARE} slots nothing is "
    "tested. "
    f"Whole slots change places in {ORDERS:,} random orders of a fixed seed, and each moment is set in relation to its "
    "mean and spread over the orders. "
    "p is how often the greatest of all moments is as great by chance. "
    f"Where p, corrected over the LLMs by Holm, is below {LEVEL}, the answers are said to have changed, most likely at "
    "the moment of the greatest.",
    ("gao2025", "gretton2012", "holm1979"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """Whether there was a change.

    :param p_value: the chance of slots in any order to differ as much at some moment; None with too few slots.
    :param at: place of the slot that the most likely change is before; None as p.
    :param chances: of each slot, the same p of a change right before it: for all moments at once, so that none of them
        needs another correction; NaN where no moment is tested.
    """

    p_value: float | None
    at: int | None
    chances: Floats


def change(similarity: Floats) -> Change:
    """Tests each moment between slots: whether those before are more like one another than like those after.

    The measure is the squared maximum mean discrepancy of the two sides (Gretton and others, A Kernel Two-Sample Test,
    Journal of Machine Learning Research 2012), its unbiased estimate. Whole slots change places, so what the answers of
    a slot share widens what chance does too. At each moment it is set in relation to its mean and spread over the
    orders (as in Song and Chen, Practical and Powerful Kernel-Based Change-Point Detection, IEEE Transactions on Signal
    Processing 2024), and what counts is the greatest of all moments: p is (1 + as great) / (1 + `ORDERS`), for all
    moments together (Westfall and Young, Resampling-Based Multiple Testing, 1993).

    :param similarity: of each two slots, as `kernels.similarity` has it.
    """
    slots = len(similarity)
    chances = np.full(slots, np.nan)
    if slots < LEAST_TO_COMPARE:
        return Change(None, None, chances)
    draw = np.random.default_rng(SEED)
    orders = draw.permuted(np.tile(np.arange(slots), (ORDERS + 1, 1)), axis=1)
    orders[0] = np.arange(slots)
    measured = np.concatenate(
        [_discrepancies(similarity, orders[start : start + _AT_ONCE]) for start in range(0, len(orders), _AT_ONCE)]
    )
    spread = measured.std(axis=0)
    heights = np.divide(measured - measured.mean(axis=0), spread, out=np.zeros_like(measured), where=spread > 1e-12)
    greatest = np.sort(heights.max(axis=1))
    rarer = len(orders) - np.searchsorted(greatest, heights[0] - 1e-9)
    first = LEAST_BEFORE_AND_AFTER
    chances[first : first + rarer.size] = rarer / len(orders)
    best = int(heights[0].argmax())
    return Change(float(rarer[best] / len(orders)), first + best, chances)


def _discrepancies(similarity: Floats, orders: Codes) -> Floats:
    """The squared discrepancy at each moment that is tested, of each order of the slots."""
    slots = len(similarity)
    before = np.arange(LEAST_BEFORE_AND_AFTER, slots - LEAST_BEFORE_AND_AFTER + 1)
    after = slots - before
    placed = similarity[orders[:, :, None], orders[:, None, :]]
    joined = np.einsum("bij,ij->bi", placed, np.tri(slots, k=-1))  # each slot with those before it
    within = 2 * joined.cumsum(axis=1)[:, before - 1]
    across = similarity.sum(axis=1)[orders].cumsum(axis=1)[:, before - 1] - within
    rest = similarity.sum() - within - 2 * across
    means: Floats = within / (before * (before - 1)) + rest / (after * (after - 1)) - 2 * across / (before * after)
    return means
