"""A study's report: a page, figures, tables and the records that they rest on, for a thesis and its referees."""

from __future__ import annotations

from llm_bench.report.files import report_zip, write_report

__all__ = ["report_zip", "write_report"]
