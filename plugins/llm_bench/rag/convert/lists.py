"""Lists: text with a row on each line."""

from __future__ import annotations

import codecs
import csv

from llm_bench.rag.convert.outcome import Converted, UnusableError, place
from llm_bench.rag.convert.rows import markdown, read_csv


def text_table(content: bytes) -> Converted:
    """A list with commas, semicolons, tabs or bars between its cells.

    :raises UnusableError: it isn't UTF-8, or no such list.
    """
    try:
        text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
    except UnicodeError as fault:
        raise UnusableError(f"is not UTF-8 text ({place(fault)}); allowed: saved as “CSV UTF-8”") from None
    if "\0" in text:
        raise UnusableError("is no CSV, whatever its name says; allowed: text with a row on each line")
    try:
        return markdown(read_csv(text)), []
    except csv.Error as fault:
        raise UnusableError(f"can't be read as CSV ({fault}); allowed: text with a row on each line") from None
