"""The documents that answer questions: read, checked, cut into passages and sentences."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from llm_bench.errors import QuestionSetError
from llm_bench.inert import storable
from llm_bench.rag.convert.conversion import LIBRARIES, ConversionError, check_size, convert

MARKDOWN = ".md"
ENDINGS = (MARKDOWN, *LIBRARIES)
"""What a document's file may end in."""

_VISIBLE = "[!.~]*"  # "~$report.docx" stands beside report.docx while Word has it open

PASSAGE_WORDS = 120
"""A paragraph of more words is cut at the ends of sentences, a table between its rows."""

TITLE_WORDS = 12
"""A heading, or a line before a table, of at most so many words stands before each row of it as a sentence."""

CAPTION_WORDS = 30
"""A paragraph before a table of at most so many words stands before each part of it."""

SENTENCE_CHARACTERS = 4000
"""Longer text is taken for more than one sentence, so that the time to find them grows as the text does."""

_HEADING = re.compile(r"#{1,6}(?:\s+(?P<text>.*))?")
_LIST_MARK = re.compile(r"^(?:[-*+•]|[0-9]{1,3}[.)])\s+")
# Inside a paragraph a line may start with the last number of a sentence ("… on average\n40. It was …"), so that there,
# as in CommonMark, only the number 1 starts a list.
_FIRST_MARK = re.compile(r"^(?:[-*+•]|1[.)])\s+")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_SPACE = re.compile(r"\s*")
_ROW_EDGES = re.compile(r"^\||(?<!\\)\|$")
_NO_MARKDOWN = {"\t": 1, "|": 2, ";": 2, ",": 2}
"""What parts the cells of a table without a rule, and how many of it a line has at least."""
_SCALE = re.compile(
    r"(?:[(\[]|\b[Ii]n )((?:[A-Z]{3}|[€$£¥])?\s?(?:k|m|mn|mln|bn|'000|[Tt]housands?|[MmBb]illions?|[MB]io\.?|Mrd\.?|"
    r"Tsd\.?|Millionen|Milliarden|Tausend)(?:\s(?:[A-Z]{3}|[€$£¥]|\w+s|Euro))?|[A-Z]{3}|[€$£¥%])[)\]]?[.:]?$"
)
"""The unit that a caption or the name of a row ends in: "Revenue (EUR m)", "All figures in EUR million."."""
_TABLE_NUMBER = re.compile(r"^(?:Table|Tab\.|Tabelle|Figure|Exhibit)\s+[0-9][0-9.]*[:.]?\s+")
_BARE = re.compile(r"[-−–+(]?[0-9][0-9.,'’ ]*\)?")

# Abbreviations that pysbd takes for the end of a sentence: some never end one, some do before a capital or a number.
_OPEN = re.compile(r"(?:^|[\s(])(?:approx|ca|excl|incl|sq|vol)\.\s*$", re.IGNORECASE)
_MAYBE_OPEN = re.compile(r"(?:^|[\s(])(?:avg|bn|m|mln|pct|yr)\.\s*$", re.IGNORECASE)
_SCALES_OPEN = re.compile(r"[0-9]\s(?:Mio|Mrd|Bio|Tsd)\.\s*$")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a knowledge base.

    :param slug: the file's name without its ending; ``file`` has it.
    :param title: its first heading; the slug in words where there is none.
    :param text: the rest, Markdown.
    :param notes: what was lost when it was converted, a phrase each.
    """

    slug: str
    title: str
    text: str
    notes: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that stands alone: what is retrieved and given to the LLM.

    :param document: slug of the document.
    :param text: Markdown, the document's title first, as a heading.
    """

    document: str
    text: str


def document_files(include: Path, industry: str) -> list[Path]:
    """The documents of an industry, the files of ``include/knowledge/<industry>/`` that can be read, by slug."""
    files = (include / "knowledge" / industry).glob(_VISIBLE)
    return sorted((file for file in files if _is_readable(file)), key=lambda file: (file.stem, file.suffix))


