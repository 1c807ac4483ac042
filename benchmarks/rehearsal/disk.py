"""A disk that can be full: a file system in memory, of a fixed size."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
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

    def fill(self) -> None:
        """Leaves no byte free for some seconds."""
        try:
            with self._filler.open("wb", buffering=0) as file:
                ends = time.monotonic() + FULL_SEC
                while time.monotonic() < ends:
                    try:
                        file.write(_BLOCK)
                    except OSError as fault:
                        if fault.errno != errno.ENOSPC:
                            raise
                        time.sleep(0.05)  # what others delete meanwhile is taken, too
        finally:
            self._filler.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """Mounts one on an empty folder; None for whoever isn't root, who may not."""
    if os.geteuid() != 0:
        yield None
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
