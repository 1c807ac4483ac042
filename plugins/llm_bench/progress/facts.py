"""A study as it stands: in words for a person, and as JSON values for a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from llm_bench.analysis import format as text
from llm_bench.inputs import read_yaml
from llm_bench.paths import include
from llm_bench.progress import states
from llm_bench.progress.overview import Overview, Pace
from llm_bench.progress.states import Batch, Slot
from llm_bench.progress.steps import Step
from llm_bench.records import utc_text
from llm_bench.schedule import Schedule
from llm_bench.study import START_VARIABLE, Study, Window, parse_study


def planned_window(study: Study) -> Window | None:
    """The window as the study's file has it."""
    path = include() / "studies" / f"{study.name}.yaml"
    return parse_study(read_yaml(path), path, include()).window


def facts(overview: Overview, planned: Window | None) -> Iterator[tuple[str, str]]:
    """A study in words: what each one is about, and what there is to say.

    :param planned: the window as the file has it.
    """
    yield "Window", _window(overview.study.window, planned)
    yield from _where(overview)
    yield "Records", _records(overview)
    for llm, kinds in states.failures(overview.measured).items():
        yield "Failed", f"{llm}: " + ", ".join(f"{text.words(kind)} {count}" for kind, count in kinds.items())
    suspect = sum(part.suspect for part in overview.measured)
    if suspect:
        yield "Suspect", f"{suspect} records: this machine was too busy for exact times"
    yield from _contradicted(overview)
    yield from _changes(overview)
    yield from _lag(overview)
    if overview.next is not None:
        yield "Next slot", f"{overview.name(overview.next)}, in {text.span(overview.next.due - overview.now)}"
    if overview.pace is not None:
        yield from (("Pace", words) for words in _pace(overview, overview.pace))
    if overview.measured:
        yield "Cost", _cost(overview)
    if not overview.slots:
        for batch in overview.batches.values():
            yield "Batch", f"{_moment(batch.slot)}: {batch.records}/{overview.per_batch}, {batch.failed} failed"
    elif overview.outside:
        yield "Beside", f"{len(overview.outside)} batches of no slot: trial runs, or those of a window that was moved"


def _contradicted(overview: Overview) -> Iterator[tuple[str, str]]:
    """The slots whose records are all there though their run failed: nothing is missing, but it isn't as planned."""
    slots = [
        slot for slot in overview.slots if slot.state in {"done", "late"} and slot.run and slot.run.state == "failed"
    ]
    if slots:
        yield (
            "Run failed",
            f"{', '.join(map(overview.name, slots))}, though all records are there. The log of its last task says why: "
            "another place may have measured the slot, or quarantined records may have been taken in since",
        )


def _changes(overview: Overview) -> Iterator[tuple[str, str]]:
    for change in overview.changes:
        yield "Changed", f"the study is another one from {overview.moment(change.slot)} on: {'; '.join(change.words)}"


def _lag(overview: Overview) -> Iterator[tuple[str, str]]:
    lag = states.start_lag(_in_window(overview))
    if lag is not None:
        yield "Start lag", f"{lag.median_sec:.1f} s at the median, {lag.max_sec:.1f} s at most (scheduled batches)"


def _where(overview: Overview) -> Iterator[tuple[str, str]]:
    if overview.client:
        yield "Client", overview.client
    yield "Airflow", _airflow(overview)


def _in_window(overview: Overview) -> dict[datetime, Batch]:
    return {slot.due: slot.batch for slot in overview.slots if slot.batch is not None} or dict(overview.batches)


def _window(window: Window | None, planned: Window | None) -> str:
    if window is None or planned is None:
        return "none: batches run when they are triggered"
    words = f"{_moment(window.start)} to {_moment(window.end)}, {_rhythm(window.schedule)}"
    if window == planned:
        return words
    return f"{words}; moved by {START_VARIABLE}, the file says {_moment(planned.start)}"


def _moment(moment: datetime) -> str:
    """A moment with its zone, as the study's file has it."""
    clock = f"{moment:%H:%M:%S}".removesuffix(":00")
    return f"{moment:%a %d %b %Y}, {clock} {text.zone_name(moment)}"


