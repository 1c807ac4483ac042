"""The page that puts LLMs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Comparison, Tradeoff
from llm_bench.analysis.queries.comparisons import MAIN, SUCCESS
from llm_bench.analysis.tables.standings import Cell
from llm_bench.dashboard import factors
from llm_bench.dashboard.comparing import compared
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import notices
from llm_bench.errors import ViewError

MAX_PAIRS = 45
"""Pairs (of ten LLMs) that are drawn below one another; of more, those of one LLM."""

_IN_THE_REPORT = ("slots", "days", "questions", "noise_floor")
"""Columns of a comparison that a page is too narrow for; the chart shows the noise floor."""
COMPARED = (*MAIN, SUCCESS)
"""Metrics that are compared, the first where none is asked for."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the matrix: an LLM, and how it stands to each of them; None to itself.

    :param address: of this page with the pairs of this LLM.
    """

    llm: str
    address: str
    cells: Sequence[Cell | None]


@router.get("/{study}/compare", response_model=None)
def page(look: Looked) -> Response:
    """Two or more LLMs side by side: those of the view, or all; each two of them in one metric."""
    points = look.looks.ordered(queries.tradeoff(look.records, look.view))
    known = compared(look)
    metric = look.option("metric", COMPARED)
    order, cells = tables.wins(known.pairs, metric, look.looks)
    of = _chosen(look, order)
    approximate = [*(pair.approximate for pair in known.pairs), *(point.approximate for point in points)]
    return show(
        look,
        "compare",
        form=form(look, "compare", ["metric", "of"]),
        notices=[*notices(look, approximate, scores=True), *tables.noise_floor(known.pairs, look.looks)],
        answer=tables.answer(known.pairs, metric, look.looks),
        concluded=tables.conclusions(known.pairs, look.looks) if _fit(order) else [],
        trade=tables.tradeoff(points, look.looks),
        tradeoffs=[*_tradeoffs(look, points)] if any(point.coverage is not None for point in points) else [],
        metrics=[(name, METRICS[name].title if name in METRICS else name.capitalize()) for name in COMPARED],
        metric=metric,
        lines=[_line(look, llm, order, cells, metric) for llm in order],
        signs=tables.SIGNS,
        of=of,
        everything=look.address("compare", {"metric": metric, "of": ""}) if of and _fit(order) else None,
        pairs=_pairs(look, known.pairs, metric, of) if order else None,
        alone=len(points) == 1,
        factors=list(factors.parts(look)) if points else [],
        compared=known if len(known.llms) < known.of else None,
    )


def _fit(order: Sequence[str]) -> bool:
    """Whether all pairs can be drawn below one another."""
    return len(order) * (len(order) - 1) // 2 <= MAX_PAIRS


def _chosen(look: Look, order: Sequence[str]) -> str | None:
    """The LLM whose pairs are drawn; None where all are."""
    asked = look.options.get("of") or None
    if asked is not None and asked not in order:
        raise ViewError(f"of is {asked!r}.", f"Choose one of {', '.join(order)}." if order else "Leave it out.")
    return asked if asked or _fit(order) else order[0]


def _line(look: Look, llm: str, order: Sequence[str], cells: dict[tuple[str, str], Cell], metric: str) -> Line:
    address = look.address("compare", {"metric": metric, "of": llm}) + "#pairs"
    return Line(llm, address, [cells.get((llm, other)) for other in order])


def _tradeoffs(look: Look, points: Sequence[Tradeoff]) -> Iterator[Figure]:
    yield Figure("against-latency", charts.tradeoff(points, look.looks, "latency"))
    if any(point.cost_per_thousand is not None for point in points):
        yield Figure("against-cost", charts.tradeoff(points, look.looks, "cost_per_thousand"))
    else:
        yield Figure("against-throughput", charts.tradeoff(points, look.looks, "throughput"))


def _pairs(look: Look, pairs: Sequence[Comparison], metric: str, of: str | None) -> Figure:
    """The pairs of a metric, with the study's noise floor: all, or those of one LLM."""
    numbers = tables.differences(pairs, metric, look.looks, of).without(*_IN_THE_REPORT)
    return Figure("pairs", charts.comparison(pairs, metric, look.looks, of), [numbers])
