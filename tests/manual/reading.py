"""The documentation as a reader's tools see it: blocks, links, anchors and words in backticks of README and docs/."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FILE = re.compile(r"`(include/[\w./-]+)`:$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param file: the path that the line before it names (`` `include/…`: ``); None where there is none.
    """

    page: str
    line: int
    language: str
    text: str
    file: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, order=True)
class Word:
    """A link's target, or what stands in backticks."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells as they were written; none for the head."""

    page: str
    line: int
    cells: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' | '.join(self.cells)}"


@dataclass
class Page:
    """A page.

    :param name: its path in the project.
    :param links: targets of links and images.
    :param anchors: of its headings, as GitHub makes them.
    :param spans: words in backticks.
    :param rows: of its tables, heads left out.
    """

    name: str
    blocks: list[Block] = field(default_factory=list)
    links: list[Word] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    spans: list[Word] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def __str__(self) -> str:
        return self.name


def pages(project: Path) -> list[Page]:
    """README and all of docs/, by name."""
    return [read(path, project) for path in (project / "README.md", *sorted((project / "docs").glob("*.md")))]


def read(path: Path, project: Path) -> Page:
    """One page."""
    page = Page(path.relative_to(project).as_posix())
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    before, heading, line, cells = "", False, 0, list[str]()
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        heading = token.type == "heading_open" or (heading and token.type != "heading_close")
        if token.type == "tr_open":
            cells = []
        elif token.type == "inline":
            before = token.content
            _take_inline(page, token, line, heading=heading)
        elif token.type == "td_close":
            cells.append(before)
        elif token.type == "tr_close" and cells:
            page.rows.append(Row(page.name, line, tuple(cells)))
        elif token.type == "fence":
            file = _FILE.search(before)
            page.blocks.append(Block(page.name, line, token.info.strip(), token.content, file and file[1]))
            before = ""
    return page


def _take_inline(page: Page, token: Token, line: int, *, heading: bool) -> None:
    parts = token.children or []
    for part in parts:
        if part.type in {"softbreak", "hardbreak"}:
            line += 1
        elif part.type == "code_inline":
            page.spans.append(Word(page.name, line, part.content))
        elif part.type in {"link_open", "image"}:
            page.links.append(Word(page.name, line, str(part.attrGet("href") or part.attrGet("src"))))
    if heading:
        page.anchors.append(anchor("".join(part.content for part in parts)))


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
