"""What the commands' options have in common: how a command is added, what values look like, what a shell completes."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from llm_bench.paths import include

if TYPE_CHECKING:
    from llm_bench.study import Study

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  (it has no public name)
"""Where a module registers its commands."""


def add_command(
    actions: Actions, command: Callable[..., int], summary: str, *, detail: str = "", example: str
) -> argparse.ArgumentParser:
    """Add a command, named as the function that does its work.

    :param command: takes the options by their names; its result is the exit code.
    :param summary: what it does, a sentence.
    :param detail: what else to know before giving it, sentences.
    :param example: lines as they are typed.
    """
    parser = actions.add_parser(
        command.__name__,
        help=summary,
        description=textwrap.fill(f"{summary} {detail}", 78),
        epilog="example:\n" + textwrap.indent(example, "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    return parser


def add_study(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Let a command take a study's name.

    :param default: the study where none is named; a name must be given where that is None.
    """
    text = "name of a study in include/studies" + (f"; left out: {default}" if default else "")
    study = parser.add_argument("study", nargs="?" if default else None, default=default, help=text)
    complete(study, study_names)


def add_port(parser: argparse.ArgumentParser) -> None:
    """Let a command take the port of Airflow's UI."""
    parser.add_argument("--port", type=port, default=8080, help="port of the UI on this machine; left out: 8080")


def port(text: str) -> int:
    """A TCP port.

    :raises ArgumentTypeError: the text isn't one.
    """
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a number from 1 to 65535 is")
    return int(text)


def count(text: str) -> int:
    """How many.

    :raises ArgumentTypeError: the text is no number from 1 to 1,000.
    """
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; a number from 1 to 1000 is")
    return int(text)


def moment(text: str) -> datetime:
    """A moment, aware.

    :raises ArgumentTypeError: the text isn't one.
    """
    with suppress(ValueError):
        value = datetime.fromisoformat(text)
        if value.tzinfo is not None:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no moment with a UTC offset; 2026-12-07T08:00:00+01:00 is")


def storage(text: str) -> str:
    """The URL of a store.

    :raises ArgumentTypeError: the text isn't one.
    """
    if not re.fullmatch(r"file://\S+|gs://[^/\s]\S*", text):
        raise argparse.ArgumentTypeError(f"{text!r} names no store; file://FOLDER or gs://BUCKET/PREFIX does")
    return text


def complete(argument: argparse.Action, values: Callable[..., Iterable[str]]) -> None:
    """Let a shell complete an argument.

    :param values: called with ``parsed_args``, what was parsed so far, and more by name; gives what may stand there.
    """
    argument.completer = values  # type: ignore[attr-defined]  # argcomplete looks for it there


def study_names(**_: object) -> list[str]:
    """The names of the studies."""
    from llm_bench.study import study_files

    return [path.stem for path in study_files(include())]


def llm_names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The LLMs of the study that was named."""
    return [llm.name for study in _studies(parsed_args) for llm in study.llms]


def industry_names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The industries of the study that was named."""
    return [industry for study in _studies(parsed_args) for industry in study.industries]


def storages(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The stores in which the studies keep their records."""
    return [study.storage for study in _studies(parsed_args)]


def _studies(parsed_args: argparse.Namespace) -> list[Study]:
    """The study that was named, or all where none was."""
    from llm_bench.study import load_studies

    name = getattr(parsed_args, "study", None)
    return [study for study in load_studies(include())[0] if name in (None, study.name)]
