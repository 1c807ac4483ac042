"""The commands that look after stored data: judge or score it anew, compact it, copy it."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from llm_bench.analysis import format as text
from llm_bench.cli.console import console, find_study, say
from llm_bench.paths import home, include
from llm_bench.records import utc_text

if TYPE_CHECKING:
    from llm_bench.store.base import Store


def requeue(study: str, slot: str | None) -> int:
    """Loads from quarantine what the present rules let through; 0 where nothing stays there."""
    from llm_bench.batch.requeue import quarantined_slots, requeue  # noqa: PLC0415
    from llm_bench.gate.completeness import due_of  # noqa: PLC0415
    from llm_bench.store.exports import export  # noqa: PLC0415

    chosen = find_study(study)
    store = store_at(chosen.storage)
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
    from llm_bench.batch.rescore import rescore  # noqa: PLC0415
    from llm_bench.rag.embeddings import Embedder  # noqa: PLC0415
    from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415

    chosen = find_study(study)
    sets = load_question_sets(include(), chosen.industries)
    points = {one.id: [point.text for point in one.points] for asked in sets.values() for one in asked}
    store = store_at(chosen.storage)
    named = model or chosen.retrieval.embedding_model
    say(f"Loading {named}")
    embedder = Embedder(named, threads=os.cpu_count() or 1)
    count = 0
    for day in rescore(store, chosen.name, embedder, points, datetime.now(UTC)):
        count += day.records
        before, after = text.bare(day.before, ""), text.bare(day.after, "")
        say(f"{day.path}: {day.records} records, mean coverage {before} as recorded, {after} by {embedder.identity}")
        if day.unscored:
            names = ", ".join(day.unscored)
            console.print(f"  left out, as their contexts aren't in the store: {names}", style="yellow", markup=False)
    console.print(f"{count} records scored" if count else f"{chosen.name} has no records yet")
    return 0 if count else 1


def compact(study: str) -> int:
    """Puts the slots of each past day (UTC) of a study into one object."""
    from llm_bench.store import compaction  # noqa: PLC0415

    chosen = find_study(study)
    done = compaction.compact(store_at(chosen.storage), chosen.name, datetime.now(UTC).date())
    console.print(
        f"{chosen.name}: {done.slots} slots taken into {done.days} objects of days, "
        f"{done.removed} objects of slots removed"
        if done.slots or done.removed
        else f"{chosen.name}: every past day is compact"
    )
    return 0


def sync(source: str, dest: str, study: str | None) -> int:
    """Copies a store's data to another; 0 only where the copy then holds all of it."""
    from llm_bench.store.sync import sync as copying  # noqa: PLC0415
    from llm_bench.store.sync import to_copy  # noqa: PLC0415

    origin, copy = store_at(source), store_at(dest)
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


def store_at(url: str) -> Store:
    """A store, with the connection that Airflow's tasks use."""
    from llm_bench.airflow.connections import use_airflow  # noqa: PLC0415
    from llm_bench.store.base import open_store  # noqa: PLC0415

    if url.startswith("gs://"):
        use_airflow(home())
    return open_store(url, home())
