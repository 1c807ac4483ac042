"""The data docs of a slot: what the quality gate said of it, as one page.

Great Expectations' own page isn't used: it loads its styles and scripts from elsewhere, puts the offending values on
the page as markup, and speaks of the columns that the gate derives, not of records.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse
from jinja2 import TemplateError

from llm_bench.dashboard import templating
from llm_bench.dashboard.security import ReadableStudy
from llm_bench.errors import StorageError
from llm_bench.paths import client as own_client
from llm_bench.paths import home, is_client
from llm_bench.records import UNNAMED
from llm_bench.store.base import object_path, open_store
from llm_bench.store.names import named_moment

MAX_EXAMPLES = 20
"""Records named for each expectation, however many broke it."""

router = APIRouter()


@router.get("/validations/{study}/{slot}", response_model=None)
def validation(study: ReadableStudy, slot: str, client: str = "") -> Response:
    """What the quality gate said of a slot.

    :param slot: as it names the slot's objects, e.g. ``20261207T075125.714285Z``.
    :param client: where it was measured from, ``unnamed`` for a place without a name; this place where left out.
    :raises HTTPException: 404: there is no such slot or client, or no validation of it.
    :raises StorageError: it can't be read.
    """
    moment = named_moment(slot)
    if moment is None:
        raise HTTPException(404, f"{slot} is no slot: a slot is named like 20261207T075125.714285Z.")
    if client and client != UNNAMED and not is_client(client):
        raise HTTPException(404, f"{client} is no client: its name has small letters, digits, - and _.")
    measured_from = own_client() if not client else None if client == UNNAMED else client
    path = object_path("validations", study.name, moment, "json", client=measured_from)
    stored = open_store(study.storage, home()).read(path)
    if stored is None:
        raise HTTPException(
            404,
            f"The study {study.name} has no validation of the slot {slot}{_of(measured_from)}: its batch isn't loaded "
            "yet, or nothing was measured. The log of the run's task validate_and_load says which.",
        )
    try:
        content = page(json.loads(stored[0]), study.name, moment, measured_from)
    except (ValueError, LookupError, TypeError, RecursionError, TemplateError) as fault:  # someone has changed it
        raise StorageError(
            f"The object {path} can't be read: {type(fault).__name__}.", "Clear the run of its slot to load it anew."
        ) from None
    return HTMLResponse(content)


def _of(client: str | None) -> str:
    return f" from the client {client}" if client else ""


def page(results: dict[str, Any], study: str, slot: datetime, client: str | None = None) -> bytes:
    """The page, as UTF-8. Pure; its size depends on the number of expectations, not of records.

    :param results: as the gate stored them (``Verdict.results``).
    :param slot: aware.
    :param client: name of the place that it was measured from.
    """
    expectations = results["expectations"]
    broken = [expectation for expectation in expectations if not expectation["success"]]
    return templating.render(
        "validation.html",
        study=study,
        slot=slot.astimezone(UTC),
        client=client,
        results=results,
        groups=[
            (
                "Broken: the records are quarantined",
                "bad",
                [expectation for expectation in broken if not _warns(expectation)],
            ),
            (
                "Warnings: the records are loaded all the same",
                "warn",
                [expectation for expectation in broken if _warns(expectation)],
            ),
        ],
        met=[expectation for expectation in expectations if expectation["success"]],
        max_examples=MAX_EXAMPLES,
    )


def _warns(expectation: dict[str, Any]) -> bool:
    return bool(expectation["severity"] == "warning")
