"""All that Airflow discovers of llm-bench."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from llm_bench.airflow import listener
from llm_bench.airflow.links import BATCH_OF_RUN, PREFIX, QUALITY_OF_RUN, STUDY_OF_DAG
from llm_bench.airflow.timetable import SlotTimetable
from llm_bench.dashboard import ICON, dashboard

# A path is relative: the UI's own pages know the path that Airflow is served from. A tab stands on the pages of every
# DAG, so that of another one says that it is none of a study's.
_TABS = (
    ("llm-bench", "nav", "", "llm-bench"),
    ("llm-bench", "dag", STUDY_OF_DAG, "llm-bench-study"),
    ("llm-bench", "dag_run", BATCH_OF_RUN, "llm-bench-batch"),
    ("Data quality", "dag_run", QUALITY_OF_RUN, "llm-bench-quality"),
)
"""Name, where it stands, path below the prefix, and the end of its address in the UI."""


class LLMBenchPlugin(AirflowPlugin):
    """Registers the timetable, the listener that creates a study's pools, and the web pages with the ways to them."""

    name = "llm_bench"
    timetables: list[Any] = [SlotTimetable]
    listeners: list[Any] = [listener]
    fastapi_apps: list[Any] = [{"app": dashboard, "url_prefix": PREFIX, "name": "llm-bench"}]
    external_views: list[Any] = [
        {
            "name": name,
            "href": f"{PREFIX.lstrip('/')}/{path}",
            "url_route": route,
            "destination": destination,
            "nav_top_level": destination == "nav",
            "icon": ICON.format(colour="%233f3f46"),
            "icon_dark_mode": ICON.format(colour="%23d4d4d8"),
        }
        for name, destination, path, route in _TABS
    ]
