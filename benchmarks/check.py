"""How long `llm-bench check thesis` keeps a person waiting, over importing Airflow alone: in turns, in one run.

Goal: at most 10 s, at the median, on two quiet cores. Its providers are doubles on this machine, which serve the models
and take the keys, so that every check comes to its end; no Airflow is set up, as before a first run.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "plugins")]

from doubles.provider import Provider  # noqa: E402
from llm_bench.study import load_study  # noqa: E402

GOAL_SEC = 10.0
ROUNDS = 7
KEY = "key-of-the-double"


def main() -> int:
    """Measures and prints; 0 where the goal is met."""
    study = load_study(PROJECT / "include" / "studies" / "thesis.yaml")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        (Path(folder) / "include").symlink_to(PROJECT / "include")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment |= {"LLM_BENCH_HOME": folder, "AIRFLOW_HOME": folder, "PYTHONPATH": str(PROJECT / "plugins")}
        for provider in {llm.provider for llm in study.llms}:
            double = stack.enter_context(Provider())
            double.models, double.key = [llm.model_name for llm in study.llms if llm.provider == provider], KEY
            connection = {"conn_type": "llm", "host": double.url, "password": KEY}
            environment[f"AIRFLOW_CONN_LLM_{provider.upper()}"] = json.dumps(connection)

        def wall_sec(*arguments: str) -> float:
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return time.monotonic() - began

        def both() -> tuple[float, float]:
            return wall_sec("-c", "import airflow.sdk"), wall_sec("-m", "llm_bench", "check", "thesis")

        both()  # byte code and disk cache
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        pairs = [both() for _ in range(ROUNDS)]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    airflow, check = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(mine / base for base, mine in pairs)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / ROUNDS
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"check {', '.join(f'{mine:.1f}' for _, mine in pairs)} s; importing Airflow {airflow:.2f} s (median)")
    print(f"both together {cpu:.1f} s of CPU; load at the end {load:.1f} on {cores} cores")
    print(f"check {check:.1f} s, {ratio:.1f} times importing Airflow (goal: at most {GOAL_SEC:.0f} s at the median)")
    return 0 if check <= GOAL_SEC else 1


if __name__ == "__main__":
    sys.exit(main())