def _is_readable(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and file.is_file()


def load_documents(include: Path, industry: str, cache: Path | None = None) -> tuple[Document, ...]:
    """The documents of an industry, by slug.

    :param cache: folder of earlier conversions; None: what isn't Markdown is converted anew.
    :raises QuestionSetError: when there are none, or with every file that can't be used, and why.
    :raises StorageError: when the cache can't be written.
    """
    files = document_files(include, industry)
    folder = include / "knowledge" / industry
    allowed = f"files that end in {', '.join(ENDINGS)}, in no folder of their own"
    others = sorted(other.name for other in folder.glob(_VISIBLE) if other not in files)
    problems = [f"{name}: would not be read; allowed: {allowed}" for name in others]
    problems += [
        f"{second.name}: has the name of {first.name}; allowed: each name once, whatever the ending"
        for first, second in itertools.pairwise(files)
        if first.stem == second.stem
    ]
    documents = []
    for file in files:
        try:
            document = _load(file, cache)
        except UnicodeDecodeError as fault:
            problems.append(f"{file.name}: is not UTF-8 text (byte {fault.start})")
        except ConversionError as reason:
            problems.append(f"{file.name}: {reason}")
        else:
            documents.append(document)
            if not passages(document):
                problems.append(f"{file.name}: is empty; allowed: a title and text below it")
    if not files:
        problems.append(f"holds no document; allowed: at least one file that ends in {', '.join(ENDINGS)}")
    if problems:
        raise QuestionSetError(str(folder), problems)
    return tuple(documents)


def _load(file: Path, cache: Path | None) -> Document:
    if file.suffix.lower() == MARKDOWN:
        check_size(file)
        return _document(file.stem, file.read_text(encoding="utf-8-sig"))
    text, notes = convert(file, cache)
    titled = f"# {_in_words(file.stem)}\n\n{text}" if text.startswith("## ") else text  # the first of several sheets
    return replace(_document(file.stem, titled), notes=notes, file=file.name)


def _document(slug: str, text: str) -> Document:
    slug, text = storable(slug), storable(text)  # Airflow passes the passages on
    first, _, rest = text.strip().partition("\n")
    heading = _heading(first.strip())
    if heading:
        return Document(slug, heading, rest.strip())
    return Document(slug, _in_words(slug), text.strip())


def _in_words(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ").capitalize()


def passages(document: Document) -> tuple[Passage, ...]:
    """A document's passages, in its order.

    A passage is a paragraph; one of more than ``PASSAGE_WORDS`` words is cut at the ends of sentences (a list: between
    its lines). A table stays together with the paragraph before it; one of more words is cut between its rows, and each
    part has its head, and that paragraph where it is a short one. In front stand the document's title and the heading
    that the passage is under.
    """
    pieces: list[Passage] = []
    heading = f"# {document.title}"
    paragraph = ""  # the one right before
    for block in _blocks(document.text):
        section = _heading(block)
        if section is not None:
            heading = f"# {document.title}: {section}" if section else f"# {document.title}"
            paragraph = ""
        elif _table_length(block.split("\n")):
            before = pieces.pop().text if paragraph else heading
            caption = f"{heading}\n\n{paragraph}" if 0 < len(paragraph.split()) <= CAPTION_WORDS else heading
            first, *more = _table_pieces(block)
            pieces.append(Passage(document.slug, f"{before}\n\n{first}"))
            pieces += [Passage(document.slug, f"{caption}\n\n{piece}") for piece in more]
            paragraph = ""
        else:
            pieces += [Passage(document.slug, f"{heading}\n\n{piece}") for piece in _pieces(block)]
            paragraph = block
    return tuple(pieces)


def _heading(line: str) -> str | None:
    """The text of a heading, which may be empty; None where the line is none."""
    match = _HEADING.fullmatch(line)
    return (match["text"] or "").rstrip("#").rstrip() if match else None


def _blocks(text: str) -> Iterator[str]:
    """Headings, paragraphs and tables of a Markdown text. In a paragraph only the items of a list are on own lines."""
    paragraph: list[list[str]] = []  # its lines, each with those that go on with it
    lines = [line.strip() for line in text.splitlines()]
    at = 0
    while at < len(lines):
        line = lines[at]
        table = _table_length(lines, at)
        if table or not line or _HEADING.fullmatch(line):
            if paragraph:
                yield "\n".join(" ".join(parts) for parts in paragraph)
                paragraph = []
            if table:
                yield "\n".join(lines[at : at + table])
            elif line:
                yield line
        elif paragraph and not _marks(paragraph[-1]).match(line):
            paragraph[-1].append(line)  # a line break inside a paragraph means nothing in Markdown
        else:
            paragraph.append([line])
        at += table or 1
    if paragraph:
        yield "\n".join(" ".join(parts) for parts in paragraph)


def _marks(parts: Sequence[str]) -> re.Pattern[str]:
    """What starts an item after this line."""
    return _LIST_MARK if _LIST_MARK.match(" ".join(parts[:2])) else _FIRST_MARK


def _table_length(lines: Sequence[str], at: int = 0) -> int:
    """How many lines from ``at`` on are a table: header, rule, rows; 0 when they aren't one."""
    rule = lines[at + 1] if at + 1 < len(lines) else ""
    if "|" not in lines[at] or "|" not in rule or not _TABLE_RULE.fullmatch(rule):
        return 0
    return next((i for i in range(at, len(lines)) if "|" not in lines[i]), len(lines)) - at


def _pieces(paragraph: str) -> Iterator[str]:
    """The paragraph, or parts of at most ``PASSAGE_WORDS`` words where it can be cut so."""
    if _words(paragraph) <= PASSAGE_WORDS:
        yield paragraph
        return
    lines = paragraph.split("\n")
    units, joint = (lines, "\n") if len(lines) > 1 else (_split(paragraph), " ")
    short = (unit[at : at + SENTENCE_CHARACTERS] for unit in units for at in range(0, len(unit), SENTENCE_CHARACTERS))
    yield from (joint.join(part) for part in _parts(short))


def _table_pieces(table: str) -> Iterator[str]:
    """The table, or parts of it: each with its head, where that is no longer than a sentence may be."""
    head, rule, *rows = table.split("\n")
    first, *more = _parts(rows)
    yield "\n".join([head, rule, *first])
    again = [head, rule] if len(head) <= SENTENCE_CHARACTERS else []
    yield from ("\n".join([*again, *part]) for part in more)


def _parts(units: Iterable[str]) -> Iterator[list[str]]:
    """The units in groups of at most ``PASSAGE_WORDS`` words, at least one in each."""
    part: list[str] = []
    words = 0
    for unit in units:
        length = _words(unit)
        if part and words + length > PASSAGE_WORDS:
            yield part
            part, words = [], 0
        part.append(unit)
        words += length
    yield part


def _words(text: str) -> int:
    """The words of a text; a border between cells is one, and text without white space is words of 33 letters."""
    return max(len(text.split()), len(text) * PASSAGE_WORDS // SENTENCE_CHARACTERS)


def sentences(text: str, *, language: str = "en") -> list[str]:
    """The sentences of a text, in its order, trimmed.

    A line's end ends a sentence. Each row of a table is one, below its title and with the unit of its numbers:
    "Stores in 2025 – Country: Denmark; Stores: 4.", "Item: Revenue; 2025 (EUR m): 4.2.". Headings, and the marks of
    lists and bold text, are left out; a text that holds nothing else is one sentence as it stands.

    :param language: of the text, ISO 639-1: where its sentences end.
    """
    texts: list[str] = []
    lines = [line.strip() for line in text.splitlines()]
    title = ""
    at = 0
    while at < len(lines):
        table, border = _table(lines, at)
        if table:
            texts += _rows(lines[at : at + table], border, _TABLE_NUMBER.sub("", title))
        elif (heading := _heading(lines[at])) is not None:
            title = heading
        elif lines[at]:
            # The mark goes afterwards: with it, pysbd sees that a further one in the line ("… 2. Wheat") is one too.
            title = lines[at].replace("**", "")
            parts = _split(title, language)
            texts += [_LIST_MARK.sub("", part) for part in parts[:1]] + parts[1:]
        at += table or 1
    whole = text.strip()
    return texts or ([whole] if whole else [])


def _table(lines: Sequence[str], at: int) -> tuple[int, str]:
    """How many lines from ``at`` on are a table, of Markdown or not, and what parts its cells; 0 where they aren't."""
    if length := _table_length(lines, at):
        return length, "|"
    for border, least in _NO_MARKDOWN.items():
        count = lines[at].count(border)
        if count >= least and (border in "\t|" or not any(f"{border} " in line for line in lines[at : at + 2])):
            end = next((i for i in range(at, len(lines)) if lines[i].count(border) != count), len(lines))
            if end > at + 1:
                return end - at, border
    return 0, ""


def headings(text: str) -> list[str]:
    """The headings of a text, which ``sentences`` leaves out."""
    return [heading for line in text.splitlines() if (heading := _heading(line.strip()))]


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


def _rows(table: Sequence[str], border: str, title: str) -> Iterator[str]:
    """A table's rows as sentences, each cell named by its column."""
    title = title.rstrip(".:") if len(title.split()) <= TITLE_WORDS else ""
    header, *rows = (_cells(line, border) for line in table if line is not table[1] or not _TABLE_RULE.fullmatch(line))
    measured = _SCALE.search(title)
    exact = {i for row in rows for i, cell in enumerate(row) if _BARE.fullmatch(cell) and re.search("[.,]", cell)}
    for row in rows:
        named = _SCALE.search(row[0])
        heads = [*header, *[""] * len(row)][: len(row)]
        for i, cell in enumerate(row[1:], 1):
            unit = named or (measured if i in exact or not exact else None)  # not stores beside millions of euros
            if unit and _BARE.fullmatch(cell) and not re.search(r"[(\[%]", heads[i]):
                heads[i] = f"{heads[i]} ({unit[1]})".strip()
        cells = [f"{head}: {cell}" if head else cell for head, cell in zip(heads, row, strict=True) if cell]
        if cells:
            sentence = (f"{title} – " if title else "") + "; ".join(cells)
            yield sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _cells(line: str, border: str) -> list[str]:
    if border == "|":
        return [cell.strip().replace(r"\|", "|") for cell in _CELL_BORDER.split(_ROW_EDGES.sub("", line.strip()))]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=border))]


