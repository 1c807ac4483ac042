"""The command that says before the start what a study will ask, take, cost and show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, add_study, complete, study_names
from llm_bench.cli.studies import find_study
from llm_bench.paths import home, include

if TYPE_CHECKING:
    from llm_bench.planning.plan import Plan


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Show what a study will ask, take and cost, what its limits refuse, and what it can show."
    detail = (
        "It rests on the real prompts, on the records of the study where there are any, else on those of a pilot, else "
        "on assumptions, and says which. No token is spent. Exit code: 0, all fits; 1, questions would be refused, or "
        "a batch outlasts its spacing."
    )
    command = add_command(actions, plan, summary, detail=detail, example="llm-bench plan thesis --pilot trial")
    add_study(command)
    pilot = command.add_argument("--pilot", help="another study, whose records of the same LLMs are gone by")
    complete(pilot, study_names)
    command.add_argument("--json", action="store_true", help="print JSON, for a program")


def plan(study: str, pilot: str | None, json: bool) -> int:
    """Prints the plan of a study; 0 where all of it fits."""
    import logging

    from llm_bench.airflow.connections import use_airflow
    from llm_bench.planning.making import make
    from llm_bench.planning.plan import as_json

    chosen, other = find_study(study), find_study(pilot) if pilot else None
    use_airflow(home())
    logging.disable()  # all that there is to say stands in the plan
    planned = make(chosen, home(), include(), datetime.now(UTC), other)
    if json:
        console().print_json(data=as_json(planned))
    else:
        show(planned)
    return 1 if planned.needs_a_hand else 0


def show(planned: Plan) -> None:
    """Prints a plan."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from llm_bench.planning.words import HEADINGS, facts, rows, warnings

    counted = "the batches to come" if planned.to_come else "all batches" if planned.batches else "a batch"
    table = Table(title=f"{planned.study}: {counted}", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "LLM" else "right", overflow="fold")
    for row in rows(planned):
        table.add_row(*row)
    console().print(table, soft_wrap=False)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in facts(planned):
        grid.add_row(name, Text(words))
    console().print(grid, soft_wrap=False)
    for words in warnings(planned):
        console().print(Text(f"→ {words}", "yellow"), soft_wrap=False)
