"""How a study went: its state, and what happened to it meanwhile, as the signs above charts say it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.airflow.metadata import ask_airflow
from llm_bench.analysis import queries
from llm_bench.analysis.queries import Event
from llm_bench.dashboard.questions import questions_of
from llm_bench.paths import client, home
from llm_bench.progress import measured
from llm_bench.progress.overview import Overview, overview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_bench.dashboard.context import Look

MAX_EVENTS = 120
"""Signs of a chart: of more, the first ones."""


def state(look: Look) -> Overview:
    """The whole study as it stands, whatever the view is."""
    return overview(
        look.study,
        home(),
        datetime.now(UTC),
        questions=questions_of(look.study),
        airflow=ask_airflow(look.study.dag_id) if look.client == client() else None,
        client=look.client,
        measured=measured.held(look.records, look.client),
    )


def events(look: Look) -> list[Event]:
    """What happened to the LLMs and in the slots of the view."""
    if not look.choices.records:
        return []
    view, known = look.view, state(look)
    happened = [*_slots(known), *_edited(look, known), *queries.events(look.records)]
    return [
        event
        for event in sorted(happened, key=lambda event: event.at)
        if (not view.llms or event.llm is None or event.llm in view.llms)
        and (view.start is None or event.at >= view.start)
        and (view.end is None or event.at < view.end)
    ][:MAX_EVENTS]


def _slots(known: Overview) -> Iterator[Event]:
    """The slots that were missed or late, as the calendar shows them."""
    for slot in known.slots:
        if slot.state == "missed":
            yield Event(slot.due, "missed", "missed: nothing was measured")
        elif slot.state == "late" and slot.batch is not None:
            yield Event(slot.due, "late", f"{slot.batch.run_type}, measured late")


def _edited(look: Look, known: Overview) -> Iterator[Event]:
    """Where the study became another one, as its status has it; of the LLMs of the view."""
    for change in known.changes:
        for other in change.others:
            llms = tuple(llm for llm in other.llms if not look.view.llms or llm in look.view.llms)
            if llms or not other.llms:
                yield Event(change.slot, "edited", str(other._replace(llms=llms)))
