"""What was made of the objects of a store: a generation of an object has the same content whenever it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from llm_bench.store.entry import Entry

if TYPE_CHECKING:
    from llm_bench.store.base import Store

T = TypeVar("T")


class Remembered(Generic[T]):
    """What is made of each object, once for as long as few others are asked for. Safe for many threads.

    :param make: of an object's path and content; where it raises, nothing is remembered.
    :param most: objects; those that were read first go first.
    """

    def __init__(self, make: Callable[[str, bytes], T], most: int) -> None:
        self._make = make
        self._most = most
        self._made: dict[tuple[str, str, int], T] = {}
        self._lock = threading.Lock()

    def of(self, store: Store, entry: Entry) -> T | None:
        """What is made of an object; None of one that is gone since the store was listed.

        :raises StorageError: the store can't be read.
        """
        with suppress(KeyError):
            return self._made[store.address, entry.path, entry.generation]
        held = store.read(entry.path)
        if held is None:
            return None
        made = self._make(entry.path, held[0])
        with self._lock:
            self._made[store.address, entry.path, held[1]] = made
            while len(self._made) > self._most:
                del self._made[next(iter(self._made))]
        return made
