"""All that Airflow discovers of llm-bench."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from llm_bench import pools
from llm_bench.dashboard import PREFIX, dashboard
from llm_bench.timetable import SlotTimetable


class LLMBenchPlugin(AirflowPlugin):
    """Registers the timetable, the listener that creates a study's pools, and the web pages."""

    name = "llm_bench"
    timetables: ClassVar[list[Any]] = [SlotTimetable]
    listeners: ClassVar[list[Any]] = [pools]
    fastapi_apps: ClassVar[list[Any]] = [{"app": dashboard, "url_prefix": PREFIX, "name": "llm-bench"}]
