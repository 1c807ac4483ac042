"""Files that are handed on together: packed so that the same content gives the same bytes, and with their checksums."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

SUMS = "SHA256SUMS"
"""Names every other file with its checksum, as ``sha256sum --check`` reads it."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""When each packed file was made, as a zip has to say: its earliest moment."""
_PART = 1 << 20


def to_sums(checksums: Mapping[str, str]) -> bytes:
    """The content of ``SUMS``.

    :param checksums: name of a file → its SHA-256.
    """
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(checksums.items())).encode()


def from_sums(lines: Iterable[str]) -> dict[str, str]:
    """Name of a file → its SHA-256, from the lines of ``SUMS``."""
    parted = (line.rstrip("\n").partition("  ") for line in lines)
    return {name: digest for digest, _, name in parted if name}


def repacked(content: bytes) -> bytes:
    """A zip with the same files, in the same order, that doesn't say when it was made.

    :param content: small enough to be in memory.
    """
    out = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as packed, ZipFile(out, "w") as again:
        for name in packed.namelist():
            entry = ZipInfo(name, _EPOCH)
            entry.compress_type = ZIP_DEFLATED
            again.writestr(entry, packed.read(name))
    return out.getvalue()


def pack(
    packed: ZipFile,
    name: str,
    path: Path,
    *,
    smaller: bool = True,
    advance: Callable[[int], None] = lambda _bytes: None,
) -> None:
    """Adds a file to a zip; a part of it at a time is in memory.

    :param name: in the zip.
    :param smaller: whether it is compressed.
    :param advance: called with the bytes that were packed since.
    """
    entry = ZipInfo(name, _EPOCH)
    entry.compress_type = ZIP_DEFLATED if smaller else ZIP_STORED
    entry.external_attr = 0o644 << 16
    with path.open("rb") as source, packed.open(entry, "w", force_zip64=True) as out:
        while part := source.read(_PART):
            out.write(part)
            advance(len(part))
