"""The documents that answer questions: read, checked, cut into passages and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from llm_bench.errors import QuestionSetError

PASSAGE_WORDS = 120
"""A paragraph of more words is cut at the ends of sentences."""

_HEADING = re.compile(r"#{1,6}(?:\s+(?P<text>.*?)\s*#*)?")
_LIST_MARK = re.compile(r"^(?:[-*+•]|[0-9]{1,3}[.)])\s+")
# Inside a paragraph a line may start with the last number of a sentence ("… on average\n40. It was …"), so that there,
# as in CommonMark, only the number 1 starts a list.
_FIRST_MARK = re.compile(r"^(?:[-*+•]|1[.)])\s+")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_ROW_EDGES = re.compile(r"^\||(?<!\\)\|$")

# Abbreviations that pysbd takes for the end of a sentence: some never end one, some do before a capital or a number.
_OPEN = re.compile(r"(?:^|[\s(])(?:approx|ca|excl|incl|sq|vol)\.\s*$", re.IGNORECASE)
_MAYBE_OPEN = re.compile(r"(?:^|[\s(])(?:avg|bn|m|mln|pct|yr)\.\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a knowledge base.

    :param slug: the file's name without ``.md``.
    :param title: its first heading; the slug in words where there is none.
    :param text: the rest, Markdown.
    """

    slug: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that stands alone: what is retrieved and given to the LLM.

    :param document: slug of the document.
    :param text: Markdown, the document's title first, as a heading.
    """

    document: str
    text: str


def document_files(include: Path, industry: str) -> list[Path]:
    """The documents of an industry, ``include/knowledge/<industry>/*.md``, by slug."""
    return sorted((include / "knowledge" / industry).glob("*.md"), key=lambda file: file.stem)


def load_documents(include: Path, industry: str) -> tuple[Document, ...]:
    """The documents of an industry, by slug.

    :raises QuestionSetError: when there are none, or with every file that is empty, isn't UTF-8 or has another ending.
    """
    files = document_files(include, industry)
    folder = include / "knowledge" / industry
    others = sorted(other.name for other in folder.glob("[!.]*") if other not in files)
    problems = [
        f"{name}: would not be read; allowed: files that end in .md, in no folder of their own" for name in others
    ]
    documents = []
    for file in files:
        try:
            document = _document(file.stem, file.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as fault:
            problems.append(f"{file.name}: is not UTF-8 text (byte {fault.start})")
            continue
        documents.append(document)
        if not passages(document):
            problems.append(f"{file.name}: is empty; allowed: a title and text below it")
    if not files:
        problems.append("holds no document; allowed: at least one .md file")
    if problems:
        raise QuestionSetError(str(folder), problems)
    return tuple(documents)


def _document(slug: str, text: str) -> Document:
    first, _, rest = text.strip().partition("\n")
    heading = _HEADING.fullmatch(first.strip())
    if heading and heading["text"]:
        return Document(slug, heading["text"], rest.strip())
    return Document(slug, slug.replace("-", " ").replace("_", " ").capitalize(), text.strip())


def passages(document: Document) -> tuple[Passage, ...]:
    """A document's passages, in its order.

    A passage is a paragraph; one of more than ``PASSAGE_WORDS`` words is cut at the ends of sentences (a list: between
    its lines), and a table stays whole, with the paragraph before it. In front stand the document's title and the
    heading that the passage is under.
    """
    pieces: list[Passage] = []
    heading = f"# {document.title}"
    open_for_table = False
    for block in _blocks(document.text):
        section = _HEADING.fullmatch(block)
        if section:
            heading = f"# {document.title}: {section['text']}" if section["text"] else f"# {document.title}"
            open_for_table = False
        elif _table_length(block.split("\n")):
            before = pieces.pop().text if open_for_table else heading
            pieces.append(Passage(document.slug, f"{before}\n\n{block}"))
            open_for_table = False
        else:
            pieces += [Passage(document.slug, f"{heading}\n\n{piece}") for piece in _pieces(block)]
            open_for_table = True
    return tuple(pieces)


def _blocks(text: str) -> Iterator[str]:
    """Headings, paragraphs and tables of a Markdown text. In a paragraph only the items of a list are on own lines."""
    paragraph: list[str] = []
    lines = [line.strip() for line in text.splitlines()]
    at = 0
    while at < len(lines):
        line = lines[at]
        table = _table_length(lines, at)
        if table or not line or _HEADING.fullmatch(line):
            if paragraph:
                yield "\n".join(paragraph)
                paragraph = []
            if table:
                yield "\n".join(lines[at : at + table])
            elif line:
                yield line
        elif paragraph and not (_LIST_MARK if _LIST_MARK.match(paragraph[-1]) else _FIRST_MARK).match(line):
            paragraph[-1] += f" {line}"  # a line break inside a paragraph means nothing in Markdown
        else:
            paragraph.append(line)
        at += table or 1
    if paragraph:
        yield "\n".join(paragraph)


def _table_length(lines: Sequence[str], at: int = 0) -> int:
    """How many lines from ``at`` on are a table: header, rule, rows; 0 when they aren't one."""
    rule = lines[at + 1] if at + 1 < len(lines) else ""
    if "|" not in lines[at] or "|" not in rule or not _TABLE_RULE.fullmatch(rule):
        return 0
    return next((i for i in range(at, len(lines)) if "|" not in lines[i]), len(lines)) - at


def _pieces(paragraph: str) -> Iterator[str]:
    """The paragraph, or parts of at most ``PASSAGE_WORDS`` words where it can be cut so."""
    if len(paragraph.split()) <= PASSAGE_WORDS:
        yield paragraph
        return
    lines = paragraph.split("\n")
    units, joint = (lines, "\n") if len(lines) > 1 else (_split(paragraph), " ")
    piece: list[str] = []
    words = 0
    for unit in units:
        length = len(unit.split())
        if piece and words + length > PASSAGE_WORDS:
            yield joint.join(piece)
            piece, words = [], 0
        piece.append(unit)
        words += length
    yield joint.join(piece)


def sentences(text: str) -> list[str]:
    """The sentences of a text, in its order, trimmed.

    A line's end ends a sentence. Each row of a Markdown table is one ("Country: Denmark; Stores: 4."). Headings, and
    the marks of lists and bold text, are left out; a text that holds nothing else is one sentence as it stands.
    """
    texts: list[str] = []
    lines = [line.strip() for line in text.splitlines()]
    at = 0
    while at < len(lines):
        table = _table_length(lines, at)
        if table:
            texts += _rows(lines[at : at + table])
        elif not _HEADING.fullmatch(lines[at]):
            # The mark goes afterwards: with it, pysbd sees that a further one in the line ("… 2. Wheat") is one too.
            parts = _split(lines[at].replace("**", ""))
            texts += [_LIST_MARK.sub("", part) for part in parts[:1]] + parts[1:]
        at += table or 1
    whole = text.strip()
    return texts or ([whole] if whole else [])


def headings(text: str) -> list[str]:
    """The headings of a text, which ``sentences`` leaves out."""
    matches = (_HEADING.fullmatch(line.strip()) for line in text.splitlines())
    return [heading["text"] for heading in matches if heading and heading["text"]]


def openings(text: str) -> Iterator[str]:
    """The beginnings of a passage that end with a sentence or a table's row, shortest first; the last is all of it.

    None ends with a heading or with the head of a table.
    """
    lines = text.splitlines(keepends=True)
    stripped = [line.strip() for line in lines]
    ends: list[int] = []
    start = at = 0
    while at < len(lines):
        table = _table_length(stripped, at)
        for i in range(at, at + (table or 1)):
            if i >= at + 2:  # a table's row, below the header and the rule
                ends.append(start + len(lines[i].rstrip()))
            elif not table and not _HEADING.fullmatch(stripped[i]):
                ends += [start + end for end in _sentence_ends(lines[i])]
            start += len(lines[i])
        at += table or 1
    yield from (text[:end] for end in ends if end < len(text))
    yield text


def _sentence_ends(line: str) -> Iterator[int]:
    end = 0
    for sentence in _split(line):
        end = line.index(sentence, end) + len(sentence)
        yield end


def _rows(table: Sequence[str]) -> Iterator[str]:
    """A table's rows as sentences, each cell named by its column."""
    header, _, *rows = (
        [cell.strip().replace(r"\|", "|") for cell in _CELL_BORDER.split(_ROW_EDGES.sub("", line.strip()))]
        for line in table
    )
    for row in rows:
        cells = [
            f"{header[i]}: {cell}" if i < len(header) and header[i] else cell for i, cell in enumerate(row) if cell
        ]
        if cells:
            sentence = "; ".join(cells)
            yield sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _split(line: str) -> list[str]:
    """The sentences of one line."""
    line = line.strip()
    parts: list[str] = _segmenter().segment(line)
    if "".join(parts) != line:
        parts = [line]  # pysbd loses text that holds the symbols which it marks boundaries with
    joined: list[str] = []
    for part in parts:
        if joined and (_OPEN.search(joined[-1]) or (_MAYBE_OPEN.search(joined[-1]) and part[:1].islower())):
            joined[-1] += part
        else:
            joined.append(part)
    return [part.strip() for part in joined if part.strip()]


@cache
def _segmenter() -> Any:
    import pysbd  # noqa: PLC0415

    return pysbd.Segmenter(language="en", clean=False)
