"""What each command does, and what a person sees of it."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from llm_bench.analysis.summary import summarise
from llm_bench.errors import StudyError
from llm_bench.local.api import AirflowAPI
from llm_bench.paths import home, include
from llm_bench.records import Record, utc_text
from llm_bench.study import Study, load_studies, load_study, study_files

if TYPE_CHECKING:
    from llm_bench.join.store import Store
    from llm_bench.measure.calibration import Calibration
    from llm_bench.preflight import Check

console = Console(highlight=False, soft_wrap=True)


def run(study: str, port: int) -> int:
    """Measures one batch in a real Airflow; 0 only for a complete batch."""
    from llm_bench.local.services import running_airflow  # noqa: PLC0415

    chosen = _study(study)
    with running_airflow(port, _say) as airflow:
        airflow.wait_for_dag(chosen.dag_id)
        with airflow.unpaused(chosen.dag_id):
            run_id = airflow.trigger(chosen.dag_id)
            address = f"{airflow.url}/dags/{chosen.dag_id}/runs/{run_id}"
            _say(f"Measuring a batch of {chosen.name}: {address} (make up to look)")
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

    with running_airflow(port, _say) as airflow:
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
            _say("Stopping Airflow")
    return 0


def check(study: str) -> int:
    """Prints what would stop a study; 0 where nothing would."""
    from llm_bench.preflight import preflight  # noqa: PLC0415
    from llm_bench.preflight.connections import use_airflow  # noqa: PLC0415

    chosen = _study(study)
    use_airflow(home())
    logging.disable()  # all that there is to say stands in the table
    _say(f"Checking {chosen.name}")
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
    from llm_bench.status import status as tell  # noqa: PLC0415

    return tell(console, _study(study), as_json=json)


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


def requeue(study: str, slot: str | None) -> int:
    """Loads from quarantine what the present rules let through; 0 where nothing stays there."""
    from llm_bench.join.completeness import due_of  # noqa: PLC0415
    from llm_bench.join.exports import export  # noqa: PLC0415
    from llm_bench.join.requeue import quarantined_slots, requeue  # noqa: PLC0415
    from llm_bench.join.store import open_store  # noqa: PLC0415

    chosen = _study(study)
    store = open_store(chosen.storage, home())
    kept = 0
    for due_at in quarantined_slots(store, chosen.name, slot):
        outcome = requeue(store, due_of(chosen, due_at, include()))
        kept += len(outcome.kept)
        console.print(f"{utc_text(due_at)}: loaded {outcome.loaded}, kept in quarantine {len(outcome.kept)}")
        for one in outcome.kept:
            console.print(f"  {one.record.get('record_id')}: {'; '.join(one.broken)}", markup=False)
    export(store, home() / "data")
    console.print("Nothing is in quarantine" if not kept else f"{kept} records stay in quarantine")
    return 0 if not kept else 1


def rescore(study: str, model: str | None) -> int:
    """Scores a study's stored answers anew, by another model, and keeps the scores beside the records."""
    from llm_bench.join.rescore import rescore  # noqa: PLC0415
    from llm_bench.join.store import open_store  # noqa: PLC0415
    from llm_bench.rag.embeddings import Embedder  # noqa: PLC0415
    from llm_bench.rag.knowledge import load_question_sets  # noqa: PLC0415

    chosen = _study(study)
    sets = load_question_sets(include(), chosen.industries)
    points = {one.id: [point.text for point in one.points] for asked in sets.values() for one in asked}
    store = open_store(chosen.storage, home())
    named = model or chosen.retrieval.embedding_model
    _say(f"Loading {named}")
    embedder = Embedder(named, threads=os.cpu_count() or 1)
    count = 0
    for day in rescore(store, chosen.name, embedder, points, datetime.now(UTC)):
        count += day.records
        before, after = _shown(day.before, "{:.3f}"), _shown(day.after, "{:.3f}")
        _say(f"{day.path}: {day.records} records, mean coverage {before} as recorded, {after} by {embedder.identity}")
        if day.unscored:
            names = ", ".join(day.unscored)
            console.print(f"  left out, as their contexts aren't in the store: {names}", style="yellow", markup=False)
    console.print(f"{count} records scored" if count else f"{chosen.name} has no records yet")
    return 0 if count else 1


