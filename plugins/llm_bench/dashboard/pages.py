"""All pages of the dashboard, each made by the module that is named as its template, and what the navigation shows."""

from __future__ import annotations

from llm_bench.dashboard import (
    beside,
    caching,
    compare,
    declining,
    export,
    grading,
    identity,
    live,
    metric,
    overview,
    record,
    records,
    studies,
    success,
    validation,
)

PAGES = (
    studies,
    validation,
    live,
    overview,
    metric,
    success,
    declining,
    compare,
    caching,
    identity,
    records,
    record,
    beside,
    grading,
    export,
)
"""Modules with a ``router``."""

NAVIGATION = (
    "overview",
    "latency",
    "throughput",
    "success",
    "coverage",
    "declining",
    "compare",
    "identity",
    "records",
    "export",
)
"""Addresses of a study's pages, in the order in which they stand."""
WARM = "caching"
"""The one that stands before the records where some were asked warm."""
