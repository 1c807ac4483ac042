"""The page that shows a study at a glance: its slots, what needs a hand, and its LLMs in a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from llm_bench.airflow.metadata import ask_airflow
from llm_bench.analysis import queries
from llm_bench.dashboard import tables, text
from llm_bench.dashboard.components import Cell, Column, Table
from llm_bench.dashboard.form import form
from llm_bench.dashboard.measures import notices
from llm_bench.dashboard.templating import show
from llm_bench.errors import ViewError
from llm_bench.local.config import local_airflow
from llm_bench.paths import home, include
from llm_bench.progress import measured, states
from llm_bench.progress.facts import facts, planned_window
from llm_bench.progress.overview import Overview, overview
from llm_bench.progress.states import Slot
from llm_bench.progress.steps import steps
from llm_bench.rag.questions import load_question_sets
from llm_bench.records import utc_text

if TYPE_CHECKING:
    from fastapi import Response

    from llm_bench.analysis.queries import Headline
    from llm_bench.dashboard.context import Look
    from llm_bench.study import Study

MOST_SLOTS = 1_000
"""Slots in the calendar; of a longer window those around now."""
MOST_BATCHES = 50
"""Batches in the list of a study without a window; the latest."""


@dataclass(frozen=True, slots=True)
class Row:
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


def page(look: Look) -> Response:
    """The study at a glance."""
    found = _overview(look)
    headlines = look.looks.ordered(queries.headline(look.records, look.view))
    shown = _shown(found)
    return show(
        look,
        "overview",
        form=form(look, "overview", ["slot"]),
        notices=notices(look, [one.approximate for one in headlines], scores=True),
        found=found,
        rows=list(_rows(look, found, shown)),
        hidden=len(found.slots) - len(shown),
        picked=_picked(look, found),
        facts=list(facts(found, planned_window(look.study))),
        records=sum(part.records for part in found.measured),
        failed=sum(sum(part.failures.values()) for part in found.measured),
        suspect=sum(part.suspect for part in found.measured),
        quarantined=sum(slot.quarantined for slot in found.slots),
        steps=steps(found, local_airflow(home())),
        headline=_headline(look, headlines) if headlines else None,
        batches=None if found.slots else _batches(look, found),
    )


def _overview(look: Look) -> Overview:
    return overview(
        look.study,
        home(),
        datetime.now(UTC),
        questions=_questions(look.study),
        airflow=ask_airflow(look.study.dag_id),
        measured=measured.held(look.records),  # whatever the view: the calendar is of the whole study
    )


def _questions(study: Study) -> int:
    """How many each LLM is asked in a batch."""
    files = [include() / "questions" / f"{industry}.yaml" for industry in study.industries]
    return _counted(study.industries, tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@lru_cache(maxsize=100)
def _counted(industries: tuple[str, ...], _changed: tuple[int, ...]) -> int:
    # Reading question sets takes half a second, which only a change of their files is worth.
    return sum(map(len, load_question_sets(include(), industries).values()))


def _shown(found: Overview) -> Sequence[Slot]:
    """Whole periods around now."""
    slots, schedule = found.slots, found.schedule
    if schedule is None or len(slots) <= MOST_SLOTS:
        return slots
    most = max(1, MOST_SLOTS // schedule.batches) * schedule.batches
    now = schedule.index_at_or_after(found.now) // schedule.batches * schedule.batches
    start = min(max(0, now - most // 2 // schedule.batches * schedule.batches), len(slots) - most)
    start -= start % schedule.batches
    return slots[start : start + most]


def _rows(look: Look, found: Overview, shown: Sequence[Slot]) -> Iterator[Row]:
    batches = found.schedule.batches if found.schedule else 1
    for period in states.periods(shown, batches):
        yield Row(f"{period[0].due.astimezone(look.zone):%a %d %b, %H:%M}", period)


def _picked(look: Look, found: Overview) -> Picked | None:
    """The slot that the address names."""
    asked = look.options.get("slot")
    if not asked:
        return None
    if not asked.isdecimal() or not 1 <= int(asked) <= len(found.slots):
        raise ViewError(f"slot is {asked!r}.", f"Choose a number from 1 to {len(found.slots)}.")
    slot = found.slots[int(asked) - 1]
    known = slot.batch is not None
    return Picked(
        slot=slot,
        records=look.slot(None, slot.due) if known else None,
        validation=look.validation(slot.due) if known or slot.quarantined else None,
        run=look.run(slot.run_id) if slot.run_id else None,
    )


def _headline(look: Look, found: Sequence[Headline]) -> Table:
    return Table(
        caption="Each LLM of this view with 95 % intervals: medians of times and speeds, means of coverage and "
        "groundedness. A failure has no time, so it is left out of all but success.",
        columns=[
            Column("LLM", numeric=False),
            Column("Records"),
            Column("Success"),
            Column("Latency"),
            Column("First token"),
            Column("First answer"),
            Column("Throughput"),
            Column("Coverage"),
            Column("Groundedness"),
            Column("Left out"),
            Column("Suspect"),
            Column("Cost", hint="records with a price"),
        ],
        rows=[_headline_row(look, one) for one in found],
    )


def _headline_row(look: Look, one: Headline) -> list[Cell | str]:
    times = [(one.latency, "s"), (one.ttft, "s"), (one.first_answer, "s"), (one.throughput, "tokens/s")]
    view = look.only(one.llm)
    return [
        tables.llm_cell(one.llm, look.looks),
        Cell(text.count(one.records), href=look.address("records", view=view)),
        tables.stacked(one.success, "%"),
        *(tables.stacked(found, unit, one.approximate) for found, unit in times),
        tables.stacked(one.coverage, ""),
        tables.stacked(one.groundedness, ""),
        Cell(
            text.count(one.left_out),
            look.address("records", {"outcome": "failed"}, view=view) if one.left_out else None,
        ),
        text.count(one.suspect),
        Cell(text.value(one.cost_usd, "USD"), note=f"of {text.count(one.cost_known)}"),
    ]


def _batches(look: Look, found: Overview) -> Table:
    """The latest batches of a study without a window."""
    latest = sorted(found.batches.values(), key=lambda batch: batch.slot, reverse=True)[:MOST_BATCHES]
    return Table(
        caption=f"The latest of {text.count(len(found.batches))} batches, with the time from the first question to the "
        "last answer",
        columns=[Column("Slot", numeric=False), Column("Run", numeric=False)]
        + [Column(title) for title in ("Records", "Failed", "Took")],
        rows=[
            [
                Cell(text.moment(batch.slot, look.zone), look.slot(None, batch.slot), note=utc_text(batch.slot)[:10]),
                Cell(batch.run_type, href=look.run(batch.run_id)),
                f"{text.count(batch.records)} of {text.count(found.per_batch)}",
                text.count(batch.failed),
                text.value(batch.took_sec, "s"),
            ]
            for batch in latest
        ],
    )
