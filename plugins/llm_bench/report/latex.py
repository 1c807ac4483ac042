"""Tables for LaTeX: with booktabs, and longtable where one is longer than a page. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import wrap

from llm_bench.analysis.table import Cell, Column, Table

LONG = 30
"""Rows from which a table may break over pages."""

_WIDTH = 104
"""Letters that a line of an A4 page holds at this size. A table that is wider has its words broken into lines."""
_GAP = 2
"""Letters that the space between two columns is as wide as."""
_SCRIPT = 0.85
"""Size of an interval, beside the number above it."""
_SHORT, _LONG = 16, 50
"""Letters up to which words are never broken, and from which on more don't make a column wider."""

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_\allowbreak{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "−": "$-$",
    "≈": r"$\approx$",
    "≥": r"$\geq$",
    "ρ": r"$\rho$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "²": r"\texttwosuperior{}",
    "\u00a0": "~",
    "\u202f": "~",
    "\u200b": r"\allowbreak{}",
    "/": r"/\allowbreak{}",
}


_UNBROKEN = re.compile(r"[0-9a-zA-Z]{24,}")
"""What LaTeX would print beyond the margin where it is a digest: it breaks words where it knows syllables."""


def escape(text: str) -> str:
    """Text that LaTeX prints as it is, whichever engine.

    What a plain set-up has no letter for is named by its number, e.g. [U+4F60]; control characters are spaces.
    """
    return "".join(map(_letter, _UNBROKEN.sub(_broken_digest, text)))


def _broken_digest(found: re.Match[str]) -> str:
    run = found[0]
    return "\u200b".join(wrap(run, 12)) if any(letter.isdigit() for letter in run) else run


def _letter(letter: str) -> str:
    if letter in _SIGNS:
        return _SIGNS[letter]
    if letter.isascii() and letter.isprintable():
        return letter
    if "À" <= letter <= "ÿ" and letter not in "Ð×Þð÷þ":
        return letter
    return " " if unicodedata.category(letter) in ("Cc", "Zs", "Zl", "Zp") else f"[U+{ord(letter):04X}]"


def latex(table: Table, sentences: Sequence[str] | None = None) -> str:
    """A table with its caption and label, to be taken in by ``\\input``; its first line names the packages.

    :param sentences: of its caption, after the title; its notes where left out.
    """
    panels = _panels(table)
    long = len(table.rows) * len(panels) > LONG
    caption = titled(table.title, table.all_notes if sentences is None else sentences) + rf"\label{{tab:{table.name}}}"
    if long:
        inside = [line for number, panel in enumerate(panels) for line in _longtable(panel, "" if number else caption)]
        lines = ["{" + _SIZE + r"\setlength{\LTcapwidth}{\linewidth}", *inside, "}"]
    else:
        inside = [line for panel in panels for line in _tabular(panel)]
        lines = [r"\begin{table}[tbp]", r"\centering" + _SIZE, caption, *inside, r"\end{table}"]
    packages = r"\usepackage{array,booktabs,textcomp}" + (r"\usepackage{longtable}" if long else "")
    return "\n".join([f"% In the preamble: {packages}", *lines, ""])


def _tabular(panel: Table) -> Iterator[str]:
    yield rf"\begin{{tabular}}{{{''.join(_kinds(panel))}}}"
    yield from (r"\toprule", _headings(panel), r"\midrule")
    yield from map(_line, panel.cells)
    yield from (r"\bottomrule", r"\end{tabular}\par\medskip")


def _longtable(panel: Table, caption: str) -> Iterator[str]:
    """One that may break over pages.

    :param caption: empty where it goes on with the columns of another one.
    """
    if not caption:
        yield r"\addtocounter{table}{-1}"
    yield rf"\begin{{longtable}}{{{''.join(_kinds(panel))}}}"
    head = (r"\toprule", _headings(panel), r"\midrule")
    if caption:
        yield from (caption + r"\\", *head, r"\endfirsthead")
    yield from (*head, r"\endhead", r"\bottomrule", r"\endfoot")
    yield from map(_line, panel.cells)
    yield r"\end{longtable}"


