"""The command that copies a store."""

from __future__ import annotations

from collections import Counter

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, complete, storage, storages, study_names
from llm_bench.cli.studies import store_at


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Copy a store's data to another; only what differs, as often as you like."
    example = "llm-bench sync gs://my-thesis-data/thesis file://copy --study thesis"
    command = add_command(actions, sync, summary, example=example)
    for name, side in (("source", "to copy from"), ("dest", "to copy to")):
        text = f"store {side}, a URL like a study's storage"
        complete(command.add_argument(name, metavar=name.upper(), type=storage, help=text), storages)
    complete(command.add_argument("--study", help="copy this study alone"), study_names)


def sync(source: str, dest: str, study: str | None) -> int:
    """Copies a store's data to another; 0 only where the copy then holds all of it."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from llm_bench.store.sync import ONCE, to_copy
    from llm_bench.store.sync import sync as copying

    origin, copy = store_at(source), store_at(dest)
    entries = to_copy(origin, study)
    outcomes: Counter[str] = Counter()
    newer = []
    columns = (
        *("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn()),
        *("{task.fields[objects]} of " + f"{len(entries)} objects", TimeRemainingColumn()),
    )
    with Progress(*columns, console=console()) as progress:
        bar = progress.add_task("Copying", total=sum(entry.size for entry in entries), objects=0)
        for entry, outcome in copying(origin, copy, entries):
            outcomes[outcome] += 1
            if outcome == "newer":
                newer.append(entry.path)
            if outcome != "compacted":
                progress.update(bar, advance=entry.size, objects=outcomes.total() - outcomes["compacted"])
    console().print(
        f"{outcomes['copied']} objects copied, {outcomes['same']} were there already"
        + (f", {outcomes['compacted']} removed that a day's object holds" if outcomes["compacted"] else "")
    )
    for path in newer:
        why = "may not be replaced" if path.startswith(ONCE) else "is newer"
        console().print(f"✗ {path} differs and {why} in {dest}: it stays", style="red")
    if newer:
        console().print("To take the source's, move these out of the destination and sync again.", style="yellow")
    return 1 if newer else 0
