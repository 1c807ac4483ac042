"""The parts of a report on how far answers can be relied on: given in time, and declined where there is none."""

from __future__ import annotations

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.statistics.attainment import ATTAINMENT
from llm_bench.analysis.statistics.declining import DECLINING
from llm_bench.report.source import Figure, Section, Source
from llm_bench.study import Study


def objectives(source: Source, study: Study) -> Section | None:
    """How far each LLM attains the study's objectives of service; None where it has none."""
    if not study.slo:
        return None
    attained = queries.attainment(source.records, source.view, study.slo)
    drawn = [Figure("objectives", charts.attainment(attained, source.looks))]
    for time in dict.fromkeys(objective.metric for objective in study.slo):
        by_when = queries.curves(source.records, source.view, time)
        name = f"answered-by-{time.removesuffix('_sec').replace('_', '-')}"
        drawn.append(Figure(name, charts.curves(by_when, time, study.slo, source.looks)))
    return Section(
        "Objectives of service",
        drawn,
        [tables.attainment(attained, source.looks)],
        tables.attained_in_words(attained, source.looks),
        [ATTAINMENT],
    )


def declining(source: Source) -> Section:
    """How often each LLM declines: questions that can't be answered, and those that can be."""
    known = queries.declining(source.records, source.view)
    drawn = [
        Figure("declined-rightly", charts.declining(known.shares, source.looks, answerable=False)),
        Figure("declined-wrongly", charts.declining(known.shares, source.looks, answerable=True)),
    ]
    numbers = [
        tables.declining(known, source.looks),
        tables.declining_by_industry(known, source.looks),
        tables.answered_anyway(known, source.looks),
    ]
    note = (
        "Some questions can't be answered from the documents: the right answer says so. An answer declines where it "
        "says that the context lacks what was asked, or a part of it."
    )
    return Section("Declining", drawn, numbers, [note], [DECLINING])
