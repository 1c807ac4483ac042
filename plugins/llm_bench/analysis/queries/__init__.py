"""The figures of a study: aggregated in DuckDB, with intervals, for pages and reports alike."""

from __future__ import annotations

from llm_bench.analysis.queries.answers import Answered, Changed, Differing, Identity, Named, identity, temperatures
from llm_bench.analysis.queries.attainment import Attainment, Curve, attainment, curves
from llm_bench.analysis.queries.caches import CacheWorth, cache_worth
from llm_bench.analysis.queries.citations import Cited, citations
from llm_bench.analysis.queries.comparisons import compare, methods_of
from llm_bench.analysis.queries.counts import choices, failures_over_time, scorers, success, total, unscored
from llm_bench.analysis.queries.declining import AnsweredAnyway, Declined, Declining, declining
from llm_bench.analysis.queries.events import Event, events
from llm_bench.analysis.queries.factors import ByLevel, Factor, Level, LevelTest, by_level
from llm_bench.analysis.queries.grading import candidates, gradable, scored
from llm_bench.analysis.queries.lengths import AtLength, Lengths, PairAtLength, lengths
from llm_bench.analysis.queries.listing import OUTCOMES, SORTS, Covered, RecordRow, least_covered, page, record
from llm_bench.analysis.queries.network import clients, network
from llm_bench.analysis.queries.positions import first_places, order
from llm_bench.analysis.queries.shapes import (
    Bin,
    Choices,
    Comparison,
    Drift,
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
from llm_bench.analysis.queries.times import distribution, drift, neighbours, over_time, time_of_day

__all__ = [
    "OUTCOMES",
    "SORTS",
    "Answered",
    "AnsweredAnyway",
    "AtLength",
    "Attainment",
    "Bin",
    "ByLevel",
    "CacheWorth",
    "Changed",
    "Choices",
    "Cited",
    "Comparison",
    "Covered",
    "Curve",
    "Declined",
    "Declining",
    "Differing",
    "Drift",
    "Event",
    "Factor",
    "FailureCount",
    "Failures",
    "FirstPlace",
    "Group",
    "Headline",
    "HourPoint",
    "HourTest",
    "Identity",
    "Lengths",
    "Level",
    "LevelTest",
    "Named",
    "Neighbours",
    "Network",
    "Order",
    "PairAtLength",
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
    "candidates",
    "choices",
    "citations",
    "clients",
    "compare",
    "curves",
    "declining",
    "distribution",
    "drift",
    "events",
    "failures_over_time",
    "first_places",
    "gradable",
    "headline",
    "identity",
    "least_covered",
    "lengths",
    "methods_of",
    "neighbours",
    "network",
    "order",
    "over_time",
    "page",
    "record",
    "scored",
    "scorers",
    "success",
    "summary",
    "temperatures",
    "time_of_day",
    "total",
    "tradeoff",
    "unscored",
]
