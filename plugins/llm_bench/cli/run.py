"""The commands that run Airflow on this machine: for one batch, or with its UI until Ctrl-C."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llm_bench.cli.console import console, say
from llm_bench.cli.options import Actions, add_command, add_port, add_study
from llm_bench.cli.studies import find_study
from llm_bench.paths import include, program

if TYPE_CHECKING:
    from llm_bench.local.api import AirflowAPI


def register(actions: Actions) -> None:
    """Add the commands."""
    summary = "Measure one batch of a study in a real Airflow, and sum it up."
    command = add_command(actions, run, summary, example="llm-bench run quickstart")
    add_study(command, default="quickstart")
    add_port(command)

    summary = "Start Airflow with its UI, until Ctrl-C."
    detail = (
        "It prints the address and the password. A process of Airflow that ends or hangs is started again; where that "
        "doesn't help, the command ends with an error."
    )
    add_port(add_command(actions, up, summary, detail=detail, example="llm-bench up --port 8081"))


def run(study: str, port: int) -> int:
    """Measures one batch in a real Airflow; 0 only for a complete batch."""
    from llm_bench.cli.summary import sum_up
    from llm_bench.local.services import running_airflow

    chosen = find_study(study)
    began = time.monotonic()
    with running_airflow(port, say) as airflow:
        airflow.wait_for_dag(chosen.dag_id)
        ready = time.monotonic()
        with airflow.unpaused(chosen.dag_id):
            run_id = airflow.trigger(chosen.dag_id)
            address = f"{airflow.url}/dags/{chosen.dag_id}/runs/{run_id}"
            say(f"Measuring a batch of {chosen.name}: {address} (to look: {program('llm-bench')} up)")
            state = _follow(airflow, chosen.dag_id, run_id)
        ended = time.monotonic()
        finished = airflow.run(chosen.dag_id, run_id)
        failed = [task for task in airflow.tasks(chosen.dag_id, run_id) if task["state"] == "failed"]
        _report_failures(airflow, failed)
    say(f"Airflow was ready after {ready - began:.0f} s, the batch took {ended - ready:.0f} s")
    complete = sum_up(chosen, datetime.fromisoformat(finished["logical_date"]))
    return 0 if state == "success" and complete else 1


def up(port: int) -> int:
    """Runs Airflow with its UI until Ctrl-C, or until a process of it ends again and again."""
    from llm_bench.local.services import running_airflow
    from llm_bench.study import load_studies

    with running_airflow(port, say) as airflow:
        studies, mistakes = load_studies(include())
        for study in studies:
            airflow.wait_for_dag(study.dag_id)
        for mistake in mistakes:
            console().print(str(mistake), style="red")
        console().print(f"\nAirflow: {airflow.url}   user {airflow.user}, password {airflow.password}")
        console().print("Ctrl-C stops it.")
        try:
            while True:
                airflow.check()
                time.sleep(1)
        except KeyboardInterrupt:
            say("Stopping Airflow")
    return 0


def _follow(airflow: AirflowAPI, dag_id: str, run_id: str) -> str:
    """Says each change until the run has ended; its state."""
    said = ""
    started = time.monotonic()
    while True:
        state = str(airflow.run(dag_id, run_id)["state"])
        text = _progress(airflow.tasks(dag_id, run_id))
        if text != said:
            say(f"{time.monotonic() - started:4.0f} s  {text}")
            said = text
        if state in {"success", "failed"}:
            return state
        time.sleep(1)


def _progress(tasks: list[dict[str, Any]]) -> str:
    names = dict.fromkeys(task["task_id"] for task in sorted(tasks, key=_order))
    marks = {"success": "✓", "failed": "✗", "upstream_failed": "✗", "running": "…", "up_for_retry": "↻"}
    parts = []
    for name in names:
        states = Counter(task["state"] for task in tasks if task["task_id"] == name)
        if sum(states.values()) > 1:
            ended = sum(count for state, count in states.items() if state in {"success", "failed"})
            running = f" ({states['running']} running)" if states["running"] else ""
            parts.append(f"{name} {ended}/{sum(states.values())}{running}")
        else:
            parts.append(f"{name} {marks.get(str(next(iter(states))), '·')}")
    return "  ".join(parts)


def _order(task: dict[str, Any]) -> int:
    order = ("prepare", "measure", "score", "validate_and_load")
    return order.index(task["task_id"]) if task["task_id"] in order else len(order)


def _report_failures(airflow: AirflowAPI, failed: list[dict[str, Any]]) -> None:
    """Prints each error once, with all the tasks that it stopped."""
    stopped: dict[str, list[str]] = {}
    for task in sorted(failed, key=_order):
        error = (airflow.errors(task) or ["see its log in the UI (llm-bench up)"])[-1]
        stopped.setdefault(error, []).append(task["rendered_map_index"] or task["task_id"])
    for error, names in stopped.items():
        console().print(f"✗ {', '.join(names)}: {error}", style="red")
