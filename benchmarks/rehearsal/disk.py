"""A disk that can be full: a file system in memory, of a fixed size."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SIZE = 2 * 2**30
FULL_SEC = 8.0
_BLOCK = bytes(2**20)


class Disk:
    """The disk of a folder.

    :param folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    @contextmanager
    def full(self) -> Iterator[None]:
        """No byte is free for its span: what others delete meanwhile is taken, too."""
        over = threading.Event()
        with self._filler.open("wb", buffering=0) as file, ThreadPoolExecutor(1) as pool:
            _take_all(file)
            taking = pool.submit(_keep_full, file, over)
            try:
                yield
            finally:
                over.set()
                self._filler.unlink()
                taking.result()

    def fill(self) -> None:
        """Leaves no byte free for some seconds."""
        with self.full():
            time.sleep(FULL_SEC)


def _take_all(file: io.FileIO) -> None:
    try:
        while file.write(_BLOCK):
            pass
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise


def _keep_full(file: io.FileIO, over: threading.Event) -> None:
    while not over.wait(0.05):
        _take_all(file)


@contextmanager
def small_disk(folder: Path, size: int = SIZE) -> Iterator[Disk | None]:
    """Mounts one on an empty folder; None for whoever isn't root, who may not."""
    if os.geteuid() != 0:
        yield None
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
