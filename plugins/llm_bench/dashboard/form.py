"""The filters: what the form offers, and what of it an address has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from llm_bench.analysis import format as text
from llm_bench.analysis.view import View
from llm_bench.dashboard.context import Look
from llm_bench.records import RUN_TYPES, UNNAMED
from llm_bench.schedule import MICROSECOND

CACHES = (("", "left out"), ("warm", "these alone"), ("all", "shown too"))
CACHES_OF_FILES = (("", "in the files too"), ("cold", "left out"), ("warm", "these alone"))
"""What the filter offers where records are handed out."""
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
    :param unfiltered: what is shown where nothing is chosen.
    :param caches: what may become of warm records: value and words; the empty value is the page's own way.
    :param cache: the value that is chosen.
    :param hidden: the page's own options, which a filter doesn't change.
    :param reset: address of the page without filters.
    """

    action: str
    chips: Sequence[str]
    unfiltered: str
    run_types: Sequence[str]
    suspects: Sequence[tuple[str, str]]
    caches: Sequence[tuple[str, str]]
    cache: str
    moments: Sequence[Moment]
    hidden: Sequence[tuple[str, str]]
    reset: str


def form(look: Look, page: str, keep: Sequence[str] = (), *, files: bool = False) -> Form:
    """The filters of a page.

    :param keep: names of the page's own options.
    :param files: whether the page hands records out.
    """
    caches = CACHES_OF_FILES if files else CACHES
    chosen = look.view.cache or ""
    hidden = [(name, look.options[name]) for name in keep if look.options.get(name)]
    return Form(
        action=look.address(page, view=View()),
        chips=list(_chips(look, files=files)),
        unfiltered=_unfiltered(look, files=files),
        run_types=RUN_TYPES,
        suspects=SUSPECTS,
        caches=caches,
        cache=chosen if chosen in dict(caches) else "",
        moments=[_moment(look, "From", "start", look.view.start), _moment(look, "Before", "end", look.view.end)],
        hidden=hidden,
        reset=look.address(page, dict(hidden), view=View()),
    )


def _unfiltered(look: Look, *, files: bool) -> str:
    choices = look.choices
    if files or not choices.warm:
        return f"all {text.count(choices.records)} records"
    return f"all {text.count(choices.records - choices.warm)} records but the warm ones"


def _chips(look: Look, *, files: bool) -> Iterator[str]:
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
    if view.cached != "include":
        yield "without cached prompts" if view.cached == "exclude" else "cached prompts alone"
    if view.suspect != "include":
        yield "without suspect records" if view.suspect == "exclude" else "suspect records alone"
    yield from (f"by {name}" if name != UNNAMED else "by nobody named" for name in view.upstreams)
    yield from (f"from {name}" if name != UNNAMED else "from a place without a name" for name in view.clients)
    if view.cache and view.cache != ("all" if files else "cold"):
        yield {"cold": "without warm records", "warm": "warm records alone", "all": "warm records too"}[view.cache]


def _is_day(look: Look, bound: datetime) -> bool:
    local = bound.astimezone(look.zone)
    return local == local.replace(hour=0, minute=0, second=0, microsecond=0)


def _bound(look: Look, bound: datetime) -> str:
    return text.day(bound, look.zone) if _is_day(look, bound) else text.moment(bound, look.zone)


def _moment(look: Look, title: str, name: str, bound: datetime | None) -> Moment:
    if bound is None or _is_day(look, bound):
        return Moment(title, name, "date", f"{bound.astimezone(look.zone):%Y-%m-%d}" if bound else "")
    return Moment(title, name, "text", bound.astimezone(look.zone).isoformat())
