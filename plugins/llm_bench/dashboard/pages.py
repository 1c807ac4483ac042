"""Templates to HTML. Whatever a page is given is text: markup in it shows as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **facts: Any) -> bytes:
    """A page, self-contained: it loads nothing.

    :param template: a file of ``templates/``.
    :param facts: what the template asks for.
    """
    return _ENVIRONMENT.get_template(template).render(facts).encode(errors="backslashreplace")  # lone surrogates
