"""An object as a listing shows it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Entry(NamedTuple):
    """One object of a store, without its content.

    :param path: ``/`` between its parts, none at either end.
    :param generation: over 0; another one for every replacement.
    :param size: bytes.
    :param written_at: when this generation was written, by the store's own clock; aware.
    :param crc32c: of the content, in Base64 as Google writes it; None where the store would have to read the object.
    """

    path: str
    generation: int
    size: int
    written_at: datetime
    crc32c: str | None
