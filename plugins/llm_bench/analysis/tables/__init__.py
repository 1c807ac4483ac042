"""The tables of a study: one definition each, for a page and for a report.

They take what ``queries`` returns, already aggregated, and ``looks(choices.llms)``, so that an LLM is called the same
in all. A page adds what their cells lead to, and may turn a long one into a row for each group (``Table.pivot``).
"""

from __future__ import annotations

from llm_bench.analysis.tables.answers import answers_over_time, bounds, changes, identity, names, verdict
from llm_bench.analysis.tables.caches import cache_worth
from llm_bench.analysis.tables.factors import heading, level_tests, levels, levels_differ
from llm_bench.analysis.tables.llms import QUANTILES, grouped, headline, least_covered, quantiles, tradeoff
from llm_bench.analysis.tables.network import first_places, network
from llm_bench.analysis.tables.outcomes import cut_often, failures, failures_over_time, rates_over_time, success
from llm_bench.analysis.tables.pairs import conclusions, differences, noise_floor
from llm_bench.analysis.tables.times import (
    hour_tests,
    hours_matter,
    neighbours,
    over_time,
    slow_together,
    time_of_day,
)

__all__ = [
    "QUANTILES",
    "answers_over_time",
    "bounds",
    "cache_worth",
    "changes",
    "conclusions",
    "cut_often",
    "differences",
    "failures",
    "failures_over_time",
    "first_places",
    "grouped",
    "heading",
    "headline",
    "hour_tests",
    "hours_matter",
    "identity",
    "least_covered",
    "level_tests",
    "levels",
    "levels_differ",
    "names",
    "neighbours",
    "network",
    "noise_floor",
    "over_time",
    "quantiles",
    "rates_over_time",
    "slow_together",
    "success",
    "time_of_day",
    "tradeoff",
    "verdict",
]
