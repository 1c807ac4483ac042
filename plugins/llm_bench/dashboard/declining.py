"""The page of who says that the documents don't hold the answer: rightly, where that is so, and wrongly."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show

router = APIRouter()


@router.get("/{study}/declining", response_model=None)
def page(look: Looked) -> Response:
    """How often each LLM declines questions that can't be answered, and those that can be."""
    known = queries.declining(look.records, look.view)
    anyway = tables.answered_anyway(known, look.looks)
    figures = [
        Figure(name, charts.declining(known.shares, look.looks, answerable=answerable))
        for name, answerable in (("rightly", False), ("wrongly", True))
    ]
    return show(
        look,
        "declining",
        form=form(look, "declining"),
        overall=tables.declining(known, look.looks),
        figures=figures if known.shares else [],
        industries=tables.declining_by_industry(known, look.looks) if len(look.industries) > 1 else None,
        anyway=anyway.linked("answer", lambda row: look.record(row["record_id"])) if anyway.rows else None,
    )
