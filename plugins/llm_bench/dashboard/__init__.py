"""The web pages of llm-bench, served by Airflow's API server behind its login."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

ICON = (
    "data:image/svg+xml,"
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='{colour}' stroke-width='2' "
    "stroke-linecap='round' stroke-linejoin='round'><path d='M3 3v18h18'/><path d='M7 14l4-4 3 3 6-7'/></svg>"
)
"""Of the link in Airflow's navigation: an address that holds the drawing itself, its colour to be filled in."""


async def dashboard(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application. It is made at its first request: every Airflow process loads the plugin, tasks too."""
    await _application()(scope, receive, send)


@cache
def _application() -> ASGIApp:
    from llm_bench.dashboard.app import create_app  # noqa: PLC0415

    return create_app()
