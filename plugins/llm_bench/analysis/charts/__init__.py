"""The charts of a study: one definition each, for a page (``spec``) and for print (``svg``, ``png``, ``pdf``).

They take what ``figures`` returns, already aggregated, and ``looks(choices.llms)``, so that an LLM looks
the same in all.
"""

from __future__ import annotations

from llm_bench.analysis.charts.amounts import bars, distribution
from llm_bench.analysis.charts.answers import answers_over_time, changes
from llm_bench.analysis.charts.attainment import attainment, curves
from llm_bench.analysis.charts.caches import cache_worth
from llm_bench.analysis.charts.declining import declining
from llm_bench.analysis.charts.drawing import PRINT_WIDTH, Caption, caption, pdf, png, spec, svg
from llm_bench.analysis.charts.exchange import tokens_over_time, waterfall
from llm_bench.analysis.charts.factors import levels
from llm_bench.analysis.charts.lengths import by_length
from llm_bench.analysis.charts.looks import Looks, Theme, colours, looks
from llm_bench.analysis.charts.outcomes import failures, success_rate
from llm_bench.analysis.charts.overtime import failures_over_time, over_time, success_rate_over_time, time_of_day
from llm_bench.analysis.charts.pairs import comparison, tradeoff

__all__ = [
    "PRINT_WIDTH",
    "Caption",
    "Looks",
    "Theme",
    "answers_over_time",
    "attainment",
    "bars",
    "by_length",
    "cache_worth",
    "caption",
    "changes",
    "colours",
    "comparison",
    "curves",
    "declining",
    "distribution",
    "failures",
    "failures_over_time",
    "levels",
    "looks",
    "over_time",
    "pdf",
    "png",
    "spec",
    "success_rate",
    "success_rate_over_time",
    "svg",
    "time_of_day",
    "tokens_over_time",
    "tradeoff",
    "waterfall",
]
