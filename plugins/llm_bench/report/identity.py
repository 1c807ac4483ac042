"""The part of a report on which model answered."""

from __future__ import annotations

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.statistics.changes import CHANGES
from llm_bench.analysis.statistics.kernels import LIKENESS
from llm_bench.report.source import Figure, Section, Source
from llm_bench.study import Study


def answered(source: Source, study: Study) -> Section:
    """Whether each LLM's answers changed, when, and what its provider says that answered."""
    known = queries.identity(source.records, source.view, source.zone)
    looks, zone = source.looks, source.zone
    drawn = [
        Figure("answers-over-time", charts.answers_over_time(known, looks, zone)),
        *([Figure("answers-changes", charts.changes(known, looks, zone))] if known.changes else []),
    ]
    numbers = [
        tables.identity(known, looks, zone, queries.temperatures(study)),
        tables.changes(known, looks, zone),
        tables.names(known, looks, zone),
    ]
    return Section("Which model answered", drawn, numbers, methods=[LIKENESS, CHANGES])
