"""The command line, ``llm-bench``: its families of commands, and what a command's errors end in."""

from __future__ import annotations

import argparse
import os
import signal
import sys

import argcomplete

from llm_bench import __version__
from llm_bench.cli import (
    archive,
    ask,
    calibrate,
    check,
    data,
    init,
    plan,
    questions,
    results,
    run,
    score,
    seal,
    status,
    sync,
)
from llm_bench.cli.console import interrupt
from llm_bench.errors import InputError, LLMBenchError, SetupError

FAMILIES = (init, questions, run, ask, check, plan, seal, status, results, archive, data, sync, score, calibrate)
"""Modules with commands, in the order of ``--help``; each has ``register(actions)``."""


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands; each puts the function that does its work into ``command``."""
    parser = argparse.ArgumentParser(
        prog="llm-bench",
        description="Measures hosted LLM APIs on a schedule, in Apache Airflow.",
        epilog="Exit code: 0, all is well; 1, something needs a hand; 2, what was given can't be used.",
    )
    parser.add_argument("--version", action="version", version=f"llm-bench {__version__}")
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    for family in FAMILIES:
        family.register(actions)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    parser = command_line()
    argcomplete.autocomplete(parser)
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    signal.signal(signal.SIGTERM, interrupt)  # so that what was started is stopped, as with Ctrl-C
    try:
        _check_folder()
        return int(command(**options))
    except LLMBenchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        return 130


def _check_folder() -> None:
    """Refuses a current folder that was deleted: nothing can be looked up from it, nor started in it."""
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        raise SetupError("The current folder was deleted.", "Change to one that exists, and run it again.") from None
