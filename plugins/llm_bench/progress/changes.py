"""Where a study changed in its course, as its whole batches show it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import NamedTuple

from llm_bench.progress.states import Measured


class Other(NamedTuple):
    """One thing that is other than before.

    :param what: in words, e.g. "new".
    :param llms: of which; none where it is of all.
    """

    what: str
    llms: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(self.llms)}" if self.llms else self.what


@dataclass(frozen=True, slots=True)
class Change:
    """A slot from which on another study was measured than before.

    :param slot: aware.
    :param others: what is other.
    """

    slot: datetime
    others: tuple[Other, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What is other, e.g. "new: groq/x"."""
        return tuple(map(str, self.others))


def changes(measured: Sequence[Measured], whole: Collection[datetime]) -> list[Change]:
    """The changes between one whole batch and the next, in their order.

    What an incomplete batch lacks is no change; so it is passed over.

    :param whole: the slots whose batches have all their records.
    """
    ordered = sorted((part for part in measured if part.slot in whole), key=lambda part: part.slot)
    batches = [
        (slot, {part.llm: part for part in parts}) for slot, parts in groupby(ordered, key=lambda part: part.slot)
    ]
    compared = ((slot, tuple(_others(before, now))) for (_, before), (slot, now) in pairwise(batches))
    return [Change(slot, others) for slot, others in compared if others]


def _others(before: Mapping[str, Measured], now: Mapping[str, Measured]) -> Iterator[Other]:
    both = [llm for llm in now if llm in before]
    named = {
        "new": [llm for llm in now if llm not in before],
        "no longer asked": [llm for llm in before if llm not in now],
        "other settings": [llm for llm in both if now[llm].settings != before[llm].settings],
    }
    yield from (Other(what, tuple(llms)) for what, llms in named.items() if llms)
    if any(now[llm].asked != before[llm].asked for llm in both):
        yield Other("other questions or contexts")
