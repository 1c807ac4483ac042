"""How far the cells are that run now, as Airflow's database has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from airflow.utils.session import create_session
from sqlalchemy import insert

from llm_bench.airflow.metadata import Cell, running_cells

DAG, RUN = "llm_bench_cells", "scheduled__1"


def row(table: Any, **known: Any) -> dict[str, Any]:
    """A row of a table, with zeros and empty texts where nothing is known and something has to be."""
    needed = {
        column.name: 0 if column.type.python_type in (int, float) else ""
        for column in table.columns
        if not column.nullable
        and column.default is None
        and column.server_default is None
        and not (column.primary_key and column.autoincrement is True)
    }
    return needed | known


@pytest.fixture
def cells():
    """Puts cells into Airflow's database: name, state, and the keys that each has kept."""
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from airflow.models.dagrun import DagRun
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.taskinstance import TaskInstance

    from airflow import settings

    import_all_models()
    Base.metadata.create_all(settings.engine)
    run: Any = DagRun.__table__
    task: Any = TaskInstance.__table__
    store: Any = TaskStateStoreModel.__table__

    def put(*known: tuple[str, str, list[str]]) -> None:
        with create_session() as session:
            now = datetime.now(UTC)
            started = {"dag_id": DAG, "run_id": RUN, "run_type": "scheduled", "id": 7_000, "run_after": now}
            started |= {"data_interval_start": now, "data_interval_end": now, "logical_date": now}
            session.execute(insert(run).values(row(run, **started)))
            for index, (name, state, keys) in enumerate(known):
                of = {"dag_id": DAG, "run_id": RUN, "task_id": "measure", "map_index": index}
                own = {"id": uuid4(), "rendered_map_index": name, "state": state, "pool": "p", "pool_slots": 1}
                session.execute(insert(task).values(row(task, **of, **own)))
                for key in keys:
                    session.execute(insert(store).values(row(store, **of, dag_run_id=7_000, key=key, value="{}")))

    yield put
    with create_session() as session:
        for table in (store, task, run):
            session.execute(table.delete().where(table.c.dag_id == DAG))


class TestCellsThatRun:
    def test_are_named_with_how_many_questions_they_have_answered(self, cells):
        cells(
            ("kimi-k2-instruct · retail", "running", ["_cell", "retail-01", "retail-02"]),
            ("kimi-k2-instruct · finance", "running", []),
            ("llama3 · retail", "success", []),
        )
        assert running_cells(DAG) == [Cell("kimi-k2-instruct · retail", 2), Cell("kimi-k2-instruct · finance", 0)]

    def test_are_none_where_none_runs(self, cells):
        assert running_cells(DAG) == []
