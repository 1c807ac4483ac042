"""The application: its routes, and what each refusal looks like."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as Refusal

from llm_bench.dashboard import assets, measures
from llm_bench.dashboard import compare as compare_page
from llm_bench.dashboard import export as export_page
from llm_bench.dashboard import overview as overview_page
from llm_bench.dashboard import record as record_page
from llm_bench.dashboard import records as records_page
from llm_bench.dashboard import success as success_page
from llm_bench.dashboard import validation as validation_page
from llm_bench.dashboard.context import Looked
from llm_bench.dashboard.security import ReadableStudies, ReadableStudy, SecurityHeaders, login_url
from llm_bench.dashboard.templating import respond
from llm_bench.errors import LLMBenchError, StorageError, ViewError
from llm_bench.paths import home
from llm_bench.store.base import object_path, open_store
from llm_bench.store.names import named_moment

_STATUS = {ViewError: HTTPStatus.BAD_REQUEST, StorageError: HTTPStatus.SERVICE_UNAVAILABLE}
"""What is wrong → the status of the answer; of any other mistake of the project's it is 500."""

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app() -> ASGIApp:
    """The pages, to be mounted by Airflow's API server, which knows the users. None of them is open to a stranger.

    Routes are plain functions, so that they run in threads: none of them holds up the server while it reads.
    """
    app = FastAPI(title="llm-bench", openapi_url=None, dependencies=[Depends(get_user)])
    routes: dict[str, Any] = {
        "/": studies,
        "/validations/{study}/{slot}": validation,
        "/{study}/overview": overview,
        "/{study}/success": success,
        "/{study}/compare": compare,
        "/{study}/records": records,
        "/{study}/records/{record_id}": record,
        "/{study}/export": export,
        "/{study}/export/report.zip": report,
        "/{study}/export/records.{form}": exported,
        "/static/{name}": assets.serve,
    }
    for name in measures.CHOICES:
        app.add_api_route(f"/{{study}}/{name}", _measure(name), response_model=None)
    for path, route in routes.items():
        app.add_api_route(path, route, response_model=None)
    app.add_api_route("/{study}", entrance, response_model=None)
    app.add_exception_handler(Refusal, _refuse)
    app.add_exception_handler(LLMBenchError, _explain)
    return SecurityHeaders(app)


def studies(found: ReadableStudies, request: Request) -> Response:
    """The studies that the user may see; the only one at once."""
    known, mistakes = found
    root = _root(request)
    if len(known) == 1 and not mistakes:
        return RedirectResponse(f"{root}/{known[0].name}/overview")
    return respond("studies.html", root=root, studies=known, mistakes=mistakes)


def entrance(study: ReadableStudy, request: Request) -> Response:
    """A study's first page."""
    return RedirectResponse(f"{_root(request)}/{study.name}/overview")


def overview(look: Looked) -> Response:
    return overview_page.page(look)


def _measure(name: str) -> Any:
    def measure(look: Looked) -> Response:
        return measures.page(look, name)

    return measure


def success(look: Looked) -> Response:
    return success_page.page(look)


def compare(look: Looked) -> Response:
    return compare_page.page(look)


def records(look: Looked) -> Response:
    return records_page.page(look)


def record(look: Looked, record_id: str) -> Response:
    return record_page.page(look, record_id)


def export(look: Looked) -> Response:
    return export_page.page(look)


def exported(look: Looked, form: str) -> Response:
    return export_page.records(look, form)  # which refuses any other


def report(look: Looked) -> Response:
    return export_page.report(look)


def validation(study: ReadableStudy, slot: str) -> Response:
    """What the quality gate said of a slot.

    :param slot: as it names the slot's objects, e.g. ``20261207T075125.714285Z``.
    """
    moment = named_moment(slot)
    if moment is None:
        raise HTTPException(404, f"{slot} is no slot: a slot is named like 20261207T075125.714285Z.")
    stored = open_store(study.storage, home()).read(object_path("validations", study.name, moment, "json"))
    if stored is None:
        raise HTTPException(
            404,
            f"The study {study.name} has no validation of the slot {slot}: its batch isn't loaded yet, or nothing was "
            "measured. The log of the run's task validate_and_load tells which.",
        )
    return HTMLResponse(validation_page.page(json.loads(stored[0]), study.name, moment))


def _root(request: Request) -> str:
    return str(request.scope["root_path"])


async def _refuse(request: Request, refusal: Exception) -> Response:
    """A page for a person, who is sent to log in where that is what lacks; JSON for a program."""
    assert isinstance(refusal, Refusal)  # noqa: S101  (what it is registered for)
    if not _is_person(request):
        return await http_exception_handler(request, refusal)
    if refusal.status_code == HTTPStatus.UNAUTHORIZED:
        return RedirectResponse(login_url(request))
    return _message(request, refusal.status_code, str(refusal.detail))


async def _explain(request: Request, fault: Exception) -> Response:
    """What is wrong and how to mend it: with the address, with the store, or with a file of the project's."""
    status = next((status for kind, status in _STATUS.items() if isinstance(fault, kind)), 500)
    return (
        _message(request, status, str(fault)) if _is_person(request) else JSONResponse({"detail": str(fault)}, status)
    )


def _is_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _message(request: Request, status: int, told: str) -> Response:
    return respond("message.html", root=_root(request), status=status, title=HTTPStatus(status).phrase, told=told)
