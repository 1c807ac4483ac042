"""The page that shows a study at a glance: its slots, what needs a hand, and its LLMs in a few numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Response

from llm_bench.analysis import format as text
from llm_bench.analysis import queries, table, tables
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Headline
from llm_bench.analysis.standings import steadiness
from llm_bench.analysis.table import Cell, Column, Row, Table
from llm_bench.analysis.tables import Answer
from llm_bench.analysis.tables.times import slot as slot_column
from llm_bench.dashboard import happened
from llm_bench.dashboard.comparing import Compared, compared
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.live import running
from llm_bench.dashboard.objectives import attained, objectives
from llm_bench.dashboard.sparks import Spark, sparks
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import drift_of, hours_of, notices, spreads_of
from llm_bench.errors import ViewError
from llm_bench.local.config import local_airflow
from llm_bench.paths import client, home
from llm_bench.progress import states
from llm_bench.progress.facts import facts, planned_window
from llm_bench.progress.overview import Overview
from llm_bench.progress.states import Slot
from llm_bench.progress.steps import steps
from llm_bench.protocol.keeping import held
from llm_bench.protocol.words import line
from llm_bench.records import UNNAMED, utc_text
from llm_bench.store.base import open_store

MAX_SLOTS = 1_000
"""Slots in the calendar; of a longer window those around now."""
MAX_BATCHES = 50
"""Batches in the list of a study without a window; the latest."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the calendar, with how it is called."""

    title: str
    slots: Sequence[Slot]


@dataclass(frozen=True, slots=True)
class Picked:
    """One slot in detail, with where it leads to; None where there is nothing to lead to."""

    slot: Slot
    records: str | None
    validation: str | None
    run: str | None


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that needs a hand.

    :param short: what it is, in a few words.
    :param words: all there is to say.
    """

    short: str
    words: str
    commands: Sequence[str]


@dataclass(frozen=True, slots=True)
class Glance:
    """The table of LLMs, sorted.

    :param heads: its columns, each with the address that sorts by it and how it is sorted now.
    :param notes: what has to be known to read it.
    :param rows: cells; beside some of them, small drawings of how a metric is spread.
    """

    notes: Sequence[str]
    heads: Sequence[tuple[Column, str, str | None]]
    rows: Sequence[Sequence[tuple[Cell, Spark | None]]]


@router.get("/{study}/overview", response_model=None)
def page(look: Looked) -> Response:
    """The study at a glance."""
    study = happened.state(look)
    headlines = look.looks.ordered(queries.headline(look.records, look.view))
    shown, known = _shown(study), compared(look)
    return show(
        look,
        "overview",
        form=form(look, "overview", ["slot", "sort", "order"]),
        todo=list(_todo(look, study)),
        running=running(look.study) if look.client == client() else [],
        compared=known,
        answers=[(answer, _evidence(look, answer)) for answer in _answers(look, known)] if headlines else [],
        glance=_glance(look, headlines) if headlines else None,
        notices=[
            *_whose(look),
            *notices(look, [headline.approximate for headline in headlines], scores=True),
            *filter(None, [tables.cut_often({row.llm: row.cut for row in headlines}, look.looks)]),
        ],
        study=study,
        rows=list(_periods(look, study, shown)),
        hidden=len(study.slots) - len(shown),
        picked=_picked(look, study),
        facts=_together([*facts(study, planned_window(look.study)), ("Protocol", _sealed(look))]),
        records=sum(part.records for part in study.measured),
        failed=sum(sum(part.failures.values()) for part in study.measured),
        suspect=sum(part.suspect for part in study.measured),
        quarantined=sum(slot.quarantined for slot in study.slots),
        headline=_headline(look, headlines) if headlines else [],
        objectives=objectives(look, attained(look)),
        batches=None if study.slots else _batches(look, study),
    )


def _todo(look: Look, state: Overview) -> Iterator[Todo]:
    """What needs a hand here, most pressing first."""
    if look.client == client():
        for words, commands in steps(state, local_airflow(home())):
            yield Todo(re.split(r"[:.](?:\s|$)", words)[0], words, commands)


def _answers(look: Look, known: Compared) -> Iterator[Answer]:
    """Who is fastest, most reliable and so on, as far as it was tested."""
    yield from tables.answers(known.pairs, look.looks)
    latency = METRICS["latency_sec"]
    hours, days = hours_of(look, latency), drift_of(look, latency)
    yield tables.steadiest(steadiness(hours.tests, days, look.study.interest.latency_sec), look.looks)


def _evidence(look: Look, answer: Answer) -> str:
    """Address of what an answer rests on."""
    if answer.question == tables.STEADIEST:
        return look.address("latency") + "#time-of-day"
    return look.address("compare", {"metric": answer.metric}) + "#wins"


def _glance(look: Look, headlines: Sequence[Headline]) -> Glance:
    whole = tables.glance(headlines, look.looks)
    names = [column.name for column in whole.columns]
    sort, order = look.option("sort", ["", *names]), look.option("order", ["up", "down"])
    if sort:
        whole = replace(whole, rows=_sorted(whole, sort, descending=order == "down"))
    whole = whole.linked("failed", lambda row: _outcome(look, row, "failed") if row["failed"] else None)
    drawn = {name: sparks(spreads_of(look, METRICS[name]), METRICS[name]) for name in ("latency_sec", "coverage_score")}
    return Glance(
        notes=whole.all_notes,
        heads=[(column, *_sorting(look, column.name, sort, order)) for column in whole.columns],
        rows=[
            [(cell, drawn.get(column.name, {}).get(row[0])) for column, cell in zip(whole.columns, cells, strict=True)]
            for row, cells in zip(whole.rows, whole.cells, strict=True)
        ],
    )


def _sorted(whole: Table, name: str, *, descending: bool) -> Sequence[Sequence[Any]]:
    """A table's rows by a column: LLMs by their names, others by their numbers, and what isn't known at the end."""
    place = [column.name for column in whole.columns].index(name)

    def number(row: Sequence[Any]) -> Any:
        if name == "llm":
            return whole.columns[0].form(row[0])
        return getattr(row[place], "estimate", row[place])

    known = sorted((row for row in whole.rows if number(row) is not None), key=number, reverse=descending)
    return [*known, *(row for row in whole.rows if number(row) is None)]


def _sorting(look: Look, column: str, sort: str, order: str) -> tuple[str, str | None]:
    """The address that sorts by a column, and how it is sorted by it now, as ARIA calls it."""
    turned = "down" if sort == column and order == "up" else "up"
    now = None if sort != column else "ascending" if order == "up" else "descending"
    return look.address("overview", {"sort": column, "order": turned}) + "#llms", now


def _outcome(look: Look, row: Row, outcome: str) -> str:
    return look.address("records", {"outcome": outcome}, view=look.only(row["llm"]))


def _together(lines: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Lines of one name that follow one another, below one heading."""
    parts = groupby(lines, key=lambda line: line[0])
    return [(name, [words for _, words in part]) for name, part in parts]


