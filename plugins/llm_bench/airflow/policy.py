"""An Airflow cluster policy: each mapped cell waits in the pool of its own provider.

A mapped task has one pool for all its instances; only this hook can give each its own. Airflow finds it by the
``airflow.policy`` entry point of the installed package.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow.policies import hookimpl

from airflow import settings
from llm_bench.airflow import POOLS

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

# Airflow looks for this hook in airflow_local_settings alone when it decides whether to call it for a new instance.
settings.task_instance_mutation_hook.is_noop = False  # type: ignore[attr-defined]


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:
    """Puts a mapped instance into the pool that its batch has for its cell."""
    from llm_bench.study import DAG_PREFIX  # noqa: PLC0415  (each process of Airflow imports this module)

    if task_instance.map_index < 0 or dag_run is None or not task_instance.dag_id.startswith(DAG_PREFIX):
        return
    for pool, cells in _pools(dag_run):
        if task_instance.map_index < cells:
            task_instance.pool = pool
            return


def _pools(dag_run: DagRun) -> Iterator[tuple[str, int]]:
    """The pools of a batch's cells, each with the number of the first cell that isn't its own any more."""
    from airflow.models.xcom import XComModel  # noqa: PLC0415
    from sqlalchemy.orm import object_session  # noqa: PLC0415

    session = object_session(dag_run)
    if session is None:
        return
    query = XComModel.get_many(run_id=dag_run.run_id, key=POOLS, dag_ids=dag_run.dag_id, limit=1)
    with session.no_autoflush:  # the instance is only half made
        xcom = session.scalar(query)
    counted = 0
    for pool, cells in XComModel.deserialize_value(xcom) if xcom is not None else ():
        counted += cells
        yield pool, counted
