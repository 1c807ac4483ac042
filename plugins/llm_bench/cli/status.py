"""What ``status`` shows of a study: for a person, with what to do, and as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llm_bench.airflow.metadata import ask_airflow, is_set_up
from llm_bench.local.config import local_airflow
from llm_bench.paths import home, include
from llm_bench.progress import states
from llm_bench.progress.facts import as_json, facts, planned_window
from llm_bench.progress.overview import Overview, overview
from llm_bench.progress.states import State
from llm_bench.progress.steps import Step, steps
from llm_bench.study import Study, Window

MARKS: Mapping[State, tuple[str, str]] = {
    "done": ("✓", "green"),
    "late": ("◷", "green"),
    "incomplete": ("◐", "yellow"),
    "running": ("…", "cyan"),
    "missed": ("✗", "red"),
    "to come": ("·", "dim"),
}


def status(console: Console, study: Study, *, json: bool) -> int:
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
    planned, todo = planned_window(study), steps(found, local_airflow(home()))
    if json:
        console.print_json(data=as_json(found, planned, todo))
    else:
        show(console, found, planned, todo)
    return 1 if found.needs_a_hand else 0


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
        grid.add_row(Text(f"{found.moment(period[0].due):.16}", "dim"), cells)
    return grid


def _legend(found: Overview) -> Text:
    told = [Text(f"{MARKS[state][0]} {state} {count}", MARKS[state][1]) for state, count in _counts(found)]
    return Text("   ").join(told)


def _counts(found: Overview) -> Iterator[tuple[State, int]]:
    counts = found.counts
    return ((state, counts[state]) for state in states.STATES if counts[state])
