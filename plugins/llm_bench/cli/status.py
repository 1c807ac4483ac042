"""The command that shows how far a study is: for a person, with what to do, and as JSON."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, add_study
from llm_bench.cli.studies import find_study
from llm_bench.paths import client, home, include


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Show how far a study is, and what needs a hand."
    detail = (
        "It shows what became of each slot, what was measured, and the commands that fix what needs a hand. Exit code: "
        "0, all is as planned; 1, something needs a hand (Airflow isn't running or the DAG is off while slots are to "
        "come, or a slot was missed or left incomplete), or it can't be known; 2, there is no such study."
    )
    command = add_command(actions, status, summary, detail=detail, example="llm-bench status thesis --json")
    add_study(command)
    command.add_argument("--json", action="store_true", help="print JSON, for a program")


def status(study: str, json: bool) -> int:
    """Prints how far a study is; 0 where nothing needs a hand."""
    from llm_bench.airflow.connections import use_airflow
    from llm_bench.airflow.metadata import ask_airflow, is_set_up
    from llm_bench.cli.slots import show
    from llm_bench.local.config import local_airflow
    from llm_bench.progress.facts import as_json, planned_window
    from llm_bench.progress.measured import clients, whose
    from llm_bench.progress.overview import overview
    from llm_bench.progress.steps import steps
    from llm_bench.rag.questions import load_question_sets
    from llm_bench.store.base import open_store

    chosen = find_study(study)
    asked = is_set_up(home())
    use_airflow(home())
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"  # its log goes to where the JSON belongs

    questions = sum(map(len, load_question_sets(include(), chosen.industries).values()))
    place = whose(client(), clients(open_store(chosen.storage, home()), chosen.name))
    here = place == client()  # elsewhere it is measured by another Airflow, and helped there
    airflow = ask_airflow(chosen.dag_id) if asked and here else None
    state = overview(chosen, home(), datetime.now(UTC), questions=questions, airflow=airflow, client=place)
    planned, todo = planned_window(chosen), steps(state, local_airflow(home())) if here else []
    if json:
        console().print_json(data=as_json(state, planned, todo))
    else:
        show(state, planned, todo)
    return 1 if state.needs_a_hand or todo else 0