def _panels(table: Table) -> list[Table]:
    """A table whose columns don't fit beside one another, as several: each begins with what tells its rows apart."""
    keys = max([place for place, column in enumerate(table.columns) if column.is_llm], default=0) + 1
    least = [min(_longest(table, place), _least(column)) for place, column in enumerate(table.columns)]
    begun = sum(width + _GAP for width in least[:keys])
    groups: list[list[str]] = [[]]
    filled = begun
    for column, width in list(zip(table.columns, least, strict=True))[keys:]:
        if filled + width + _GAP > _WIDTH and groups[-1]:
            groups.append([])
            filled = begun
        groups[-1].append(column.name)
        filled += width + _GAP
    names = [column.name for column in table.columns[:keys]]
    return [table.only(*names, *group) for group in groups]


def _least(column: Column) -> float:
    """Letters that a column takes at least: words may be broken into lines."""
    return _SHORT if column.is_text else float(_WIDTH)


def titled(title: str, sentences: Sequence[str]) -> str:
    """A caption whose title alone stands in a list of figures or tables."""
    return rf"\caption[{{{escape(title)}}}]{{{escape(' '.join([f'{title}.', *sentences]))}}}"


_SIZE = r"\footnotesize\setlength{\tabcolsep}{4pt}"


def _headings(table: Table) -> str:
    widths = [_widest(table, place) for place in range(len(table.columns))]
    return " & ".join(_heading(column, width) for column, width in zip(table.columns, widths, strict=True)) + r" \\"


def _heading(column: Column, width: float) -> str:
    """A heading, of numbers in as many lines as their column is narrow.

    :param width: letters of the widest cell below.
    """
    if column.is_text:
        return escape(column.heading)
    lines = _broken(column, width)
    if len(lines) == 1:
        return escape(lines[0])
    inside = r"\\".join(map(escape, lines))
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{inside}\end{{tabular}}"


def _broken(column: Column, width: float) -> list[str]:
    """The lines of a heading of numbers: words stay whole, and the unit has a line of its own."""
    longest = max(len(word) for word in column.title.split())
    return [*wrap(column.title, max(longest, int(width))), *([f"({column.unit})"] if column.unit else [])]


def _kinds(table: Table) -> list[str]:
    """How each column is set. Where all together are too wide, those of long words share what the others leave."""
    widths = [_longest(table, place) for place in range(len(table.columns))]
    plain = ["l" if column.is_text else "r" for column in table.columns]
    wide = [kind == "l" and width > _SHORT for kind, width in zip(plain, widths, strict=True)]
    left = _WIDTH - sum(width + _GAP for width in widths)
    if left >= 0 or not any(wide):
        return plain
    shares = [min(width, _LONG) if long else 0.0 for width, long in zip(widths, wide, strict=True)]
    left += sum(width for width, long in zip(widths, wide, strict=True) if long)
    per_letter = left / sum(shares) / _WIDTH
    broken = r">{\raggedright\arraybackslash}p{%.3f\textwidth}"
    return [broken % (share * per_letter) if share else kind for share, kind in zip(shares, plain, strict=True)]


def _longest(table: Table, place: int) -> float:
    """Letters of a column's longest line."""
    column, cells = table.columns[place], _widest(table, place)
    heading = [column.heading] if column.is_text else _broken(column, cells)
    return max(cells, *map(len, heading))


def _widest(table: Table, place: int) -> float:
    """Letters of a column's widest cell."""
    cells = [row[place] for row in table.cells]
    parts = [max(len(cell.text), *(len(part) * _SCRIPT for part in (cell.interval, cell.these))) for cell in cells]
    return max(parts, default=0.0)


def _line(row: list[Cell]) -> str:
    return " & ".join(map(_inside, row)) + r" \\[2pt]"


def _inside(cell: Cell) -> str:
    """A number with its intervals below it."""
    if not cell.interval:
        return escape(cell.text)
    ends = (rf"\\[-2pt]{{\scriptsize {escape(part)}}}" for part in (cell.interval, cell.these) if part)
    lines = escape(cell.text) + "".join(ends)
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{lines}\end{{tabular}}"