def baselines(port: int, first_token_sec: float, token_sec: float) -> int:
    """Serves the built-in baselines on 127.0.0.1."""
    import uvicorn  # noqa: PLC0415

    from llm_bench.measure.endpoint import application  # noqa: PLC0415

    app = application(first_token_sec=first_token_sec, token_sec=token_sec)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
    return 0


def calibrate(study: str) -> int:
    """Measures this machine's own client error and keeps it with a study's data."""
    from llm_bench.join.store import open_store  # noqa: PLC0415
    from llm_bench.measure import calibration  # noqa: PLC0415

    chosen = _study(study)
    store = open_store(chosen.storage, home())
    result = calibration.calibrate(_say)
    path = calibration.keep(store, chosen.name, result)
    console.print(_errors_table(result))
    console.print(f"Kept: {chosen.storage.removeprefix('file://')}/{path}")
    return 0


def compact(study: str) -> int:
    """Puts the slots of each past day (UTC) of a study into one object."""
    from llm_bench.join import compaction  # noqa: PLC0415
    from llm_bench.join.store import open_store  # noqa: PLC0415

    chosen = _study(study)
    done = compaction.compact(open_store(chosen.storage, home()), chosen.name, datetime.now(UTC).date())
    console.print(
        f"{chosen.name}: {done.slots} slots taken into {done.days} objects of days, "
        f"{done.removed} objects of slots removed"
        if done.slots or done.removed
        else f"{chosen.name}: every past day is compact"
    )
    return 0


def sync(source: str, dest: str, study: str | None) -> int:
    """Copies a store's data to another; 0 only where the copy then holds all of it."""
    from llm_bench.join.store import open_store  # noqa: PLC0415
    from llm_bench.join.sync import sync as copying  # noqa: PLC0415
    from llm_bench.join.sync import to_copy  # noqa: PLC0415

    origin, copy = open_store(source, home()), open_store(dest, home())
    entries = to_copy(origin, study)
    outcomes: Counter[str] = Counter()
    newer = []
    columns = (
        *("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn()),
        *("{task.fields[objects]} of " + f"{len(entries)} objects", TimeRemainingColumn()),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Copying", total=sum(entry.size for entry in entries), objects=0)
        for entry, outcome in copying(origin, copy, entries):
            outcomes[outcome] += 1
            if outcome == "newer":
                newer.append(entry.path)
            if outcome != "compacted":
                progress.update(bar, advance=entry.size, objects=outcomes.total() - outcomes["compacted"])
    console.print(
        f"{outcomes['copied']} objects copied, {outcomes['same']} were there already"
        + (f", {outcomes['compacted']} removed that a day's object holds" if outcomes["compacted"] else "")
    )
    for path in newer:
        console.print(f"✗ {path} differs and is newer in {dest}: it stays", style="red", markup=False)
    if newer:
        console.print("To take the source's, move these out of the destination and sync again.", style="yellow")
    return 1 if newer else 0


def _say(text: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


def _study(name: str) -> Study:
    paths = {path.stem: path for path in study_files(include())}
    if name not in paths:
        raise StudyError(f"include/studies/{name}.yaml", [f"there is no such file; studies here: {', '.join(paths)}"])
    return load_study(paths[name])


def _follow(airflow: AirflowAPI, dag_id: str, run_id: str) -> str:
    """Tells each change until the run has ended; its state."""
    told = ""
    started = time.monotonic()
    while True:
        state = str(airflow.run(dag_id, run_id)["state"])
        text = _progress(airflow.tasks(dag_id, run_id))
        if text != told:
            _say(f"{time.monotonic() - started:4.0f} s  {text}")
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
    from llm_bench.join.store import from_parquet, object_path, open_store  # noqa: PLC0415
    from llm_bench.rag.knowledge import load_question_sets  # noqa: PLC0415

    path = object_path("records", study.name, slot, "parquet")
    store = open_store(study.storage, home())
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
            _shown(row.latency_sec, "{:.3f} s"),
            _shown(row.ttft_sec, "{:.3f} s"),
            _shown(row.throughput_tps, "{:.0f}"),
            f"{row.succeeded}/{row.records}",
            _shown(row.coverage, "{:.2f}"),
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


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
