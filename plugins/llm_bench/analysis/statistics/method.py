"""A method of a statistic, in words: see ``llm_bench.method``. Pure."""

from __future__ import annotations

from llm_bench.method import Method

__all__ = ["Method"]
