"""What ``status`` shows of a study: for a person, with what to do, and as JSON."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_bench.airflow.metadata import ask_airflow, is_set_up
from llm_bench.local.config import Config
from llm_bench.paths import home, include
from llm_bench.progress import states
from llm_bench.progress.overview import Overview, Pace, overview
from llm_bench.progress.states import Batch, Slot, Span, State
from llm_bench.records import utc_text
from llm_bench.schedule import Schedule, from_us
from llm_bench.study import START_VARIABLE, Study, Window, parse_study, read_yaml

MARKS: Mapping[State, tuple[str, str]] = {
    "done": ("✓", "green"),
    "late": ("◷", "green"),
    "incomplete": ("◐", "yellow"),
    "running": ("…", "cyan"),
    "missed": ("✗", "red"),
    "to come": ("·", "dim"),
}

Step = tuple[str, tuple[str, ...]]
"""Something to do: in words, and the commands that do it."""


def status(console: Console, study: Study, *, as_json: bool) -> int:
    """Prints how far a study is; 0 where nothing needs a hand.

    :raises StorageError: the store can't be read.
    """
    # Reading a study's own files and asking Airflow both come with imports that take seconds.
    from llm_bench.airflow.connections import use_airflow  # noqa: PLC0415
    from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415

    asked = is_set_up(home())
    use_airflow(home())
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"  # its log goes to where the JSON belongs

    questions = sum(map(len, load_question_sets(include(), study.industries).values()))
    airflow = ask_airflow(study.dag_id) if asked else None
    found = overview(study, home(), datetime.now(UTC), questions=questions, airflow=airflow)
    planned, todo = planned_window(study), steps(found, local_airflow())
    if as_json:
        console.print_json(data=tell(found, planned, todo))
    else:
        show(console, found, planned, todo)
    return 1 if found.needs_a_hand else 0


def local_airflow() -> Path | None:
    """Home of the project's own Airflow; None where there is none, so that another one is meant."""
    local = Config(home(), 0).airflow_home
    return local if (local / "airflow.cfg").exists() else None


def planned_window(study: Study) -> Window | None:
    """The window as the study's file has it."""
    path = include() / "studies" / f"{study.name}.yaml"
    return parse_study(read_yaml(path), path, include()).window


def steps(found: Overview, airflow_home: Path | None) -> list[Step]:
    """What needs a hand, most pressing first.

    :param airflow_home: of the local Airflow, which its command has to be told; None where that is known anyway.
    """
    dag_id, slots = found.study.dag_id, found.slots
    airflow = _airflow_command(airflow_home)
    return [
        *_idle(found),
        *_other_window(found),
        *_missed(found, [_backfill(airflow, dag_id, span) for span in states.missed_spans(slots)]),
        *_incomplete(
            found,
            [_clear(airflow, dag_id, span, "--only-failed") for span in states.failed_spans(slots)]
            + [_clear(airflow, dag_id, span) for span in states.emptied_spans(slots)],
        ),
        *_quarantined(found),
    ]


def _airflow_command(airflow_home: Path | None) -> list[str]:
    if airflow_home is None:
        return ["airflow"]
    return [f"AIRFLOW_HOME={airflow_home}", str(Path(sys.executable).with_name("airflow"))]


def _backfill(airflow: list[str], dag_id: str, span: Span) -> str:
    """Both dates are within the range. One run at a time, as the schedule has them."""
    first, last = map(utc_text, span)
    dates = ["--from-date", first, "--to-date", last]
    how = ["--reprocess-behavior", "none", "--max-active-runs", "1"]
    return _line([*airflow, "backfill", "create", "--dag-id", dag_id, *dates, *how])


def _clear(airflow: list[str], dag_id: str, span: Span, *how: str) -> str:
    first, last = map(utc_text, span)
    return _line([*airflow, "tasks", "clear", dag_id, "--start-date", first, "--end-date", last, *how, "--yes"])


def _line(words: list[str]) -> str:
    # The name of a variable that is set before a command mustn't be quoted.
    return " ".join(
        f"{word.partition('=')[0]}={shlex.quote(word.partition('=')[2])}" if number == 0 and "=" in word else quoted
        for number, (word, quoted) in enumerate((word, shlex.quote(word)) for word in words)
    )


def _idle(found: Overview) -> Iterator[Step]:
    if not found.idle or found.airflow is None:
        return
    if not found.airflow.alive:
        yield "Airflow isn't running, so slots pass by. Start it:", ("make up",)
    if found.airflow.paused is None:
        yield f"Airflow hasn't seen the DAG {found.study.dag_id} yet, so slots pass by. Start it again: make up", ()
    elif found.airflow.paused:
        yield f"The DAG {found.study.dag_id} is switched off, so slots pass by. Switch it on in the UI.", ()


