"""The terminal that the commands share, and how things are said on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from llm_bench.inert import seen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment


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


def interrupt(_number: int, _frame: object) -> None:
    """A handler of signals that does as Ctrl-C does."""
    raise KeyboardInterrupt
