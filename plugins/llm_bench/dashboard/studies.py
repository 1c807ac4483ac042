"""The page that lists the studies, and the ways to a study's pages: from its name, its DAG, and a run of that."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from llm_bench.airflow.links import validation_path
from llm_bench.airflow.metadata import slot_of_run
from llm_bench.analysis.view import View
from llm_bench.dashboard.security import ReadableStudies, ReadableStudy, readable_study
from llm_bench.dashboard.templating import respond, root_of
from llm_bench.schedule import MICROSECOND
from llm_bench.study import DAG_PREFIX, Study

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


def _study_of(dag_id: str, request: Request, user: GetUserDep) -> Study:
    """The study of a DAG: see ``readable_study``.

    :raises HTTPException: 404: it is the DAG of no study.
    """
    if not dag_id.startswith(DAG_PREFIX):
        raise HTTPException(404, f"{dag_id} is no study of llm-bench: their DAGs are named {DAG_PREFIX}….")
    return readable_study(dag_id.removeprefix(DAG_PREFIX), request, user)


StudyOfDag = Annotated[Study, Depends(_study_of)]


@router.get("/-/{dag_id}", response_model=None)
def of_dag(study: StudyOfDag, request: Request) -> Response:
    """The first page of the study of a DAG."""
    return entrance(study, request)


@router.get("/-/{dag_id}/{run_id}", response_model=None)
def of_run(study: StudyOfDag, run_id: str, request: Request) -> Response:
    """The overview with the slot of a run; the records of a run that is of no slot."""
    slot = _slot(study, run_id)
    study_root = f"{root_of(request)}/{study.name}"
    if study.window is not None and slot in study.window.schedule:
        number = study.window.schedule.index_at_or_after(slot) + 1
        return RedirectResponse(f"{study_root}/overview?slot={number}#slot")
    return RedirectResponse(f"{study_root}/records?{urlencode(View(start=slot, end=slot + MICROSECOND).to_query())}")


@router.get("/-/{dag_id}/{run_id}/quality", response_model=None)
def quality_of_run(study: StudyOfDag, run_id: str, request: Request) -> Response:
    """What the quality gate said of the slot of a run."""
    return RedirectResponse(root_of(request) + validation_path(study.name, _slot(study, run_id)))


def _slot(study: Study, run_id: str) -> datetime:
    slot = slot_of_run(study.dag_id, run_id)
    if slot is None:
        raise HTTPException(404, f"Airflow has no run {run_id} of {study.dag_id}.")
    return slot
