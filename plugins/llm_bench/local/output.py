"""Standard output that a full disk doesn't fail: what has no room in it is left out.

Airflow's scheduler writes its log to standard output. Where one line of it can't be written, its loop ends, and it then
waits for its workers without an end: no slot is started any more, though the process is there.
"""

from __future__ import annotations

import errno
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class _Lossy(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as fault:
            if fault.errno not in _NO_ROOM:
                raise
            return memoryview(data).nbytes


def without_what_has_no_room() -> None:
    """Makes standard output and standard error of this process, and of those that it forks, such ones."""
    for name in ("stdout", "stderr"):
        raw = _Lossy(getattr(sys, name).fileno(), "w", closefd=False)
        text = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="replace", line_buffering=True)
        setattr(sys, name, text)
