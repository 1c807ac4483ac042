"""A page as the machine's chromium prints it, and what stands on each sheet."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pypdf

from dashboard.browser import chromium

_LIGATURES = str.maketrans({"ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "ﬄ": "ffl"})


def sheets(page: Path, pdf: Path) -> list[str]:
    """The text of each sheet of a page in print, its spaces made one."""
    with chromium() as browser:
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.pdf(path=str(pdf), prefer_css_page_size=True, print_background=True)
    return [plain(sheet.extract_text()) for sheet in pypdf.PdfReader(pdf).pages]


def plain(text: str) -> str:
    """Words of a page, or of a sheet, as one line without ligatures."""
    return " ".join(unescape(text).translate(_LIGATURES).split())


def below(sheet: str, label: str) -> str:
    """What stands on a sheet after a caption's beginning, without spaces: names may be broken into lines."""
    return squeezed(sheet[sheet.index(label) :])


def squeezed(text: str) -> str:
    return "".join(plain(text).split())


def headings(page: str) -> list[str]:
    """The headings of a page, in their order."""
    return [plain(re.sub(r"<.*?>", "", heading)) for heading in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page)]


def words_of(svg: str) -> set[str]:
    """The words that a chart is drawn with."""
    return {plain(text) for text in re.findall(r"<text[^>]*>([^<]{4,})</text>", svg)}
