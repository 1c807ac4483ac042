"""The pages of one metric: latency, throughput and coverage. Each shows one of several, and a table of its LLMs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.agreement import agreement
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import Attainment, Group, Series, Spread, Summary
from llm_bench.dashboard import grading
from llm_bench.dashboard import objectives as service
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.happened import events
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import drift_of, follow, hours_of, linked, notices, spreads_of

if TYPE_CHECKING:
    from llm_bench.analysis.table import Table

CHOICES = {
    "latency": ("latency_sec", "ttft_sec", "ttft_less_rtt_sec", "first_answer_sec"),
    "throughput": ("throughput_tps", "text_cps", "decode_tps", "itl_mean_sec"),
    "coverage": ("coverage_score", "groundedness", "context_utilization", "citation_support"),
}
"""Page → the metrics it can show, the first where none is asked for."""

MAX_GROUPED = 1_000
"""Values of a chart and table by question: of more of them, one sees the least covered alone."""

router = APIRouter()


def _route(name: str) -> Callable[[Look], Response]:
    def metric(look: Looked) -> Response:
        return page(look, name)

    return metric


for _name in CHOICES:
    router.add_api_route(f"/{{study}}/{_name}", _route(_name), response_model=None)


def page(look: Look, name: str) -> Response:
    """A page of a metric.

    :param name: of ``CHOICES``.
    """
    metric = METRICS[look.option("metric", CHOICES[name])]
    summaries = queries.summary(look.records, look.view, metric)
    spreads = spreads_of(look, metric)
    attained = service.attained(look) if name == "latency" else []
    failed = sum(summary.failed for summary in summaries)
    lost = failed if failed and not any(spread.maximum is not None for spread in spreads) else 0
    return show(
        look,
        name,
        "metric.html",
        form=form(look, name, ["metric"]),
        notices=notices(look, [summary.approximate for summary in summaries], name == "coverage"),
        metric=metric,
        metrics=[METRICS[other] for other in CHOICES[name]],
        overall=tables.quantiles(summaries, spreads, metric, look.looks),
        figures=[*_figures(look, metric, name, summaries, spreads, attained=attained)]
        if summaries and not lost
        else [],
        lost=lost,
        objectives=service.objectives(look, attained),
        network=tables.network(queries.network(look.records, look.view), look.looks) if name == "latency" else None,
        agreement=_agreement(look) if name == "coverage" else None,
        graded=grading.of_study(look) if name == "coverage" else None,
        citations=_citations(look) if name == "coverage" else None,
        worst=_least_covered(look) if metric.name == "coverage_score" else None,
    )


def _figures(
    look: Look,
    metric: Metric,
    name: str,
    summaries: Sequence[Summary],
    spreads: Sequence[Spread],
    *,
    attained: Sequence[Attainment],
) -> Iterator[Figure]:
    if name != "latency":
        yield Figure("by-llm", charts.bars(summaries, metric, look.looks))
    yield _over_time(look, metric)
    if name == "latency":
        yield from service.figures(look, metric, attained)
    yield Figure("distribution", charts.distribution(spreads, metric, look.looks))
    if name != "coverage":
        yield _time_of_day(look, metric)
    yield from _grouped(look, metric, "industry")
    if name == "coverage":
        yield from _grouped(look, metric, "question")
    if name == "throughput":
        yield _equal_length(look)


def _over_time(look: Look, metric: Metric) -> Figure:
    series = queries.over_time(look.records, look.view, metric)
    link = follow(look, [point.at for point in series.points], series.bucket)
    table = tables.over_time(series, metric, look.looks, look.zone)
    trends = [] if metric.share else drift_of(look, metric)
    by_slot = table.pivot(["slot"], "llm", metric.name, look.llms).linked("slot", lambda row: link(None, row["slot"]))
    notes = (_bucketed(series), tables.drifts(trends, metric, look.looks) if trends else "")
    return Figure(
        "over-time",
        charts.over_time(
            series,
            metric,
            look.looks,
            look.zone,
            link=linked(link, len(series.points)),
            opens=lambda at: link(None, at),
            events=events(look),
        ),
        [by_slot, *([tables.drift(trends, metric, look.looks)] if trends else [])],
        note=" ".join(filter(None, notes)),
    )


def _equal_length(look: Look) -> Figure:
    lengths = queries.lengths(look.records, look.view, look.llms, twins=look.study.twins)
    numbers = [
        tables.answer_lengths(lengths, look.looks),
        tables.equal_length(lengths, look.looks),
        tables.equal_length_pairs(lengths, look.looks, look.study.interest.latency_sec),
    ]
    notes = " ".join(tables.at_equal_length(lengths))
    return Figure("equal-length", charts.by_length(lengths, look.looks), numbers, note=notes)


def _bucketed(series: Series) -> str:
    if series.bucket == 1:
        return "A click opens the records of a slot; drag to see a part alone."
    return f"Each point stands for {series.bucket} slots; drag to see a part alone."


def _time_of_day(look: Look, metric: Metric) -> Figure:
    hours = hours_of(look, metric)
    near = queries.neighbours(look.records, look.view, metric)
    numbers = [
        tables.time_of_day(hours, metric, look.looks).pivot(["hour"], "llm", metric.name, look.llms),
        tables.hour_tests(hours.tests, metric, look.looks),
        tables.neighbours(near, look.looks),
    ]
    notes = (tables.hours_matter(hours.tests, metric, look.looks), tables.slow_together(near, look.looks))
    chart = charts.time_of_day(hours, metric, look.looks, look.zone, page=True)
    return Figure("time-of-day", chart, numbers, note=" ".join(filter(None, notes)))


def _grouped(look: Look, metric: Metric, group: Group) -> Iterator[Figure]:
    summaries = queries.summary(look.records, look.view, metric, group, at_most=MAX_GROUPED)
    if not summaries:
        return
    rows = ["question", "question_id"] if group == "question" else [group]
    table = tables.grouped(summaries, metric, look.looks, group).pivot(rows, "llm", metric.name, look.llms)
    yield Figure(f"by-{group}", charts.bars(summaries, metric, look.looks, group), [table])


def _agreement(look: Look) -> tuple[str, Table]:
    """How well the scores agree with people, in words and as a table."""
    known = agreement()
    return known.in_words, tables.agreement(known, queries.scorers(look.records, look.view))


def _citations(look: Look) -> Table | None:
    cited = queries.citations(look.records, look.view)
    return tables.citations(cited, look.looks) if cited else None


def _least_covered(look: Look) -> Table | None:
    questions = queries.least_covered(look.records, look.view)
    if not questions:
        return None
    table = tables.least_covered(questions, look.looks)
    return table.linked("answer", lambda row: look.record(row["record_id"]))
