"""What each command does, and what a person sees of it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llm_bench.analysis import format as text
from llm_bench.analysis.summary import summarise
from llm_bench.cli.console import console, find_study, say
from llm_bench.cli.data import store_at
from llm_bench.local.api import AirflowAPI
from llm_bench.paths import home, include
from llm_bench.records import Record
from llm_bench.study import Study, load_studies

if TYPE_CHECKING:
    from llm_bench.measure.calibration import Calibration
    from llm_bench.preflight import Check
    from llm_bench.store.base import Store


def run(study: str, port: int) -> int:
    """Measures one batch in a real Airflow; 0 only for a complete batch."""
    from llm_bench.local.services import running_airflow  # noqa: PLC0415

    chosen = find_study(study)
    with running_airflow(port, say) as airflow:
        airflow.wait_for_dag(chosen.dag_id)
        with airflow.unpaused(chosen.dag_id):
            run_id = airflow.trigger(chosen.dag_id)
            address = f"{airflow.url}/dags/{chosen.dag_id}/runs/{run_id}"
            say(f"Measuring a batch of {chosen.name}: {address} (make up to look)")
            state = _follow(airflow, chosen.dag_id, run_id)
        finished = airflow.run(chosen.dag_id, run_id)
        failed = [task for task in airflow.tasks(chosen.dag_id, run_id) if task["state"] == "failed"]
        _tell_failures(airflow, failed)
    slot = datetime.fromisoformat(finished["logical_date"])
    complete = _sum_up(chosen, slot)
    return 0 if state == "success" and complete else 1


def up(port: int) -> int:
    """Runs Airflow with its UI until Ctrl-C."""
    from llm_bench.local.services import running_airflow  # noqa: PLC0415

    with running_airflow(port, say) as airflow:
        studies, mistakes = load_studies(include())
        for study in studies:
            airflow.wait_for_dag(study.dag_id)
        for mistake in mistakes:
            console.print(str(mistake), style="red", markup=False)
        console.print(f"\nAirflow: [bold]{airflow.url}[/bold]   user {airflow.user}, password {airflow.password}")
        console.print("Ctrl-C stops it.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("Stopping Airflow")
    return 0


def check(study: str) -> int:
    """Prints what would stop a study; 0 where nothing would."""
    from llm_bench.airflow.connections import use_airflow  # noqa: PLC0415
    from llm_bench.preflight import preflight  # noqa: PLC0415

    chosen = find_study(study)
    use_airflow(home())
    logging.disable()  # all that there is to say stands in the table
    say(f"Checking {chosen.name}")
    checks = preflight(chosen, home(), datetime.now(UTC))
    _show(checks)
    ready = all(outcome.passed for outcome in checks)
    failed = sum(outcome.passed is False for outcome in checks)
    console.print(
        "Ready" if ready else f"{failed} of {len(checks)} checks failed", style="bold green" if ready else "bold red"
    )
    return 0 if ready else 1


def status(study: str, json: bool) -> int:
    """Prints how far a study is; 0 where nothing needs a hand."""
    from llm_bench.cli.status import status as tell  # noqa: PLC0415

    return tell(console, find_study(study), json=json)


def _show(checks: list[Check]) -> None:
    """Prints a line for each check, and below it what mends it."""
    marks = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("–", "dim")}
    widest = max(len(check.name) for check in checks)
    for check in checks:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=1)
        line.add_column(width=min(widest, 42), overflow="fold")
        line.add_column(overflow="fold")
        line.add_row(marks[check.passed], check.name, Text(check.detail))
        console.print(line, soft_wrap=False)
        if check.mend:
            console.print(Padding(Text(f"→ {check.mend}", "yellow"), (0, 0, 0, 3)), soft_wrap=False)


def baselines(port: int, first_token_sec: float, token_sec: float) -> int:
    """Serves the built-in baselines on 127.0.0.1."""
    import uvicorn  # noqa: PLC0415

    from llm_bench.measure.endpoint import application  # noqa: PLC0415

    app = application(first_token_sec=first_token_sec, token_sec=token_sec)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
    return 0


def calibrate(study: str) -> int:
    """Measures this machine's own client error and keeps it with a study's data."""
    from llm_bench.measure import calibration  # noqa: PLC0415

    chosen = find_study(study)
    store = store_at(chosen.storage)
    result = calibration.calibrate(say)
    path = calibration.keep(store, chosen.name, result)
    console.print(_errors_table(result))
    console.print(f"Kept: {chosen.storage.removeprefix('file://')}/{path}")
    return 0


def _follow(airflow: AirflowAPI, dag_id: str, run_id: str) -> str:
    """Tells each change until the run has ended; its state."""
    told = ""
    started = time.monotonic()
    while True:
        state = str(airflow.run(dag_id, run_id)["state"])
        text = _progress(airflow.tasks(dag_id, run_id))
        if text != told:
            say(f"{time.monotonic() - started:4.0f} s  {text}")
            told = text
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


def _tell_failures(airflow: AirflowAPI, failed: list[dict[str, Any]]) -> None:
    """Prints each error once, with all the tasks that it stopped."""
    stopped: dict[str, list[str]] = {}
    for task in sorted(failed, key=_order):
        error = (airflow.errors(task) or ["see its log in the UI (make up)"])[-1]
        stopped.setdefault(error, []).append(task["rendered_map_index"] or task["task_id"])
    for error, names in stopped.items():
        console.print(f"✗ {', '.join(names)}: {error}", style="red", markup=False)


def _sum_up(study: Study, slot: datetime) -> bool:
    """Prints the batch's summary; whether the batch is complete."""
    from llm_bench.batch.load import Held, quarantined  # noqa: PLC0415
    from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415
    from llm_bench.store.base import from_parquet, object_path  # noqa: PLC0415

    path = object_path("records", study.name, slot, "parquet")
    store = store_at(study.storage)
    found = store.read(path)
    records: list[Record] = from_parquet(found[0]) if found else []
    expected = len(study.llms) * sum(map(len, load_question_sets(include(), study.industries).values()))
    if records:
        console.print(_table(study, records))
    complete = len(records) == expected
    console.print(
        f"records {len(records)}/{expected}" + ("" if complete else ": the batch is not complete"),
        style="bold green" if complete else "bold red",
    )
    refused = len(quarantined(Held.of(store, object_path("quarantine", study.name, slot)).content))
    if refused:
        console.print(
            f"quarantined {refused}: the link Data quality of the task validate_and_load tells why", style="bold red"
        )
    warned = sum(record["warnings"] is not None for record in records)
    if warned:
        console.print(f"with warnings {warned}: loaded, and flagged in their field warnings", style="yellow")
    if records:
        console.print(f"Clock:    {_exactness(store, study)}")
        console.print(f"Batch:    {study.storage.removeprefix('file://')}/{path}")
        console.print(f"All data: {home() / 'data' / 'batch_eval_metrics.csv'} (and .json)")
    console.print("Next:     make up opens Airflow's UI; include/studies/thesis.yaml is the study to adapt.")
    return complete


