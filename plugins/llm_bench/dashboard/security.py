"""Who may see a page, and what a browser may do with it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from airflow.api_fastapi.app import API_ROOT_PATH
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import MutableHeaders

from llm_bench.errors import StudyError, ViewError
from llm_bench.paths import include
from llm_bench.study import DAG_PREFIX, Study, load_study, study_files

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # No script at all, and nothing from elsewhere: text that slips through as markup can't do or send anything.
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

WITH_SCRIPT = {
    # Our own files alone: no script in a page and none made of text. Vega puts styles on what it draws.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "referrer-policy": "same-origin",
}
"""For a page of the dashboard, in place of the same names in ``HEADERS``."""


class SecurityHeaders:
    """Puts ``HEADERS`` on every response of an application, also on those to its faults; those it has itself stay."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def readable_study(study: str, request: Request, user: GetUserDep) -> Study:
    """The study of that name, for a user who may see the task instances of its DAG.

    :raises HTTPException: 403: they may not; 404: there is no such study.
    :raises StudyError: its file can't be used.
    """
    path = next((path for path in study_files(include()) if path.stem == study), None)
    if path is None:
        raise HTTPException(404, f"There is no study {study}: include/studies has no {study}.yaml.")
    readable = load_study(path)
    _require(readable.dag_id, request, user)
    return readable


ReadableStudy = Annotated[Study, Depends(readable_study)]
"""A route's parameter ``study``: see ``readable_study``."""


def _require(dag_id: str, request: Request, user: GetUserDep) -> None:
    requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE, dag_id)(request, user)


def _readable_studies(request: Request, user: GetUserDep) -> tuple[list[Study], list[StudyError]]:
    """The studies that a user may see, and what is wrong with the files of others."""
    studies, mistakes = [], []
    for path in study_files(include()):
        if _may_see(path, request, user):
            try:
                studies.append(load_study(path))
            except StudyError as mistake:
                mistakes.append(mistake)
    return studies, mistakes


ReadableStudies = Annotated[tuple[list[Study], list[StudyError]], Depends(_readable_studies)]
"""A route's parameter: see ``_readable_studies``."""


def _may_see(path: Path, request: Request, user: GetUserDep) -> bool:
    try:
        _require(DAG_PREFIX + path.stem, request, user)
    except HTTPException:
        return False
    return True


def may_write(study: Study, request: Request, user: GetUserDep) -> bool:
    """Whether a user may add to a study: who may change the task instances of its DAG, as by a note in Airflow."""
    try:
        requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE, study.dag_id)(request, user)
    except HTTPException:
        return False
    return True


def _writer(study: ReadableStudy, request: Request, user: GetUserDep) -> str:
    """The name of a user who may add to a study, and whose own click on one of our pages this is.

    A browser says where a request comes from: by ``Sec-Fetch-Site``, or, over plain HTTP, by ``Origin``. A program says
    neither; it has no cookie that another site could use.

    :raises HTTPException: 403: they may not, or another site's page made the request.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = site in ("same-origin", "none") if site else not origin or urlsplit(origin).netloc == request.url.netloc
    if not ours:
        raise HTTPException(HTTPStatus.FORBIDDEN, "Another site's page sent this: open the study's page, and send it.")
    if not may_write(study, request, user):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            f"You may read {study.name}, and not add to it: ask for the right to edit the task instances of its DAG.",
        )
    return user.get_name()


Writer = Annotated[str, Depends(_writer)]
"""A route's parameter: see ``_writer``."""

_LARGEST = 4_096
"""Bytes of a form that is sent: ours have a few hundred."""


async def _form(request: Request) -> dict[str, str]:
    """What a form holds.

    :raises ViewError: it is none of ours.
    """
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _LARGEST:
            raise ViewError(f"The form has more than {_LARGEST:,} bytes.", "Open its page again, and send it.")
    return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))


Form = Annotated[dict[str, str], Depends(_form)]
"""A route's parameter: see ``_form``."""


def login_url(request: Request) -> str:
    """Airflow's login, which leads back to the requested page."""
    root = request.scope["root_path"]  # a proxy may have taken it off the path
    query = f"?{request.url.query}" if request.url.query else ""
    leads_to = urlencode({"next": root + request.url.path.removeprefix(root) + query})
    return f"{API_ROOT_PATH}api/v2/auth/login?{leads_to}"
