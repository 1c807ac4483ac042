"""llm-bench: measures hosted LLM APIs on a schedule and keeps an honest record of what it saw.

These names are the public API (docs/api.md). Each is imported when it is first used, so that ``import llm_bench`` costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_bench.airflow.dag import study_dag
    from llm_bench.airflow.hook import LiteLLMHook
    from llm_bench.airflow.operators.load import records_asset
    from llm_bench.airflow.operators.measure import LLMBenchmarkOperator
    from llm_bench.airflow.timetable import SlotTimetable
    from llm_bench.study import Study, load_study

__version__ = "0.1.0"

__all__ = ["LLMBenchmarkOperator", "LiteLLMHook", "SlotTimetable", "Study", "load_study", "records_asset", "study_dag"]

_HOMES = {
    "LLMBenchmarkOperator": "llm_bench.airflow.operators.measure",
    "LiteLLMHook": "llm_bench.airflow.hook",
    "SlotTimetable": "llm_bench.airflow.timetable",
    "Study": "llm_bench.study",
    "load_study": "llm_bench.study",
    "records_asset": "llm_bench.airflow.operators.load",
    "study_dag": "llm_bench.airflow.dag",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
