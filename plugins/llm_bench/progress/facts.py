"""A study as it stands: in words for a person, and as JSON values for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from llm_bench.paths import include
from llm_bench.progress import states
from llm_bench.progress.overview import Overview, Pace
from llm_bench.progress.states import Batch, Slot
from llm_bench.progress.steps import Step
from llm_bench.records import utc_text
from llm_bench.schedule import Schedule
from llm_bench.study import START_VARIABLE, Study, Window, parse_study, read_yaml


def planned_window(study: Study) -> Window | None:
    """The window as the study's file has it."""
    path = include() / "studies" / f"{study.name}.yaml"
    return parse_study(read_yaml(path), path, include()).window


def facts(found: Overview, planned: Window | None) -> Iterator[tuple[str, str]]:
    """A study in words: what each one is about, and what there is to say.

    :param planned: the window as the file has it.
    """
    yield "Window", _window(found.study.window, planned)
    yield "Airflow", _airflow(found)
    yield "Records", _records(found)
    for llm, kinds in states.failures(found.measured).items():
        yield "Failed", f"{llm}: " + ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    suspect = sum(part.suspect for part in found.measured)
    if suspect:
        yield "Suspect", f"{suspect} records: this machine was too busy for exact times"
    lag = states.start_lag(_in_window(found))
    if lag is not None:
        yield "Start lag", f"{lag.median_sec:.1f} s at the median, {lag.max_sec:.1f} s at most (scheduled batches)"
    if found.next is not None:
        wait = timedelta(seconds=round((found.next.due - found.now).total_seconds()))
        yield "Next slot", f"{found.name(found.next)}, in {wait}"
    if found.pace is not None:
        yield from (("Pace", told) for told in _pace(found, found.pace))
    if found.measured:
        yield "Cost", _cost(found)
    if not found.slots:
        for batch in found.batches.values():
            yield "Batch", f"{utc_text(batch.slot)}  {batch.records}/{found.per_batch}, {batch.failed} failed"
    elif found.outside:
        yield "Beside", f"{len(found.outside)} batches of no slot: trial runs, or those of a window that was moved"


def _in_window(found: Overview) -> dict[datetime, Batch]:
    return {slot.due: slot.batch for slot in found.slots if slot.batch is not None} or dict(found.batches)


def _window(window: Window | None, planned: Window | None) -> str:
    if window is None or planned is None:
        return "none: batches run when they are triggered"
    told = f"{window.start.isoformat()} to {window.end.isoformat()}, {_rhythm(window.schedule)}"
    if window == planned:
        return told
    return f"{told}; moved by {START_VARIABLE}, the file says {planned.start.isoformat()}"


def _rhythm(schedule: Schedule) -> str:
    spacing = timedelta(microseconds=schedule.period_us // schedule.batches)
    return f"{len(schedule)} slots, one every {str(spacing)[:9]} in a period"


def _airflow(found: Overview) -> str:
    if found.airflow is None:
        return "not known here: judged from the store and the clock alone"
    down = "" if found.airflow.alive else "not running: its database tells the runs so far"
    if found.airflow.paused is None:
        return "; ".join(filter(None, (down, "it hasn't seen this study yet")))
    switch = "switched off" if found.airflow.paused else "switched on"
    return f"{down or 'running, ' + found.airflow.url}; the DAG is {switch}"


def _records(found: Overview) -> str:
    records = sum(part.records for part in found.measured)
    if not found.slots:
        return str(records)
    refused = sum(slot.quarantined for slot in found.slots)
    quarantine = f"; {refused} in quarantine" if refused else ""
    return f"{records:,} of {found.per_batch * len(found.slots):,}{quarantine}"


def _pace(found: Overview, pace: Pace) -> Iterator[str]:
    if pace.took_sec is not None:
        yield f"a batch takes {_minutes(pace.took_sec)} at the median, of {_minutes(pace.spacing_sec)} to the next"
    for llm, seconds in pace.least_sec.items():
        if seconds > pace.spacing_sec:
            yield f"{llm}: its requests_per_minute leave a batch no less than {_minutes(seconds)}, more than there is"
    for batch in pace.overlong:
        yield (
            f"the batch of slot {found.moment(batch.slot)} took {_minutes(batch.took_sec or 0)}, longer than the "
            f"spacing of {_minutes(pace.spacing_sec)}"
        )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _cost(found: Overview) -> str:
    cost = found.cost
    if not cost.known:
        return f"not known ({cost.unknown} records without a price)"
    told = f"${cost.usd:.4f} for {cost.known} records"
    if cost.unknown:
        told += f", not known for {cost.unknown}"
    if found.slots:
        told += f"; about ${cost.at_the_end_usd:.4f} at the end"
        if cost.not_estimated:
            told += f", without {', '.join(cost.not_estimated)}"
    return told


def as_json(found: Overview, planned: Window | None, todo: list[Step]) -> dict[str, Any]:
    """The same as JSON values: times as UTC text, durations in seconds."""
    pace, lag = found.pace, states.start_lag(_in_window(found))
    return {
        "study": found.study.name,
        "now": utc_text(found.now),
        "window": found.study.window.model_dump(mode="json") if found.study.window else None,
        "window_in_file": planned.model_dump(mode="json") if planned else None,
        "airflow": {"alive": found.airflow.alive, "paused": found.airflow.paused} if found.airflow else None,
        "counts": found.counts,
        "slots": [_slot(slot) for slot in found.slots],
        "batches": [_batch(batch) for batch in found.batches.values()],
        "records": sum(part.records for part in found.measured),
        "records_expected": found.per_batch * len(found.slots) if found.slots else None,
        "quarantined": sum(slot.quarantined for slot in found.slots),
        "failures": states.failures(found.measured),
        "suspect": sum(part.suspect for part in found.measured),
        "start_lag": asdict(lag) if lag else None,
        "next_slot": utc_text(found.next.due) if found.next else None,
        "pace": {
            "spacing_sec": pace.spacing_sec,
            "least_sec": dict(pace.least_sec),
            "took_sec": pace.took_sec,
            "overlong": [_batch(batch) for batch in pace.overlong],
        }
        if pace
        else None,
        "cost": asdict(found.cost),
        "to_do": [{"what": words, "commands": list(commands)} for words, commands in todo],
        "needs_a_hand": found.needs_a_hand,
    }


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "number": slot.number + 1,
        "due": utc_text(slot.due),
        "state": slot.state,
        "run_id": slot.run_id,
        "records": slot.batch.records if slot.batch else 0,
        "quarantined": slot.quarantined,
    }


def _batch(batch: Batch) -> dict[str, Any]:
    return asdict(batch) | {"slot": utc_text(batch.slot)}
