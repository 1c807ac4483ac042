"""Loads a judged batch: one object of each kind per slot, in which no record stands twice and none gets lost."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from llm_bench.errors import ConflictError, StorageError
from llm_bench.gate.columns import Rows
from llm_bench.gate.validate import Refused, Verdict
from llm_bench.records import RawRecord, arrow_schema, records_of, utc_text
from llm_bench.store.base import ROWS_A_GROUP, Store, current, lineage_of, object_path, read_table, write_table
from llm_bench.store.names import client_folder
from llm_bench.store.snapshot import compacted_slot

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load left in the store.

    :param path: the slot's records object.
    :param records: how many records it holds.
    :param quarantined: how many the slot's quarantine holds.
    """

    path: str
    records: int
    quarantined: int


def load(
    store: Store,
    study: str,
    slot: datetime,
    verdict: Verdict,
    client: str | None = None,
    *,
    since: datetime | None = None,
) -> Loaded:
    """Put a batch's valid records, its refused ones and the gate's results in the store; idempotent.

    What the batch brings, valid or refused, takes the place of what the store holds under the same record_id, be it
    among the records or in quarantine. What the batch doesn't bring stays: a cell that was cleared and then failed, or
    a second run of the slot that measured less, takes no good record away. So a slot may hold records of two moments;
    each says its run_id, attempt and measured_at.

    An object without rows is written only to replace one that has some.

    :param client: name of the place that the batch was measured from.
    :param since: when its run began.

    :raises StorageError: the store can't be read or written, a record isn't of this study and slot, or the store holds
        what another place has measured of this slot since.
    :raises ConflictError: another run of this slot loads at the same time.
    """
    _check_belonging(verdict.valid, study, slot)
    results = json.dumps(verdict.results, ensure_ascii=False, indent=1).encode()
    brought = _ids(verdict)
    records = held_records(store, study, slot, client)
    _check_alone(records.content, verdict.valid, since)
    quarantined = Held.of(store, object_path("quarantine", study, slot, client=client))
    _keep_suite(store, study, verdict, client)
    refused = [*kept_refused(quarantined.content, brought, verdict.refused), *verdict.refused]
    # The records last: whoever sees them finds what the gate said of them.
    validations = Held.of(store, object_path("validations", study, slot, "json", client=client))
    validations.replace(store, results)
    quarantined.replace(store, to_quarantine(refused), needed=bool(refused))
    count = replace_records(store, records, verdict.valid, brought)
    return Loaded(records.path, count, len(refused))


def suite_path(study: str, client: str | None = None) -> str:
    """The path of the expectations of a study's records, as Great Expectations stores a suite.

    :param client: name of the place that they are measured from, which is one of the expectations.
    """
    return f"validations/study={study}/{client_folder(client)}expectation_suite.json"


def _keep_suite(store: Store, study: str, verdict: Verdict, client: str | None) -> None:
    """Put the study's expectations beside its validations, where they are others than those there."""
    if verdict.suite is None:
        return
    content = json.dumps(verdict.suite, ensure_ascii=False, indent=1).encode()
    with suppress(ConflictError):  # another slot of the study was loaded meanwhile, and its suite is as good
        Held.of(store, suite_path(study, client)).replace(store, content)


@dataclass(frozen=True, slots=True)
class Held:
    """An object as it was read: None and generation 0 where there was none."""

    path: str
    content: bytes | None
    generation: int

    @classmethod
    def of(cls, store: Store, path: str) -> Held:
        content, generation = store.read(path) or (None, 0)
        return cls(path, content, generation)

    def replace(
        self, store: Store, content: bytes, *, needed: bool = True, lineage: Mapping[str, str] | None = None
    ) -> None:
        """Put another content in its place, unless it is the same, or there is no object and none is needed.

        :raises ConflictError: another writer replaced it since it was read.
        """
        if content != self.content and (needed or self.content is not None):
            store.commit(self.path, content, self.generation, lineage)


def held_records(store: Store, study: str, slot: datetime, client: str | None = None) -> Held:
    """A slot's records, be they in its own object or, as none yet to be replaced, in its day's."""
    held = Held.of(store, object_path("records", study, slot, client=client))
    return held if held.content is not None else replace(held, content=compacted_slot(store, held.path))


def replace_records(store: Store, held: Held, rows: Rows, brought: set[str]) -> int:
    """Put records in the place of those held under the ids ``brought``; how many the object then holds.

    :raises StorageError: the object can't be read or written; it stays as it is.
    """
    earlier = _without(read_table(held.content), brought) if held.content is not None else None
    count = len(rows) + (earlier.num_rows if earlier is not None else 0)
    tables = chain([earlier] if earlier is not None and earlier.num_rows else [], rows.tables())
    first = next(tables, None)
    if first is None:
        held.replace(store, write_table(arrow_schema().empty_table()), needed=False)
        return 0
    newest = next(rows.tables(), first)
    lineage = lineage_of(records_of(newest.slice(0, 1))) | {"records": str(count)}
    held.replace(store, _parquet(chain([first], tables), first.schema, lineage), lineage=lineage)
    return count


