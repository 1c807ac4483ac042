"""The page of what a provider's cache of prompts is worth."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llm_bench.analysis import charts, queries, tables
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import notices

router = APIRouter()


@router.get("/{study}/caching", response_model=None)
def page(look: Looked) -> Response:
    """What each LLM saves in time and dollars when its prompt is known already."""
    worth = look.looks.ordered(queries.cache_worth(look.records, look.view))
    figures = [Figure("first-token", charts.cache_worth(worth, look.looks))]
    if any(saved.usd for saved in worth):
        figures.append(Figure("dollars", charts.cache_worth(worth, look.looks, "usd")))
    return show(
        look,
        "caching",
        form=form(look, "caching"),
        notices=notices(look, [saved.approximate for saved in worth]),
        worth=tables.cache_worth(worth, look.looks) if worth else None,
        figures=figures,
    )
