"""The object store in a folder."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Iterator
from pathlib import Path

from llm_bench.errors import ConflictError
from llm_bench.files import locked, replacing, storage_errors

_COARSE_CLOCK_NS = 2_000_000_000
"""Some file systems keep a file's time to two seconds only."""


class FileStore:
    """A folder. Its lock orders the writers.

    An object's generation is its modification time in nanoseconds, which every replacement moves forward.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> tuple[bytes, int] | None:
        with storage_errors(self.root / path, "read"):
            try:
                with (self.root / path).open("rb") as file:
                    return file.read(), os.fstat(file.fileno()).st_mtime_ns
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> builtins.list[str]:
        folder = self.root / prefix.rpartition("/")[0]
        with storage_errors(folder, "read"):
            paths = (file.relative_to(self.root) for file in _files(folder))
            visible = (path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
            return sorted(path for path in visible if path.startswith(prefix))

    def commit(self, path: str, content: bytes, expected_generation: int) -> int:
        target = self.root / path
        with storage_errors(target, "written"), locked(self.root):
            current = self.read(path)
            if current is not None and current[0] == content:
                return current[1]
            generation = current[1] if current else 0
            if generation != expected_generation:
                raise ConflictError(
                    f"Another writer replaced {target} in the meantime.",
                    "Let the other run of the same slot end, then clear the task.",
                )
            with replacing(target) as partial:
                partial.write_bytes(content)
                return _stamp(partial, after=generation)


def _files(folder: Path) -> Iterator[Path]:
    """Every file in the folder, at any depth; unlike ``rglob``, a folder that can't be read raises."""

    def fail(fault: OSError) -> None:
        raise fault

    if folder.is_dir():
        for parent, _, names in os.walk(folder, onerror=fail):
            yield from (Path(parent, name) for name in names)


def _stamp(file: Path, *, after: int) -> int:
    """Set the file's modification time to now, or past ``after`` where the clock isn't beyond it."""
    now = time.time_ns()
    for moment in (max(now, after + 1), max(now, after + _COARSE_CLOCK_NS)):
        os.utime(file, ns=(moment, moment))
        generation = file.stat().st_mtime_ns
        if generation > after:
            break
    return generation
