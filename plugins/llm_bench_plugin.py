"""Hands the plugin on to an Airflow that finds it in its plugins folder, as in a checkout.

Where the package is installed, its entry point does the same; Airflow takes a plugin of one name once.
"""

from __future__ import annotations

from llm_bench.plugin import LLMBenchPlugin

__all__ = ["LLMBenchPlugin"]
