"""The application: its routes, and what each refusal looks like."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException as Refusal

from llm_bench.dashboard import datadocs, pages
from llm_bench.dashboard.security import ReadableStudy, SecurityHeaders, login_url
from llm_bench.errors import LLMBenchError
from llm_bench.join.store import object_path, open_store
from llm_bench.paths import home

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app() -> ASGIApp:
    """The pages, to be mounted by Airflow's API server, which knows the users. None of them is open to a stranger."""
    app = FastAPI(title="llm-bench", openapi_url=None, dependencies=[Depends(get_user)])
    app.add_api_route("/validations/{study}/{slot}", validation, response_class=HTMLResponse)
    app.add_exception_handler(Refusal, _refuse)
    app.add_exception_handler(LLMBenchError, _explain)
    return SecurityHeaders(app)


def validation(study: ReadableStudy, slot: str) -> Response:
    """What the quality gate said of a slot.

    :param slot: as it names the slot's objects, e.g. ``20261207T075125.714285Z``.
    """
    try:
        moment = datetime.strptime(slot, "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        raise HTTPException(404, f"{slot} is no slot: a slot is named like 20261207T075125.714285Z.") from None
    stored = open_store(study.storage, home()).read(object_path("validations", study.name, moment, "json"))
    if stored is None:
        raise HTTPException(
            404,
            f"The study {study.name} has no validation of the slot {slot}: its batch isn't loaded yet, or nothing was "
            "measured. The log of the run's task validate_and_load tells which.",
        )
    return HTMLResponse(datadocs.page(json.loads(stored[0]), study.name, moment))


async def _refuse(request: Request, refusal: Exception) -> Response:
    """A page for a person, who is sent to log in where that is what lacks; JSON for a program."""
    assert isinstance(refusal, Refusal)  # noqa: S101  (what it is registered for)
    if "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, refusal)
    if refusal.status_code == HTTPStatus.UNAUTHORIZED:
        return RedirectResponse(login_url(request))
    return _message(refusal.status_code, str(refusal.detail))


async def _explain(_request: Request, fault: Exception) -> Response:
    return _message(HTTPStatus.INTERNAL_SERVER_ERROR, str(fault))


def _message(status: int, text: str) -> Response:
    return HTMLResponse(pages.render("message.html", title=HTTPStatus(status).phrase, text=text), status)
