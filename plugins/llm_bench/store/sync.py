"""Copies what one store holds to another, as often as one likes: only what differs is copied."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from llm_bench.errors import StorageError, unknown
from llm_bench.store.base import Store
from llm_bench.store.entry import Entry
from llm_bench.store.names import folder_of, name_of, slot_in
from llm_bench.store.snapshot import DAY, sources

KINDS = ("protocols", "contexts", "calibrations", "validations", "quarantine", "records", "scores", "grades")
"""What a store holds of a study. Records come last, as when they are loaded: whoever sees them finds the rest."""

ONCE = ("protocols/", "grades/")
"""What is written once: a copy of it that differs is never replaced."""

Outcome = Literal["copied", "same", "newer", "compacted"]
"""What became of an object: ``copied``; ``same``: it was there; ``newer``: the destination's differs and stays, as
it was written later or may not be replaced; ``compacted``: the destination's was removed, since a day's object holds it
at the source."""

_AT_ONCE = 8


def to_copy(source: Store, study: str | None = None) -> list[Entry]:
    """The objects of a store that ``sync`` is for.

    :param study: of this study alone; of all where left out.
    :raises InputError: it holds other studies, but not this one.
    :raises StorageError: the store can't be read, or holds no study's data.
    """
    entries = [entry for kind in KINDS for entry in source.entries(f"{kind}/study={study}/" if study else f"{kind}/")]
    if entries:
        return entries
    if study and (others := to_copy(source)):
        names = sorted({entry.path.split("/")[1].removeprefix("study=") for entry in others})
        raise unknown(f"The source holds nothing of study {study}.", study, names)
    raise StorageError(
        "The source holds no study's data.",
        "Correct its URL: a study's storage, without records/ or what lies below it.",
    )


def sync(source: Store, dest: Store, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Outcome]]:
    """Copy objects, each whole or not at all, and report each as it is done.

    What was copied before an interruption isn't copied again: size and CRC32C are compared, and a bucket gives both
    without a download. An object that differs is replaced only where the source's was written later, by the stores'
    own clocks, and only in the generation that was compared. Nothing is removed but a slot's object, older than the
    day's object that holds the slot at the source: it would hide the day's rows.

    A bucket's custom metadata isn't copied; what programs need stands in the objects.

    :param entries: as ``to_copy`` gives them.
    :raises ConflictError: another writer changed an object of the destination meanwhile.
    :raises StorageError: a store can't be read or written, or an object of the source is gone.
    """
    there = {entry.path: entry for kind in KINDS for entry in dest.entries(f"{kind}/")}
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for entry, outcome in pool.map(lambda entry: _copy(source, dest, entry, there.get(entry.path)), entries):
            yield entry, outcome
            if name_of(entry.path) == DAY and outcome != "newer":
                beside = [other for path, other in there.items() if folder_of(path) == folder_of(entry.path)]
                yield from _compacted(dest, entry, beside, {other.path for other in entries})
    finally:
        pool.shutdown(cancel_futures=True)


def _copy(source: Store, dest: Store, entry: Entry, there: Entry | None) -> tuple[Entry, Outcome]:
    if there and there.size == entry.size and _crc32c(dest, there) == _crc32c(source, entry):
        return entry, "same"
    if there and (there.written_at >= entry.written_at or entry.path.startswith(ONCE)):
        return entry, "newer"
    dest.commit(entry.path, _content(source, entry), there.generation if there else 0)
    return entry, "copied"


def _compacted(
    dest: Store, day: Entry, beside: Sequence[Entry], at_source: set[str]
) -> Iterator[tuple[Entry, Outcome]]:
    """Removes the slots that the day's object has taken over at the source."""
    slots = [entry for entry in beside if slot_in(entry.path) and entry.path not in at_source]
    held = sources(_content(dest, day)) if slots else {}
    for slot in (entry for entry in slots if name_of(entry.path) in held):
        if slot.written_at < day.written_at:
            dest.delete(slot.path, slot.generation)
            yield slot, "compacted"
        else:
            yield slot, "newer"


def _content(store: Store, entry: Entry) -> bytes:
    held = store.read(entry.path)
    if held is None:
        raise StorageError(
            f"{entry.path} is gone since the store was listed.", "Sync again; what was copied isn't copied again."
        )
    return held[0]


def _crc32c(store: Store, entry: Entry) -> str:
    if entry.crc32c is not None:
        return entry.crc32c
    import google_crc32c  # noqa: PLC0415

    return base64.b64encode(google_crc32c.value(_content(store, entry)).to_bytes(4, "big")).decode()
