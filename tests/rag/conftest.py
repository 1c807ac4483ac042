from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

MANY = 4


@pytest.fixture
def at_once() -> Callable[[Callable[[], object]], list[object]]:
    """Does a thing in several threads that begin together; what came of each."""

    def run(do: Callable[[], object]) -> list[object]:
        together = threading.Barrier(MANY)

        def one(_: int) -> object:
            together.wait()
            return do()

        with ThreadPoolExecutor(MANY) as pool:
            return list(pool.map(one, range(MANY)))

    return run
