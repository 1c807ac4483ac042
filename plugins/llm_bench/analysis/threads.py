"""Work on large arrays by several threads: numpy lets go of Python's lock where it takes its time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

MOST = 4
"""Threads: with more, they wait for the memory rather than for a core."""


def each(make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """What is made of each item, in their order. The threads are gone afterwards.

    :param make: reads arrays alone, and nothing of ``Records``, which are for one thread.
    """
    with ThreadPoolExecutor(min(MOST, os.cpu_count() or 1)) as pool:
        return list(pool.map(make, items))