def _sealed(look: Look) -> str:
    protocols = held(open_store(look.study.storage, home()), look.study.name)
    return line(look.study.name, protocols, lambda moment: f"{moment.astimezone(look.zone):%a %d %b %Y, %H:%M:%S}")


def _shown(study: Overview) -> Sequence[Slot]:
    """Whole periods around now."""
    slots, schedule = study.slots, study.schedule
    if schedule is None or len(slots) <= MAX_SLOTS:
        return slots
    shown = max(1, MAX_SLOTS // schedule.batches) * schedule.batches
    now = schedule.index_at_or_after(study.now) // schedule.batches * schedule.batches
    start = min(max(0, now - shown // 2 // schedule.batches * schedule.batches), len(slots) - shown)
    start -= start % schedule.batches
    return slots[start : start + shown]


def _periods(look: Look, study: Overview, shown: Sequence[Slot]) -> Iterator[Period]:
    batches = study.schedule.batches if study.schedule else 1
    for period in states.periods(shown, batches):
        yield Period(f"{period[0].due.astimezone(look.zone):%a %d %b, %H:%M}", period)


def _picked(look: Look, study: Overview) -> Picked | None:
    """The slot that the address names."""
    asked = look.options.get("slot")
    if not asked:
        return None
    if not asked.isdecimal() or not 1 <= int(asked) <= len(study.slots):
        raise ViewError(f"slot is {asked!r}.", f"Choose a number from 1 to {len(study.slots)}.")
    slot = study.slots[int(asked) - 1]
    known = slot.batch is not None
    return Picked(
        slot=slot,
        records=_records(look, slot.due) if known else None,
        validation=look.validation(slot.due, look.client) if known or slot.quarantined else None,
        run=look.run(slot.run_id) if slot.run_id else None,
    )


def _records(look: Look, slot: datetime) -> str:
    """Address of all records of a slot that the calendar counts."""
    clients = (look.client or UNNAMED,) if look.choices.clients else ()
    view = replace(look.view, cache="all" if look.choices.warm else look.view.cache, clients=clients)
    return replace(look, view=view).slot(None, slot)


def _whose(look: Look) -> Iterator[str]:
    """Whose slots the calendar shows, where there are several clients or it isn't this place."""
    known = look.choices.clients
    shown = look.client or "the place without a name"
    if look.client != client():
        here = client() or "this installation, which has no name"
        yield f"The calendar is of {shown}, not of {here}. What needs a hand there is shown where it is measured."
    if others := [name for name in known if name != (look.client or UNNAMED)]:
        mine = f"The calendar is of {shown} alone" if look.client == client() else "It is of one client alone"
        yield f"{mine}; the study was also asked from {', '.join(others)}: choose one in the filters to see its slots."


def _headline(look: Look, headlines: Sequence[Headline]) -> list[Table]:
    """What they did when, and how well and for how much: all of it beside one another is wider than a page."""

    def failed(row: Row) -> str | None:
        return _outcome(look, row, "failed") if row["failed"] else None

    def cut(row: Row) -> str | None:
        return _outcome(look, row, "cut") if row["cut"].estimate else None

    whole = tables.headline(headlines, look.looks).linked("failed", failed).linked("cut", cut)
    whole = whole.linked("records", lambda row: look.address("records", view=look.only(row["llm"])))
    speed, quality = tables.in_two(whole)
    return [speed.without("ttft_less_rtt_sec"), quality.without("slots")]


def _batches(look: Look, study: Overview) -> Table:
    """The latest batches of a study without a window."""
    latest = sorted(study.batches.values(), key=lambda batch: batch.slot, reverse=True)[:MAX_BATCHES]
    runs = {batch.slot: batch.run_id for batch in latest}
    batches = Table(
        "batches",
        f"The latest of {text.count(len(study.batches))} batches, with the time from the first question to the last "
        "answer",
        [
            replace(slot_column(1, look.zone), note=lambda slot: utc_text(slot)[:10]),
            table.words("run_type", "Run"),
            table.share("records", "Records"),
            table.count("failed", "Failed"),
            table.number("took_sec", "Took", "s"),
        ],
        [
            [batch.slot, batch.run_type, (batch.records, study.per_batch), batch.failed, batch.took_sec]
            for batch in latest
        ],
    )
    by_run = batches.linked("run_type", lambda row: look.run(runs[row["slot"]]))
    return by_run.linked("slot", lambda row: look.slot(None, row["slot"]))
