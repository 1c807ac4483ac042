"""`make stack`: one batch by Celery workers, with Redis and Postgres, seen on the dashboard and by StatsD."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import expect

from dashboard.browser import chromium
from fixtures.started import left_over, logged_in
from llm_bench.local.api import AirflowAPI
from llm_bench.local.services import free_port
from llm_bench.records import Record
from llm_bench.store.base import from_parquet
from rehearsal import PROJECT
from rehearsal.providers import Log, doubles
from rehearsal.stack import make_home

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
DAG = "llm_bench_celery"
WORKERS = ("worker-1", "worker-2")


class Batch(NamedTuple):
    home: Path
    api: AirflowAPI
    state: str
    records: list[Record]
    tasks: list[dict[str, Any]]
    worked: dict[str, int]
    """Worker → tasks that it did."""
    gauges: list[str]
    """What StatsD received of it, as it came."""


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    home = tmp_path_factory.mktemp("celery")
    make_home(home, {"celery": STUDY})
    with ExitStack() as stage:
        connections = stage.enter_context(doubles(Log(), share=0, seed=0))
        gauges: list[str] = []
        metrics = {"AIRFLOW__METRICS__STATSD_ON": "True", "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True"}
        metrics["AIRFLOW__METRICS__STATSD_PORT"] = str(stage.enter_context(statsd(gauges)))
        with stack(home, connections | metrics) as api:
            yield measured(api, home, gauges)


@contextmanager
def stack(home: Path, settings: dict[str, str]) -> Iterator[AirflowAPI]:
    """What `make stack` starts, and Ctrl-C stops."""
    environment = surroundings() | settings | {"LLM_BENCH_HOME": str(home)}
    output = home / "stack.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, PROJECT / "scripts" / "stack.py", "--port", str(free_port()), "--workers", "2"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield api_of(output, process)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    assert (code, left_over("LLM_BENCH_HOME", str(home))) == (0, []), "Ctrl-C must stop all of it"


def surroundings() -> dict[str, str]:
    """The environment, without what the tests set for an Airflow of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}


def api_of(output: Path, process: subprocess.Popen[bytes]) -> AirflowAPI:
    api = logged_in(output, process)
    if api is None and "isn't installed" in output.read_text() and not os.environ.get("CI"):
        pytest.skip(f"no Postgres or Redis to be had: {output.read_text()}")
    assert api is not None, f"the stack isn't up: {output.read_text()}"
    return api


@contextmanager
def statsd(gauges: list[str]) -> Iterator[int]:
    """The port of a StatsD server that keeps our gauges."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.2)
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    text = listener.recv(65_536).decode()
                except TimeoutError:
                    continue
                gauges.extend(line for line in text.splitlines() if line.startswith("airflow.llm_bench."))

        listening = threading.Thread(target=listen)
        listening.start()
        yield listener.getsockname()[1]
        ended.set()
        listening.join()


def measured(api: AirflowAPI, home: Path, gauges: list[str]) -> Batch:
    deadline = time.monotonic() + 240
    with api.unpaused(DAG):
        run_id = api.trigger(DAG)
        while api.run(DAG, run_id)["state"] not in {"success", "failed"} and time.monotonic() < deadline:
            time.sleep(1)
    files = sorted((home / "data" / "records").rglob("*.parquet"))
    logs = home / ".airflow" / "stack" / ".airflow" / "logs"
    return Batch(
        home=home,
        api=api,
        state=api.run(DAG, run_id)["state"],
        records=[record for path in files for record in from_parquet(path.read_bytes())],
        tasks=api.tasks(DAG, run_id),
        worked={name: (logs / f"{name}.log").read_text().count("] received ") for name in WORKERS},
        gauges=gauges,
    )


class TestABatchOnCelery:
    def test_is_complete(self, batch: Batch):
        assert batch.state == "success", [(task["task_id"], task["state"]) for task in batch.tasks]
        assert len({record["record_id"] for record in batch.records}) == len(batch.records) == 80

    def test_is_measured_well(self, batch: Batch):
        assert all(record["success"] for record in batch.records)
        assert all(0 < record["ttft_sec"] <= record["latency_sec"] for record in batch.records)

    def test_is_shared_by_both_workers(self, batch: Batch):
        assert sum(batch.worked.values()) == len(batch.tasks) == 11
        assert min(batch.worked.values()) > 0

    def test_measures_each_provider_in_its_own_pool(self, batch: Batch):
        pools = {task["pool"] for task in batch.tasks if task["task_id"] == "measure"}
        assert pools == {"llm_bench_celery_groq", "llm_bench_celery_openrouter"}

    def test_is_on_the_dashboard_which_the_api_server_serves(self, batch: Batch):
        user = {"username": batch.api.user, "password": batch.api.password}
        token = httpx.post(f"{batch.api.url}/auth/token", json=user, timeout=30).json()["access_token"]
        with chromium() as browser:
            tab = browser.new_page()
            tab.context.add_cookies([{"name": "_token", "value": token, "url": batch.api.url}])
            tab.goto(f"{batch.api.url}/llm-bench/celery/overview", timeout=60_000)
            expect(tab.get_by_text("80 of 80")).to_be_visible()
            for llm in ("llama3-70b-8192", "kimi-k2-instruct", "mistral-7b-instruct", "deepseek-r1-0528-qwen3-8b"):
                row = tab.get_by_role("row").filter(has_text=llm).first
                expect(row).to_contain_text("100.0 %")

    def test_is_told_to_statsd(self, batch: Batch):
        assert "airflow.llm_bench.completeness,study=celery:1.0|g" in batch.gauges
        latencies = [
            line for line in batch.gauges if line.startswith("airflow.llm_bench.latency_sec,study=celery,llm=")
        ]
        assert len(latencies) == 4
        failures = [line for line in batch.gauges if line.startswith("airflow.llm_bench.failures,")]
        assert {line.rpartition(":")[2] for line in failures} == {"0|g"}


class TestTheStack:
    @pytest.mark.parametrize("part", ["metadatabase", "scheduler", "triggerer", "dag_processor"])
    def test_has_every_part_of_an_airflow(self, batch: Batch, part: str):
        assert httpx.get(f"{batch.api.url}/api/v2/monitor/health", timeout=30).json()[part]["status"] == "healthy"

    def test_is_found_by_an_airflow_command_that_is_told_its_home(self, batch: Batch):
        places = {
            "AIRFLOW_HOME": str(batch.home / ".airflow" / "stack" / ".airflow"),
            "LLM_BENCH_HOME": str(batch.home),
        }
        command = [sys.executable, "-m", "airflow", "dags", "list-runs", DAG, "--output", "plain"]
        done = subprocess.run(command, env=surroundings() | places, capture_output=True, text=True, check=False)
        assert "success" in done.stdout, done.stderr[-2000:]

    def test_says_when_its_port_is_taken(self, batch: Batch):
        port = batch.api.url.rpartition(":")[2]
        command = [sys.executable, PROJECT / "scripts" / "stack.py", "--port", port]
        done = subprocess.run(command, env=surroundings(), capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr == f"Port {port} is taken by another program. Stop it, or choose another: PORT=\n"
