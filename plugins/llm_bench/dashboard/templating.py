"""Templates to HTML. Whatever a page is given is text: markup in it shows as it was written."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import API_ROOT_PATH
from fastapi import Request
from fastapi.responses import HTMLResponse

from llm_bench.analysis.charts.looks import config
from llm_bench.analysis.html import environment
from llm_bench.dashboard import assets, icons
from llm_bench.dashboard.components import data
from llm_bench.dashboard.security import WITH_SCRIPT

if TYPE_CHECKING:
    from jinja2 import Environment

    from llm_bench.dashboard.context import Look


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "templates")
    made.globals |= {"asset": assets.address, "vega": assets.vega_address}
    made.globals |= {"marks": icons.SHAPES, "states": icons.STATES, "airflow": API_ROOT_PATH or "/"}
    made.globals["themes"] = data({theme: config(theme) for theme in ("light", "dark")})
    return made


def render(template: str, **facts: Any) -> bytes:
    """A page.

    :param template: a file of ``templates/``.
    :param facts: what the template asks for.
    """
    return _environment().get_template(template).render(facts).encode()


def root_of(request: Request) -> str:
    """Path of the dashboard, without a slash at its end."""
    return str(request.scope["root_path"])


def respond(template: str, *, root: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page of the dashboard, with its style and script.

    :param root: path of the dashboard.
    """
    return HTMLResponse(render(template, root=root, **facts), status, WITH_SCRIPT)


def show(look: Look, page: str, template: str | None = None, **facts: Any) -> HTMLResponse:
    """A page of a study.

    :param page: one of ``NAVIGATION``.
    :param template: where it isn't named like the page.
    """
    return respond(template or f"{page}.html", root=look.root, look=look, page=page, **facts)
