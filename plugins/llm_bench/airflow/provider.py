"""What Airflow's list of providers says of llm-bench."""

from __future__ import annotations

from typing import Any

from llm_bench import __version__


def get_provider_info() -> dict[str, Any]:
    """Called by Airflow, by the entry point ``apache_airflow_provider``."""
    return {
        "package-name": "llm-bench",
        "name": "llm-bench",
        "description": "Measures hosted LLM APIs on a schedule.",
        "versions": [__version__],
    }
