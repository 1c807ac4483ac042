"""Rows of a list or a sheet as Markdown. Pure."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

_NUMBER = re.compile(r"[-+(]?[€$£]?\s?[0-9][0-9.,\s]*[%)]?")
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 20


def read_csv(text: str) -> Iterator[list[str]]:
    """The rows of a text with commas, semicolons, tabs or bars between cells: whatever cuts its first rows alike.

    :raises csv.Error: it isn't such a text.
    """
    csv.field_size_limit(len(text) + 1)
    lines = list(itertools.islice((line for line in text.splitlines() if line.strip()), _SAMPLE))
    return csv.reader(text.splitlines(keepends=True), delimiter=max(_DELIMITERS, key=lambda sign: _fits(lines, sign)))


def _fits(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    """How many of the lines have as many cells as the usual one, which has more than one; and how many that is."""
    widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    wide = [width for width in widths if width > 1]
    usual = max(set(wide), key=wide.count, default=0)
    return widths.count(usual), usual


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """Blank rows part tables; rows of one cell before a table are paragraphs. A table's first row is its head.

    A table without a head of its own, which is one that starts with numbers, goes on with the head before it.
    """
    parts: list[str] = []
    head: list[str] = []
    for filled, group in itertools.groupby(map(_trimmed, rows), key=bool):
        if not filled:
            continue
        block = list(group)
        while block and sum(map(bool, block[0])) == 1:
            parts.append(_cell("".join(block.pop(0))))
        if block:
            goes_on = len(head) == len(block[0]) and any(_NUMBER.fullmatch(cell) for cell in block[0])
            head = head if goes_on else block.pop(0)
            parts.append(table(head, block))
    return "\n\n".join(part for part in parts if part)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; rows may be shorter than the head, or longer."""
    return "\n".join([_line(head), "|" + "---|" * len(head), *(_line(row) for row in rows)])


def _line(row: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _trimmed(row: Sequence[str]) -> list[str]:
    """The row without the empty cells at its end."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


_NOISE = re.compile(r"^(?:-{3,}|\*{3,}|_{3,}|```\w*)$\n?", re.MULTILINE)


def tidy(text: str) -> str:
    """Without rules between parts, and the marks of text that is shown as it stands."""
    return _NOISE.sub("", text).strip()
