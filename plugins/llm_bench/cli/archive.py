"""The command that packs a study for whoever wants to check it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from llm_bench.cli.console import console
from llm_bench.cli.options import Actions, add_command, add_study
from llm_bench.cli.studies import find_study, store_at
from llm_bench.errors import StorageError, outside_a_task
from llm_bench.paths import home, include


def register(actions: Actions) -> None:
    """Add the command."""
    summary = "Pack a study into one file, from which anyone can check it and make its report again."
    detail = (
        "It is an RO-Crate, packed: records, contexts, questions, documents, study, protocols, calibrations, the "
        "quality gate's findings, versions and checksums. No key, connection or address of a store gets in. "
        "`llm-bench report --from FILE` makes the report of it."
    )
    example = 'llm-bench archive thesis --author "Ada Lovelace 0000-0002-1825-0097" --license CC-BY-4.0'
    command = add_command(actions, archive, summary, detail=detail, example=example)
    add_study(command)
    command.add_argument("--out", type=Path, help="file to write; left out: data/archives/STUDY.zip")
    text = "who measured: a name, and an ORCID after it where there is one; may be given again"
    command.add_argument("--author", action="append", help=text)
    text = "SPDX id of the licence of records and study, as CC-BY-4.0; left out: all rights stay with the authors"
    command.add_argument("--license", dest="licence", metavar="SPDX", type=spdx, help=text)


def spdx(text: str) -> str:
    """The id of a licence.

    :raises ArgumentTypeError: no licence has such an id.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SPDX id of a licence; CC-BY-4.0 is")
    return text


def archive(study: str, out: Path | None, author: list[str] | None, licence: str | None) -> int:
    """Packs a study into a file; below ``data/archives`` where none is given."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from llm_bench.archive.packing import make_archive
    from llm_bench.archive.staging import size_of
    from llm_bench.archive.words import author as authored

    chosen = find_study(study)
    store = store_at(chosen.storage)
    target = out or home() / "data" / "archives" / f"{chosen.name}.zip"
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        with Progress(*columns, console=console(), transient=True) as progress:
            # Each byte is read from the store once, and packed once.
            bar = progress.add_task(f"Packing {chosen.name}", total=2 * size_of(store, chosen.name))
            made = make_archive(
                chosen,
                store,
                include(),
                target,
                authors=[authored(text) for text in author or ()],
                licence=licence,
                advance=lambda done: progress.advance(bar, done),
            )
    except StorageError as fault:
        raise type(fault)(fault.cause, outside_a_task(fault.fix, "archive it again")) from None
    console().print(f"Archive: {target} ({made.records:,} records, {made.size / 1e6:,.1f} MB)")
    console().print(f"SHA-256  {made.sha256}")
    console().print("→ Name the SHA-256 wherever you name the archive: it shows later that nothing was changed.")
    console().print(f"→ Make the report of it, on any machine: llm-bench report --from {target.name}")
    return 0
