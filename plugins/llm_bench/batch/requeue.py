"""Loads from quarantine what the present rules let through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from llm_bench.batch.load import Held, from_quarantine, held_records, replace_records, stored_id, to_quarantine
from llm_bench.gate.completeness import Due
from llm_bench.gate.validate import Refused, validate
from llm_bench.records import RawRecord, Record, of_today
from llm_bench.store.base import Store, from_parquet, object_path
from llm_bench.store.names import client_in, named_moment

LOADED_ALREADY = "another record with this record_id is loaded"


@dataclass(frozen=True, slots=True)
class Requeued:
    """What came of a slot's quarantine.

    :param loaded: how many of its records are among the slot's records now.
    :param kept: the others, with what they break today.
    """

    loaded: int
    kept: list[Refused]


def quarantined_slots(store: Store, study: str, client: str | None = None) -> list[datetime]:
    """The slots of a study that have a quarantine object, in their order.

    :param client: name of the place that they were measured from.

    :raises StorageError: the store can't be read.
    """
    paths = [path for path in store.list(f"quarantine/study={study}/") if client_in(path) == client]
    return sorted(set(filter(None, (named_moment(PurePosixPath(path).stem) for path in paths))))


def requeue(store: Store, due: Due) -> Requeued:
    """Judge a slot's quarantined records anew and load those that pass, each exactly once; idempotent.

    A loaded record is never replaced: where the store has another record of the same id, the quarantined one stays.
    The records are written first and the quarantine shrinks after that. So whenever this is cut short nothing is lost,
    and a record that is then in both is taken out of quarantine by the next call.

    :raises StorageError: the store can't be read or written.
    :raises ConflictError: a run of this slot loads at the same time; nothing is lost.
    """
    quarantine_held = Held.of(store, object_path("quarantine", due.study.name, due.slot, client=due.client))
    waiting = from_quarantine(quarantine_held.content)
    if not waiting:
        return Requeued(0, [])
    records_held = held_records(store, due.study.name, due.slot, due.client)
    loaded = _by_id(records_held.content)
    in_both = [refusal for refusal in waiting if _same(refusal.record, loaded.get(stored_id(refusal.record)))]
    clashing = [refusal for refusal in waiting if stored_id(refusal.record) in loaded and refusal not in in_both]
    candidates = [refusal.record for refusal in waiting if stored_id(refusal.record) not in loaded]
    verdict = validate([candidates], due)
    if len(verdict.valid):
        replace_records(store, records_held, verdict.valid, set())
    kept = [*(Refused(refusal.record, (LOADED_ALREADY,)) for refusal in clashing), *verdict.refused]
    quarantine_held.replace(store, to_quarantine(kept))
    return Requeued(len(in_both) + len(verdict.valid), kept)


def _by_id(content: bytes | None) -> dict[str | None, Record]:
    records = from_parquet(content) if content is not None else []
    return {record["record_id"]: record for record in records}


def _same(record: RawRecord, loaded: Record | None) -> bool:
    """Whether this very measurement is loaded; its warnings are the gate's, not measured."""
    return loaded is not None and {**of_today(record), "warnings": None} == {**of_today(loaded), "warnings": None}
