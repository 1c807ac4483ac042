"""What Airflow knows of a study's runs, read from its metadata database: so it is known also while Airflow is down."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_bench.progress.overview import Airflow
from llm_bench.progress.states import Run
from llm_bench.schedule import Schedule, slot_of

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


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is measured now.

    :param name: as Airflow's UI has it, e.g. "kimi-k2-instruct · retail".
    :param answered: how many of its questions are.
    """

    name: str
    answered: int


def running_cells(dag_id: str) -> Sequence[Cell]:
    """The cells of a study that are measured now, and how far each is; none where Airflow's database can't be asked.

    What a cell has measured so far lies in Airflow's task state store, a key for each question.
    """
    from airflow.models.task_state_store import TaskStateStoreModel as Kept  # noqa: PLC0415
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy import func, select  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from llm_bench.measure.kept import CELL  # noqa: PLC0415

    task: Any = TaskInstance
    at_work = (
        select(task.run_id, task.map_index, task.rendered_map_index)
        .where(task.dag_id == dag_id, task.task_id == "measure", task.state == "running")
        .order_by(task.run_id, task.map_index)
    )
    answered = (
        select(Kept.run_id, Kept.map_index, func.count())
        .where(Kept.dag_id == dag_id, Kept.task_id == "measure", Kept.key != CELL)
        .group_by(Kept.run_id, Kept.map_index)
    )
    try:
        with create_session() as session:
            counts = {(run_id, index): count for run_id, index, count in session.execute(answered)}
            return [
                Cell(name or f"cell {index}", counts.get((run_id, index), 0))
                for run_id, index, name in session.execute(at_work)
            ]
    except SQLAlchemyError:
        return []


def slot_of_run(dag_id: str, run_id: str) -> datetime | None:
    """The slot of a run; None where Airflow has no such run."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    query = select(DagRun.logical_date, DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    with create_session() as session:
        moments = session.execute(query).first()
    return None if moments is None else slot_of(*moments)


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
