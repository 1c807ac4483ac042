"""What Airflow knows of a study's runs, read from its metadata database: so it is known also while Airflow is down."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_bench.progress.overview import Airflow
from llm_bench.progress.states import Run
from llm_bench.schedule import Schedule

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def is_set_up(home: Path) -> bool:
    """Whether there is a metadata database to ask: one that was named, or that of the local Airflow."""
    named = {"AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"} & os.environ.keys()
    return bool(named) or (home / ".airflow" / "airflow.db").exists()


def ask_airflow(dag_id: str) -> Airflow | None:
    """Airflow's side of a study; None where its database can't be asked. Imports Airflow, which takes seconds."""
    from airflow.configuration import conf  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        with create_session() as session:
            return Airflow(
                alive=_alive(session),
                paused=_paused(session, dag_id),
                runs=_runs(session, dag_id),
                schedule=_schedule(session, dag_id),
                url=conf.get("api", "base_url", fallback="").rstrip("/"),
            )
    except SQLAlchemyError:
        return None


def _alive(session: Session) -> bool:
    from airflow.jobs.job import most_recent_job  # noqa: PLC0415

    job = most_recent_job("SchedulerJob", session=session)
    return job is not None and job.is_alive()


def _paused(session: Session, dag_id: str) -> bool | None:
    from airflow.models.dag import DagModel  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    return session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id))


def _runs(session: Session, dag_id: str) -> dict[datetime, Run]:
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    query = select(DagRun.logical_date, DagRun.run_id, DagRun.state)
    rows = session.execute(query.where(DagRun.dag_id == dag_id, DagRun.logical_date.is_not(None)))
    return {slot: Run(run_id, str(getattr(state, "value", state))) for slot, run_id, state in rows}


def _schedule(session: Session, dag_id: str) -> Schedule | None:
    from airflow.models.serialized_dag import SerializedDagModel  # noqa: PLC0415

    from llm_bench.airflow.timetable import SlotTimetable  # noqa: PLC0415

    query: Any = SerializedDagModel.latest_item_select_object(dag_id)  # type: ignore[no-untyped-call]
    serialized: Any = session.scalar(query)
    timetable = None if serialized is None else serialized.dag.timetable
    return timetable.schedule if isinstance(timetable, SlotTimetable) else None
