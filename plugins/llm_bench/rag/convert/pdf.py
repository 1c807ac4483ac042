"""PDFs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llm_bench.rag.convert.outcome import ENCRYPTED, Converted, UnusableError
from llm_bench.rag.convert.rows import tidy

MAXIMUM_PAGES = 2000


def pdf(content: bytes) -> Converted:
    """A PDF, page by page; nothing is read from pictures.

    :raises UnusableError: it is none, or is encrypted.
    """
    from liteparse import LiteParse, ParseError

    if b"%PDF-" not in content[:1024]:
        raise UnusableError("is no PDF, whatever its name says; allowed: a file that a PDF viewer opens")
    parser = LiteParse(
        output_format="markdown",
        ocr_enabled=False,
        image_mode="off",
        extract_links=False,
        continue_on_page_error=True,
        max_pages=MAXIMUM_PAGES,
        quiet=True,
    )
    try:
        result = parser.parse(content)
    except ParseError as fault:
        if "password" in str(fault):
            raise UnusableError(ENCRYPTED) from None
        raise UnusableError(f"can't be read as PDF ({fault}); allowed: a file that a PDF viewer opens") from None
    notes = []
    empty = [page.page_num for page in result.pages if not page.text.strip()]
    if empty:
        notes.append(f"no text on {_listed('page', empty)} (scanned?): what stands there is left out")
    if result.page_errors:
        broken = [error.page_number for error in result.page_errors]
        notes.append(f"{_listed('page', broken)} can't be read")
    if result.total_pages > MAXIMUM_PAGES:
        notes.append(f"the pages after the first {MAXIMUM_PAGES} are left out")
    pages = (page.markdown or page.text for page in result.pages if page.text.strip())
    return _joined(_captioned(tidy(page)) for page in pages), notes


def _listed(noun: str, numbers: list[int]) -> str:
    """E.g. "pages 3, 7"; of many, the first ten."""
    shown = ", ".join(map(str, numbers[:10])) + (f" and {len(numbers) - 10} more" if len(numbers) > 10 else "")
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}"


_CAPTION = re.compile(r"^\|(?P<head> (?:Table|Tab\.|Exhibit) [^\n]*)\n\|(?:---\|)+$\n(?P<next>\|[^\n]*)", re.MULTILINE)


def _captioned(text: str) -> str:
    """With a caption that was taken for a table's head in front of the table: its last cells are empty then."""

    def parted(match: re.Match[str]) -> str:
        cells = [cell.strip() for cell in match["head"].strip(" |").split("|")]
        width = match["next"].count("|") - 1
        if len(cells) >= width:
            return match[0]
        return f"{' '.join(cells)}\n\n{match['next']}\n|{'---|' * width}"

    return _CAPTION.sub(parted, text)


def _joined(pages: Iterator[str]) -> str:
    """The pages as one text. A table goes on where a page starts with the same head, a sentence where it isn't over."""
    parts: list[str] = []
    last = ""  # the block that the page before ends with
    for page in pages:
        head, rule, *rows = [*page.split("\n"), ""]
        if last.startswith("|") and last.split("\n")[:2] == [head, rule]:
            parts.append("\n" + "\n".join(rows).rstrip())
        elif last[-1:].isalpha() and page[:1].islower() and last[0] not in "#|-":
            parts.append(f" {page}")
        else:
            parts.append(f"\n\n{page}")
        last = page.rpartition("\n\n")[2]
    return "".join(parts).strip()
