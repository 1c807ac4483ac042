"""A day of the thesis study in 7 minutes, on the scheduler's own clock: does every slot start by itself, and how late?

14 slots, one every 30 s, for two LLMs whose providers are doubles: a real Airflow (scheduler, LocalExecutor, Postgres)
that is only switched on. Goals: 14 of 14 started by the schedule and complete; none begun over 15 s after its slot.
The start lag is that of the run (Airflow's own start of it) and of the first question (``late_sec`` of the records).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres
from llm_bench.local.stack import Stack, running, settings
from llm_bench.store.base import from_parquet
from rehearsal.providers import Log, doubles
from rehearsal.stack import make_home

GOAL_SEC = 15.0
PERIOD = timedelta(minutes=7)
SLOTS = 14
LEAD = timedelta(seconds=100)
"""From the start of the machinery to the first slot."""
PATIENCE = timedelta(minutes=2)
"""How long after the window the last batch may take."""
DAG = "llm_bench_live"


def main() -> int:
    """Measures and prints; 0 where the goals are met."""
    with tempfile.TemporaryDirectory(prefix="llm-bench-live-") as folder, ExitStack() as stage:
        home = Path(folder)
        start = datetime.now(UTC).replace(microsecond=0) + LEAD
        make_home(home, {"live": study(start)})
        database = stage.enter_context(postgres())
        connections = stage.enter_context(doubles(Log(), share=0, seed=0))
        stack = Stack(home, connections | settings(database={"sql_alchemy_conn": database.url}))
        api = stage.enter_context(running(stack))
        api.wait_for_dag(DAG)
        api.request("PATCH", f"/dags/{DAG}", json={"is_paused": False})
        if datetime.now(UTC) > start:
            sys.exit(f"Airflow wasn't up {LEAD} after its start; try again on a machine that is less busy")
        runs = watch(api, start + PERIOD + PATIENCE)
        asked = first_questions(home)
    return show(runs, asked)


def study(start: datetime) -> dict[str, Any]:
    """The content of its file."""
    return {
        "window": {
            "start": start.isoformat(),
            "end": (start + PERIOD).isoformat(),
            "period": f"PT{PERIOD.seconds}S",
            "batches_per_period": SLOTS,
        },
        "llms": [{"model": "groq/llama3-70b-8192"}, {"model": "openrouter/mistralai/mistral-7b-instruct"}],
        "industries": ["retail"],
    }


def watch(api: AirflowAPI, until: datetime) -> list[dict[str, Any]]:
    """Waits until all runs have ended, or time is up; the runs."""
    shown: set[str] = set()
    while True:
        runs: list[dict[str, Any]] = api.request("GET", f"/dags/{DAG}/dagRuns", params={"order_by": "run_after"})[
            "dag_runs"
        ]
        for run in runs:
            if run["start_date"] and run["dag_run_id"] not in shown:
                shown.add(run["dag_run_id"])
                print(f"{run['logical_date']} {run['run_type']}: started {lag(run):.2f} s after its slot", flush=True)
        ended = sum(run["state"] in {"success", "failed"} for run in runs)
        if ended == SLOTS or datetime.now(UTC) > until:
            return runs
        time.sleep(1)


def lag(run: dict[str, Any]) -> float:
    """Seconds from a run's slot to its start."""
    moments = datetime.fromisoformat(run["start_date"]), datetime.fromisoformat(run["logical_date"])
    return (moments[0] - moments[1]).total_seconds()


def first_questions(home: Path) -> list[float]:
    """How late the first question of each whole batch was asked, in seconds."""
    batches = [from_parquet(path.read_bytes()) for path in sorted((home / "data" / "records").rglob("*.parquet"))]
    return [min(record["late_sec"] for record in batch) for batch in batches if len(batch) == 20]


def show(runs: Sequence[dict[str, Any]], asked: Sequence[float]) -> int:
    """Prints the outcome; 0 where the goals are met."""
    scheduled = [lag(run) for run in runs if run["run_type"] == "scheduled" and run["state"] == "success"]
    if not scheduled or not asked:
        print(f"0 of {SLOTS} slots were measured")
        return 1
    met = len(scheduled) == len(asked) == SLOTS and max(scheduled) <= GOAL_SEC
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"first question: median {statistics.median(asked):.1f} s after its slot, at most {max(asked):.1f} s")
    print(
        f"{len(scheduled)} of {SLOTS} slots started by the schedule and complete; start lag: median "
        f"{statistics.median(scheduled):.2f} s, at most {max(scheduled):.2f} s (goal {GOAL_SEC:g}): "
        f"{'met' if met else 'MISSED'}"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
