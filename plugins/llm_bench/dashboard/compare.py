"""The page that puts LLMs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.queries import Comparison, Tradeoff
from llm_bench.dashboard import factors
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import notices
from llm_bench.paths import home
from llm_bench.protocol.content import roles
from llm_bench.protocol.keeping import held
from llm_bench.store.base import open_store

MAX_COMPARED = 8
"""LLMs that are compared pair by pair: 28 pairs are as many as anyone reads."""

_IN_THE_REPORT = ("slots", "days", "questions", "noise_floor")
"""Columns of a comparison that a page is too narrow for; the chart shows the noise floor."""

router = APIRouter()


@router.get("/{study}/compare", response_model=None)
def page(look: Looked) -> Response:
    """Two or more LLMs side by side: those of the view, or all; the first of them pair by pair."""
    points = look.looks.ordered(queries.tradeoff(look.records, look.view))
    llms = [point.llm for point in points]
    primary = roles(held(open_store(look.study.storage, home()), look.study.name), look.view.to_query())
    pairs = (
        queries.compare(
            look.records,
            look.view,
            llms[:MAX_COMPARED],
            twins=look.study.twins,
            roles=primary,
            interest=look.study.interest,
        )
        if len(llms) > 1
        else []
    )
    approximate = [*(pair.approximate for pair in pairs), *(point.approximate for point in points)]
    return show(
        look,
        "compare",
        form=form(look, "compare"),
        notices=[*notices(look, approximate, scores=True), *tables.noise_floor(pairs, look.looks)],
        concluded=tables.conclusions(pairs, look.looks),
        trade=tables.tradeoff(points, look.looks),
        tradeoffs=[*_tradeoffs(look, points)] if points else [],
        comparisons=[*_comparisons(look, pairs)],
        alone=len(llms) == 1,
        factors=list(factors.parts(look)) if points else [],
        compared=MAX_COMPARED if len(llms) > MAX_COMPARED else None,
    )


def _tradeoffs(look: Look, points: Sequence[Tradeoff]) -> Iterator[Figure]:
    yield Figure("against-latency", charts.tradeoff(points, look.looks, "latency"))
    if any(point.cost_per_thousand is not None for point in points):
        yield Figure("against-cost", charts.tradeoff(points, look.looks, "cost_per_thousand"))
    else:
        yield Figure("against-throughput", charts.tradeoff(points, look.looks, "throughput"))


def _comparisons(look: Look, pairs: Sequence[Comparison]) -> Iterator[Figure]:
    for metric in dict.fromkeys(pair.metric for pair in pairs):
        chart = charts.comparison(pairs, metric, look.looks)
        numbers = tables.differences(pairs, metric, look.looks).without(*_IN_THE_REPORT)
        yield Figure(f"pairs-{metric.replace('_', '-')}", chart, [numbers])
