"""The page of exports, and the files that it leads to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import cast

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import StreamingResponse

from llm_bench.analysis import export, queries
from llm_bench.analysis.cache import afresh
from llm_bench.analysis.export import Format
from llm_bench.dashboard.context import Look, Looked, records_of
from llm_bench.dashboard.form import form
from llm_bench.dashboard.templating import show
from llm_bench.paths import home
from llm_bench.records import SEED_NAMES

FORMATS: Mapping[Format, str] = {
    "csv": "for spreadsheets and R; the eleven planned columns come first",
    "json": "one list of objects",
    "parquet": "typed, with units and descriptions; for pandas, polars and DuckDB",
}

router = APIRouter()


@router.get("/{study}/export", response_model=None)
def page(look: Looked) -> Response:
    """Offers what can be taken away of the view."""
    return show(
        look,
        "export",
        form=form(look, "export", files=True),
        total=queries.total(look.records, look.view.whole),
        warm=queries.total(look.records, replace(look.view, cache="warm")) if look.view.whole.has_warm else 0,
        formats=[(name, use, look.address(f"export/records.{name}")) for name, use in FORMATS.items()],
        report=look.address("export/report.zip"),
        commands={name: _command(look, name) for name in ("export", "report")},
        planned=SEED_NAMES,
    )


def _command(look: Look, name: str) -> str:
    """What does the same from a terminal."""
    options = [f"--{option.replace('_', '-')}={value}" for option, value in look.view.to_query()]
    return shlex.join(["python", "-m", "llm_bench", name, look.study.name, *options])


@router.get("/{study}/export/records.{form}", response_model=None)
def records(look: Looked, form: str) -> Response:
    """The records of the view as a file, sent while they are read.

    :raises HTTPException: 404: there is no such format.
    """
    if form not in FORMATS:
        raise HTTPException(404, f"There is no format {form}; there are {', '.join(FORMATS)}.")
    held = records_of(look.study)  # a look of its own, as it lasts beyond the request's
    held.require_all()
    parts = export.stream(held, look.view.whole, cast(Format, form))
    first = next(parts, b"")  # what can't be read is said before the file begins
    name = f"{look.study.name}-records.{form}"
    return StreamingResponse(
        chain([first], parts), media_type=export.MEDIA_TYPES[cast(Format, form)], headers=_named(name)
    )


@router.get("/{study}/export/report.zip", response_model=None)
def report(look: Looked) -> Response:
    """The report of the view, packed."""
    from llm_bench.report import report_zip  # noqa: PLC0415

    with afresh(look.study, home()) as records:
        content = report_zip(records, look.study, look.view)
    return Response(content, media_type="application/zip", headers=_named(f"{look.study.name}-report.zip"))


def _named(name: str) -> dict[str, str]:
    # A study's name has neither quotes nor letters beyond ASCII.
    return {"content-disposition": f'attachment; filename="{name}"'}
