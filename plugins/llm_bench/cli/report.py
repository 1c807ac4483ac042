"""The command that writes a study's report."""

from __future__ import annotations

from pathlib import Path

from llm_bench.cli.console import console, find_study, say
from llm_bench.cli.results import records_of, view_of
from llm_bench.paths import home


def report(study: str, out: Path | None, **options: object) -> int:
    """Writes a report of a view into a folder; below ``data/reports`` where none is given."""
    from llm_bench.report import write_report  # noqa: PLC0415

    chosen = find_study(study)
    view = view_of(chosen, options)
    folder = out or home() / "data" / "reports" / chosen.name
    say(f"Reading {chosen.name}")
    records = records_of(chosen)
    say("Drawing")
    write_report(records, chosen, view, folder)
    console.print(f"Report: {folder / 'report.html'}", markup=False)
    return 0