def _split(line: str, language: str = "en") -> list[str]:
    """The sentences of one line."""
    joined: list[list[str]] = []
    for part in _segments(line.strip(), language):
        before = joined[-1][-1] if joined else ""
        if _OPEN.search(before) or _SCALES_OPEN.search(before) or (_MAYBE_OPEN.search(before) and part[:1].islower()):
            joined[-1].append(part)
        else:
            joined.append([part])
    return [sentence for parts in joined if (sentence := "".join(parts).strip())]


def _segments(line: str, language: str) -> Iterator[str]:
    """What pysbd takes for sentences, with the white space behind each.

    Its time grows as the square of a text's length, so that a long line is given to it piece by piece: of each piece
    the last sentence, which may go on, is the next one's first.
    """
    at = 0
    while len(line) - at > SENTENCE_CHARACTERS:
        limit = at + SENTENCE_CHARACTERS
        space = line.rfind(" ", at, limit)
        parts = _segment(line[at : space + 1 if space >= at else limit], language)
        done = parts[:-1]
        if sum(map(len, done)) < SENTENCE_CHARACTERS // 2:
            done = parts
        yield from done
        at += sum(map(len, done))
    yield from _segment(line[at:], language)


def _segment(text: str, language: str) -> list[str]:
    """The sentences of a short text, which together are the text; all of it where pysbd has changed a letter."""
    parts: list[str] = []
    at = 0
    for sentence in _segmenter(language).processor(text).process():
        if not text.startswith(sentence, at):
            return [text]  # it loses text that holds the symbols which it marks boundaries with
        end = _SPACE.match(text, at + len(sentence)).end()  # type: ignore[union-attr]  # it matches anything
        parts.append(text[at:end])
        at = end
    return parts if at == len(text) else [text]


@cache
def _segmenter(language: str) -> Any:
    import pysbd  # noqa: PLC0415

    return pysbd.Segmenter(language=language, clean=False)
