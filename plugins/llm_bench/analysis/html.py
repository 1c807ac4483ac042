"""HTML of templates, for the dashboard and the report: what they are given is text, and shows as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.inert import seen

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
        finalize=lambda value: seen(value) if type(value) is str else value,  # markup is made of what was seen to
    )
    made.filters |= {"count": text.count, "words": text.words, "span": text.span}
    made.globals["text"] = text
    return made
