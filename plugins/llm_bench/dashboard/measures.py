"""The pages of numbers: latency, throughput and coverage. Each shows one metric of several, and a table of its LLMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from llm_bench.analysis import charts, queries
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import Group, Series, Spread, Summary
from llm_bench.dashboard import tables, text
from llm_bench.dashboard.components import Cell, Column, Figure, Table
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show

if TYPE_CHECKING:
    from fastapi import Response

    from llm_bench.dashboard.context import Look

Link = Callable[[str | None, datetime], str]

CHOICES = {
    "latency": ("latency_sec", "ttft_sec", "first_answer_sec"),
    "throughput": ("throughput_tps", "decode_tps", "itl_mean_sec"),
    "coverage": ("coverage_score", "groundedness"),
}
"""Page → the metrics it can show, the first where none is asked for."""

MOST_GROUPED = 1_000
"""Values of a chart and table by question: of more of them, one sees the least covered alone."""
MOST_LINKED = 2_000
"""Points of a chart that lead to their records: more of them would weigh too much."""


def page(look: Look, name: str) -> Response:
    """A page of numbers.

    :param name: of ``CHOICES``.
    """
    metric = METRICS[look.option("metric", CHOICES[name])]
    summaries = queries.summary(look.records, look.view, metric)
    spreads = queries.distribution(look.records, look.view, metric)
    return show(
        look,
        name,
        "measures.html",
        form=form(look, name, ["metric"]),
        notices=notices(look, [one.approximate for one in summaries], name == "coverage"),
        metric=metric,
        metrics=[METRICS[other] for other in CHOICES[name]],
        overall=tables.by_llm(summaries, spreads, metric, look.looks),
        figures=[*_figures(look, metric, name, summaries, spreads)] if summaries else [],
        worst=_least_covered(look) if metric.name == "coverage_score" else None,
    )


def notices(look: Look, approximate: Iterable[bool] = (), scores: bool = False) -> list[str]:
    """What has to be known to read a page.

    :param approximate: of what the page shows.
    :param scores: whether it shows scores.
    """
    told = []
    if any(approximate):
        told.append("There are too many records to sort: numbers with ≈ are within half a percent.")
    models = queries.embedding_models(look.records, look.view) if scores else []
    if len(models) > 1:
        told.append(
            f"These scores are by several embedding models ({', '.join(models)}), which don't measure alike: "
            "choose dates within which one scored, or rescore the study with one of them."
        )
    return told


def _figures(
    look: Look, metric: Metric, name: str, summaries: Sequence[Summary], spreads: Sequence[Spread]
) -> Iterable[Figure]:
    records, view, looks, zone = look.records, look.view, look.looks, look.zone
    if name != "latency":
        yield Figure("by-llm", charts.bars(summaries, metric, looks))
    series = queries.over_time(records, view, metric)
    link = follow(look, [point.at for point in series.points], series.bucket)
    yield Figure(
        "over-time",
        charts.over_time(series, metric, looks, zone, link=link if len(series.points) <= MOST_LINKED else None),
        [tables.over_time(series, metric, looks, zone, lambda at: link(None, at))],
        note=_bucketed(series),
    )
    yield Figure("distribution", charts.distribution(spreads, metric, looks))
    if name == "coverage":
        yield from _grouped(look, metric, "industry")
        yield from _grouped(look, metric, "question")
    else:
        hours = queries.time_of_day(records, view, metric, zone)
        near = queries.neighbours(records, view, metric)
        told = [
            tables.time_of_day(hours, metric, looks),
            tables.hour_tests(hours.tests, looks),
            tables.neighbours(near, looks),
        ]
        note = " ".join(filter(None, (tables.hours_matter(hours.tests, looks), tables.slow_together(near, looks))))
        yield Figure("time-of-day", charts.time_of_day(hours, metric, looks, zone), told, note)
        yield from _grouped(look, metric, "industry")


def _grouped(look: Look, metric: Metric, group: Group) -> Iterator[Figure]:
    found = queries.summary(look.records, look.view, metric, group)
    if len(found) > MOST_GROUPED:
        return
    table = tables.by_group(found, metric, look.looks, group.capitalize())
    yield Figure(f"by-{group}", charts.bars(found, metric, look.looks, group), [table])


def _bucketed(series: Series) -> str:
    if series.bucket == 1:
        return "A point leads to its records."
    return f"Each point stands for {series.bucket} slots."


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


def _least_covered(look: Look) -> Table | None:
    found = queries.least_covered(look.records, look.view)
    if not found:
        return None
    return Table(
        caption="The questions that are covered least, each with the answer that covers least of its context",
        columns=[
            Column("Question", numeric=False),
            Column("Answers"),
            Column("Coverage", hint="mean"),
            Column("Groundedness", hint="mean"),
            Column("Least covering answer", numeric=False),
        ],
        rows=[_covered(look, one) for one in found],
    )


def _covered(look: Look, one: queries.Covered) -> list[Cell | str]:
    answer = one.answer if len(one.answer) <= 300 else f"{one.answer[:299]}…"
    told = f"{look.looks.names[one.llm]}, coverage {text.value(one.answer_coverage, '')}"
    return [
        Cell(one.question, note=f"{one.industry} · {one.question_id}"),
        text.count(one.n),
        text.value(one.coverage, ""),
        text.value(one.groundedness, ""),
        Cell(answer, href=look.record(one.record_id), note=told),
    ]
