"""The commands that give a study's results, of any view of its records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from llm_bench.analysis.view import Cache, Cached, Suspect, View
from llm_bench.cli.console import console, say
from llm_bench.cli.options import (
    Actions,
    add_command,
    add_study,
    complete,
    industry_names,
    llm_names,
    study_names,
)
from llm_bench.cli.studies import find_study, store_at
from llm_bench.errors import InputError, unknown
from llm_bench.paths import home
from llm_bench.records import RUN_TYPES

if TYPE_CHECKING:
    from llm_bench.analysis.cache import Records
    from llm_bench.analysis.export import Format
    from llm_bench.study import Study

VIEW = ("start", "end", "industry", "llm", "run_type", "suspect", "cached", "cache", "upstream", "client")
"""Options of a command that make a view, as they are named in an address."""


def register(actions: Actions) -> None:
    """Add the commands."""
    summary = "Write a study's report: a page, figures, tables, methods, and the records that they rest on."
    detail = (
        "It writes report.html with its appendix, the same for Word (report.docx) and in Markdown (report.md), figures "
        "(PNG, SVG, PDF), tables (CSV, LaTeX), records.csv and SHA256SUMS. The same "
        "data give the same files, byte for byte."
    )
    example = (
        "llm-bench report thesis --run-type scheduled --suspect exclude\n"
        "llm-bench report --from thesis.zip --out report-of-thesis"
    )
    command = add_command(actions, report, summary, detail=detail, example=example)
    study = command.add_argument("study", nargs="?", help="name of a study in include/studies")
    complete(study, study_names)
    text = "make it from this file of `llm-bench archive` alone, wherever it was made; no project is needed"
    command.add_argument("--from", dest="archive", metavar="ARCHIVE", type=Path, help=text)
    text = "folder to write to; left out: data/reports/STUDY, or with --from report-of-STUDY in the current folder"
    command.add_argument("--out", type=Path, help=text)
    add_view(command)

    summary = "Write a study's records as CSV, JSON or Parquet, all or a view of them."
    example = "llm-bench export thesis --format parquet --industry retail --start 2026-12-07"
    command = add_command(actions, export, summary, example=example)
    add_study(command)
    command.add_argument(
        "--format", dest="form", choices=("csv", "json", "parquet"), default="csv", help="left out: csv"
    )
    command.add_argument("--out", type=Path, help="file to write; -: standard output; left out: below data/exports")
    add_view(command)


def add_view(command: argparse.ArgumentParser) -> None:
    """Let a command take a view."""
    group = command.add_argument_group("view", "Which records; all where left out.")
    group.add_argument(
        "--start", help="slots from this moment on: ISO 8601, in the study's time zone without an offset"
    )
    group.add_argument("--end", help="slots before this moment")
    text = "records of this {}; may be given again"
    complete(group.add_argument("--industry", action="append", help=text.format("industry")), industry_names)
    complete(group.add_argument("--llm", action="append", help=text.format("LLM, provider/model")), llm_names)
    group.add_argument(
        "--run-type", action="append", choices=RUN_TYPES, help="records of such runs; may be given again"
    )
    group.add_argument(
        "--suspect", choices=get_args(Suspect), help="what to do with records whose times can't be trusted"
    )
    group.add_argument(
        "--cached", choices=get_args(Cached), help="what to do with records whose prompt a provider's cache knew"
    )
    group.add_argument(
        "--cache",
        choices=get_args(Cache),
        help="of questions that were asked twice: cold, the first records; warm, the second ones; all. Left out: cold "
        "in a report, all in an export",
    )
    group.add_argument("--upstream", action="append", help=text.format("upstream of a gateway, or unnamed"))
    group.add_argument("--client", action="append", help=text.format("client, LLM_BENCH_CLIENT, or unnamed"))


def report(study: str | None, archive: Path | None, out: Path | None, **options: object) -> int:
    """Writes a report of a view into a folder; below ``data/reports`` where none is given."""
    if (study is None) == (archive is None):
        raise InputError(
            "A report is of a study, or of an archive.",
            "Name one of the two: `llm-bench report STUDY`, or --from FILE.",
        )
    if archive is not None:
        return _report_from(archive, out, options)
    chosen = find_study(str(study))
    view = view_of(chosen, options)
    say(f"Reading {chosen.name}")
    store_at(chosen.storage)
    return _write(chosen, view, home(), out or home() / "data" / "reports" / chosen.name)


def _report_from(archive: Path, out: Path | None, options: dict[str, object]) -> int:
    """Writes the report of an archive's study."""
    from llm_bench.archive.opening import opened
    from llm_bench.archive.versions import differences

    say(f"Checking {archive}")
    with opened(archive) as held:
        for line in differences(held.versions):
            console().print(line, style="yellow")
        view = view_of(held.study, options)
        say(f"Reading {held.study.name}")
        return _write(held.study, view, held.root, out or Path(f"report-of-{held.study.name}"))


