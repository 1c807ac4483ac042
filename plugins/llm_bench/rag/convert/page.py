"""Pages of HTML, and what Word documents become on their way."""

from __future__ import annotations

import codecs
import itertools
import re
from contextlib import suppress
from html import unescape
from typing import Any

from llm_bench.rag.convert.outcome import Converted, UnusableError, counted, place
from llm_bench.rag.convert.rows import table, tidy


def html(content: bytes) -> Converted:
    """A page: its text, without menus, scripts and what it hides. Nothing that it names is fetched.

    :raises UnusableError: its bytes aren't text in the charset that it names, or in UTF-8.
    """
    text = _decoded(content)
    title = re.search(r"<title[^>]*>([^<]*)</title>", text[:100_000], re.IGNORECASE)
    pictures = len(re.findall(r"<(?:img|svg|canvas|video)\b", text, re.IGNORECASE))
    frames = len(re.findall(r"<(?:iframe|object|embed)\b", text, re.IGNORECASE))
    notes = [f"{counted(pictures, 'picture')} left out"] if pictures else []
    if frames:
        notes.append(f"{counted(frames, 'page within the page', 'pages within the page')} left out")
    found, lost = from_html(text)
    if title and title[1].strip() and not found.startswith("#") and found:
        found = f"# {' '.join(unescape(title[1]).split())}\n\n{found}"
    return found, notes + lost


_CHARSET = re.compile(rb"""<meta[^>]*charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


def _decoded(content: bytes) -> str:
    named = _CHARSET.search(content[:1024])
    charset = "utf-8"
    if named and not content.startswith(codecs.BOM_UTF8):
        with suppress(LookupError, UnicodeDecodeError):
            charset = codecs.lookup(named[1].decode("ascii")).name
    try:
        text = content.decode("utf-8-sig" if charset == "utf-8" else charset)
    except (UnicodeError, LookupError) as fault:  # some codecs are none of text
        raise UnusableError(
            f"is no text in {charset} ({place(fault)}); allowed: HTML in the charset that it names, or UTF-8"
        ) from None
    if "\0" in text or "<" not in text:
        raise UnusableError("is no HTML, whatever its name says; allowed: a page that a browser shows")
    return text


_DROPPED = (
    "nav footer aside form script style noscript template iframe object embed svg canvas video audio button select"
)


def from_html(text: str) -> Converted:
    """HTML as Markdown."""
    from html_to_markdown import ConversionOptions, convert

    options = ConversionOptions(
        extract_metadata=False,
        include_document_structure=True,  # which has the tables' cells with their spans
        skip_images=True,
        autolinks=False,
        compact_tables=True,
        strip_tags=["a"],
        exclude_selectors=_DROPPED.split(),
    )
    result = convert(text, options)
    parts: list[str] = []
    content, at = result.content or "", 0
    for found in result.tables:
        start = content.find(found.markdown, at)
        if start >= 0:
            parts += [content[at:start], _spanned(found)]
            at = start + len(found.markdown)
    too_deep = any("depth_limit_exceeded" in str(warning.kind) for warning in result.warnings)
    return tidy("".join(parts) + content[at:]), ["what is nested very deep is left out"] if too_deep else []


def _spanned(found: Any) -> str:
    """A table in which a cell over several rows or columns stands in each of them; heads of several rows are one."""
    rows: dict[int, list[Any]] = {}
    for cell in found.grid.cells:
        rows.setdefault(cell.row, []).append(cell)
    by_row = [rows[number] for number in sorted(rows)]
    heads = max(len(list(itertools.takewhile(lambda row: all(cell.is_header for cell in row), by_row))), 1)
    if heads == 1 and all(cell.row_span == cell.col_span == 1 for row in by_row for cell in row):
        return str(found.markdown)
    grid = _grid(by_row)
    head = [" ".join(dict.fromkeys(filter(None, column))) for column in itertools.zip_longest(*grid[:heads])]
    return table(head, grid[heads:]) + "\n"


def _grid(rows: list[list[Any]]) -> list[list[str]]:
    """The texts of cells by row and column, as a browser places them: each in the first column that is free."""
    grid: list[dict[int, str]] = [{} for _ in rows]
    for number, cells in enumerate(rows):
        column = 0
        for cell in cells:
            while column in grid[number]:
                column += 1
            text = cell.content.replace(r"\|", "|")
            for row in grid[number : number + cell.row_span]:
                row.update(dict.fromkeys(range(column, column + cell.col_span), text))
    return [[row.get(column, "") for column in range(max(row, default=-1) + 1)] for row in grid]
