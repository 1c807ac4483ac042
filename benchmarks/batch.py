"""How long a batch takes beyond its slowest cell: 80 questions in a real Airflow, answers of real length and delay.

Goal: at most 20 s on two cores. The answers come from the baselines' endpoint, slowed down to a fast hosted LLM: first
token after 0.4 s, then 65 tokens a second. The first batch fills the retrieval cache; the second one is measured.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from llm_bench.local.api import AirflowAPI
from llm_bench.local.services import running_airflow

GOAL_SEC = 20.0
PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
llms: [{model: hosted_vllm/lead}, {model: hosted_vllm/overlap}, {model: hosted_vllm/random}, {model: hosted_vllm/full}]
industries: [retail, finance]
concurrency: 8
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def batch(airflow: AirflowAPI) -> tuple[float, float]:
    """Seconds of one whole batch, trigger to end, and of its slowest cell."""
    run_id = airflow.trigger("llm_bench_bench")
    while (run := airflow.run("llm_bench_bench", run_id))["state"] not in {"success", "failed"}:
        time.sleep(1)
    if run["state"] == "failed":
        sys.exit(f"the batch failed: {airflow.tasks('llm_bench_bench', run_id)}")
    tasks = airflow.tasks("llm_bench_bench", run_id)
    for task in sorted(tasks, key=lambda task: task["start_date"]):
        since = datetime.fromisoformat(task["start_date"]) - datetime.fromisoformat(run["run_after"])
        name = task["rendered_map_index"] or task["task_id"]
        print(f"  {name:<20} from {since.total_seconds():5.1f} s for {task['duration']:5.1f} s")
    whole = datetime.fromisoformat(run["end_date"]) - datetime.fromisoformat(run["run_after"])
    return whole.total_seconds(), max(task["duration"] for task in tasks if task["task_id"] == "measure")


def main() -> int:
    """Measures and prints; 0 where the goal is met."""
    port = free_port()
    command = [sys.executable, "-m", "llm_bench", "baselines", "--port", str(port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*command, "--first-token-sec", "0.4", "--token-sec", "0.0154"]) as endpoint,
    ):
        home = Path(folder)
        shutil.copytree(PROJECT / "include", home / "include")
        shutil.rmtree(home / "include" / "studies")
        (home / "include" / "studies").mkdir()
        (home / "include" / "studies" / "bench.yaml").write_text(STUDY)
        connection = {"conn_type": "http", "host": f"http://127.0.0.1:{port}/v1"}
        os.environ |= {"LLM_BENCH_HOME": folder, "AIRFLOW_CONN_LLM_HOSTED_VLLM": json.dumps(connection)}
        try:
            with running_airflow(free_port(), print) as airflow:
                airflow.wait_for_dag("llm_bench_bench")
                with airflow.unpaused("llm_bench_bench"):
                    batch(airflow)
                    whole, slowest = batch(airflow)
        finally:
            endpoint.terminate()
    beyond = whole - slowest
    print(f"batch {whole:.1f} s, slowest cell {slowest:.1f} s")
    print(f"batch beyond its slowest cell {beyond:.1f} s (goal: at most {GOAL_SEC:g} s)")
    return 0 if beyond <= GOAL_SEC else 1


if __name__ == "__main__":
    sys.exit(main())
