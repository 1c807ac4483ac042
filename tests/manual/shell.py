"""The commands of a shell's script, as far as they can be told without running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SEPARATORS = {"&&", "||", "|", ";", "&"}


@dataclass(frozen=True)
class Command:
    """One command: the variables that are set for it or exported, and its words.

    :param page: where it stands.
    """

    page: str
    line: int
    variables: dict[str, str]
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


def commands(page: str, first: int, script: str) -> Iterator[Command]:
    """The commands of a script: one line each, but for a backslash at its end; joined by ``&&``, ``|`` and the like.

    :param first: the number of its first line on the page.
    :raises ValueError: it can't be split, as a quote isn't closed.
    """
    # What a backslash goes on from keeps its line's number.
    for number, line in enumerate(re.sub(r"((?:.*\\\n)+.*)", _joined, script).splitlines(), first):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for token in [*lexer, ";"]:
            if token not in _SEPARATORS:
                words.append(token)
            elif words:
                yield _command(page, number, words)
                words = []


def _joined(lines: re.Match[str]) -> str:
    """One line, and as many empty ones after it as it went over."""
    return lines[0].replace("\\\n", " ") + "\n" * lines[0].count("\n")


def _command(page: str, line: int, words: list[str]) -> Command:
    plain = [word for before, word in zip(["", *words], words, strict=False) if not {before, word} & {">", ">>", "<"}]
    exported = plain[1:] if plain[:1] == ["export"] else plain
    count = next((n for n, word in enumerate(exported) if not _ASSIGNMENT.match(word)), len(exported))
    pairs = (word.split("=", 1) for word in exported[:count])
    return Command(page, line, {name: value for name, value in pairs}, tuple(exported[count:]))  # noqa: C416
