"""A study's slots and what needs a hand, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from llm_bench.cli.console import console
from llm_bench.progress import states
from llm_bench.progress.facts import facts
from llm_bench.progress.overview import Overview
from llm_bench.progress.states import State
from llm_bench.progress.steps import Step
from llm_bench.study import Window

MARKS: Mapping[State, tuple[str, str]] = {
    "done": ("✓", "green"),
    "late": ("◷", "green"),
    "incomplete": ("◐", "yellow"),
    "running": ("…", "cyan"),
    "missed": ("✗", "red"),
    "to come": ("·", "dim"),
}


def show(state: Overview, planned: Window | None, todo: list[Step]) -> None:
    """Prints a study as it stands.

    :param planned: the window as the file has it, which ``LLM_BENCH_START`` may have moved.
    :param todo: what needs a hand.
    """
    console().print(Text(state.study.name, "bold"))
    if state.slots:
        console().print(_calendar(state))
        console().print(_legend(state))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in facts(state, planned):
        grid.add_row(name, Text(text))
    console().print(grid, soft_wrap=False)
    if not todo and state.needs_a_hand:
        console().print(f"What needs a hand is shown where {state.client} measures.", style="yellow")
    elif not todo:
        console().print("Nothing needs a hand.", style="bold green")
    for words, commands in todo:
        console().print(Text(f"→ {words}", "yellow"), soft_wrap=False)
        for command in commands:
            console().print(Text(f"  {command}", "bold"))  # in one line, however long, so that it can be copied


def _calendar(state: Overview) -> Table:
    """A row for each period, a cell for each slot."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    assert state.schedule is not None  # noqa: S101  (there are slots)
    for period in states.periods(state.slots, state.schedule.batches):
        cells = Text(" ").join(Text(*MARKS[slot.state]) for slot in period)
        grid.add_row(Text(f"{state.moment(period[0].due):.16}", "dim"), cells)
    return grid


def _legend(state: Overview) -> Text:
    counts = state.counts
    parts = [Text(f"{MARKS[name][0]} {name} {counts[name]}", MARKS[name][1]) for name in states.STATES if counts[name]]
    return Text("   ").join(parts)
