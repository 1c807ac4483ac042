"""HTML of templates, for the dashboard and the report: what they are given is text, and shows as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_bench.analysis import format as text

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment


def environment(folder: Path) -> Environment:
    """The templates of a folder, which write numbers as ``format`` does; a name that isn't given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": text.count, "words": text.words, "span": text.span}
    made.globals["text"] = text
    return made


def encoded(page: str) -> bytes:
    """A page as UTF-8; a lone surrogate, which has no such form, by its number."""
    return page.encode(errors="backslashreplace")
