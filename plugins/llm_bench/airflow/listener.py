"""An Airflow listener: each run of a study finds the pools that bound how many cells ask one provider at once.

Tasks can't create pools, but the scheduler, where this runs, can; and it hears of a run before any task of it starts.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from llm_bench.paths import include
from llm_bench.study import Study, load_studies

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Creates the pools of the run's study, or sets them to the study's ``concurrency``.

    In a thread of its own: the scheduler is within a transaction that nobody else may commit.
    """
    study = _study(dag_run.dag_id)
    if study is not None:
        threading.Thread(target=create_pools, args=(study,), name=f"pools of {study.name}", daemon=True).start()


def create_pools(study: Study) -> None:
    """Creates or updates one pool per provider. Needs the metadata database."""
    from airflow.models.pool import Pool  # noqa: PLC0415

    for provider in study.providers:
        name = study.pool(provider)
        pool = Pool.get_pool(name)
        if pool is None or pool.slots != study.concurrency:
            description = f"llm-bench: cells of the study {study.name} that ask {provider} at once"
            Pool.create_or_update_pool(name, study.concurrency, description, include_deferred=False)
            log.info("The pool %s has %d slots", name, study.concurrency)


def _study(dag_id: str) -> Study | None:
    return next((study for study in load_studies(include())[0] if study.dag_id == dag_id), None)
