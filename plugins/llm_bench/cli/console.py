"""What the commands share: the terminal, and how things are said on it."""

from __future__ import annotations

import time

from rich.console import Console

from llm_bench.errors import StudyError
from llm_bench.paths import include
from llm_bench.study import Study, load_study, study_files

console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a line with the time of day."""
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


def interrupt(_number: int, _frame: object) -> None:
    """A handler of signals that does as Ctrl-C does."""
    raise KeyboardInterrupt


def find_study(name: str) -> Study:
    """The study of that name.

    :raises StudyError: there is none, or its file can't be used.
    """
    paths = {path.stem: path for path in study_files(include())}
    if name not in paths:
        raise StudyError(f"include/studies/{name}.yaml", [f"there is no such file; studies here: {', '.join(paths)}"])
    return load_study(paths[name])
