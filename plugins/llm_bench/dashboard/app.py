"""The application: its pages, and what each refusal looks like."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as Refusal

from llm_bench.dashboard import assets
from llm_bench.dashboard.pages import PAGES
from llm_bench.dashboard.security import SecurityHeaders, login_url
from llm_bench.dashboard.templating import respond, root_of
from llm_bench.errors import LLMBenchError, StorageError, ViewError

_STATUS = {ViewError: HTTPStatus.BAD_REQUEST, StorageError: HTTPStatus.SERVICE_UNAVAILABLE}
"""What is wrong → the status of the answer; of any other mistake of the project's it is 500."""

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app() -> ASGIApp:
    """The pages, to be mounted by Airflow's API server, which knows the users. None of them is open to a stranger.

    Routes are plain functions, so that they run in threads: none of them holds up the server while it reads.
    """
    app = FastAPI(title="llm-bench", openapi_url=None, dependencies=[Depends(get_user)])
    for page in PAGES:
        app.include_router(page.router)
    app.add_api_route("/static/{name}", assets.serve, response_model=None)
    app.add_exception_handler(Refusal, _refuse)
    app.add_exception_handler(LLMBenchError, _explain)
    return SecurityHeaders(app)


async def _refuse(request: Request, refusal: Exception) -> Response:
    """A page for a person, who is sent to log in where that is what lacks; JSON for a program."""
    assert isinstance(refusal, Refusal)  # noqa: S101  (what it is registered for)
    if not _is_person(request):
        return await http_exception_handler(request, refusal)
    if refusal.status_code == HTTPStatus.UNAUTHORIZED:
        return RedirectResponse(login_url(request))
    return _message(request, refusal.status_code, str(refusal.detail))


async def _explain(request: Request, fault: Exception) -> Response:
    """What is wrong and how to fix it: with the address, with the store, or with a file of the project's."""
    status = next((status for kind, status in _STATUS.items() if isinstance(fault, kind)), 500)
    return (
        _message(request, status, str(fault)) if _is_person(request) else JSONResponse({"detail": str(fault)}, status)
    )


def _is_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _message(request: Request, status: int, words: str) -> Response:
    return respond("message.html", root=root_of(request), status=status, title=HTTPStatus(status).phrase, words=words)
