"""The terminal that the commands share, and how things are said on it."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@cache
def console() -> Console:
    """The terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a line with the time of day."""
    console().print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


def interrupt(_number: int, _frame: object) -> None:
    """A handler of signals that does as Ctrl-C does."""
    raise KeyboardInterrupt
