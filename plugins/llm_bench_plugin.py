"""All that Airflow discovers of llm-bench."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from llm_bench import pools
from llm_bench.timetable import SlotTimetable


class LLMBenchPlugin(AirflowPlugin):
    """Registers the timetable, and the listener that creates a study's pools."""

    name = "llm_bench"
    timetables: ClassVar[list[Any]] = [SlotTimetable]
    listeners: ClassVar[list[Any]] = [pools]
