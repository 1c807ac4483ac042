"""Compaction puts the slots of a past day into one object, so that a long study is read with few requests."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from llm_bench.errors import ConflictError, StorageError
from llm_bench.store.base import Store, read_table, together, without_slots, write_table
from llm_bench.store.entry import Entry
from llm_bench.store.names import folder_of, name_of, slot_in
from llm_bench.store.snapshot import DAY, SOURCES, sources

if TYPE_CHECKING:
    import pyarrow as pa

_ORDER = ("slot", "llm_provider", "llm_model", "llm", "question_id")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did.

    :param days: objects of days that were written.
    :param slots: slots that they took over.
    :param removed: objects of slots that were removed; some may be left over from a compaction that was killed.
    """

    days: int = 0
    slots: int = 0
    removed: int = 0


def compact(store: Store, study: str, before: date) -> Compacted:
    """Put the slots of each past day of a study into one object, and remove their own objects.

    Readers that ask ``record_objects`` what to read see every record exactly once all along, also when this is killed
    at any moment: the next compaction goes on from there. Loads and other compactions may run at the same time.

    :param before: the first day (UTC) that isn't over.
    :raises ConflictError: others changed a day's object over and over.
    :raises StorageError: the store can't be read or written, or an object holds records of another slot.
    """
    folders = defaultdict(list)
    for entry in store.entries(f"records/study={study}/"):
        folders[folder_of(entry.path)].append(entry)
    done = Compacted()
    for folder, entries in folders.items():
        if _date(folder) < before.isoformat() and any(slot_in(entry.path) for entry in entries):
            taken, removed = _compact_day(store, folder)
            done = Compacted(done.days + bool(taken), done.slots + taken, done.removed + removed)
    return done


def _date(folder: str) -> str:
    return folder.rstrip("/").rpartition("/date=")[2]


def _compact_day(store: Store, folder: str) -> tuple[int, int]:
    """How many slots were taken over, and how many objects removed."""
    for _ in range(_ATTEMPTS):
        with suppress(ConflictError):  # a load or another compaction came first: look again
            slots = [entry for entry in store.entries(folder) if slot_in(entry.path)]
            taken, held = _take_over(store, folder, slots)
            return taken, _remove(store, slots, held)
    raise ConflictError(f"Others change {folder}{DAY} all the time.", "Compact later.")


def _take_over(store: Store, folder: str, slots: Sequence[Entry]) -> tuple[int, Mapping[str, int]]:
    """Puts what the day's object lacks into it; how many slots that were, and all that it holds by then."""
    day = store.read(folder + DAY)
    held = sources(day[0]) if day else {}
    fresh = [entry for entry in slots if held.get(name_of(entry.path)) != entry.generation]
    if not fresh:
        return 0, held
    replaced = [slot for entry in fresh if (slot := slot_in(entry.path))]
    tables = [without_slots(read_table(day[0]), replaced)] if day else []
    tables += [_slot(store, entry) for entry in fresh]
    held |= {name_of(entry.path): entry.generation for entry in fresh}
    content = _day(tables, held)
    generation = store.commit(folder + DAY, content, day[1] if day else 0, {"date": _date(folder)})
    # What is about to be removed stands nowhere else.
    if store.read(folder + DAY) != (content, generation):
        raise ConflictError(f"{folder}{DAY} isn't what was written.", "Compact again.")
    return len(fresh), held


def _slot(store: Store, entry: Entry) -> pa.Table:
    """The records of a slot's object, all of that slot."""
    held = store.read(entry.path)
    if held is None or held[1] != entry.generation:
        raise ConflictError(f"Another writer replaced {entry.path} in the meantime.", "Compact again.")
    table = read_table(held[0])
    if without_slots(table, [slot_in(entry.path) or ""]).num_rows:
        raise StorageError(
            f"The object {entry.path} holds records of another slot.", "Clear the run of its slot to load it anew."
        )
    return table


def _day(tables: Sequence[pa.Table], held: Mapping[str, int]) -> bytes:
    whole = together(tables)
    table = whole.sort_by([(name, "ascending") for name in _ORDER if name in whole.column_names])
    return write_table(table, {SOURCES: json.dumps(held, sort_keys=True), "records": str(table.num_rows)})


def _remove(store: Store, slots: Sequence[Entry], held: Mapping[str, int]) -> int:
    removed = 0
    for entry in slots:
        if held.get(name_of(entry.path)) == entry.generation:
            with suppress(ConflictError):  # loaded anew: that one stays, and wins
                store.delete(entry.path, entry.generation)
                removed += 1
    return removed