def _without(table: pa.Table, ids: set[str]) -> pa.Table:
    """The other records, with the columns of today."""
    import pyarrow as pa
    import pyarrow.compute as pc

    others = pc.invert(pc.is_in(table["record_id"], value_set=pa.array(list(ids), pa.string())))
    return current(table.filter(others))


def _parquet(tables: Iterable[pa.Table], schema: pa.Schema, lineage: Mapping[str, str]) -> bytes:
    """Chunks of records as one Parquet object, written one after another; as ``write_table`` writes a whole table."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    schema = schema.with_metadata({**(schema.metadata or {}), **lineage})
    with pq.ParquetWriter(buffer, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROWS_A_GROUP)
    return buffer.getvalue()


def _ids(verdict: Verdict) -> set[str]:
    """The record_id of everything that a batch brings; a refused record may have none."""
    refused = (stored_id(refusal.record) for refusal in verdict.refused)
    valid = (table["record_id"].to_pylist() for table in verdict.valid.tables())
    return {*chain.from_iterable(valid), *(known for known in refused if known is not None)}


def _check_belonging(rows: Rows, study: str, slot: datetime) -> None:
    import pyarrow.compute as pc

    for table in rows.tables():
        of_batch = pc.and_(pc.equal(table["study"], study), pc.equal(table["slot"], slot))
        for record in records_of(table.filter(pc.invert(of_batch)).slice(0, 1)):
            raise StorageError(
                f"Record {record['record_id']} is of study {record['study']}, slot {record['slot']}; "
                f"it can't be loaded as {study}, {utc_text(slot)}.",
                "Clear the run's measure tasks, so that they measure for this slot.",
            )


def _check_alone(held: bytes | None, rows: Rows, since: datetime | None) -> None:
    """Refuses to replace what was measured since the run began and not by it: another place has the same study."""
    import pyarrow.compute as pc

    if held is None or since is None:
        return
    table = read_table(held)
    recent = table.filter(pc.greater_equal(table["measured_at"], since)).select(["record_id", "measured_at"])
    own: dict[str, datetime] = {}
    for chunk in rows.tables():
        own |= dict(zip(chunk["record_id"].to_pylist(), chunk["measured_at"].to_pylist(), strict=True))
    moments = ((own.get(record["record_id"]), record["measured_at"]) for record in recent.to_pylist())
    others = [at for own_at, at in moments if own_at is not None and own_at != at]
    if others:
        raise StorageError(
            f"Another place has measured this slot of the study meanwhile: {len(others)} records, at "
            f"{utc_text(min(others))} first. Nothing of them is replaced.",
            "Let one place alone measure the study, or give each a name (LLM_BENCH_CLIENT) before it starts; then "
            "clear the whole run.",
        )


def to_quarantine(refused: Sequence[Refused]) -> bytes:
    """Refused records as a Parquet object. Whatever is wrong with them, it fits: each row is kept as JSON text.

    :return: columns ``record_id`` (null where it isn't text), ``broken`` (list of text) and ``record`` (JSON).
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            pa.field("record_id", pa.string()),
            pa.field("broken", pa.list_(pa.string()), nullable=False),
            pa.field("record", pa.string(), nullable=False),
        ]
    )
    rows = [
        {"record_id": stored_id(refusal.record), "broken": list(refusal.broken), "record": _text(refusal.record)}
        for refusal in refused
    ]
    return write_table(pa.Table.from_pylist(rows, schema=schema))


def from_quarantine(content: bytes | None) -> list[Refused]:
    """The records of a quarantine object, as ``to_quarantine`` kept them.

    :raises StorageError: it can't be read.
    """
    rows = read_table(content).to_pylist() if content is not None else []
    return [Refused(json.loads(row["record"]), tuple(row["broken"])) for row in rows]


def kept_refused(content: bytes | None, brought: set[str], refused: Sequence[Refused]) -> list[Refused]:
    """What a quarantine holds and a batch doesn't bring, by record_id or, without one, by the whole record."""
    brought_texts = {_text(refusal.record) for refusal in refused if stored_id(refusal.record) is None}

    def is_brought(refusal: Refused) -> bool:
        known = stored_id(refusal.record)
        return known in brought if known is not None else _text(refusal.record) in brought_texts

    return [refusal for refusal in from_quarantine(content) if not is_brought(refusal)]


def stored_id(record: RawRecord) -> str | None:
    """A record's id, what has no UTF-8 (lone surrogates) escaped; None where it isn't text."""
    value = record.get("record_id")
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else None


def _text(record: RawRecord) -> str:
    """A record as JSON, which has no NaN and no infinity: they become text."""
    kept = {
        str(name): str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }
    return json.dumps(kept, default=repr)
