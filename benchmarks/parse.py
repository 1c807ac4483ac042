"""What parsing the DAG file costs, over an empty DAG's: CPU time of fresh interpreters, in turns, in one run.

Goal: at most 1.15 times. Airflow parses every DAG file again and again, each time in a new process.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL = 1.15
ROUNDS = 15
PROJECT = Path(__file__).resolve().parents[1]
EMPTY = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("empty", schedule=None):
    EmptyOperator(task_id="nothing")
"""


def cpu_sec(file: Path, environment: dict[str, str]) -> float:
    """CPU seconds of an interpreter that runs one DAG file, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, str(file)], env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measures and prints; 0 where the goal is met."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        environment = {**os.environ, "AIRFLOW_HOME": folder, "PYTHONPATH": str(PROJECT / "plugins")}
        ours = PROJECT / "dags" / "llm_bench_studies.py"
        for file in (empty, ours):
            cpu_sec(file, environment)  # byte code and disk cache
        pairs = [(cpu_sec(empty, environment), cpu_sec(ours, environment)) for _ in range(ROUNDS)]
    base, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / base for base, mine in pairs)
    print(f"empty DAG {base:.3f} s, dags/llm_bench_studies.py {mine:.3f} s (CPU, median of {ROUNDS})")
    print(f"parse ratio {ratio:.3f} (goal: at most {GOAL})")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
