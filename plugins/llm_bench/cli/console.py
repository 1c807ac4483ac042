"""The terminal that the commands share, and how things are said on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from llm_bench.inert import seen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment
    from rich.status import Status
    from rich.text import Text


@cache
def console(*, aside: bool = False) -> Console:
    """The terminal: what is printed on it is text, whatever it holds, and only styles are obeyed.

    :param aside: of what must not mix with the output.
    """
    from rich.console import Console

    class Terminal(Console):
        def render(self, *args: Any, **options: Any) -> Iterator[Segment]:
            for segment in super().render(*args, **options):
                yield segment if segment.control else segment._replace(text=seen(segment.text))

    return Terminal(highlight=False, soft_wrap=True, markup=False, stderr=aside)


def say(text: str) -> None:
    """Prints a line with the time of day."""
    from rich.text import Text

    console().print(Text.assemble((time.strftime("%H:%M:%S"), "dim"), " ", text))


LONG_SEC = 10.0
"""Whoever has waited so long is told why, where it is the machine."""


class Waiting:
    """A line below all others, on a terminal: what is waited for, and since when; use as a context manager."""

    def __init__(self) -> None:
        self._began = self._since = time.monotonic()
        self._what = ""
        self._status: Status | None = None

    def wait_for(self, what: str) -> None:
        """Says what is waited for next."""
        self._what, self._since = what, time.monotonic()

    @property
    def slow(self) -> str:
        """Why it takes long, where the machine has more to do than it has cores; else nothing."""
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        if time.monotonic() - self._began < LONG_SEC or load <= cores:
            return ""
        return f"slow: this machine is busy (load {load:.0f} on {cores} cores)"

    def __rich__(self) -> Text:
        from rich.text import Text

        waited = time.monotonic() - self._since
        line = Text(f"{self._what} {waited:.0f} s" if waited >= 1 else self._what, "dim")
        return line.append(f"  {slow}", "yellow") if (slow := self.slow) else line

    def __enter__(self) -> None:
        self._status = console().status(self)
        self._status.start()

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()


def interrupt(_number: int, _frame: object) -> None:
    """A handler of signals that does as Ctrl-C does."""
    raise KeyboardInterrupt
