"""What of a report stands in its appendix: all that a reader of the results can do without. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llm_bench.report.source import Section

APPENDIX = frozenset(
    {
        # Latency: the text says what the tests came to; the same of the other times
        *("first-token-over-time", "first-token-quantiles"),
        *("first-answer-over-time", "first-answer-distribution", "first-answer-quantiles"),
        *("latency-time-of-day", "latency-drift", "latency-neighbours", "latency-by-position", "network"),
        # Speed
        *("throughput-over-time", "throughput-distribution", "text-throughput", "answer-lengths", "equal-length-pairs"),
        # Failures and scores in detail
        *("failures-over-time", "failures"),
        *("context-utilization", "coverage-over-time", "coverage-by-question", "least-covered", "citations"),
        # Comparisons beside those of latency, success and coverage
        *("compare-ttft", "compare-first-answer", "compare-throughput", "compare-groundedness", "compare-cost"),
        *("coverage-against-throughput", "coverage-against-cost"),
        # Declining, and who answered
        *("declined-wrongly", "declining-by-industry", "answered-anyway"),
        *("answers-over-time", "identity-changes", "identity-names"),
        # What was asked when
        *("prompts", "slots"),
    }
)
"""Names of figures and tables; a figure and a table of the same name stay together."""


def divide(sections: Sequence[Section]) -> tuple[list[Section], list[Section]]:
    """The sections of the report itself, and those of its appendix; what has to be known stands in the first."""
    return list(_parts(sections, appendix=False)), list(_parts(sections, appendix=True))


def _parts(sections: Sequence[Section], *, appendix: bool) -> Iterator[Section]:
    for section in sections:
        figures = [figure for figure in section.figures if (figure.name in APPENDIX) == appendix]
        tables = [table for table in section.tables if (table.name in APPENDIX) == appendix]
        if len(figures) + len(tables) == len(section.figures) + len(section.tables):
            yield section
        elif figures or tables:
            part = section._replace(figures=figures, tables=tables)
            yield part._replace(notes=(), answers=()) if appendix else part
