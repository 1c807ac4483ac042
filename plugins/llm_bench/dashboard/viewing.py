"""What pages of numbers share: what has to be known to read them, and where their points lead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import queries

if TYPE_CHECKING:
    from llm_bench.analysis.metrics import Metric
    from llm_bench.analysis.queries import Drift, Spread, TimeOfDay
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
    scorers = queries.scorers(look.records, look.view) if scores else []
    if len(scorers) > 1:
        known.append(
            f"These scores are of several scorers ({', '.join(map(str, scorers))}), which don't measure alike: choose "
            "dates within which one scored, or rescore the study with one of them."
        )
    unscored = queries.unscored(look.records, look.view) if scores else {}
    known += [f"Not scored: {text.count(count)}, because: {note}" for note, count in unscored.items()]
    return known


def hours_of(look: Look, metric: Metric) -> TimeOfDay:
    """A metric by the hour of the day, and whether it matters."""
    return look.records.of_view(
        look.view,
        ("hours", metric.name, look.zone),
        lambda: queries.time_of_day(look.records, look.view, metric, look.zone),
    )


def drift_of(look: Look, metric: Metric) -> Sequence[Drift]:
    """Whether a metric rises or falls from day to day."""
    return look.records.of_view(
        look.view,
        ("drift", metric.name, look.zone),
        lambda: queries.drift(look.records, look.view, metric, look.zone),
    )


def spreads_of(look: Look, metric: Metric) -> Sequence[Spread]:
    """How a metric is spread."""
    return look.records.of_view(
        look.view, ("spread", metric.name), lambda: queries.distribution(look.records, look.view, metric)
    )


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
