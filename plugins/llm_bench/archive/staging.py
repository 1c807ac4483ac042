"""What of a study goes into an archive, laid out in a folder: a project of this one study.

Nothing says where the study's data lie, who is alerted, or what an Airflow connection holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from llm_bench.archive.layout import is_inside
from llm_bench.errors import InputError, StorageError
from llm_bench.files import storage_errors
from llm_bench.rag.documents import document_files
from llm_bench.store.base import Store, unreadable, without_slots
from llm_bench.store.snapshot import RecordObject, read_object, settled
from llm_bench.store.sync import KINDS
from llm_bench.study import Study, protocol_file

if TYPE_CHECKING:
    import pyarrow as pa

NOT_SHOWN = frozenset({"storage", "alerts"})
"""Keys of a study that speak of a place."""

_COLUMNS = ("slot", "measured_at", "llm_bench_version", "litellm_version", "schema_version")
_ROWS = 10_000

Advance = Callable[[int], None]
"""Called with the bytes that were done since."""


@dataclass
class Seen:
    """What the records say of the measuring.

    :param first: when the first question was asked; aware.
    :param last: when the last one was.
    :param versions: of llm-bench and LiteLLM, and of the record's schema.
    """

    records: int = 0
    first: datetime | None = None
    last: datetime | None = None
    versions: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _COLUMNS[2:]})

    def add(self, table: pa.Table) -> None:
        """Counts records.

        :param table: with ``_COLUMNS``.
        """
        moments = [moment for moment in table["measured_at"].to_pylist() if moment is not None]
        self.records += len(table)
        if moments:
            self.first = min(moments) if self.first is None else min(self.first, *moments)
            self.last = max(moments) if self.last is None else max(self.last, *moments)
        for name, values in self.versions.items():
            values.update(str(value) for value in table[name].unique().to_pylist() if value is not None)


def size_of(store: Store, study: str) -> int:
    """How many bytes the store holds of a study.

    :raises StorageError: the store can't be read.
    """
    return sum(entry.size for kind in KINDS for entry in store.entries(f"{kind}/study={study}/"))


def stage(study: Study, store: Store, include: Path, folder: Path, advance: Advance) -> Seen:
    """Lays a study out: what its report is made from, and what else its store holds. An object at a time is in memory.

    :param include: the folder of questions, documents and templates.
    :raises InputError: nothing was measured yet.
    :raises StorageError: the store can't be read, holds an object that can't be, or the folder can't be written.
    """
    with storage_errors(folder, "written"):
        # The rest comes later, so that whatever was loaded meanwhile is there for each record.
        seen = _seen(folder / "data", _records(store, study.name, folder / "data", advance))
        if seen.last is None:
            raise InputError(
                f"Nothing of study {study.name} was measured yet.", f"Measure it: `llm-bench run {study.name}`."
            )
        for kind in KINDS:
            if kind != "records":
                for path in store.list(f"{kind}/study={study.name}/"):
                    if (held := store.read(path)) is not None:
                        _write(folder / "data", path, held[0], advance)
        for name, content in _files(study, include):
            _write(folder / "include", name, content)
    return seen


def _records(store: Store, study: str, folder: Path, advance: Advance) -> list[RecordObject]:
    """Copies the objects that hold each record once, as they were at one moment."""
    copied: dict[str, int] = {}

    def take(objects: list[RecordObject]) -> list[RecordObject]:
        for stored in objects:
            if copied.get(stored.path) != stored.generation:
                _write(folder, stored.path, read_object(store, stored), advance)
                copied[stored.path] = stored.generation
        for path in copied.keys() - {stored.path for stored in objects}:  # compacted since
            (folder / path).unlink()
            del copied[path]
        return objects

    return settled(store, study, take)


def _seen(folder: Path, objects: list[RecordObject]) -> Seen:
    """Reads every value of the records, so that none that is damaged gets into an archive."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    seen = Seen()
    for stored in objects:
        try:
            with pq.ParquetFile(folder / stored.path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(batch_size=_ROWS):
                    seen.add(without_slots(pa.Table.from_batches([batch]).select(_COLUMNS), stored.without))
        except (pa.ArrowException, OSError, ValueError, LookupError) as fault:
            raise unreadable(stored.path, fault) from None
    return seen


def _files(study: Study, include: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of what a study was made of."""
    yield f"studies/{study.name}.yaml", study_file(study)
    paths = [protocol_file(include, study.name)]
    paths += [include / "questions" / f"{industry}.yaml" for industry in study.industries]
    paths += [file for industry in study.industries for file in document_files(include, industry)]
    paths += [include / "prompts" / f"{study.prompt}.yaml"] if study.prompt else []
    for path in paths:
        if path.is_file():
            yield path.relative_to(include).as_posix(), path.read_bytes()


def study_file(study: Study) -> bytes:
    """The study as it was read, each key with its value, without those of ``NOT_SHOWN``."""
    content = study.model_dump(mode="json", exclude=set(NOT_SHOWN))
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120).encode()


def _write(folder: Path, path: str, content: bytes, advance: Advance | None = None) -> None:
    if not is_inside(path):
        raise StorageError(f"The object {path!r} would lie outside an archive.", "Move it out of the store.")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if advance is not None:
        advance(len(content))
