"""The page of successes and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.queries import Success
from llm_bench.analysis.table import Row, Table
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.happened import events
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import follow, linked

MAX_COUNTS = 1_500
"""Marks of the chart of kinds over time: of more of them, one sees nothing, and the page weighs too much."""

router = APIRouter()


@router.get("/{study}/success", response_model=None)
def page(look: Looked) -> Response:
    """How often each LLM succeeded, and how the others failed."""
    outcomes = look.looks.ordered(queries.success(look.records, look.view))
    overall = tables.success(outcomes, look.looks)
    return show(
        look,
        "success",
        form=form(look, "success"),
        notices=list(filter(None, [tables.cut_often({row.llm: row.cut_rate for row in outcomes}, look.looks)])),
        overall=overall.linked(
            "failed", lambda row: _failed(look, row["llm"], "failed") if row["failed"] else None
        ).linked("cut", lambda row: _failed(look, row["llm"], "cut") if row["cut"] else None),
        kinds=_kinds(look, outcomes),
        figures=[*_figures(look, outcomes)] if outcomes else [],
    )


def _kinds(look: Look, outcomes: Sequence[Success]) -> Table | None:
    """How many failed in which way, the most frequent first; a row for each kind."""
    failures = tables.failures(outcomes, look.looks)
    if not failures.rows:
        return None
    llms = [success.llm for success in outcomes]
    kinds = failures.pivot(["failure_kind"], "llm", "n", llms, missing=0, total="All").descending("total")
    for llm in llms:
        kinds = kinds.linked(llm, _to_failures(look, llm))
    return kinds.linked("total", _to_failures(look, None))


def _to_failures(look: Look, llm: str | None) -> Callable[[Row], str | None]:
    """What a number of failures leads to: those of a kind, of one LLM or of all."""
    return lambda row: _failed(look, llm, row["failure_kind"]) if row[llm or "total"] else None


def _failed(look: Look, llm: str | None, outcome: str) -> str:
    return look.address("records", {"outcome": outcome}, view=look.only(llm))


def _figures(look: Look, outcomes: Sequence[Success]) -> Iterator[Figure]:
    looks, zone, happened = look.looks, look.zone, events(look)
    yield Figure("rate", charts.success_rate(outcomes, looks))
    yield Figure("kinds", charts.failures(outcomes, looks))
    failures = queries.failures_over_time(look.records, look.view)
    link = follow(look, [rate.at for rate in failures.rates], failures.bucket)
    links = linked(link, len(failures.rates))
    rates = tables.rates_over_time(failures, looks, zone).pivot(["slot"], "llm", "failed", look.llms)
    yield Figure(
        "rate-over-time",
        charts.success_rate_over_time(failures, looks, zone, link=links, events=happened),
        [rates.linked("slot", lambda row: link(None, row["slot"]))],
    )
    if 0 < len(failures.counts) <= MAX_COUNTS:
        chart = charts.failures_over_time(failures, looks, zone, link=links, events=happened)
        yield Figure("kinds-over-time", chart, [tables.failures_over_time(failures, looks, zone)])
