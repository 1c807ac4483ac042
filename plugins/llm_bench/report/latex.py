"""Tables for LaTeX: with booktabs, and longtable where one is longer than a page. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

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
    "≤": r"$\leq$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "²": r"\texttwosuperior{}",
    "\u00a0": "~",
    "\u202f": "~",
    "/": r"/\allowbreak{}",
}


def escape(text: str) -> str:
    """Text that LaTeX prints as it is, whichever engine.

    What a plain set-up has no letter for is named by its number, e.g. [U+4F60]; control characters are spaces.
    """
    return "".join(map(_letter, text))


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
    long = len(table.rows) > LONG
    heading = " & ".join(_heading(column) for column in table.columns) + r" \\"
    spec = "".join(_kinds(table))
    caption = titled(table.title, table.all_notes if sentences is None else sentences) + rf"\label{{tab:{table.name}}}"
    body = [_line(row) for row in table.cells]
    if long:
        lines = [
            "{" + _SIZE,
            rf"\begin{{longtable}}{{{spec}}}",
            caption + r"\\",
            r"\toprule",
            heading,
            r"\midrule\endhead",
            r"\bottomrule\endfoot",
            *body,
            r"\end{longtable}",
            "}",
        ]
    else:
        lines = [
            r"\begin{table}[tbp]",
            r"\centering" + _SIZE,
            caption,
            rf"\begin{{tabular}}{{{spec}}}",
            r"\toprule",
            heading,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    packages = r"\usepackage{array,booktabs,textcomp}" + (r"\usepackage{longtable}" if long else "")
    return "\n".join([f"% In the preamble: {packages}", *lines, ""])


def titled(title: str, sentences: Sequence[str]) -> str:
    """A caption whose title alone stands in a list of figures or tables."""
    return rf"\caption[{{{escape(title)}}}]{{{escape(' '.join([f'{title}.', *sentences]))}}}"


_SIZE = r"\footnotesize\setlength{\tabcolsep}{4pt}"


def _heading(column: Column) -> str:
    """A heading, in two lines where it has a unit."""
    if column.is_text or not column.unit:
        return escape(column.heading)
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{escape(column.title)}\\({escape(column.unit)})\end{{tabular}}"


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
    column = table.columns[place]
    heading = max(len(column.title), len(column.unit) + 2)
    cells = [row[place] for row in table.cells]
    return max(
        [
            float(heading),
            *(max(len(cell.text), *(len(part) * _SCRIPT for part in (cell.interval, cell.these))) for cell in cells),
        ]
    )


def _line(row: list[Cell]) -> str:
    return " & ".join(map(_inside, row)) + r" \\[2pt]"


def _inside(cell: Cell) -> str:
    """A number with its intervals below it."""
    if not cell.interval:
        return escape(cell.text)
    ends = (rf"\\[-2pt]{{\scriptsize {escape(part)}}}" for part in (cell.interval, cell.these) if part)
    lines = escape(cell.text) + "".join(ends)
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{lines}\end{{tabular}}"
