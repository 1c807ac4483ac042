"""Who may see a page, and what a browser may do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from airflow.api_fastapi.app import API_ROOT_PATH
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import MutableHeaders

from llm_bench.paths import include
from llm_bench.study import Study, load_study, study_files

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # No script at all, and nothing from elsewhere: text that slips through as markup can't do or tell anything.
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """Puts ``HEADERS`` on every response of an application, also on those to its own faults."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _readable_study(study: str, request: Request, user: GetUserDep) -> Study:
    """The study of that name, for a user who may see the task instances of its DAG.

    :raises HTTPException: 403: they may not; 404: there is no such study.
    :raises StudyError: its file can't be used.
    """
    path = next((path for path in study_files(include()) if path.stem == study), None)
    if path is None:
        raise HTTPException(404, f"There is no study {study}: include/studies has no {study}.yaml.")
    found = load_study(path)
    requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE, found.dag_id)(request, user)
    return found


ReadableStudy = Annotated[Study, Depends(_readable_study)]
"""A route's parameter ``study``: see ``_readable_study``."""


def login_url(request: Request) -> str:
    """Airflow's login, which leads back to the requested page."""
    root = request.scope["root_path"]  # a proxy may have taken it off the path
    query = urlencode({"next": root + request.url.path.removeprefix(root)})
    return f"{API_ROOT_PATH}api/v2/auth/login?{query}"
