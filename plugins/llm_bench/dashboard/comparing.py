"""The comparisons of each two LLMs of a view, which several pages rest on: the same family, so the same verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from llm_bench.analysis import queries
from llm_bench.paths import home
from llm_bench.protocol.content import roles
from llm_bench.protocol.keeping import held
from llm_bench.store.base import open_store

if TYPE_CHECKING:
    from llm_bench.analysis.queries import Comparison
    from llm_bench.dashboard.context import Look

MAX_COMPARED = 40
"""LLMs that are compared pair by pair: 780 pairs."""
MAX_OF_MANY = 8
"""The same, of a study with more than ``MANY`` records, where each pair takes its time."""
MANY = 1_000_000


class Compared(NamedTuple):
    """The comparisons of a view.

    :param llms: that are compared.
    :param of: how many there are.
    """

    pairs: Sequence[Comparison]
    llms: Sequence[str]
    of: int


def compared(look: Look) -> Compared:
    """Each two LLMs of the view that have records, in each of the main metrics."""
    there = [llm for llm in look.llms if llm in look.choices.llms and (not look.view.llms or llm in look.view.llms)]
    llms = there[: MAX_OF_MANY if look.choices.records > MANY else MAX_COMPARED]
    return Compared(_pairs(look, llms) if len(llms) > 1 else [], llms, len(there))


def _pairs(look: Look, llms: Sequence[str]) -> Sequence[Comparison]:
    study = look.study
    primary = roles(held(open_store(study.storage, home()), study.name), look.view.to_query())
    chosen = None if primary is None else frozenset(primary.items())
    rests_on = ("pairs", tuple(llms), chosen, study.interest.model_dump_json(), tuple(study.twins.items()))
    return look.records.of_view(
        look.view,
        rests_on,
        lambda: queries.compare(
            look.records, look.view, llms, twins=study.twins, roles=primary, interest=study.interest
        ),
    )
