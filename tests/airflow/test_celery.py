"""One batch in an Airflow of several machines' making: the CeleryExecutor, two workers, Redis and Postgres."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llm_bench.errors import SetupError
from llm_bench.join.store import from_parquet
from llm_bench.local.api import AirflowAPI
from llm_bench.records import Record

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from rehearsal.providers import Log, doubles
from rehearsal.servers import postgres, redis_server
from rehearsal.stack import AIRFLOW, PROCESSES, Stack, make_home, running, settings

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

STUDY = {
    "llms": [
        {"model": "groq/llama3-70b-8192"},
        {"model": "groq/moonshotai/kimi-k2-instruct"},
        {"model": "openrouter/mistralai/mistral-7b-instruct"},
        {"model": "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"},
    ],
    "industries": ["retail", "finance"],
}
WORKERS = ("worker-1", "worker-2")


class Batch(NamedTuple):
    state: str
    records: list[Record]
    tasks: list[dict[str, Any]]
    worked: dict[str, int]
    """Worker → tasks that it did."""


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    home = tmp_path_factory.mktemp("celery")
    make_home(home, {"celery": STUDY})
    with ExitStack() as stage:
        try:
            database, broker = stage.enter_context(postgres()), stage.enter_context(redis_server())
        except SetupError as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Postgres or Redis to be had: {missing}")
        environment = stage.enter_context(doubles(Log(), share=0, seed=0)) | settings(
            core={"executor": "CeleryExecutor"},
            celery={"broker_url": broker, "worker_prefetch_multiplier": 1},
            database={"sql_alchemy_conn": database.url},
        )
        workers = {
            name: [*AIRFLOW, "celery", "worker", "-H", f"{name}@%h", "-c", "4", "--skip-serve-logs"] for name in WORKERS
        }
        stack = Stack(home, environment, {**PROCESSES, "scheduler": [*AIRFLOW, "scheduler"], **workers})
        api = stage.enter_context(running(stack))
        yield measured(api, stack, home)


def measured(api: AirflowAPI, stack: Stack, home: Path) -> Batch:
    dag_id = "llm_bench_celery"
    api.wait_for_dag(dag_id)
    deadline = time.monotonic() + 240
    with api.unpaused(dag_id):
        run_id = api.trigger(dag_id)
        while api.run(dag_id, run_id)["state"] not in {"success", "failed"} and time.monotonic() < deadline:
            time.sleep(1)
    files = sorted((home / "data" / "records").rglob("*.parquet"))
    return Batch(
        state=api.run(dag_id, run_id)["state"],
        records=[record for path in files for record in from_parquet(path.read_bytes())],
        tasks=api.tasks(dag_id, run_id),
        worked={name: (stack.logs / f"{name}.log").read_text().count("succeeded in") for name in WORKERS},
    )


class TestABatchOnCelery:
    def test_is_complete(self, batch: Batch):
        assert batch.state == "success", [(task["task_id"], task["state"]) for task in batch.tasks]
        assert len({record["record_id"] for record in batch.records}) == len(batch.records) == 80

    def test_is_measured_well(self, batch: Batch):
        assert all(record["success"] for record in batch.records)
        assert all(record["latency_sec"] < 5 for record in batch.records)

    def test_is_shared_by_both_workers(self, batch: Batch):
        assert sum(batch.worked.values()) == len(batch.tasks) == 11
        assert min(batch.worked.values()) > 0

    def test_measures_each_provider_in_its_own_pool(self, batch: Batch):
        pools = {task["pool"] for task in batch.tasks if task["task_id"] == "measure"}
        assert pools == {"llm_bench_celery_groq", "llm_bench_celery_openrouter"}
