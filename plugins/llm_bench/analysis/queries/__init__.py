"""The figures of a study: aggregated in DuckDB, with intervals, for pages and reports alike."""

from __future__ import annotations

from llm_bench.analysis.queries.answers import Answered, Changed, Differing, Identity, Named, identity, temperatures
from llm_bench.analysis.queries.attainment import Attainment, Curve, attainment, curves
from llm_bench.analysis.queries.caches import CacheWorth, cache_worth
from llm_bench.analysis.queries.comparisons import compare
from llm_bench.analysis.queries.counts import choices, embedding_models, failures_over_time, success, total
from llm_bench.analysis.queries.declining import AnsweredAnyway, Declined, Declining, declining
from llm_bench.analysis.queries.factors import ByLevel, Factor, Level, LevelTest, by_level
from llm_bench.analysis.queries.listing import OUTCOMES, SORTS, Covered, RecordRow, least_covered, page, record
from llm_bench.analysis.queries.network import clients, network
from llm_bench.analysis.queries.positions import first_places, order
from llm_bench.analysis.queries.shapes import (
    Bin,
    Choices,
    Comparison,
    FailureCount,
    Failures,
    FirstPlace,
    Group,
    Headline,
    HourPoint,
    HourTest,
    Neighbours,
    Network,
    Order,
    Point,
    RatePoint,
    Series,
    Spread,
    Success,
    Summary,
    TimeOfDay,
    Tradeoff,
)
from llm_bench.analysis.queries.summaries import headline, summary, tradeoff
from llm_bench.analysis.queries.times import distribution, neighbours, over_time, time_of_day

__all__ = [
    "OUTCOMES",
    "SORTS",
    "Answered",
    "AnsweredAnyway",
    "Attainment",
    "Bin",
    "ByLevel",
    "CacheWorth",
    "Changed",
    "Choices",
    "Comparison",
    "Covered",
    "Curve",
    "Declined",
    "Declining",
    "Differing",
    "Factor",
    "FailureCount",
    "Failures",
    "FirstPlace",
    "Group",
    "Headline",
    "HourPoint",
    "HourTest",
    "Identity",
    "Level",
    "LevelTest",
    "Named",
    "Neighbours",
    "Network",
    "Order",
    "Point",
    "RatePoint",
    "RecordRow",
    "Series",
    "Spread",
    "Success",
    "Summary",
    "TimeOfDay",
    "Tradeoff",
    "attainment",
    "by_level",
    "cache_worth",
    "choices",
    "clients",
    "compare",
    "curves",
    "declining",
    "distribution",
    "embedding_models",
    "failures_over_time",
    "first_places",
    "headline",
    "identity",
    "least_covered",
    "neighbours",
    "network",
    "order",
    "over_time",
    "page",
    "record",
    "success",
    "summary",
    "temperatures",
    "time_of_day",
    "total",
    "tradeoff",
]
