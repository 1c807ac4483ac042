"""Text from outside made harmless where it is shown: each kind of outlet has its function here. Pure.

What is stored is never changed, but for what no store can hold (``storable``): Parquet and JSON hold it as it came.
HTML and LaTeX have escapes of their own beside this (``analysis.html``, ``report.latex``).
"""

from __future__ import annotations

import re
from typing import Any

_OBEYED = re.compile(
    r"\r\n|[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff"  # controls, which terminals obey and XML forbids
    r"\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    r"\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # have no shape
    r"\u2028\u2029\ud800-\udfff]"  # end lines; halves of letters
)
"""Marks that letters of some scripts need between them (U+200C to U+200F) aren't among them."""
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
"""What a spreadsheet takes for a formula, and what is made of it by ``cell``."""
_IS_FORMULA = re.compile(_FORMULA)


def storable(text: str) -> str:
    """Text that any store can hold: a character that came in halves is put together, a lone half or NUL is replaced.

    Postgres, in which Airflow passes results on, takes neither; nor has a half a place in UTF-8.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def seen(text: str) -> str:
    """A text whose letters can all be seen: one that can't is named by its number, e.g. [U+202E].

    Such a letter might change what stands beside it, on a page, a terminal or a drawing. Ends of lines and tabs stay.
    """
    return text if text.isascii() and text.isprintable() else _OBEYED.sub(_named, text)


def _named(letter: re.Match[str]) -> str:
    return "\n" if letter[0] == "\r\n" else f"[U+{ord(letter[0]):04X}]"


def line(text: str) -> str:
    """The same on one line, for a log in which a line is an event."""
    return " ".join(seen(text).split())


def markdown(text: str) -> str:
    """A line for a page of Markdown, in which it is neither markup nor a link; underscores within words stay."""
    return re.sub(r"[\\<\[`*]", r"\\\g<0>", line(text))


def message(text: str) -> str:
    """A text for a chat (Slack's, Mattermost's), in which it names nobody, links to nothing and has no markup."""
    return seen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def seen_within(value: Any) -> Any:
    """A value of lists and mappings, as JSON has them, with each text in it as ``seen`` makes it."""
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, dict):
        return {name: seen_within(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [seen_within(part) for part in value]
    return value


def cell(text: str) -> str:
    """A text for CSV that a spreadsheet takes for a text: before a formula's first sign comes an apostrophe.

    It can be taken back: of a text that begins with apostrophes and such a sign, the first apostrophe is ours.
    """
    return f"'{text}" if _IS_FORMULA.match(text) else text


def cell_sql(column: str) -> str:
    """The same as ``cell``, of a column of texts in DuckDB's SQL."""
    pattern = _FORMULA.replace("'", "''")
    return f"CASE WHEN regexp_matches({column}, '{pattern}') THEN '''' || {column} ELSE {column} END"
