"""Unpacks an archive that may come from anyone, and checks every byte of it before anything is read."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llm_bench.archive.crate import sizes
from llm_bench.archive.layout import METADATA, VERSIONS, is_inside, is_of_a_project
from llm_bench.bundles import SUMS, from_sums
from llm_bench.errors import InputError, StudyError
from llm_bench.files import storage_errors
from llm_bench.inputs import read_yaml
from llm_bench.study import Study, parse_study

_INDEX = 64 << 20
"""Bytes that each list of the files may have: some 400,000 files."""
_PART = 1 << 20
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_ANOTHER = "Get the archive once more, and compare its SHA-256 with the one that its author names."


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive, unpacked.

    :param root: a project's folder, with ``include/`` and ``data/``.
    :param study: whose data lie in ``data/`` there.
    :param versions: as ``words.versions`` writes them.
    """

    root: Path
    study: Study
    versions: Mapping[str, Any]


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive, unpacked into a folder that is gone afterwards.

    :raises InputError: it is none, was changed since it was made, or holds what an archive doesn't.
    :raises StudyError: its study can't be read.
    :raises StorageError: it can't be read, or there is no room to unpack it.
    """
    with TemporaryDirectory(prefix="llm-bench-") as scratch:
        root = Path(scratch)
        with storage_errors(path, "unpacked"):
            try:
                with zipfile.ZipFile(path) as packed:
                    versions = _unpack(path, packed, root)
            except FileNotFoundError:
                raise InputError(f"There is no archive {path}.", "Correct its name.") from None
            except (zipfile.BadZipFile, NotImplementedError, EOFError) as fault:
                raise InputError(f"{path} is no archive that can be read: {fault}.", _ANOTHER) from None
        yield Archive(root, _study(root, versions), versions)


def _unpack(path: Path, packed: zipfile.ZipFile, root: Path) -> dict[str, Any]:
    """Writes what a report is made from; what the archive says of versions."""
    members = _members(path, packed)
    sums = from_sums(_index(path, packed, members, SUMS).decode("utf-8", "replace").splitlines())
    described = _index(path, packed, members, METADATA)
    if hashlib.sha256(described).hexdigest() != sums.get(METADATA):
        raise _changed(path, METADATA)
    _check_sizes(path, members, sums, described)
    free = shutil.disk_usage(root).free
    if (whole := sum(entry.file_size for entry in members.values())) > free:
        raise InputError(
            f"{path} unpacks to {whole / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free in {root.parent}.",
            "Free some space there, or name another folder: TMPDIR.",
        )
    for name, entry in members.items():
        if name != SUMS and _copy(path, packed, entry, _place(root, name)) != sums[name]:
            raise _changed(path, name)
    return _versions(path, root)


def _members(path: Path, packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive, each a plain one, once, in the folder that it is unpacked to."""
    members: dict[str, zipfile.ZipInfo] = {}
    for entry in packed.infolist():
        if entry.is_dir() and not entry.file_size:  # as other programs pack it; nothing is made of it
            continue
        name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG) and not entry.flag_bits & _ENCRYPTED and entry.compress_type in _KINDS
        if not is_inside(name) or not plain or name in members:
            raise InputError(
                f"{path} holds {name!r}, as no archive does: a path that leads elsewhere, a link, something encrypted, "
                "or a second file of a name.",
                "Don't unpack it by other means; ask whoever gave it to you.",
            )
        members[name] = entry
    return members


def _index(path: Path, packed: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    """One of the two lists of the files."""
    if name not in members:
        raise InputError(f"{path} is no archive of llm-bench: it has no {name}.", "Name a file of `llm-bench archive`.")
    if members[name].file_size > _INDEX:
        raise InputError(f"{path} has a {name} of {members[name].file_size:,} bytes.", _ANOTHER)
    try:
        return packed.read(members[name])
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise _changed(path, name) from None


def _check_sizes(path: Path, members: Mapping[str, zipfile.ZipInfo], sums: Mapping[str, str], described: bytes) -> None:
    """Refuses files that aren't listed, or of other sizes: an archive unpacks to what it says, and to no more."""
    listed = members.keys() - {SUMS}
    if listed != sums.keys():
        names = ", ".join(sorted(listed ^ sums.keys())[:5])
        raise InputError(f"{path} doesn't hold what its {SUMS} lists: {names}.", _ANOTHER)
    try:
        stated = sizes(described)
    except ValueError:
        raise _changed(path, METADATA) from None
    for name in listed - {METADATA}:
        if stated.get(name) != members[name].file_size:
            raise _changed(path, name)


def _place(root: Path, name: str) -> Path | None:
    """Where a file is unpacked to; None for one that no report reads."""
    return root / name if is_of_a_project(name) or name == VERSIONS else None


def _copy(path: Path, packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path | None) -> str:
    """Unpacks a file; the SHA-256 of what it really holds."""
    digest = hashlib.sha256()
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with packed.open(entry) as source, (target or Path("/dev/null")).open("wb") as out:
            while part := source.read(_PART):
                digest.update(part)
                out.write(part)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise _changed(path, entry.orig_filename) from None
    return digest.hexdigest()


def _changed(path: Path, name: str) -> InputError:
    return InputError(f"{path} was changed since it was made: {name} isn't what its {SUMS} says.", _ANOTHER)


def _versions(path: Path, root: Path) -> dict[str, Any]:
    try:
        versions = dict(json.loads((root / VERSIONS).read_bytes()))
        return {**versions, "study": str(versions["study"]), "made_with": dict(versions["made_with"])}
    except (FileNotFoundError, LookupError, TypeError, ValueError):
        raise InputError(
            f"{path} is no archive of llm-bench: it has no {VERSIONS}.", "Name a file of `llm-bench archive`."
        ) from None


def _study(root: Path, versions: Mapping[str, Any]) -> Study:
    """The study of an archive; no variable of the environment moves its window."""
    name = versions["study"]
    include = root / "include"
    file = include / "studies" / f"{name}.yaml"
    if not is_inside(f"{name}.yaml") or "/" in name:
        raise StudyError(name, ["no study has such a name"])
    return parse_study(read_yaml(file), Path(file.name), include)
