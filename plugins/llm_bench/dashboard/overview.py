"""The page that shows a study at a glance: its slots, what needs a hand, and its LLMs in a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from fastapi import APIRouter, Response

from llm_bench.airflow.metadata import ask_airflow
from llm_bench.analysis import format as text
from llm_bench.analysis import queries, table, tables
from llm_bench.analysis.queries import Headline
from llm_bench.analysis.table import Row, Table
from llm_bench.analysis.tables.times import slot as slot_column
from llm_bench.dashboard.context import Look, Looked
from llm_bench.dashboard.form import form
from llm_bench.dashboard.objectives import attained, objectives
from llm_bench.dashboard.templating import show
from llm_bench.dashboard.viewing import notices
from llm_bench.errors import ViewError
from llm_bench.local.config import local_airflow
from llm_bench.paths import client, home, include
from llm_bench.progress import measured, states
from llm_bench.progress.facts import facts, planned_window
from llm_bench.progress.overview import Overview, overview
from llm_bench.progress.states import Slot
from llm_bench.progress.steps import steps
from llm_bench.protocol.keeping import held
from llm_bench.protocol.words import line
from llm_bench.rag.questions import load_question_sets
from llm_bench.records import UNNAMED, utc_text
from llm_bench.store.base import open_store
from llm_bench.study import Study

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


@router.get("/{study}/overview", response_model=None)
def page(look: Looked) -> Response:
    """The study at a glance."""
    state = _overview(look)
    headlines = look.looks.ordered(queries.headline(look.records, look.view))
    shown = _shown(state)
    return show(
        look,
        "overview",
        form=form(look, "overview", ["slot"]),
        notices=[
            *_whose(look),
            *notices(look, [headline.approximate for headline in headlines], scores=True),
            *filter(None, [tables.cut_often({row.llm: row.cut for row in headlines}, look.looks)]),
        ],
        study=state,
        rows=list(_periods(look, state, shown)),
        hidden=len(state.slots) - len(shown),
        picked=_picked(look, state),
        facts=[*facts(state, planned_window(look.study)), ("Protocol", _sealed(look))],
        records=sum(part.records for part in state.measured),
        failed=sum(sum(part.failures.values()) for part in state.measured),
        suspect=sum(part.suspect for part in state.measured),
        quarantined=sum(slot.quarantined for slot in state.slots),
        steps=steps(state, local_airflow(home())) if look.client == client() else [],
        headline=_headline(look, headlines) if headlines else [],
        objectives=objectives(look, attained(look)),
        batches=None if state.slots else _batches(look, state),
    )


def _sealed(look: Look) -> str:
    protocols = held(open_store(look.study.storage, home()), look.study.name)
    return line(look.study.name, protocols, lambda moment: f"{moment.astimezone(look.zone):%a %d %b %Y, %H:%M:%S}")


def _overview(look: Look) -> Overview:
    return overview(
        look.study,
        home(),
        datetime.now(UTC),
        questions=_questions(look.study),
        airflow=ask_airflow(look.study.dag_id) if look.client == client() else None,
        client=look.client,
        measured=measured.held(look.records, look.client),  # whatever the view: the calendar is of the whole study
    )


def _questions(study: Study) -> int:
    """How many each LLM is asked in a batch."""
    files = [include() / "questions" / f"{industry}.yaml" for industry in study.industries]
    return _counted(study.industries, tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@lru_cache(maxsize=100)
def _counted(industries: tuple[str, ...], _changed: tuple[int, ...]) -> int:
    # Reading question sets takes half a second, which only a change of their files is worth.
    return sum(map(len, load_question_sets(include(), industries).values()))


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
        return look.address("records", {"outcome": "failed"}, view=look.only(row["llm"])) if row["failed"] else None

    def cut(row: Row) -> str | None:
        return look.address("records", {"outcome": "cut"}, view=look.only(row["llm"])) if row["cut"].estimate else None

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
