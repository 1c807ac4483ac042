"""What a cell costs in batches of 8, 80 and 1,000 cells: from the start of the first to the end of the last, by cell.

A cell is a whole measuring task of a real Airflow (LocalExecutor, Postgres): scheduled, started, one question asked
over the wire and recorded, its result handed on. The provider is a double that answers at once, so that what is left is
the machinery: with 8 cells at once on every scale. Goal: a cell of the largest batch costs at most 1.3 times as much as
one of the smallest.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres
from llm_bench.local.stack import Stack, running, settings
from rehearsal import PROJECT
from rehearsal.providers import Log, doubles
from rehearsal.stack import make_home

SCALES = (8, 80, 1000)
GOAL = 1.3
AT_ONCE = 8
INDUSTRIES = ("retail", "finance")
LIMIT_SEC = 3600.0


def main() -> int:
    """Measures and prints; 0 where the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=SCALES, help="of each batch")
    scales = parser.parse_args().cells
    costs = {cells: cost(cells) for cells in sorted(scales)}
    smallest, largest = min(costs), max(costs)
    ratio = costs[largest] / costs[smallest]
    costs_shown = ", ".join(f"{cells} cells {seconds:.2f} s" for cells, seconds in costs.items())
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"a cell in a batch of {costs_shown}: {ratio:.2f} times (goal {GOAL:g}): {'met' if ratio <= GOAL else 'MISSED'}"
    )
    return 0 if ratio <= GOAL else 1


def cost(cells: int) -> float:
    """Seconds for a cell of a batch, in an Airflow that knows no other study: each task reads all that there are."""
    with tempfile.TemporaryDirectory(prefix="llm-bench-scale-") as folder, ExitStack() as stage:
        home = Path(folder)
        make_home(home, {"scale": study(cells)})
        ask_one_question(home)
        database = stage.enter_context(postgres())
        environment = stage.enter_context(doubles(Log(), share=0, seed=0)) | settings(
            core={"parallelism": AT_ONCE, "max_active_tasks_per_dag": AT_ONCE},
            database={"sql_alchemy_conn": database.url},
        )
        api = stage.enter_context(running(Stack(home, environment)))
        return batch(api, cells)


def study(cells: int) -> dict[str, Any]:
    """The content of its file."""
    models = [{"model": f"groq/model-{number}"} for number in range(cells // len(INDUSTRIES))]
    return {"llms": models, "industries": list(INDUSTRIES), "concurrency": AT_ONCE}


def ask_one_question(home: Path) -> None:
    """Leaves one question in each set."""
    for industry in INDUSTRIES:
        content = yaml.safe_load((PROJECT / "include" / "questions" / f"{industry}.yaml").read_text(encoding="utf-8"))
        content["questions"] = content["questions"][:1]
        text = yaml.safe_dump(content, allow_unicode=True)
        (home / "include" / "questions" / f"{industry}.yaml").write_text(text, encoding="utf-8")


def batch(api: AirflowAPI, cells: int) -> float:
    """Seconds for a cell of a batch."""
    dag_id = "llm_bench_scale"
    api.wait_for_dag(dag_id)
    started = time.monotonic()
    with api.unpaused(dag_id):
        run_id = api.trigger(dag_id)
        while (state := api.run(dag_id, run_id)["state"]) not in {"success", "failed"}:
            if time.monotonic() - started > LIMIT_SEC:
                sys.exit(f"the batch of {cells} cells isn't done after {LIMIT_SEC / 60:.0f} min")
            time.sleep(2)
    tasks = [task for task in api.tasks(dag_id, run_id) if task["task_id"] == "measure"]
    if state != "success":
        sys.exit(f"the batch of {cells} cells failed: {[task for task in tasks if task['state'] != 'success'][:3]}")
    first = min(datetime.fromisoformat(task["start_date"]) for task in tasks)
    last = max(datetime.fromisoformat(task["end_date"]) for task in tasks)
    seconds = (last - first).total_seconds() / cells
    busy = sum(task["duration"] for task in tasks) / cells
    print(
        f"{cells} cells: {seconds:.2f} s for a cell, each at work for {busy:.2f} s, {AT_ONCE} at once; "
        f"the whole batch {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return seconds


if __name__ == "__main__":
    sys.exit(main())
