"""The table of providers: a line on the screen, and the page docs/providers.md made from the kept result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wires import PROJECT

PAGE = PROJECT / "docs" / "providers.md"
RESULT = PROJECT / "docs" / "providers.json"
BEGIN, END = "<!-- begin: make bench-providers ARGS=--write -->", "<!-- end -->"
COLUMNS = ("one request", "timed", "TTFT error, ms", "tokens", "reasoning", "cached", "faults", "cuts", "check")
"""In this order, on the screen and in the page."""
WIDTHS = (11, 6, 14, 8, 11, 11, 7, 6, 14)

Kept = Mapping[str, Any]


def line(row: Kept | None) -> str:
    """One provider on the screen; the heads of the columns where there is none."""
    if row is None:
        cells: Sequence[object] = COLUMNS
    elif row["refused"]:
        return f"{row['provider']:<15} refused: {row['refused']}"
    else:
        cells = [row["cells"].get(column, "") for column in COLUMNS]
    shown = "  ".join(f"{cell!s:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return f"{row['provider'] if row else 'provider':<15} {shown}".rstrip()


def page(text: str, kept: Sequence[Kept]) -> str:
    """A page with its tables written anew.

    :param text: the page.
    :param kept: the rows of the result.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    measured = [row for row in kept if not row["refused"]]
    refused = [row for row in kept if row["refused"]]
    parts = [BEGIN, _reached(measured), _seen(measured), _reasons(refused), END]
    return before + "\n\n".join(parts) + after


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |" for cells in lines)


def _reached(rows: Sequence[Kept]) -> str:
    heads = ("provider", "asked without a Base URL", "asked below a Base URL", "needed beside the key")
    return _table(heads, [(f"`{row['provider']}`", _own(row), _path(row), row["also"]) for row in rows])


def _own(row: Kept) -> str:
    own = row["cells"]["own address"]
    return f"`{own}`" if own else "nothing: it needs one"


def _path(row: Kept) -> str:
    return f"`{row['cells']['path']}`" if row["cells"]["path"] else "that URL itself"


def _seen(rows: Sequence[Kept]) -> str:
    heads = ("provider", *COLUMNS)
    return _table(heads, [(f"`{row['provider']}`", *(row["cells"][column] for column in COLUMNS)) for row in rows])


def _reasons(rows: Sequence[Kept]) -> str:
    return _table(("refused", "why"), [(f"`{row['provider']}`", row["refused"]) for row in rows])
