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

from llm_bench.dashboard import templating
from llm_bench.dashboard.security import ReadableStudy
from llm_bench.paths import client, home
from llm_bench.store.base import object_path, open_store
from llm_bench.store.names import named_moment
from llm_bench.study import Study

MAX_EXAMPLES = 20
"""Records named for each expectation, however many broke it."""

router = APIRouter()


@router.get("/validations/{study}/{slot}", response_model=None)
def validation(study: ReadableStudy, slot: str) -> Response:
    """What the quality gate said of a slot.

    :param slot: as it names the slot's objects, e.g. ``20261207T075125.714285Z``.
    :raises HTTPException: 404: there is no such slot, or no validation of it.
    """
    moment = named_moment(slot)
    if moment is None:
        raise HTTPException(404, f"{slot} is no slot: a slot is named like 20261207T075125.714285Z.")
    stored = open_store(study.storage, home()).read(_path(study, moment))
    if stored is None:
        raise HTTPException(
            404,
            f"The study {study.name} has no validation of the slot {slot}: its batch isn't loaded yet, or nothing was "
            "measured. The log of the run's task validate_and_load says which.",
        )
    return HTMLResponse(page(json.loads(stored[0]), study.name, moment))


def _path(study: Study, slot: datetime) -> str:
    return object_path("validations", study.name, slot, "json", client=client())


def page(results: dict[str, Any], study: str, slot: datetime) -> bytes:
    """The page, as UTF-8. Pure; its size depends on the number of expectations, not of records.

    :param results: as the gate stored them (``Verdict.results``).
    :param slot: aware.
    """
    expectations = results["expectations"]
    broken = [expectation for expectation in expectations if not expectation["success"]]
    return templating.render(
        "validation.html",
        study=study,
        slot=slot.astimezone(UTC),
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
