"""The filters: what the form offers, and what of it an address has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from llm_bench.analysis import format as text
from llm_bench.analysis.view import View
from llm_bench.dashboard.context import Look
from llm_bench.records import RUN_TYPES
from llm_bench.schedule import MICROSECOND

SUSPECTS = (("include", "shown too"), ("exclude", "left out"), ("only", "these alone"))


@dataclass(frozen=True, slots=True)
class Moment:
    """A field for a bound of the slots.

    :param type: of the input: a day, or text where the bound is a moment within one.
    """

    title: str
    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Form:
    """The filters of a page.

    :param chips: what is chosen, in words.
    :param hidden: the page's own options, which a filter doesn't change.
    :param reset: address of the page without filters.
    """

    action: str
    chips: Sequence[str]
    run_types: Sequence[str]
    suspects: Sequence[tuple[str, str]]
    moments: Sequence[Moment]
    hidden: Sequence[tuple[str, str]]
    reset: str


def form(look: Look, page: str, keep: Sequence[str] = ()) -> Form:
    """The filters of a page.

    :param keep: names of the page's own options.
    """
    hidden = [(name, look.options[name]) for name in keep if look.options.get(name)]
    return Form(
        action=look.address(page, view=View()),
        chips=list(_chips(look)),
        run_types=RUN_TYPES,
        suspects=SUSPECTS,
        moments=[_moment(look, "From", "start", look.view.start), _moment(look, "Before", "end", look.view.end)],
        hidden=hidden,
        reset=look.address(page, dict(hidden), view=View()),
    )


def _chips(look: Look) -> Iterator[str]:
    view = look.view
    yield from (look.looks.names[llm] for llm in view.llms)
    yield from view.industries
    yield from view.run_types
    if view.start and view.end and view.end - view.start == MICROSECOND:
        yield f"slot {text.moment(view.start, look.zone)}"
    else:
        if view.start:
            yield f"from {_bound(look, view.start)}"
        if view.end:
            yield f"before {_bound(look, view.end)}"
    if view.suspect != "include":
        yield "without suspect records" if view.suspect == "exclude" else "suspect records alone"


def _is_day(look: Look, bound: datetime) -> bool:
    local = bound.astimezone(look.zone)
    return local == local.replace(hour=0, minute=0, second=0, microsecond=0)


def _bound(look: Look, bound: datetime) -> str:
    return text.day(bound, look.zone) if _is_day(look, bound) else text.moment(bound, look.zone)


def _moment(look: Look, title: str, name: str, bound: datetime | None) -> Moment:
    if bound is None or _is_day(look, bound):
        return Moment(title, name, "date", f"{bound.astimezone(look.zone):%Y-%m-%d}" if bound else "")
    return Moment(title, name, "text", bound.astimezone(look.zone).isoformat())
