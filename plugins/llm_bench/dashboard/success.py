"""The page of successes and failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import charts, queries
from llm_bench.dashboard import tables, text
from llm_bench.dashboard.components import Cell, Column, Figure, Table
from llm_bench.dashboard.form import form
from llm_bench.dashboard.measures import MOST_LINKED, follow
from llm_bench.dashboard.templating import show

MOST_COUNTS = 1_500
"""Marks of the chart of kinds over time: of more of them, one sees nothing, and the page weighs too much."""

if TYPE_CHECKING:
    from fastapi import Response

    from llm_bench.analysis.queries import Failures, Success
    from llm_bench.dashboard.context import Look


def page(look: Look) -> Response:
    """How often each LLM succeeded, and how the others failed."""
    found = look.looks.ordered(queries.success(look.records, look.view))
    return show(
        look,
        "success",
        form=form(look, "success"),
        overall=_overall(look, found),
        kinds=_kinds(look, found),
        figures=[*_figures(look, found)] if found else [],
    )


def _overall(look: Look, found: Sequence[Success]) -> Table:
    return Table(
        caption="Records that succeeded, of each LLM, with Wilson's 95 % interval",
        columns=[
            Column("LLM", numeric=False),
            Column("Records"),
            Column("Succeeded"),
            Column("Failed"),
            Column("Rate"),
        ],
        rows=[
            [
                tables.llm_cell(one.llm, look.looks),
                text.count(one.records),
                text.count(one.succeeded),
                _failed(look, one.llm, "failed", one.records - one.succeeded),
                text.interval(one.rate, "%"),
            ]
            for one in found
        ],
    )


def _kinds(look: Look, found: Sequence[Success]) -> Table | None:
    totals: dict[str, int] = {}
    for one in found:
        for kind, count in one.kinds.items():
            totals[kind] = totals.get(kind, 0) + count
    kinds = sorted(totals, key=lambda kind: (-totals[kind], kind))
    if not kinds:
        return None
    return Table(
        caption="Failed records by kind; each number leads to its records",
        columns=[Column("Kind", numeric=False), *(Column(look.looks.names[one.llm]) for one in found), Column("All")],
        rows=[
            [
                text.words(kind),
                *(_failed(look, one.llm, kind, one.kinds.get(kind, 0)) for one in found),
                _failed(look, None, kind, totals[kind]),
            ]
            for kind in kinds
        ],
    )


def _failed(look: Look, llm: str | None, outcome: str, count: int) -> Cell:
    """How many failed, and where they are."""
    address = look.address("records", {"outcome": outcome}, view=look.only(llm))
    return Cell(text.count(count), href=address if count else None)


def _figures(look: Look, found: Sequence[Success]) -> Iterable[Figure]:
    yield Figure("rate", charts.success_rate(found, look.looks))
    yield Figure("kinds", charts.failures(found, look.looks))
    failures = queries.failures_over_time(look.records, look.view)
    link = follow(look, [rate.at for rate in failures.rates], failures.bucket)
    linked = link if len(failures.rates) <= MOST_LINKED else None
    looks, zone = look.looks, look.zone
    table = _rates(look, failures)
    yield Figure("rate-over-time", charts.success_rate_over_time(failures, looks, zone, link=linked), [table])
    if 0 < len(failures.counts) <= MOST_COUNTS:
        chart = charts.failures_over_time(failures, looks, zone, link=linked)
        yield Figure("kinds-over-time", chart, [_counts(look, failures)])


def _rates(look: Look, failures: Failures) -> Table:
    """Slots in which something failed."""
    link = follow(look, [rate.at for rate in failures.rates], failures.bucket)
    moments = sorted({rate.at for rate in failures.rates if rate.succeeded < rate.n})
    return tables.pivot(
        "Failed records of all, in each slot in which some failed",
        "Slot" if failures.bucket == 1 else "First slot",
        [(at, Cell(text.moment(at, look.zone), href=link(None, at))) for at in moments],
        tables.named({rate.llm for rate in failures.rates}, look.looks),
        {(rate.at, rate.llm): f"{rate.n - rate.succeeded} of {rate.n}" for rate in failures.rates},
    )


def _counts(look: Look, failures: Failures) -> Table:
    return Table(
        caption="Failed records by slot, LLM and kind",
        columns=[*(Column(title, numeric=False) for title in ("Slot", "LLM", "Kind")), Column("Records")],
        rows=[
            [text.moment(one.at, look.zone), look.looks.names[one.llm], text.words(one.kind), text.count(one.n)]
            for one in failures.counts
        ],
    )
