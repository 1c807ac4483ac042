"""An Airflow cluster policy: each mapped cell waits in the pool of its own provider.

A mapped task has one pool for all its instances; only this hook can give each its own. Airflow finds it by the
``airflow.policy`` entry point of the installed package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.policies import hookimpl

from airflow import settings

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

# Airflow looks for this hook in airflow_local_settings alone when it decides whether to call it for a new instance.
settings.task_instance_mutation_hook.is_noop = False  # type: ignore[attr-defined]


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:  # noqa: ARG001
    """Puts a mapped instance into the ``pool`` that its own expanded arguments name."""
    if task_instance.map_index < 0 or not task_instance.dag_id.startswith("llm_bench_"):
        return
    cells = getattr(getattr(task_instance.task, "expand_input", None), "value", None)
    if isinstance(cells, list) and task_instance.map_index < len(cells):
        task_instance.pool = cells[task_instance.map_index].get("pool", task_instance.pool)
