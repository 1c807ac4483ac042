"""The page that lists records: searched, sorted, a part at a time."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from llm_bench.analysis import queries
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show
from llm_bench.errors import ViewError

LIMIT = 50
COLUMNS = {
    "slot": ("Slot", ""),
    "llm": ("LLM", ""),
    "question": ("Question", ""),
    "success": ("Outcome", ""),
    "latency_sec": ("Latency", "s"),
    "ttft_sec": ("First token", "s"),
    "throughput_tps": ("Throughput", "tokens/s"),
    "coverage_score": ("Coverage", "0 to 1"),
    "groundedness": ("Grounded", "0 to 1"),
}
"""What the list can be sorted by → the column's title and unit."""
OPTIONS = ("q", "outcome", "question", "sort", "order")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Head:
    """A column's title.

    :param address: of the list, sorted by it.
    :param sorted: how the list is sorted by it now, as ARIA calls it.
    """

    title: str
    unit: str
    address: str
    sorted: str | None


@router.get("/{study}/records", response_model=None)
def page(look: Looked) -> Response:
    """Records of the view that a search finds."""
    number, sort = _number(look), look.option("sort", tuple(COLUMNS))
    outcome, order = look.option("outcome", queries.OUTCOMES), look.option("order", ("up", "down"))
    search, question = look.options.get("q", ""), look.options.get("question", "")
    rows, total = queries.page(
        look.records,
        look.view,
        search=search,
        outcome=outcome,
        question=question,
        sort=sort,
        descending=order == "down",
        offset=(number - 1) * LIMIT,
        limit=LIMIT,
    )
    own = {name: look.options[name] for name in OPTIONS if look.options.get(name)}
    return show(
        look,
        "records",
        form=form(look, "records", OPTIONS),
        rows=rows,
        total=total,
        first=(number - 1) * LIMIT + 1,
        outcomes=queries.OUTCOMES,
        outcome=outcome,
        search=search,
        question=question,
        heads=[_head(look, own, column, sort, order) for column in COLUMNS],
        carried=[*look.view.to_query(), *((name, own[name]) for name in ("sort", "order") if name in own)],
        before=look.address("records", own | {"part": number - 1}) if number > 1 else None,
        after=look.address("records", own | {"part": number + 1}) if number * LIMIT < total else None,
    )


def _number(look: Look) -> int:
    asked = look.options.get("part") or "1"
    if not asked.isdecimal() or not 1 <= int(asked) <= 10_000_000:
        raise ViewError(f"part is {asked!r}.", "Choose a number from 1 on.")
    return int(asked)


def _head(look: Look, own: dict[str, str], column: str, sort: str, order: str) -> Head:
    turned = "down" if sort == column and order == "up" else "up"
    now = None if sort != column else "ascending" if order == "up" else "descending"
    title, unit = COLUMNS[column]
    return Head(title, unit, look.address("records", own | {"sort": column, "order": turned}), now)
