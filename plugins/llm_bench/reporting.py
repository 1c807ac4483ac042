"""The command that writes a study's report."""

from __future__ import annotations

from pathlib import Path

from llm_bench.paths import home
from llm_bench.results import view_of
from llm_bench.terminal import console, find_study, say


def report(study: str, out: Path | None, **options: object) -> int:
    """Writes a report of a view into a folder; below ``data/reports`` where none is given."""
    from llm_bench.analysis.cache import Cache  # noqa: PLC0415
    from llm_bench.analysis.report import write_report  # noqa: PLC0415
    from llm_bench.upkeep import store_at  # noqa: PLC0415

    chosen = find_study(study)
    view = view_of(chosen, options)
    folder = out or home() / "data" / "reports" / chosen.name
    store_at(chosen.storage)  # so that a bucket is read with the connection that Airflow's tasks use
    say(f"Reading {chosen.name}")
    records = Cache(home()).records(chosen)
    say("Drawing")
    write_report(records, chosen, view, folder)
    console.print(f"Report: {folder / 'report.html'}", markup=False)
    return 0
