"""The page that lists the studies, and the way to a study's first page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from llm_bench.dashboard.security import ReadableStudies, ReadableStudy
from llm_bench.dashboard.templating import respond, root_of

router = APIRouter()


@router.get("/", response_model=None)
def page(readable: ReadableStudies, request: Request) -> Response:
    """The studies that the user may see; the only one at once."""
    studies, mistakes = readable
    root = root_of(request)
    if len(studies) == 1 and not mistakes:
        return RedirectResponse(f"{root}/{studies[0].name}/overview")
    return respond("studies.html", root=root, studies=studies, mistakes=mistakes)


@router.get("/{study}", response_model=None)
def entrance(study: ReadableStudy, request: Request) -> Response:
    """A study's first page."""
    return RedirectResponse(f"{root_of(request)}/{study.name}/overview")