def _rhythm(schedule: Schedule) -> str:
    spacing = timedelta(microseconds=schedule.period_us // schedule.batches)
    return f"{len(schedule)} slots, one every {text.span(spacing)} in a period"


def _airflow(overview: Overview) -> str:
    if overview.airflow is None:
        return "not known here: judged from the store and the clock alone"
    down = "" if overview.airflow.alive else "not running: its database has the runs so far"
    if overview.airflow.paused is None:
        return "; ".join(filter(None, (down, "it hasn't seen this study yet")))
    switch = "switched off" if overview.airflow.paused else "switched on"
    return f"{down or 'running, ' + overview.airflow.url}; the DAG is {switch}"


def _records(overview: Overview) -> str:
    records = sum(part.records for part in overview.measured)
    if not overview.slots:
        return str(records)
    refused = sum(slot.quarantined for slot in overview.slots)
    quarantine = f"; {refused} in quarantine" if refused else ""
    return f"{records:,} of {overview.per_batch * len(overview.slots):,}{quarantine}"


def _pace(overview: Overview, pace: Pace) -> Iterator[str]:
    if pace.took_sec is not None:
        yield f"a batch takes {_minutes(pace.took_sec)} at the median, of {_minutes(pace.spacing_sec)} to the next"
    for llm, seconds in pace.least_sec.items():
        if seconds > pace.spacing_sec:
            yield f"{llm}: its requests_per_minute leave a batch no less than {_minutes(seconds)}, more than there is"
    yield from _days(overview)
    for batch in pace.overlong:
        yield (
            f"the batch of slot {overview.moment(batch.slot)} took {_minutes(batch.took_sec or 0)}, longer than the "
            f"spacing of {_minutes(pace.spacing_sec)}"
        )


def _days(overview: Overview) -> Iterator[str]:
    """The LLMs whose stated limit of a day is less than the study asks of them."""
    study = overview.study
    if study.window is not None:
        batches = study.window.batches_per_period * study.window.periods_per_day
        asked = overview.per_batch // len(study.llms) * batches
        for llm in study.llms:
            if llm.requests_per_day is not None and llm.requests_per_day < asked:
                yield (
                    f"{llm.model}: a day asks {asked:,} questions, and its requests_per_day are "
                    f"{llm.requests_per_day:,}: the others won't be sent"
                )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _cost(overview: Overview) -> str:
    cost = overview.cost
    if not cost.known:
        return f"not known ({cost.unknown} records without a price)"
    words = f"${cost.usd:.4f} for {cost.known:,} records"
    if cost.unknown:
        words += f", not known for {cost.unknown:,}"
    if overview.slots:
        words += f"; about ${cost.at_the_end_usd:.4f} at the end"
        if cost.not_estimated:
            words += f", without {', '.join(cost.not_estimated)}"
    return words


def as_json(overview: Overview, planned: Window | None, todo: list[Step]) -> dict[str, Any]:
    """The same as JSON values: times as UTC text, durations in seconds."""
    pace, lag = overview.pace, states.start_lag(_in_window(overview))
    return {
        "study": overview.study.name,
        "now": utc_text(overview.now),
        "window": overview.study.window.model_dump(mode="json") if overview.study.window else None,
        "window_in_file": planned.model_dump(mode="json") if planned else None,
        "airflow": {"alive": overview.airflow.alive, "paused": overview.airflow.paused} if overview.airflow else None,
        "counts": overview.counts,
        "slots": [_slot(slot) for slot in overview.slots],
        "batches": [_batch(batch) for batch in overview.batches.values()],
        "records": sum(part.records for part in overview.measured),
        "records_expected": overview.per_batch * len(overview.slots) if overview.slots else None,
        "quarantined": sum(slot.quarantined for slot in overview.slots),
        "failures": states.failures(overview.measured),
        "suspect": sum(part.suspect for part in overview.measured),
        "changes": [{"slot": utc_text(change.slot), "what": list(change.words)} for change in overview.changes],
        "start_lag": asdict(lag) if lag else None,
        "next_slot": utc_text(overview.next.due) if overview.next else None,
        "pace": {
            "spacing_sec": pace.spacing_sec,
            "least_sec": dict(pace.least_sec),
            "took_sec": pace.took_sec,
            "overlong": [_batch(batch) for batch in pace.overlong],
        }
        if pace
        else None,
        "cost": asdict(overview.cost),
        "to_do": [{"what": words, "commands": list(commands)} for words, commands in todo],
        "needs_a_hand": overview.needs_a_hand or bool(todo),
    }


def _slot(slot: Slot) -> dict[str, Any]:
    return {
        "number": slot.number + 1,
        "due": utc_text(slot.due),
        "state": slot.state,
        "run_id": slot.run_id,
        "run_state": slot.run.state if slot.run else None,
        "records": slot.batch.records if slot.batch else 0,
        "quarantined": slot.quarantined,
    }


def _batch(batch: Batch) -> dict[str, Any]:
    return asdict(batch) | {"slot": utc_text(batch.slot)}