def _other_window(found: Overview) -> Iterator[Step]:
    other, window = found.other_window, found.study.window
    if other is None:
        return
    start = from_us(other.start_us).astimezone(window.start.tzinfo if window else None).isoformat()
    yield (
        f"Airflow runs another window, of {len(other)} slots from {start}. If {START_VARIABLE} was set when Airflow "
        "was started, set it here, too; if the file was changed since, Airflow takes it over while it runs.",
        (f"{START_VARIABLE}={start} make status STUDY={found.study.name}",),
    )


def _missed(found: Overview, commands: list[str]) -> Iterator[Step]:
    slots = [slot for slot in found.slots if slot.state == "missed"]
    if not slots:
        return
    many = " One after another: Airflow takes one backfill of a DAG at a time." if len(commands) > 1 else ""
    yield (
        f"{_count(slots)} missed: {', '.join(_name(found, slot) for slot in slots)}. "
        "This measures exactly these, late, and their records say so. "
        f"(In the UI: Dags → {found.study.dag_id} → Trigger → Backfill, Missing Runs, over the same dates.){many}",
        tuple(commands),
    )


def _incomplete(found: Overview, commands: list[str]) -> Iterator[Step]:
    slots = [slot for slot in found.slots if slot.state == "incomplete"]
    if not slots:
        return
    told = "; ".join(
        f"{_name(found, slot)}, {slot.batch.records if slot.batch else 0} of {found.per_batch} records"
        + (f", {slot.quarantined} more in quarantine" if slot.quarantined else "")
        + (f", {_address(found, slot.run_id)}" if slot.run_id else "")
        for slot in slots
    )
    yield (
        f"{_count(slots)} left incomplete: {told}. The last task of each run names what is missing and why. "
        "Once that is mended, clear the failed tasks (in the UI: the run → Clear → Clear only failed tasks): "
        "only what is missing is measured.",
        tuple(commands),
    )


def _quarantined(found: Overview) -> Iterator[Step]:
    if any(slot.quarantined for slot in found.slots):
        yield (
            "Records in quarantine were measured but broke a rule of the schema. Once the rule is mended:",
            (f"python -m llm_bench requeue {found.study.name}",),
        )


def _count(slots: list[Slot]) -> str:
    return "1 slot was" if len(slots) == 1 else f"{len(slots)} slots were"


def _name(found: Overview, slot: Slot) -> str:
    return f"{slot.number + 1} ({_moment(found, slot.due)})"


def _address(found: Overview, run_id: str | None) -> str:
    return f"{found.airflow.url if found.airflow else ''}/dags/{found.study.dag_id}/runs/{run_id}"


def _moment(found: Overview, moment: datetime) -> str:
    """In the time zone of the study's file."""
    zone = found.study.window.start.tzinfo if found.study.window else None
    return f"{moment.astimezone(zone):%a %d %b %H:%M:%S}"


# For a person


def show(console: Console, found: Overview, planned: Window | None, todo: list[Step]) -> None:
    """Prints a study as it stands.

    :param planned: the window as the file has it, which ``LLM_BENCH_START`` may have moved.
    :param todo: what needs a hand.
    """
    console.print(Text(found.study.name, "bold"))
    if found.slots:
        console.print(_calendar(found))
        console.print(_legend(found))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, told in facts(found, planned):
        grid.add_row(name, Text(told))
    console.print(grid, soft_wrap=False)
    if not todo:
        console.print("Nothing needs a hand.", style="bold green")
    for words, commands in todo:
        console.print(Text(f"→ {words}", "yellow"), soft_wrap=False)
        for command in commands:
            console.print(Text(f"  {command}", "bold"))  # in one line, however long, so that it can be copied


def _calendar(found: Overview) -> Table:
    """A row for each period, a cell for each slot."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    assert found.schedule is not None  # noqa: S101  (there are slots)
    for period in states.periods(found.slots, found.schedule.batches):
        cells = Text(" ").join(Text(*MARKS[slot.state]) for slot in period)
        grid.add_row(Text(f"{_moment(found, period[0].due):.16}", "dim"), cells)
    return grid


def _legend(found: Overview) -> Text:
    told = [Text(f"{MARKS[state][0]} {state} {count}", MARKS[state][1]) for state, count in _counts(found)]
    return Text("   ").join(told)


def _counts(found: Overview) -> Iterator[tuple[State, int]]:
    counts = found.counts
    return ((state, counts[state]) for state in states.STATES if counts[state])


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
        yield "Next slot", f"{_name(found, found.next)}, in {wait}"
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
            f"the batch of slot {_moment(found, batch.slot)} took {_minutes(batch.took_sec or 0)}, longer than the "
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


# For a program


def tell(found: Overview, planned: Window | None, todo: list[Step]) -> dict[str, Any]:
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