def _exactness(store: Store, study: Study) -> str:
    """How wrong the times are on this machine, as far as it was measured."""
    from llm_bench.measure.calibration import latest  # noqa: PLC0415

    known = latest(store, study.name)
    if known is None:
        return f"not calibrated; make calibrate STUDY={study.name} measures how wrong this machine's times are"
    error, cells = known["eight"]["ttft_error_sec"], known["eight"]["cells"]
    return (
        f"TTFT {error['median'] * 1000:.1f} ms too long at the median, {error['p99'] * 1000:.1f} ms at the 99th "
        f"percentile, with {cells} cells at once (calibrated {known['measured_at'][:10]})"
    )


def _table(study: Study, records: list[Record]) -> Table:
    labels = {llm.model: study.label(llm) for llm in study.llms}
    suspect = sum(record["suspect"] is not None for record in records)
    table = Table(
        title=f"{study.name}, slot {records[0]['slot']}",
        caption="Medians of the answered; coverage is a mean."
        + (f"\n{suspect} records are suspect: this machine was too busy for exact times." if suspect else ""),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("LLM", "latency", "TTFT", "tok/s", "success", "coverage"):
        table.add_column(heading, justify="left" if heading == "LLM" else "right", overflow="fold")
    for row in summarise(records):
        table.add_row(
            labels.get(row.llm, row.llm),
            text.value(row.latency_sec, "s"),
            text.value(row.ttft_sec, "s"),
            text.number(row.throughput_tps),
            f"{row.succeeded}/{row.records}",
            text.bare(row.coverage, ""),
        )
    return table


def _errors_table(result: Calibration) -> Table:
    table = Table(
        title=f"This client's error on this machine ({result.machine['cores']} cores), in ms",
        caption="How much later than the server's own truth; suspect: marked so in a record.",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("cells at once", "error of", "median", "p99", "max", "of", "suspect"):
        table.add_column(heading, justify="left" if heading == "error of" else "right")
    for part in (result.alone, result.eight):
        suspect = f"{part.suspect}/{part.requests}"
        for name, errors, more in (("TTFT", part.ttft_error_sec, suspect), ("each token", part.token_error_sec, "")):
            figures = (f"{value * 1000:.3f}" for value in (errors.median, errors.p99, errors.max))
            table.add_row(str(part.cells), name, *figures, str(errors.count), more)
    return table
