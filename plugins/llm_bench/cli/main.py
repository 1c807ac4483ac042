"""The command line: ``python -m llm_bench``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from llm_bench import __version__
from llm_bench.cli import data, init, results
from llm_bench.cli import report as reporting
from llm_bench.cli import run as commands
from llm_bench.cli.console import interrupt
from llm_bench.errors import LLMBenchError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m llm_bench", description="Measures hosted LLM APIs on a schedule.")
    parser.add_argument("--version", action="version", version=f"llm-bench {__version__}")
    actions = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = actions.add_parser("run", help="measure one batch of a study in a real Airflow, and sum it up")
    run.add_argument("study", nargs="?", default="quickstart", help="name of a study in include/studies")
    up = actions.add_parser("up", help="start Airflow with its UI, until Ctrl-C")
    for action in (run, up):
        action.add_argument("--port", type=int, default=8080, help="of the UI, on this machine alone")

    check = actions.add_parser("check", help="tell within seconds what would stop a study; spends no tokens")
    check.add_argument("study", help="name of a study in include/studies")

    status = actions.add_parser(
        "status",
        help="tell how far a study is, and what needs a hand",
        description="Tells what became of each slot, what was measured, and what needs a hand, with the commands.",
        epilog="Exit code: 0, all is as planned; 1, something needs a hand (a slot was missed or left incomplete, or "
        "slots pass by as Airflow is down or the DAG is off), or it can't be told.",
    )
    status.add_argument("study", help="name of a study in include/studies")
    status.add_argument("--json", action="store_true", help="as JSON, for a program")

    requeue = actions.add_parser("requeue", help="judge quarantined records anew and load those that pass")
    requeue.add_argument("study", help="name of a study in include/studies")
    requeue.add_argument("--slot", help="only this slot, ISO 8601 with a UTC offset; left out: every slot")

    rescore = actions.add_parser("rescore", help="score the stored answers by another model, beside the records")
    rescore.add_argument("study", help="name of a study in include/studies")
    rescore.add_argument("--model", help="embedding model, repository@revision; left out: the study's own")

    baselines = actions.add_parser("baselines", help="serve the built-in baselines (started by run and up)")
    baselines.add_argument("--port", type=int, required=True)
    baselines.add_argument("--first-token-sec", type=float, default=0.0, help="delay, for benchmarks")
    baselines.add_argument("--token-sec", type=float, default=0.0, help="delay, for benchmarks")

    calibrate = actions.add_parser("calibrate", help="measure this machine's own client error and keep it")
    calibrate.add_argument("study", nargs="?", default="quickstart", help="name of the study to keep it with")

    compact = actions.add_parser("compact", help="put the slots of each past day of a study into one object")
    compact.add_argument("study", help="name of a study in include/studies")

    sync = actions.add_parser("sync", help="copy a store's data to another; only what differs, as often as you like")
    sync.add_argument("source", metavar="SOURCE", help="URL like a study's storage, e.g. gs://bucket/prefix")
    sync.add_argument("dest", metavar="DEST", help="URL like a study's storage, e.g. file://copy")
    sync.add_argument("--study", help="copy this study alone")

    export = actions.add_parser("export", help="write a study's records as CSV, JSON or Parquet, all or a view of them")
    export.add_argument("study", help="name of a study in include/studies")
    export.add_argument("--format", dest="form", choices=("csv", "json", "parquet"), default="csv")
    export.add_argument("--out", type=Path, help="file to write; -: standard output; left out: below data/exports")
    results.add_view_options(export)

    report = actions.add_parser(
        "report",
        help="write a study's report: a page, figures, tables, methods, and the records that they rest on",
        description="Writes report.html, figures (PNG, SVG, PDF), tables (CSV, LaTeX), records.csv and SHA256SUMS. The "
        "same data give the same files, byte for byte.",
    )
    report.add_argument("study", help="name of a study in include/studies")
    report.add_argument("--out", type=Path, help="folder to write to; left out: data/reports/STUDY")
    results.add_view_options(report)

    init.register(actions)

    options = vars(parser.parse_args(arguments))
    command = _command(options.pop("command"))
    signal.signal(signal.SIGTERM, interrupt)  # so that what was started is stopped, as with Ctrl-C
    try:
        return int(command(**options))
    except LLMBenchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


def _command(chosen: str | Callable[..., int]) -> Callable[..., int]:
    """A command, or the one of that name."""
    if callable(chosen):
        return chosen
    modules = (commands, data, results, reporting)
    return next(getattr(module, chosen) for module in modules if hasattr(module, chosen))
