"""What happened to a study meanwhile: slots missed or late, names and settings changed; the signs above charts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.airflow.metadata import ask_airflow
from llm_bench.analysis import queries
from llm_bench.analysis.queries import Event
from llm_bench.dashboard.questions import questions_of
from llm_bench.paths import client
from llm_bench.progress import measured, states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_bench.dashboard.context import Look

MAX_EVENTS = 120
"""Signs of a chart: of more, the first ones."""


def events(look: Look) -> list[Event]:
    """What happened to the LLMs and in the slots of the view."""
    view = look.view
    happened = sorted([*_slots(look), *queries.events(look.records)], key=lambda event: event.at)
    return [
        event
        for event in happened
        if (not view.llms or event.llm is None or event.llm in view.llms)
        and (view.start is None or event.at >= view.start)
        and (view.end is None or event.at < view.end)
    ][:MAX_EVENTS]


def _slots(look: Look) -> Iterator[Event]:
    """The slots that were missed or late, as the calendar shows them."""
    window = look.study.window
    if window is None or not look.choices.records:
        return
    here = ask_airflow(look.study.dag_id) if look.client == client() else None
    slots = states.account(
        window.schedule,
        datetime.now(UTC),
        expected=look.study.records_per_batch(questions_of(look.study)),
        measured=states.batches(measured.held(look.records, look.client)),
        quarantined={},
        runs=here.runs if here else {},
    )
    for slot in slots:
        if slot.state == "missed":
            yield Event(slot.due, "missed", "missed: nothing was measured")
        elif slot.state == "late" and slot.batch is not None:
            yield Event(slot.due, "late", f"{slot.batch.run_type}, measured late")
