"""The tables of a study: one definition each, for a page and for a report.

They take what ``queries`` returns, already aggregated, and ``looks(choices.llms)``, so that an LLM is called the same
in all. A page adds what their cells lead to, and may turn a long one into a row for each group (``Table.pivot``).
"""

from __future__ import annotations

from llm_bench.analysis.tables.agreement import agreement
from llm_bench.analysis.tables.answers import answers_over_time, bounds, changes, identity, names, verdict
from llm_bench.analysis.tables.attainment import attained_in_words, attainment
from llm_bench.analysis.tables.caches import cache_worth
from llm_bench.analysis.tables.citations import citations
from llm_bench.analysis.tables.declining import answered_anyway, declining, declining_by_industry
from llm_bench.analysis.tables.factors import heading, level_tests, levels, levels_differ
from llm_bench.analysis.tables.grading import graded
from llm_bench.analysis.tables.lengths import answer_lengths, at_equal_length, equal_length, equal_length_pairs
from llm_bench.analysis.tables.llms import (
    QUANTILES,
    glance,
    grouped,
    headline,
    in_two,
    least_covered,
    quantiles,
    tradeoff,
)
from llm_bench.analysis.tables.network import first_places, network
from llm_bench.analysis.tables.outcomes import cut_often, failures, failures_over_time, rates_over_time, success
from llm_bench.analysis.tables.pairs import conclusions, differences, noise_floor
from llm_bench.analysis.tables.standings import SIGNS, STEADIEST, Answer, answer, answers, steadiest, wins
from llm_bench.analysis.tables.times import (
    drift,
    drifts,
    hour_tests,
    hours_matter,
    neighbours,
    over_time,
    slow_together,
    time_of_day,
)

__all__ = [
    "QUANTILES",
    "SIGNS",
    "STEADIEST",
    "Answer",
    "agreement",
    "answer",
    "answer_lengths",
    "answered_anyway",
    "answers",
    "answers_over_time",
    "at_equal_length",
    "attained_in_words",
    "attainment",
    "bounds",
    "cache_worth",
    "changes",
    "citations",
    "conclusions",
    "cut_often",
    "declining",
    "declining_by_industry",
    "differences",
    "drift",
    "drifts",
    "equal_length",
    "equal_length_pairs",
    "failures",
    "failures_over_time",
    "first_places",
    "glance",
    "graded",
    "grouped",
    "heading",
    "headline",
    "hour_tests",
    "hours_matter",
    "identity",
    "in_two",
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
    "steadiest",
    "success",
    "time_of_day",
    "tradeoff",
    "verdict",
    "wins",
]
