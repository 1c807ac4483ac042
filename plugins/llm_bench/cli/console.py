"""The terminal that the commands share, and how things are said on it."""

from __future__ import annotations

import re
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of a text."""


@cache
def console() -> Console:
    """The terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a line with the time of day."""
    console().print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


def printable(words: str) -> str:
    """Words from outside without what a terminal would obey."""
    return _OBEYED.sub("\ufffd", words)


def interrupt(_number: int, _frame: object) -> None:
    """A handler of signals that does as Ctrl-C does."""
    raise KeyboardInterrupt