def _write(study: Study, view: View, root: Path, folder: Path) -> int:
    """Writes a report.

    :param root: the folder of ``include/``, and of a relative storage.
    """
    from llm_bench.analysis.cache import afresh
    from llm_bench.report import write_report

    with afresh(study, root) as records:
        _check_named(records, study, view)
        _check_any(records, view)
        say("Drawing")
        write_report(records, study, view, folder, root)
    console().print(f"Report: {folder / 'report.html'}")
    return 0


def export(study: str, form: Format, out: Path | None, **options: object) -> int:
    """Writes the records of a view to a file; to standard output where ``out`` is "-"."""
    from llm_bench.analysis.export import stream
    from llm_bench.analysis.queries import total
    from llm_bench.files import locked, replacing, storage_errors

    chosen = find_study(study)
    view = view_of(chosen, options)
    records = records_of(chosen, view)
    parts = stream(records, view.whole, form)
    if out == Path("-"):
        sys.stdout.buffer.writelines(parts)
        return 0
    path = out or home() / "data" / "exports" / f"{chosen.name}.{form}"
    with storage_errors(path, "written"), locked(path.parent), replacing(path) as partial, partial.open("wb") as file:
        file.writelines(parts)
    console().print(str(path))
    if view.cache is None and (warm := total(records, replace(view, cache="warm"))):
        console().print(f"{warm} of them warm, asked once more right after; --cache cold leaves these out")
    return 0


def view_of(study: Study, options: dict[str, object]) -> View:
    """The view that a command was given.

    :raises InputError: a value can't be used.
    """
    query = [(name, str(value)) for name in VIEW for value in _each(options[name])]
    view = View.from_query(query, study.zone)
    if view.start and view.end and view.start >= view.end:
        raise InputError(
            f"end, {options['end']}, isn't after start, {options['start']}, so there is no slot between them.",
            "Give an end that is later.",
        )
    return view


def _each(values: object) -> Iterable[object]:
    if values is None:
        return []
    return values if isinstance(values, list) else [values]


def records_of(study: Study, view: View) -> Records:
    """A study's records; a bucket is read with the connection that Airflow's tasks use.

    :raises InputError: the view names an LLM, an industry, an upstream or a client that neither the study nor its
        records have.
    :raises StorageError: the store can't be read.
    """
    from llm_bench.analysis import cache

    store_at(study.storage)
    records = cache.Cache(home()).records(study)
    _check_named(records, study, view)
    return records


def _check_named(records: Records, study: Study, view: View) -> None:
    """Refuses a view that names what neither the study nor its records have."""
    from llm_bench.analysis.queries import choices

    known = choices(records)
    _check(study, "LLM", view.llms, [*(llm.name for llm in study.llms), *known.llms])
    _check(study, "industry", view.industries, [*study.industries, *known.industries])
    _check(study, "upstream", view.upstreams, known.upstreams)
    _check(study, "client", view.clients, known.clients)


def _check_any(records: Records, view: View) -> None:
    """Refuses a view without a record: its report would be empty."""
    from llm_bench.analysis.queries import total

    if total(records, view):
        return
    options = ", ".join(f"{name} = {value}" for name, value in view.to_query())
    if not options:
        raise InputError(
            f"Nothing of study {records.study} was measured yet.", f"Measure it: `llm-bench run {records.study}`."
        )
    raise InputError(
        f"Nothing of study {records.study} was measured in this view: {options}.",
        f"Leave an option out; `llm-bench status {records.study}` shows what was measured.",
    )


def _check(study: Study, what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuses a name that neither the study nor its records have."""
    for name in names:
        if name not in known:
            raise unknown(f"Study {study.name} has no {what} {name!r}.", name, dict.fromkeys(known))
