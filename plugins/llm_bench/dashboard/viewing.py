"""What pages of numbers share: what has to be known to read them, and where their points lead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import queries

if TYPE_CHECKING:
    from llm_bench.dashboard.context import Look

Link = Callable[[str | None, datetime], str]
"""LLM (None: all of the view) and a point's moment → the address of its records."""

MAX_LINKED = 2_000
"""Points of a chart that lead to their records: more of them would weigh too much."""


def notices(look: Look, approximate: Iterable[bool] = (), scores: bool = False) -> list[str]:
    """What has to be known to read a page.

    :param approximate: of what the page shows.
    :param scores: whether it shows scores.
    """
    known = []
    if any(approximate):
        known.append("There are too many records to sort: numbers with ≈ are within half a percent.")
    models = queries.embedding_models(look.records, look.view) if scores else []
    if len(models) > 1:
        known.append(
            f"These scores are by several embedding models ({', '.join(models)}), which don't measure alike: "
            "choose dates within which one scored, or rescore the study with one of them."
        )
    unscored = queries.unscored(look.records, look.view) if scores else {}
    known += [f"Not scored: {text.count(count)}, because: {note}" for note, count in unscored.items()]
    return known


def follow(look: Look, moments: Iterable[datetime], bucket: int) -> Link:
    """What a point of a chart leads to: the records of its slot, or of all slots before the next point.

    :param moments: of the chart's points.
    :param bucket: how many slots a point stands for.
    """
    known = sorted(set(moments))
    ends = dict(pairwise(known)) | ({known[-1]: look.view.end} if known else {})

    def link(llm: str | None, at: datetime) -> str:
        return look.slot(llm, at) if bucket == 1 else look.slots(llm, at, ends[at])

    return link


def linked(link: Link, points: int) -> Link | None:
    """The links of a chart's points; None where there are too many."""
    return link if points <= MAX_LINKED else None
