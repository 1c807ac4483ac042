"""Which objects to read to see every record exactly once, while others load and compact.

A slot's records stand in its own object until a day's object takes them over. The day's object says which generation
of each slot it took; a slot's object of any other generation was loaded since, and wins over the day's rows of it.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from llm_bench.errors import StorageError
from llm_bench.store.base import Store, read_table, write_table
from llm_bench.store.entry import Entry
from llm_bench.store.names import folder_of, name_of, slot_in

DAY = "day.parquet"
"""Name of the object that holds a day's slots, beside those that it doesn't hold."""

SOURCES = "sources"
"""Key in the day's own metadata: JSON, the generation taken by the name of each slot's object. It isn't a bucket's
custom metadata: a busy day's list wouldn't fit."""

_ATTEMPTS = 20


class RecordObject(NamedTuple):
    """An object to read.

    :param generation: to read; where there is another by now, ask anew what to read.
    :param without: slots, as the records have them, whose rows are to be left out: another object has newer ones.
    """

    path: str
    generation: int
    without: tuple[str, ...] = ()


T = TypeVar("T")


class _MovedError(Exception):
    """An object isn't any more what a listing showed."""


def record_objects(store: Store, study: str | None = None) -> list[RecordObject]:
    """The objects that together hold every record exactly once, sorted by path.

    :param study: of this study alone; of all where left out.
    :raises StorageError: the store can't be read, or changes all the time.
    """
    return settled(store, study, lambda objects: objects)


def settled(store: Store, study: str | None, take: Callable[[list[RecordObject]], T]) -> T:
    """What ``take`` makes of the objects that hold every record; it is asked again when one of them was replaced since.

    :param take: reads objects by ``read_object``.
    :raises StorageError: the store can't be read, or changes all the time.
    """
    for _ in range(_ATTEMPTS):
        with suppress(_MovedError):
            return take(_record_objects(store, f"records/study={study}/" if study else "records/"))
    raise StorageError("The store changes all the time while it's read.", "Clear the task later.")


def read_object(store: Store, listed: RecordObject) -> bytes:
    """The content of an object, in the very generation that was listed; for use within ``settled``."""
    return _read(store, listed.path, listed.generation)


def snapshot(
    store: Store, folder: Path, study: str | None = None, wanted: Callable[[str], bool] = lambda _path: True
) -> dict[RecordObject, Path]:
    """Copies of all objects with records, as they were at one moment.

    :param folder: to copy them to.
    :param wanted: whether an object of this path is copied.
    :raises StorageError: the store can't be read, or changes all the time.
    """
    copies: dict[tuple[str, int], Path] = {}

    def take(objects: list[RecordObject]) -> dict[RecordObject, Path]:
        chosen = [listed for listed in objects if wanted(listed.path)]
        for listed in chosen:
            if listed[:2] not in copies:
                copy = folder / f"{len(copies)}.parquet"
                copy.write_bytes(read_object(store, listed))
                copies[listed[:2]] = copy
        return {listed: copies[listed[:2]] for listed in chosen}

    return settled(store, study, take)


def compacted_slot(store: Store, path: str) -> bytes | None:
    """The records of a slot that its day's object holds, as an object of its own; None where it doesn't hold the slot.

    Whoever adds to a slot whose own object is gone must begin with these: the object that it makes wins over them.

    :param path: of the slot's own object.
    :raises StorageError: the day's object can't be read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    slot = slot_in(path)
    day = store.read(folder_of(path) + DAY) if slot else None
    if day is None or slot is None or name_of(path) not in sources(day[0]):
        return None
    table = read_table(day[0])
    moment = pa.scalar(datetime.fromisoformat(slot)).cast(table.schema.field("slot").type)
    return write_table(table.filter(pc.equal(table["slot"], moment)).replace_schema_metadata())


def sources(content: bytes) -> dict[str, int]:
    """What a day's object holds: the name of each slot's object → the generation taken.

    :raises StorageError: the object can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return dict(json.loads(pq.read_schema(io.BytesIO(content)).metadata[SOURCES.encode()]))
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as fault:
        raise StorageError(
            f"A day's object can't be read: {fault}.", "Put it back from a copy, or move it out of the store."
        ) from None


def _record_objects(store: Store, prefix: str) -> list[RecordObject]:
    # A listing is no snapshot. A slot that the first one misses because it was compacted shows in the second's days.
    entries = [entry for entry in store.entries(prefix) if name_of(entry.path) != DAY]
    days = {folder_of(entry.path): entry for entry in store.entries(prefix) if name_of(entry.path) == DAY}
    beside: dict[str, list[Entry]] = defaultdict(list)
    objects = []
    for entry in entries:
        folder = folder_of(entry.path)
        if slot_in(entry.path) and folder in days:
            beside[folder].append(entry)
        elif entry.path.endswith(".parquet"):
            objects.append(RecordObject(entry.path, entry.generation))
    for folder, day in days.items():
        # Only what lies beside a day's object makes it necessary to look into it.
        slots = beside.get(folder, [])
        taken = sources(_read(store, day.path, day.generation)) if slots else {}
        newer = [entry for entry in slots if taken.get(name_of(entry.path)) != entry.generation]
        objects += [RecordObject(entry.path, entry.generation) for entry in newer]
        replaced = sorted(filter(None, (slot_in(entry.path) for entry in newer if name_of(entry.path) in taken)))
        objects.append(RecordObject(day.path, day.generation, tuple(replaced)))
    return sorted(objects)


def _read(store: Store, path: str, generation: int) -> bytes:
    held = store.read(path)
    if held is None or held[1] != generation:
        raise _MovedError
    return held[0]
