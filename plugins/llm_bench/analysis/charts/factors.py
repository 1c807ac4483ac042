"""Charts of LLMs by who answered behind a gateway, and by where it was asked from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llm_bench.analysis.charts.amounts import bars
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries.shapes import Summary

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import ByLevel


def levels(by_level: ByLevel, looks: Looks, metric: Literal["latency_sec", "ttft_sec"] = "latency_sec") -> Chart:
    """The median times of each LLM by upstream or client, with intervals."""
    summaries = []
    for level in looks.ordered(by_level.levels):
        value = level.latency if metric == "latency_sec" else level.ttft
        n, failed = value.n if value else 0, round(level.records * (1 - (level.success.estimate or 0)))
        summaries.append(
            Summary(
                level.llm,
                level.level,
                level.level,
                n,
                level.records - max(n, failed),
                value,
                by_level.approximate,
                failed=failed,
            )
        )
    return bars(summaries, METRICS[metric], looks, by_level.factor)
