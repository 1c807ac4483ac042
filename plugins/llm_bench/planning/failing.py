"""How an LLM's requests fail: some by themselves, others in outages, which last for some slots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

OUT = 0.9
"""The share of a slot's requests that fail in an outage, at least."""
LEAST_SLOTS = 50
"""With fewer slots, and no outage in them, outages are taken as stated."""
_LEAST_ASKED = 5
"""Requests of a slot below which all of them may have failed by themselves."""


@dataclass(frozen=True, slots=True)
class Failing:
    """How often requests fail, and how they come together.

    :param isolated: share of the requests, of those that no outage hit, each by itself.
    :param outages: share of the slots in which all fail.
    :param length: slots of an outage.
    :param assumed: what the records couldn't show.
    """

    isolated: float
    outages: float
    length: float
    assumed: tuple[str, ...] = ()

    @property
    def succeeds(self) -> float:
        """The rate of success."""
        return (1 - self.outages) * (1 - self.isolated)

    def variance(self, questions: float) -> float:
        """That of the difference of two such LLMs in one slot, times what the slots of an outage have in common."""
        alone = (1 - self.outages) * self.isolated * (1 - self.isolated) / questions
        return 2 * (alone + self.outages * (1 - self.outages) * self.length)

    def rounded(self) -> Failing:
        """To whole slots and thousandths, by which a difference is the same."""
        return Failing(round(self.isolated, 3), round(self.outages, 3), max(1, round(self.length)))

    def down(self, draws: np.random.Generator, shape: tuple[int, ...], slots: int) -> npt.NDArray[np.bool_]:
        """Slots that outages hit, which begin at any moment, before the first slot, too, and may overlap.

        :return: of the shape (…, slots).
        """
        length = max(1, round(self.length))
        begins = draws.random((*shape, slots + length - 1)) < 1 - (1 - self.outages) ** (1 / length)
        down: npt.NDArray[np.bool_] = np.any([begins[..., lag : lag + slots] for lag in range(length)], axis=0)
        return down


def estimate(failures: npt.ArrayLike, asked: npt.ArrayLike, stated: Failing) -> Failing:
    """How an LLM's requests fail, and in place of what the records can't show, what is stated.

    Isolated failures are counted with one more and one more success (Laplace's rule of succession): a pilot in which
    nothing failed doesn't say that nothing will.

    :param failures: of each slot, in order, like ``asked``.
    """
    lost, counts = np.asarray(failures, np.float64), np.asarray(asked, np.float64)
    lost, counts = lost[counts > 0], counts[counts > 0]
    if not counts.size:
        return replace(stated, assumed=("outages", "isolated failures"))
    down = (lost >= OUT * counts) & (counts >= _LEAST_ASKED)
    isolated = (float(lost[~down].sum()) + 1) / (float(counts[~down].sum()) + 2)
    begun = int((np.diff(down.astype(int), prepend=0) > 0).sum())
    if begun:
        return Failing(isolated, float(down.mean()), float(down.sum()) / begun)
    if counts.size >= LEAST_SLOTS:
        return Failing(isolated, 0.0, 1.0)
    return Failing(isolated, stated.outages, stated.length, ("outages",))


def typical(failing: Sequence[Failing]) -> Failing:
    """What several LLMs or pairs have at the mean; the length of an outage is that of a typical outage.

    :param failing: at least one.
    """
    outages = float(np.mean([each.outages for each in failing]))
    lost = float(np.mean([each.outages * each.length for each in failing]))
    return Failing(
        float(np.mean([each.isolated for each in failing])),
        outages,
        lost / outages if outages else 1.0,
        tuple(dict.fromkeys(part for each in failing for part in each.assumed)),
    )
