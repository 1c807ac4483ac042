"""The page of which model answered."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.queries import Identity
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.happened import events
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import follow, linked

router = APIRouter()


@router.get("/{study}/identity", response_model=None)
def page(look: Looked) -> Response:
    """Whether each LLM's answers changed, and what its provider says that answered."""
    known = queries.identity(look.records, look.view, look.zone)
    bounds = tables.bounds(known)
    names = tables.names(known, look.looks, look.zone)
    return show(
        look,
        "identity",
        form=form(look, "identity"),
        notices=[bounds] if bounds else [],
        verdicts=[(answered.llm, tables.verdict(answered, look.zone)) for answered in look.looks.ordered(known.llms)],
        overall=tables.identity(known, look.looks, look.zone, queries.temperatures(look.study)),
        figures=[*_figures(look, known)] if known.llms else [],
        names=names if names.rows else None,
    )


def _figures(look: Look, known: Identity) -> Iterator[Figure]:
    happened = [event for event in events(look) if event.kind != "identity"]  # which the second chart shows
    link = follow(look, [point.at for point in known.points], 1)
    table = tables.answers_over_time(known, look.looks, look.zone).pivot(["slot"], "llm", "differ", look.llms)
    yield Figure(
        "answers-over-time",
        charts.answers_over_time(
            known,
            look.looks,
            look.zone,
            link=linked(link, len(known.points)),
            opens=lambda at: link(None, at),
            events=happened,
        ),
        [table.linked("slot", lambda row: link(None, row["slot"]))],
    )
    moments = tables.changes(known, look.looks, look.zone).linked("slot", lambda row: link(row["llm"], row["slot"]))
    yield Figure("changes", charts.changes(known, look.looks, look.zone, events=happened), [moments])
