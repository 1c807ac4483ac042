"""The object store in a folder."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from llm_bench.errors import ConflictError
from llm_bench.files import locked, replacing, storage_errors
from llm_bench.store.entry import Entry

_COARSE_CLOCK_NS = 2_000_000_000
"""Some file systems keep a file's time to two seconds only."""


class FileStore:
    """A folder. Its lock orders the writers.

    An object's generation is its modification time in nanoseconds, which every replacement moves forward. A write is
    flushed to the disk before it counts. It isn't read back: that would only show the system's own memory. What the
    disk does to it later, Parquet's checksums find.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = f"file://{root}"

    def read(self, path: str) -> tuple[bytes, int] | None:
        with storage_errors(self.root / path, "read"):
            try:
                with (self.root / path).open("rb") as file:
                    return file.read(), os.fstat(file.fileno()).st_mtime_ns
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> builtins.list[str]:
        return [entry.path for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> builtins.list[Entry]:
        folder = self.root / prefix.rpartition("/")[0]
        with storage_errors(folder, "read"):
            files = ((file.relative_to(self.root), status) for file, status in _files(folder))
            visible = (pair for pair in files if not any(part.startswith(".") for part in pair[0].parts))
            entries = (_entry(path.as_posix(), status) for path, status in visible)
            return sorted(entry for entry in entries if entry.path.startswith(prefix))

    def commit(
        self,
        path: str,
        content: bytes,
        expected_generation: int,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002  (a file has no place for it)
    ) -> int:
        target = self.root / path
        with storage_errors(target, "written"), locked(self.root):
            current = self.read(path)
            if current is not None and current[0] == content:
                return current[1]
            generation = current[1] if current else 0
            if generation != expected_generation:
                raise _conflict(target)
            with replacing(target) as partial:
                partial.write_bytes(content)
                return _stamp(partial, after=generation)

    def delete(self, path: str, expected_generation: int) -> None:
        target = self.root / path
        with storage_errors(target, "removed"), locked(self.root):
            try:
                if target.stat().st_mtime_ns != expected_generation:
                    raise _conflict(target)
            except FileNotFoundError:
                return
            # Not flushed: a power cut may bring the object back, as the same generation.
            target.unlink()


def _conflict(target: Path) -> ConflictError:
    return ConflictError(
        f"Another writer replaced {target} in the meantime.",
        "Let the other run of the same slot end, then clear the task.",
    )


def _entry(path: str, status: os.stat_result) -> Entry:
    written_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return Entry(path, status.st_mtime_ns, status.st_size, written_at, crc32c=None)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file in the folder, at any depth; unlike ``rglob``, a folder that can't be read raises."""

    def fail(fault: OSError) -> None:
        raise fault

    if folder.is_dir():
        for parent, _, names in os.walk(folder, onerror=fail):
            for name in names:
                with suppress(FileNotFoundError):  # removed, or put in its place, since the folder was read
                    yield (file := Path(parent, name)), file.stat()


def _stamp(file: Path, *, after: int) -> int:
    """Set the file's modification time to now, or past ``after`` where the clock isn't beyond it."""
    now = time.time_ns()
    for moment in (max(now, after + 1), max(now, after + _COARSE_CLOCK_NS)):
        os.utime(file, ns=(moment, moment))
        generation = file.stat().st_mtime_ns
        if generation > after:
            break
    return generation
