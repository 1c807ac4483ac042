"""The commands that give a study's results, of any view of its records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from llm_bench.analysis.view import Suspect, View
from llm_bench.cli.console import console, find_study
from llm_bench.files import locked, replacing, storage_errors
from llm_bench.paths import home
from llm_bench.records import RUN_TYPES
from llm_bench.study import Study

if TYPE_CHECKING:
    from llm_bench.analysis.cache import Records
    from llm_bench.analysis.export import Format

VIEW = ("start", "end", "industry", "llm", "run_type", "suspect")
"""Options of a command that make a view, as they are named in an address."""


def add_view_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take a view."""
    group = parser.add_argument_group("view", "which records; left out: all")
    group.add_argument("--start", help="slots from then on: ISO 8601, the study's time zone where it tells none")
    group.add_argument("--end", help="slots before then")
    group.add_argument("--industry", action="append", help="of this industry; may be given again")
    group.add_argument("--llm", action="append", help="of this LLM, a LiteLLM model string; may be given again")
    group.add_argument("--run-type", action="append", choices=RUN_TYPES, help="of such runs; may be given again")
    group.add_argument("--suspect", choices=get_args(Suspect), help="records whose times can't be trusted")


def view_of(study: Study, options: dict[str, object]) -> View:
    """The view that a command was given; takes its options out of ``options``.

    :raises ViewError: a value can't be used.
    """
    given = {name: options.pop(name) for name in VIEW}
    query = [(name, str(value)) for name, values in given.items() if values for value in _each(values)]
    return View.from_query(query, study.zone)


def _each(values: object) -> Iterable[object]:
    return values if isinstance(values, list) else [values]


def records_of(study: Study) -> Records:
    """A study's records; a bucket is read with the connection that Airflow's tasks use.

    :raises StorageError: the store can't be read.
    """
    from llm_bench.analysis.cache import Cache  # noqa: PLC0415
    from llm_bench.cli.data import store_at  # noqa: PLC0415

    store_at(study.storage)
    return Cache(home()).records(study)


def export(study: str, form: Format, out: Path | None, **options: object) -> int:
    """Writes the records of a view to a file; to standard output where ``out`` is "-"."""
    from llm_bench.analysis.export import stream  # noqa: PLC0415

    chosen = find_study(study)
    view = view_of(chosen, options)
    parts = stream(records_of(chosen), view, form)
    if out == Path("-"):
        sys.stdout.buffer.writelines(parts)
        return 0
    path = out or home() / "data" / "exports" / f"{chosen.name}.{form}"
    with storage_errors(path, "written"), locked(path.parent), replacing(path) as partial, partial.open("wb") as file:
        file.writelines(parts)
    console.print(str(path), markup=False)
    return 0
