"""What a batch came to, on the terminal."""

from __future__ import annotations

from datetime import datetime

from rich import box
from rich.table import Table

from llm_bench.analysis import format as text
from llm_bench.analysis.summary import summarise
from llm_bench.batch.load import Held, from_quarantine
from llm_bench.cli.console import console
from llm_bench.cli.studies import store_at
from llm_bench.measure.calibration import latest
from llm_bench.paths import client, home, include, program
from llm_bench.rag.questions import load_question_sets
from llm_bench.records import Record, is_warm
from llm_bench.store.base import Store, from_parquet, object_path
from llm_bench.study import Study


def sum_up(study: Study, slot: datetime) -> bool:
    """Prints the batch's summary; whether the batch is complete.

    :param slot: of the batch, aware.
    :raises StorageError: the store can't be read.
    """
    path = object_path("records", study.name, slot, client=client())
    store = store_at(study.storage)
    stored = store.read(path)
    records: list[Record] = from_parquet(stored[0]) if stored else []
    expected = study.records_per_batch(sum(map(len, load_question_sets(include(), study.industries).values())))
    if records:
        console().print(_table(study, records))
    complete = len(records) == expected
    console().print(
        f"records {len(records)}/{expected}" + ("" if complete else ": the batch is not complete"),
        style="bold green" if complete else "bold red",
    )
    refused = len(from_quarantine(Held.of(store, object_path("quarantine", study.name, slot, client=client())).content))
    if refused:
        console().print(
            f"quarantined {refused}: the link Data quality of the task validate_and_load shows why", style="bold red"
        )
    warned = sum(record["warnings"] is not None for record in records)
    if warned:
        console().print(f"with warnings {warned}: loaded, and flagged in their field warnings", style="yellow")
    if records:
        console().print(f"Clock:    {_exactness(store, study)}")
        console().print(f"Batch:    {study.storage.removeprefix('file://')}/{path}")
        console().print(f"All data: {home() / 'data' / 'batch_eval_metrics.csv'} (and .json)")
    opens = f"{program('llm-bench')} up opens Airflow's UI"
    console().print(f"Next:     {opens}; include/studies/thesis.yaml is the study to adapt.")
    return complete


def _exactness(store: Store, study: Study) -> str:
    """How wrong the times are on this machine, as far as it was measured."""
    known = latest(store, study.name, client())
    if known is None:
        command = f"{program('llm-bench')} calibrate {study.name}"
        return f"not calibrated; {command} measures how wrong this machine's times are"
    error, cells = known["eight"]["ttft_error_sec"], known["eight"]["cells"]
    return (
        f"TTFT {error['median'] * 1000:.1f} ms too long at the median, {error['p99'] * 1000:.1f} ms at the 99th "
        f"percentile, with {cells} cells at once (calibrated {known['measured_at'][:10]})"
    )


def _table(study: Study, records: list[Record]) -> Table:
    labels = {llm.name: study.label(llm) for llm in study.llms}
    suspect = sum(record["suspect"] is not None for record in records)
    asked_once = [record for record in records if not is_warm(record)]
    warm = len(records) - len(asked_once)
    table = Table(
        title=f"{study.name}, slot {records[0]['slot']}",
        caption="Median times of all that were asked, a failure being later than any answer; median speed and mean "
        "coverage of the answers."
        + (f"\n{warm} more records are warm, asked once more right after, and left out here." if warm else "")
        + (f"\n{suspect} records are suspect: this machine was too busy for exact times." if suspect else ""),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("LLM", "latency", "TTFT", "tok/s", "success", "coverage"):
        table.add_column(heading, justify="left" if heading == "LLM" else "right", overflow="fold")
    for row in summarise(asked_once):
        table.add_row(
            labels.get(row.llm, row.llm),
            text.value(row.latency_sec, "s"),
            text.value(row.ttft_sec, "s"),
            text.number(row.throughput_tps),
            f"{row.succeeded}/{row.records}",
            text.bare(row.coverage, ""),
        )
    return table
