"""Replacing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_bench.errors import StorageError

LOCK = ".lock"
PARTIAL = ".partial"
"""Hidden, so never taken for an object; one name a folder suffices, because a writer holds the lock. What a killed
writer left there, the next one overwrites."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def storage_errors(path: Path, verb: str) -> Iterator[None]:
    """Turns an ``OSError`` into a ``StorageError`` that says what to do.

    :param verb: what was tried, e.g. "written".
    """
    try:
        yield
    except OSError as fault:
        if fault.errno in _FULL:
            fix = "Free some space there, then clear the task."
        elif fault.errno in _FORBIDDEN:
            fix = "Give the user that Airflow runs as the right to read and write there, then clear the task."
        else:
            fix = "Check that folder and its disk, then clear the task."
        raise StorageError(f"{fault.filename or path} can't be {verb}: {fault.strerror or fault}.", fix) from fault


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, among threads and processes alike; the folder is made where it is missing.

    :raises OSError: the lock can't be had.
    """
    make_folder(folder)
    # Opened for reading: a lock needs no more, and another user's lock file may not be writable.
    descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; the file becomes ``path`` when the block ends well, and is gone when it doesn't.

    The caller holds a lock that covers the folder.

    :raises OSError: nothing has changed then, or all has and only the folder couldn't be flushed.
    """
    make_folder(path.parent)
    partial = path.with_name(PARTIAL)
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush(folder.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
