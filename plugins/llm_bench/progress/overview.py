"""A study as it stands: what its file plans, what the store holds, and what Airflow knows, put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llm_bench.progress import measured as store_facts
from llm_bench.progress import states
from llm_bench.progress.changes import Change, changes
from llm_bench.progress.states import Batch, Measured, Run, Slot
from llm_bench.schedule import Schedule
from llm_bench.store.base import open_store
from llm_bench.study import Study


@dataclass(frozen=True, slots=True)
class Airflow:
    """Airflow's side of a study.

    :param alive: whether a scheduler is at work.
    :param paused: whether the study's DAG is switched off; None where Airflow hasn't seen the DAG yet.
    :param runs: by slot.
    :param schedule: the window that Airflow runs; None where there is none.
    :param url: of its UI.
    """

    alive: bool
    paused: bool | None
    runs: Mapping[datetime, Run]
    schedule: Schedule | None
    url: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Whether a batch fits into the time until the next one.

    :param spacing_sec: from one slot of a period to the next.
    :param least_sec: LLM → the least time that its rate limit (requests a minute, of the study) leaves a batch.
    :param took_sec: median of the measured batches, from the first question to the last answer; None without any.
    :param overlong: the batches that took longer than the spacing.
    """

    spacing_sec: float
    least_sec: Mapping[str, float]
    took_sec: float | None
    overlong: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """A study as it stands.

    :param now: aware.
    :param per_batch: records of a whole batch.
    :param slots: of the window; empty without one.
    :param batches: all in the store, by slot, in the window or not.
    :param measured: the same for each LLM; of the window alone where there is one.
    :param airflow: None where no Airflow is known.
    :param client: name of the place that was measured from.
    :param changes: the slots from which on the study was another one.
    """

    study: Study
    now: datetime
    per_batch: int
    slots: Sequence[Slot]
    batches: Mapping[datetime, Batch]
    measured: Sequence[Measured]
    airflow: Airflow | None
    client: str | None = None
    changes: Sequence[Change] = ()

    def name(self, slot: Slot) -> str:
        """A slot's number and when it is due, e.g. "3 (Mon 07 Dec 09:42:51)"."""
        return f"{slot.number + 1} ({self.moment(slot.due)})"

    def moment(self, moment: datetime) -> str:
        """A moment in the time zone of the study's file."""
        zone = self.study.window.start.tzinfo if self.study.window else None
        return f"{moment.astimezone(zone):%a %d %b %H:%M:%S}"

    @property
    def schedule(self) -> Schedule | None:
        return self.study.window.schedule if self.study.window else None

    @property
    def counts(self) -> dict[str, int]:
        """How many slots are in each state."""
        counts = Counter(slot.state for slot in self.slots)
        return {state: counts[state] for state in states.STATES}

    @property
    def outside(self) -> list[Batch]:
        """The batches of no slot: trial runs by hand, and those of a window that was moved since."""
        slots = {slot.due for slot in self.slots}
        return [batch for due, batch in self.batches.items() if due not in slots]

    @property
    def next(self) -> Slot | None:
        """The first slot after now."""
        return next((slot for slot in self.slots if slot.due > self.now), None)

    @property
    def coming(self) -> Slot | None:
        """The first slot that can still be measured in time: it is to come, or within its grace."""
        return next((slot for slot in self.slots if slot.state == "to come"), None)

    @property
    def idle(self) -> bool:
        """Whether the slots to come won't be measured, because Airflow is down or the study's DAG is off."""
        off = self.airflow is not None and (not self.airflow.alive or self.airflow.paused is not False)
        return off and self.coming is not None

    @property
    def other_window(self) -> Schedule | None:
        """The window that Airflow runs, where it isn't this one."""
        runs = self.airflow.schedule if self.airflow else None
        return runs if runs is not None and runs != self.schedule else None

    @property
    def needs_a_hand(self) -> bool:
        """Whether anything isn't as planned."""
        counts = self.counts
        return bool(counts["missed"] or counts["incomplete"] or self.idle or self.other_window)

    @property
    def cost(self) -> states.Cost:
        each = self.per_batch // len(self.study.llms) * len(self.slots)
        return states.cost(self.measured, {llm.name: each for llm in self.study.llms})

    @property
    def pace(self) -> Pace | None:
        """None without a window."""
        window = self.study.window
        if window is None:
            return None
        spacing = (window.period / window.batches_per_period).total_seconds()
        each = self.per_batch // len(self.study.llms)
        took = {
            slot.batch: slot.batch.took_sec
            for slot in self.slots
            if slot.batch is not None and slot.batch.took_sec is not None
        }
        return Pace(
            spacing_sec=spacing,
            least_sec={
                llm.name: states.paced_sec(each, llm.requests_per_minute)
                for llm in self.study.llms
                if llm.requests_per_minute
            },
            took_sec=states.middle(took.values()),
            overlong=tuple(batch for batch, seconds in took.items() if seconds > spacing),
        )


def overview(
    study: Study,
    home: Path,
    now: datetime,
    *,
    questions: int,
    airflow: Airflow | None,
    measured: Sequence[Measured] | None = None,
    client: str | None = None,
) -> Overview:
    """Reads the store and puts it together with the rest.

    :param home: the folder that a relative storage is in.
    :param now: aware.
    :param questions: of all its industries.
    :param measured: what the store holds, where that is known already.
    :param client: name of the place that was measured from.
    :raises StorageError: the store can't be read.
    """
    store = open_store(study.storage, home)
    measured = store_facts.measured(store, study.name, client) if measured is None else measured
    batches = states.batches(measured)
    per_batch = study.records_per_batch(questions)
    due_then = store_facts.due_per_slot(store, study.name, batches.values(), expected=per_batch, client=client)
    whole = {slot for slot, batch in batches.items() if batch.records >= due_then.get(slot, per_batch)}
    changed = changes(measured, whole)
    slots: list[Slot] = []
    if study.window:
        schedule = study.window.schedule
        refused = store_facts.refused_per_slot(store, study.name, client)
        runs = airflow.runs if airflow else {}
        slots = states.account(
            schedule,
            now,
            expected=per_batch,
            measured=batches,
            quarantined=refused,
            runs=runs,
            due_then=due_then,
        )
        measured = [part for part in measured if part.slot in schedule]
    return Overview(study, now, per_batch, slots, batches, measured, airflow, client, changed)
