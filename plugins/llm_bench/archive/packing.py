"""An archive as one file: the same data give the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from llm_bench.archive import layout, words
from llm_bench.archive.crate import metadata
from llm_bench.archive.layout import Member
from llm_bench.archive.staging import Advance, Seen, stage
from llm_bench.archive.versions import made_with
from llm_bench.archive.words import Author, Origin
from llm_bench.bundles import SUMS, pack, to_sums
from llm_bench.errors import InputError
from llm_bench.files import locked, replacing, storage_errors
from llm_bench.paths import shipped
from llm_bench.store.base import Store
from llm_bench.study import Study

_PACKED = (".parquet", ".pdf", ".docx", ".xlsx")
"""Endings of files that are compressed already."""


class Made(NamedTuple):
    """An archive that was made.

    :param size: bytes.
    """

    records: int
    size: int
    sha256: str


def make_archive(
    study: Study,
    store: Store,
    include: Path,
    target: Path,
    *,
    authors: Sequence[Author] = (),
    licence: str | None = None,
    advance: Advance = lambda _bytes: None,
) -> Made:
    """Writes an archive, whole or not at all.

    :param include: the folder of questions, documents and templates.
    :param advance: called with the bytes that were read from the store, and again with those that were packed.
    :raises InputError: the target is there already, or nothing was measured yet.
    :raises StorageError: the store can't be read, or the target can't be written.
    """
    with storage_errors(target, "written"), TemporaryDirectory(prefix="llm-bench-") as scratch:
        _check_free(target)
        folder = Path(scratch)
        seen = stage(study, store, include, folder, advance)
        origin = _origin(study, seen, authors, licence)
        _describe(folder, origin)
        with locked(target.parent), replacing(target) as partial:
            _check_free(target)
            _pack(folder, partial, advance)
            made = _member(partial)
    return Made(seen.records, *made)


def _check_free(target: Path) -> None:
    if target.exists():
        raise InputError(f"{target} is there already.", "Move it away, or name another file: --out.")


def _origin(study: Study, seen: Seen, authors: Sequence[Author], licence: str | None) -> Origin:
    assert seen.first is not None and seen.last is not None  # noqa: S101, PT018
    measured = {"llm-bench": "llm_bench_version", "LiteLLM": "litellm_version"}
    return Origin(
        study,
        seen.records,
        seen.first,
        seen.last,
        measured_with={name: sorted(seen.versions[column]) for name, column in measured.items()},
        made_with=made_with(),
        given=authors,
        licence=licence,
    )


def _describe(folder: Path, origin: Origin) -> None:
    """Adds to what was laid out what it is."""
    contents = {
        layout.README: words.readme(origin),
        layout.CITATION: words.citation(origin),
        layout.DICTIONARY: words.dictionary(),
        layout.VERSIONS: words.versions(origin),
    }
    if (lock := shipped() / layout.LOCK).is_file():
        contents[layout.LOCK] = lock.read_bytes()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    members: dict[str, Member] = {name: _member(folder / name) for name in _names(folder)}
    (folder / layout.METADATA).write_bytes(metadata(origin, members))
    members[layout.METADATA] = _member(folder / layout.METADATA)
    (folder / SUMS).write_bytes(to_sums({name: member.sha256 for name, member in members.items()}))


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _member(path: Path) -> Member:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Member(file.tell(), digest)


def _pack(folder: Path, partial: Path, advance: Advance) -> None:
    with zipfile.ZipFile(partial, "w") as packed:
        for name in _names(folder):
            pack(packed, name, folder / name, smaller=not name.lower().endswith(_PACKED), advance=advance)
