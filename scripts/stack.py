#!/usr/bin/env python3
"""Runs the services of docker-compose.yaml without containers, until Ctrl-C; `make stack` runs it.

    .venv/bin/python scripts/stack.py [--port 8080] [--workers 1]

Postgres, Redis, the baselines, Airflow's API server, scheduler, DAG processor and triggerer, and Celery workers. What
ends or hangs of it is started again. Studies and records are the checkout's own. What Airflow itself remembers (runs,
connections, which DAGs are switched on) begins anew each time: docker compose is what keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_bench.cli.console import interrupt, say
from llm_bench.errors import LLMBenchError
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres, redis_server
from llm_bench.local.services import check_port, free_port
from llm_bench.local.stack import AIRFLOW, PROCESSES, Stack, running, settings
from llm_bench.measure.accounts import PACING_VARIABLE
from llm_bench.paths import home, include
from llm_bench.study import load_studies

# Cells are forked from the worker: what it has imported, none of them must import while others measure.
LIGHT = settings(celery={"worker_concurrency": 8, "extra_celery_config": '{"imports": ["litellm"]}'}) | {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
}


@contextmanager
def services(port: int, workers: int) -> Iterator[AirflowAPI]:
    """All of them, healthy; stopped at the end.

    :raises SetupError: one can't be started.
    """
    check_port(port, "Stop it, or choose another: PORT=")
    baselines = free_port()
    given = {name: value for name, value in os.environ.items() if name not in {"AIRFLOW_HOME", "LLM_BENCH_HOME"}}
    connection = json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{baselines}/v1"})
    processes = {
        **PROCESSES,
        "scheduler": [*AIRFLOW, "scheduler"],  # it forks no task here
        "triggerer": [*AIRFLOW, "triggerer"],
        "baselines": [sys.executable, "-m", "llm_bench", "baselines", "--port", str(baselines)],
        **{
            f"worker-{number}": [*AIRFLOW, "celery", "worker", "-H", f"worker-{number}@%h", "--skip-serve-logs"]
            for number in range(1, workers + 1)
        },
    }
    say("Starting Postgres and Redis")
    with postgres() as database, redis_server() as broker:
        pacing = {PACING_VARIABLE: broker.url.rpartition("/")[0] + "/1"}
        environment = {"AIRFLOW_CONN_LLM_BASELINE": connection, **pacing, **LIGHT, **given}
        environment |= settings(
            core={"executor": "CeleryExecutor"},
            celery={"broker_url": broker.url},
            database={"sql_alchemy_conn": database.url},
        )
        stack = Stack(place(), environment, processes, say, port)
        say(f"Starting Airflow ({', '.join(processes)}); logs are in {stack.logs}")
        with running(stack) as api:
            yield api


def place() -> Path:
    """A home for Airflow beside that of `make up`, with the same studies and records."""
    folder = home() / ".airflow" / "stack"
    folder.mkdir(parents=True, exist_ok=True)
    (home() / "data").mkdir(exist_ok=True)
    for name in ("include", "data"):
        if not (folder / name).exists():
            (folder / name).symlink_to(home() / name)
    return folder


def main() -> int:
    """Runs until Ctrl-C; the exit status."""
    parser = argparse.ArgumentParser(description="Runs the services of docker-compose.yaml without containers.")
    parser.add_argument("--port", type=int, default=8080, help="of the UI, on this machine alone")
    parser.add_argument("--workers", type=int, default=1, help="Celery workers, of 8 tasks at once each")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with services(**vars(options)) as api:
            for study in load_studies(include())[0]:
                api.wait_for_dag(study.dag_id)
            print(f"\nAirflow: {api.url}   user {api.user}, password {api.password}\nCtrl-C stops it.", flush=True)
            while True:
                api.check()
                time.sleep(1)
    except KeyboardInterrupt:
        say("Stopped")
    except LLMBenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
