"""A bucket that can't be written: nothing measured is lost, and nothing is measured again once it is fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_bench.store.base import from_parquet
from llm_bench.store.gcs import GCSStore

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DAG = "llm_bench_bucket"


def _waits_or_ended(tasks: list[dict[str, Any]]) -> bool:
    return any(task["task_id"] == "validate_and_load" and task["state"] == "up_for_retry" for task in tasks)


@pytest.fixture(scope="module")
def bucket(airflow: Any) -> Callable[[], list[Any]]:
    """The records in the bucket."""

    def records() -> list[Any]:
        store = GCSStore("thesis-data", "runs")
        objects = [store.read(path) for path in store.list("records/")]
        return [record for stored in objects if stored for record in from_parquet(stored[0])]

    return records


def test_a_batch_outlives_a_missing_bucket(airflow: Any, bucket: Callable[[], list[Any]], monkeypatch: Any):
    for name, value in airflow.google.items():
        monkeypatch.setenv(name, value)
    run_id = airflow.run("bucket", until=_waits_or_ended)
    (task,) = airflow.tasks("bucket", run_id, "validate_and_load")
    (error, *_) = airflow.api.errors(task | {"try_number": 1})
    assert "There is no bucket thesis-data. Create it, or correct the study's storage." in error
    asked = sum(request.model == "bucket" for request in airflow.provider.asked)

    # Nobody fixes it in time: the task gives up.
    instance = f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/validate_and_load"
    airflow.api.request("PATCH", instance, json={"new_state": "failed"})
    airflow.wait("bucket", run_id)
    airflow.make_bucket("thesis-data")
    cleared = {"dag_run_id": run_id, "only_failed": True, "dry_run": False, "reset_dag_runs": True}
    airflow.api.request("POST", f"/dags/{DAG}/clearTaskInstances", json=cleared)

    assert airflow.wait("bucket", run_id) == "success"
    assert len(bucket()) == 10
    assert len({record["record_id"] for record in bucket()}) == 10
    assert sum(request.model == "bucket" for request in airflow.provider.asked) == asked == 10
