"""All that Airflow discovers of llm-bench."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from llm_bench.airflow import listener
from llm_bench.airflow.links import PREFIX
from llm_bench.airflow.timetable import SlotTimetable
from llm_bench.dashboard import ICON, dashboard


class LLMBenchPlugin(AirflowPlugin):
    """Registers the timetable, the listener that creates a study's pools, and the web pages with a link to them."""

    name = "llm_bench"
    timetables: list[Any] = [SlotTimetable]
    listeners: list[Any] = [listener]
    fastapi_apps: list[Any] = [{"app": dashboard, "url_prefix": PREFIX, "name": "llm-bench"}]
    external_views: list[Any] = [
        {
            "name": "llm-bench",
            # Relative: the UI's own pages know the path that Airflow is served from.
            "href": f"{PREFIX.lstrip('/')}/",
            "url_route": "llm-bench",
            "destination": "nav",
            "nav_top_level": True,
            "icon": ICON.format(colour="%233f3f46"),
            "icon_dark_mode": ICON.format(colour="%23d4d4d8"),
        }
    ]
