"""The command that looks for what would stop a study, before it begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.cli.console import Waiting, console, say
from llm_bench.cli.options import Actions, add_command, add_study
from llm_bench.cli.studies import find_study
from llm_bench.errors import LLMBenchError
from llm_bench.paths import home, include, program

if TYPE_CHECKING:
    from llm_bench.preflight import Check
    from llm_bench.study import Study


PLANNED_BY = {"questions", "embedding model", "storage"}
"""Checks of what a plan is made of: where one failed, there is none."""


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Show within seconds what would stop a study."
    detail = (
        "Keys, models, their settings, storage, questions, window and clock are tried; no token is spent without "
        "--ask. What can't be found out in this way is said as such. Below it stands what `plan` says of the study."
    )
    command = add_command(actions, check, summary, detail=detail, example="llm-bench check thesis --ask")
    add_study(command)
    text = "ask each LLM one short question, too, which spends some tokens"
    command.add_argument("--ask", action="store_true", help=text)


def check(study: str, ask: bool) -> int:
    """Prints what would stop a study; 0 where nothing would."""
    import logging

    from llm_bench.airflow.connections import use_airflow
    from llm_bench.preflight import preflight
    from llm_bench.rag.embeddings import keeping_all

    chosen = find_study(study)
    use_airflow(home())
    logging.disable()  # all that there is to say stands in the lines
    say(f"Checking {chosen.name}")
    waiting = Waiting()
    with keeping_all():
        coming = preflight(chosen, home(), datetime.now(UTC), ask=ask, waiting=waiting.wait_for)
        with waiting:
            checks = list(_shown(coming, chosen))
            if not any(check.passed is False for check in checks if check.name in PLANNED_BY):
                waiting.wait_for("plan")
                _show_plan(chosen)
    if waiting.slow:
        console().print(waiting.slow, style="yellow")
    failed = sum(outcome.passed is False for outcome in checks)
    unknown = [outcome.name for outcome in checks if outcome.passed is None]
    if failed:
        console().print(f"{failed} of {len(checks)} checks failed", style="bold red")
    elif unknown:
        console().print(f"Nothing stands against it; not found out: {', '.join(unknown)}", style="bold yellow")
        if not ask:
            console().print(
                f"→ {program('llm-bench')} check {study} --ask finds it out by a short request", style="yellow"
            )
    else:
        console().print("Ready", style="bold green")
    return 1 if failed else 0


def _show_plan(study: Study) -> None:
    """Prints what the study will ask, take and show, as ``llm-bench plan`` does; why not, where it can't be planned."""
    from llm_bench.cli.plan import show
    from llm_bench.planning.making import make

    try:
        planned = make(study, home(), include(), datetime.now(UTC))
    except LLMBenchError as fault:  # a check above says it, too, and what fixes it
        console().print(f"No plan: {fault.cause.strip()}", style="dim")
    else:
        show(planned)


def _shown(checks: Iterable[Check], study: Study) -> Iterator[Check]:
    """The checks, each printed when it comes: a line, and below it what fixes it."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    marks = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("–", "dim")}
    widest = max(len(name) for name in ("embedding model", *(llm.name for llm in study.llms)))
    for check in checks:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=1)
        line.add_column(width=min(widest, 42), overflow="fold")
        line.add_column(overflow="fold")
        mark = Text("!", "yellow") if check.passed and check.fix else marks[check.passed]
        line.add_row(mark, check.name, Text(check.detail))
        console().print(line, soft_wrap=False)
        if check.fix:
            console().print(Padding(Text(f"→ {check.fix}", "yellow"), (0, 0, 0, 3)), soft_wrap=False)
        yield check
