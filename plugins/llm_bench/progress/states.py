"""How far a study is: what became of each slot, what was measured so far, and what needs a hand. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from statistics import median
from types import MappingProxyType
from typing import Literal

from llm_bench.schedule import Schedule

State = Literal["done", "late", "incomplete", "running", "missed", "to come"]
STATES: tuple[State, ...] = ("done", "late", "incomplete", "running", "missed", "to come")

ACTIVE = frozenset({"queued", "running"})
"""States of a run in Airflow in which it may still bring records."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the store holds of one LLM in one slot.

    :param slot: aware.
    :param llm: LiteLLM model string.
    :param run_type: what started the run, as the record has it.
    :param late_sec: how long after the slot its first question was asked.
    :param first: when that was, among the first attempts; None without one. Later attempts may be days later.
    :param last: when the last answer of the first attempts ended; None without one.
    :param cost_usd: of the records with a known cost.
    :param cost_known: how many records those are.
    :param failures: failure kind → records.
    :param settings: the settings that it was asked with, as hashes.
    :param asked: stands for the questions and their prompts: the same number for the same ones.
    """

    slot: datetime
    llm: str
    run_id: str
    run_type: str
    records: int
    late_sec: float
    first: datetime | None = None
    last: datetime | None = None
    suspect: int = 0
    cost_usd: float = 0.0
    cost_known: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    settings: frozenset[str] = frozenset()
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What Airflow knows of a slot's run.

    :param state: "queued", "running", "success" or "failed".
    """

    run_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All that the store holds of one slot.

    :param late_sec: how long after the slot its first question was asked.
    :param took_sec: from the first question to the last answer, of first attempts; None without one.
    """

    slot: datetime
    run_id: str
    run_type: str
    records: int
    failed: int
    late_sec: float
    took_sec: float | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the window, and what became of it.

    :param number: from 0.
    :param due: UTC.
    :param run: None where Airflow has none, or isn't known.
    """

    number: int
    due: datetime
    state: State
    batch: Batch | None = None
    quarantined: int = 0
    run: Run | None = None

    @property
    def run_id(self) -> str | None:
        """The id of its run in Airflow, as far as anything says it."""
        if self.run is not None:
            return self.run.run_id
        return self.batch.run_id if self.batch is not None else None


Span = tuple[datetime, datetime]
"""The first and the last slot of a range, both in it."""


def batches(measured: Sequence[Measured]) -> dict[datetime, Batch]:
    """What was measured, by slot, in their order."""
    ordered = sorted(measured, key=lambda part: part.slot)
    return {slot: _batch(slot, list(parts)) for slot, parts in groupby(ordered, key=lambda part: part.slot)}


def _batch(slot: datetime, parts: list[Measured]) -> Batch:
    first = min((part.first for part in parts if part.first), default=None)
    last = max((part.last for part in parts if part.last), default=None)
    return Batch(
        slot=slot,
        run_id=parts[0].run_id,
        run_type=parts[0].run_type,
        records=sum(part.records for part in parts),
        failed=sum(sum(part.failures.values()) for part in parts),
        late_sec=min(part.late_sec for part in parts),
        took_sec=(last - first).total_seconds() if first and last else None,
    )


def account(
    schedule: Schedule,
    now: datetime,
    *,
    expected: int,
    measured: Mapping[datetime, Batch],
    quarantined: Mapping[datetime, int],
    runs: Mapping[datetime, Run],
    due_then: Mapping[datetime, int] = MappingProxyType({}),
) -> list[Slot]:
    """What became of each slot, in their order.

    A slot is *running* while Airflow has an active run of it. It is *done* when it holds all its records, and *late*
    instead when its first question was asked later than its grace. It is *incomplete* when it holds fewer, or its run
    ended without any; *missed* when nothing is there of it and its grace is over; else it is still *to come*.

    :param now: aware.
    :param expected: records of a whole batch.
    :param measured: the batches in the store, by slot; others than the window's are left out.
    :param quarantined: slot → refused records.
    :param runs: Airflow's runs by slot; empty where they aren't known.
    :param due_then: slot → records of a whole batch of it, where the study was another then.
    """
    grace = schedule.grace

    def state(due: datetime) -> State:
        run, batch = runs.get(due), measured.get(due)
        if run is not None and run.state in ACTIVE:
            return "running"
        if batch is not None and batch.records >= due_then.get(due, expected):
            return "late" if batch.late_sec > grace.total_seconds() else "done"
        if run is not None or batch is not None or quarantined.get(due):
            return "incomplete"
        return "missed" if due + grace < now else "to come"

    return [
        Slot(number, due, state(due), measured.get(due), quarantined.get(due, 0), runs.get(due))
        for number, due in enumerate(schedule)
    ]


