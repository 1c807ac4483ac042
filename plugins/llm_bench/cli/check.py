"""The command that looks for what would stop a study, before it begins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llm_bench.cli.console import console, say
from llm_bench.cli.options import Actions, add_command, add_study
from llm_bench.cli.studies import find_study
from llm_bench.paths import home

if TYPE_CHECKING:
    from llm_bench.preflight import Check


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Show within seconds what would stop a study."
    detail = "Keys, models, storage, questions, window and clock are tried; no token is spent."
    add_study(add_command(actions, check, summary, detail=detail, example="llm-bench check thesis"))


def check(study: str) -> int:
    """Prints what would stop a study; 0 where nothing would."""
    import logging

    from llm_bench.airflow.connections import use_airflow
    from llm_bench.preflight import preflight

    chosen = find_study(study)
    use_airflow(home())
    logging.disable()  # all that there is to say stands in the table
    say(f"Checking {chosen.name}")
    checks = preflight(chosen, home(), datetime.now(UTC))
    _show(checks)
    ready = all(outcome.passed for outcome in checks)
    failed = sum(outcome.passed is False for outcome in checks)
    console().print(
        "Ready" if ready else f"{failed} of {len(checks)} checks failed", style="bold green" if ready else "bold red"
    )
    return 0 if ready else 1


def _show(checks: list[Check]) -> None:
    """Prints a line for each check, and below it what fixes it."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    marks = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("–", "dim")}
    widest = max(len(check.name) for check in checks)
    for check in checks:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=1)
        line.add_column(width=min(widest, 42), overflow="fold")
        line.add_column(overflow="fold")
        line.add_row(marks[check.passed], check.name, Text(check.detail))
        console().print(line, soft_wrap=False)
        if check.fix:
            console().print(Padding(Text(f"→ {check.fix}", "yellow"), (0, 0, 0, 3)), soft_wrap=False)
