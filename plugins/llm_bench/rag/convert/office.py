"""Documents of Word and workbooks of Excel."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

from llm_bench.rag.convert.outcome import ENCRYPTED, Converted, UnusableError, counted
from llm_bench.rag.convert.page import from_html
from llm_bench.rag.convert.rows import markdown

MAXIMUM_UNPACKED_BYTES = 200_000_000


def docx(content: bytes) -> Converted:
    """A Word document: headings, paragraphs, lists, tables and footnotes.

    :raises UnusableError: it is none, is encrypted or unpacks to too much.
    """
    import mammoth

    names = members_of(content, "word/document.xml", "DOCX")
    notes = []
    pictures = sum(name.startswith("word/media/") for name in names)
    drawn = sum(re.match(r"word/(?:charts/chart|diagrams/data|embeddings/)", name) is not None for name in names)
    if pictures:
        notes.append(f"{counted(pictures, 'picture')} left out")
    if drawn:
        notes.append(f"{counted(drawn, 'chart or embedded file', 'charts or embedded files')} left out")
    styles = "p[style-name='Title'] => h1:fresh"
    drop = mammoth.images.img_element(lambda _: {"src": ""})
    converted = mammoth.convert_to_html(io.BytesIO(content), style_map=styles, convert_image=drop)
    text, lost = from_html(converted.value)
    return text, notes + lost


def members_of(content: bytes, wanted: str, kind: str) -> list[str]:
    """The names in an Office file.

    :raises UnusableError: it isn't one, or unpacks to too much.
    """
    if content.startswith(bytes.fromhex("d0cf11e0a1b11ae1")):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise UnusableError(ENCRYPTED)
        raise UnusableError(f"is an Office file of before 2007; allowed: {kind}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise UnusableError(f"is no {kind}, whatever its name says; allowed: a file that Office opens") from None
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAXIMUM_UNPACKED_BYTES:
        allowed = f"at most {MAXIMUM_UNPACKED_BYTES // 10**6} MB"
        raise UnusableError(f"unpacks to {unpacked / 10**6:,.0f} MB; allowed: {allowed}")
    names = [member.filename for member in members]
    if wanted not in names:
        raise UnusableError(f"is no {kind}, whatever its name says; allowed: a file that Office opens")
    return names


def xlsx(content: bytes) -> Converted:
    """A workbook: each sheet that shows is a section, with its cells as they show.

    :raises UnusableError: it is none, is encrypted or unpacks to too much.
    """
    from openpyxl import load_workbook

    names = members_of(content, "xl/workbook.xml", "XLSX")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    notes: list[str] = []
    parts: dict[str, str] = {}
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            notes.append(f"the hidden sheet {sheet.title} is left out")
            continue
        sheet.reset_dimensions()  # which a file may state as it likes
        found = markdown([_shown(cell) for cell in row] for row in sheet.iter_rows())
        if found:
            parts[sheet.title] = found
    drawn = sum(re.match(r"xl/(?:charts/chart|media/)", name) is not None for name in names)
    if drawn:
        notes.append(f"{counted(drawn, 'chart or picture', 'charts or pictures')} left out")
    unknown = _uncomputed(content, names)
    if unknown:
        notes.append(f"{counted(unknown, 'formula')} without a value left out: open the file in Excel and save it")
    if len(parts) == 1:
        return next(iter(parts.values())), notes
    return "\n\n".join(f"## {title}\n\n{part}" for title, part in parts.items()), notes


_UNCOMPUTED = re.compile(rb"(?:</f>|<f\b[^<>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def _uncomputed(content: bytes, names: list[str]) -> int:
    """How many formulas have no value: no program has computed them since they were written."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [name for name in names if name.startswith("xl/worksheets/sheet")]
        return sum(len(_UNCOMPUTED.findall(archive.read(name))) for name in sheets)


def _shown(cell: Any) -> str:
    """A cell as Excel shows it, as far as percentages, decimals, thousands and currencies go; dates in ISO 8601."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, (cell.number_format or "").split(";")[0])
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


_PATTERN = re.compile(r"(?P<whole>[#0,]*[#0])(?:\.(?P<decimals>0+))?(?P<percent>\s*%)?")
_CURRENCY = re.compile(r"[€$£¥]")


def _number(value: float, form: str) -> str:
    pattern = _PATTERN.search(form)
    if pattern is None:
        return f"{value:.15g}"
    decimals = len(pattern["decimals"] or "")
    value = value * 100 if pattern["percent"] else value
    number = f"{value:{',' if ',' in pattern['whole'] else ''}.{decimals}f}" + ("%" if pattern["percent"] else "")
    currency = _CURRENCY.search(form)
    if currency is None:
        return number
    return f"{currency[0]} {number}" if currency.start() < pattern.start() else f"{number} {currency[0]}"
