"""What needs a hand in a study, in words and as the commands that do it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from llm_bench.paths import program
from llm_bench.progress import states
from llm_bench.progress.overview import Overview
from llm_bench.progress.states import Slot, Span
from llm_bench.records import utc_text
from llm_bench.schedule import from_us
from llm_bench.study import START_VARIABLE

Step = tuple[str, tuple[str, ...]]
"""Something to do: in words, and the commands that do it."""


def steps(overview: Overview, airflow_home: Path | None) -> list[Step]:
    """What needs a hand, most pressing first.

    :param airflow_home: of the local Airflow, which its command needs; None where that is known anyway.
    """
    dag_id, slots = overview.study.dag_id, overview.slots
    airflow = _airflow_command(airflow_home)
    return [
        *_idle(overview, airflow),
        *_other_window(overview),
        *_missed(overview, [_backfill(airflow, dag_id, span) for span in states.missed_spans(slots)]),
        *_incomplete(
            overview,
            [_clear(airflow, dag_id, span, "--only-failed") for span in states.failed_spans(slots)]
            + [_clear(airflow, dag_id, span) for span in states.emptied_spans(slots)],
        ),
        *_quarantined(overview),
    ]


def _airflow_command(airflow_home: Path | None) -> list[str]:
    if airflow_home is None:
        return ["airflow"]
    return [f"AIRFLOW_HOME={airflow_home}", program("airflow")]


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


def _idle(overview: Overview, command: list[str]) -> Iterator[Step]:
    """What keeps the slots to come from being measured. Where no Airflow is known, records show that there is one."""
    slot, airflow, dag_id = overview.coming, overview.airflow, overview.study.dag_id
    if slot is None:
        return
    start = (_line([program("llm-bench"), "up"]),)
    lost = f"or the {'next' if slot.number else 'first'} slot ({overview.moment(slot.due)}) won't be measured"
    if airflow is None:
        if not any(slot.batch for slot in overview.slots):
            yield f"No Airflow is known here. Start it and switch the DAG {dag_id} on, {lost}:", start
        return
    if not airflow.alive:
        also = f" and switch the DAG {dag_id} on" if airflow.paused is None else ""
        yield f"Airflow isn't running. Start it{also}, {lost}:", start
    elif airflow.paused is None:
        yield f"Airflow hasn't seen the DAG {dag_id} yet. Start it again, {lost}:", start
    if airflow.paused:
        yield (
            f"The DAG {dag_id} is off. Switch it on, {lost} (in the UI: Dags, the switch beside its name):",
            (_line([*command, "dags", "unpause", "--yes", dag_id]),),
        )


def _other_window(overview: Overview) -> Iterator[Step]:
    other, window = overview.other_window, overview.study.window
    if other is None:
        return
    start = from_us(other.start_us).astimezone(window.start.tzinfo if window else None).isoformat()
    yield (
        f"Airflow runs another window, of {len(other)} slots from {start}. If {START_VARIABLE} was set when Airflow "
        "was started, set it here, too; if the file was changed since, Airflow takes it over while it runs.",
        (_line([f"{START_VARIABLE}={start}", program("llm-bench"), "status", overview.study.name]),),
    )


def _missed(overview: Overview, commands: list[str]) -> Iterator[Step]:
    slots = [slot for slot in overview.slots if slot.state == "missed"]
    if not slots:
        return
    many = " One after another: Airflow takes one backfill of a DAG at a time." if len(commands) > 1 else ""
    yield (
        f"{_count(slots)} missed: {', '.join(overview.name(slot) for slot in slots)}. "
        "This measures exactly these, late, and their records say so. "
        f"(In the UI: Dags → {overview.study.dag_id} → Trigger → Backfill, Missing Runs, over the same dates.){many}",
        tuple(commands),
    )


def _incomplete(overview: Overview, commands: list[str]) -> Iterator[Step]:
    slots = [slot for slot in overview.slots if slot.state == "incomplete"]
    if not slots:
        return
    batches = "; ".join(
        f"{overview.name(slot)}, {slot.batch.records if slot.batch else 0} of {overview.per_batch} records"
        + (f", {slot.quarantined} more in quarantine" if slot.quarantined else "")
        + (f", {_address(overview, slot.run_id)}" if slot.run_id else "")
        for slot in slots
    )
    yield (
        f"{_count(slots)} left incomplete: {batches}. The last task of each run names what is missing and why. "
        "Once that is fixed, clear the failed tasks (in the UI: the run → Clear → Clear only failed tasks): "
        "only what is missing is measured. Where the cause was in the study file, clear its task prepare first.",
        tuple(commands),
    )


def _quarantined(overview: Overview) -> Iterator[Step]:
    if any(slot.quarantined for slot in overview.slots):
        yield (
            "Records in quarantine were measured but broke a rule of the schema. Once the rule is fixed:",
            (_line([program("llm-bench"), "requeue", overview.study.name]),),
        )


def _count(slots: list[Slot]) -> str:
    return "1 slot was" if len(slots) == 1 else f"{len(slots)} slots were"


def _address(overview: Overview, run_id: str | None) -> str:
    return f"{overview.airflow.url if overview.airflow else ''}/dags/{overview.study.dag_id}/runs/{run_id}"