def missed_spans(slots: Sequence[Slot]) -> list[Span]:
    """The ranges that a backfill has to be given to measure exactly the missed slots.

    A range goes on over slots of which Airflow has a run, because a backfill leaves these alone. Fewer ranges are
    better: Airflow takes one backfill of a DAG at a time.
    """
    return _spans(slots, lambda slot: slot.state == "missed", lambda slot: slot.run is not None)


def failed_spans(slots: Sequence[Slot]) -> list[Span]:
    """The ranges in which clearing the failed tasks completes incomplete slots, and touches no other run.

    A slot whose run Airflow calls a success isn't in them: there is no failed task to clear.
    """
    return _spans(
        slots,
        lambda slot: slot.state == "incomplete" and (slot.run is None or slot.run.state == "failed"),
        lambda slot: slot.run is not None and slot.run.state == "success",
    )


def emptied_spans(slots: Sequence[Slot]) -> list[Span]:
    """The ranges of incomplete slots whose runs were successes, so that all of their tasks have to be cleared."""
    return _spans(
        slots,
        lambda slot: slot.state == "incomplete" and slot.run is not None and slot.run.state == "success",
        lambda _: False,
    )


def _spans(slots: Sequence[Slot], wanted: Callable[[Slot], bool], harmless: Callable[[Slot], bool]) -> list[Span]:
    """Ranges that hold every wanted slot, and beside these only harmless ones; as few as can be."""
    runs = groupby(slots, key=lambda slot: wanted(slot) or harmless(slot))
    held = ([slot.due for slot in part if wanted(slot)] for allowed, part in runs if allowed)
    return [(due[0], due[-1]) for due in held if due]


@dataclass(frozen=True, slots=True)
class Lag:
    """How long after their slots the scheduled batches started, in seconds."""

    median_sec: float
    max_sec: float


def start_lag(measured: Mapping[datetime, Batch]) -> Lag | None:
    """The lag of the batches that the schedule started; None without any."""
    late = [batch.late_sec for batch in measured.values() if batch.run_type == "scheduled"]
    return Lag(median(late), max(late)) if late else None


def middle(values: Iterable[float]) -> float | None:
    """The median; None without a value."""
    known = list(values)
    return median(known) if known else None


def paced_sec(questions: int, per_minute: float) -> float:
    """The least time from the first to the last of a batch's requests to one LLM, at its requests a minute."""
    if per_minute < 1:
        return (questions - 1) * 60 / per_minute
    return (questions - 1) // int(per_minute) * 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the records cost, as far as it is known.

    :param usd: of the records with a known cost.
    :param known: how many records these are.
    :param unknown: how many records have no known cost.
    :param at_the_end_usd: estimate for the whole window, from each LLM's mean; None without any known cost.
    :param not_estimated: LLMs without a known cost, which the estimate leaves out.
    """

    usd: float
    known: int
    unknown: int
    at_the_end_usd: float | None
    not_estimated: tuple[str, ...]


def cost(measured: Sequence[Measured], due: Mapping[str, int]) -> Cost:
    """What was spent, and what the window will have cost when every record is there.

    :param due: LLM → records due in the whole window.
    """
    spent: dict[str, float] = defaultdict(float)
    known, records = Counter[str](), Counter[str]()
    for part in measured:
        spent[part.llm] += part.cost_usd
        known[part.llm] += part.cost_known
        records[part.llm] += part.records
    usd = sum(spent.values())
    open_usd = sum(spent[llm] / known[llm] * max(0, due[llm] - records[llm]) for llm in due if known[llm])
    return Cost(
        usd=usd,
        known=known.total(),
        unknown=records.total() - known.total(),
        at_the_end_usd=usd + open_usd if known.total() else None,
        not_estimated=tuple(llm for llm in due if not known[llm]),
    )


def failures(measured: Sequence[Measured]) -> dict[str, dict[str, int]]:
    """LLM → failure kind → records, the most frequent kind first; only LLMs that failed."""
    by_llm: dict[str, Counter[str]] = {}
    for part in measured:
        by_llm.setdefault(part.llm, Counter()).update(part.failures)
    return {llm: dict(kinds.most_common()) for llm, kinds in by_llm.items() if kinds}


def periods(slots: Sequence[Slot], batches_per_period: int) -> Iterator[Sequence[Slot]]:
    """The slots of each period."""
    for start in range(0, len(slots), batches_per_period):
        yield slots[start : start + batches_per_period]
