"""The parts of a report on how fast the LLMs are, and its summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import Spread
from llm_bench.analysis.statistics.blocks import DAYS
from llm_bench.analysis.statistics.scopes import CONCLUSIONS, MEANS, QUANTILES
from llm_bench.analysis.statistics.success import RATES
from llm_bench.analysis.table import Table
from llm_bench.report.source import Figure, Section, Source

LATENCY, THROUGHPUT = METRICS["latency_sec"], METRICS["throughput_tps"]
TIMES = {"latency": LATENCY, "first-token": METRICS["ttft_sec"], "first-answer": METRICS["first_answer_sec"]}
"""Name of the files → the metric."""
SPEED = (
    "records",
    "success",
    "latency_sec",
    "ttft_sec",
    "ttft_less_rtt_sec",
    "first_answer_sec",
    "throughput_tps",
    "left_out",
)
"""Columns of the summary's first table; its second one has the others."""
OF_TIMES = (CONCLUSIONS, DAYS, QUANTILES)
"""The methods of times and speeds."""


def summary(source: Source) -> Section:
    """Each LLM in a few numbers."""
    whole = tables.headline(queries.headline(source.records, source.view), source.looks)
    speed = replace(whole.only("llm", *SPEED), name="summary-speed", title="Success and speed of each LLM")
    quality = replace(whole.without(*SPEED), name="summary-quality", title="Quality and cost of each LLM")
    return Section("Summary", [], [speed, quality], methods=[*OF_TIMES, MEANS, RATES])


def latency(source: Source) -> Section:
    """Latency, the time to the first token, and to the first answer."""
    drawn: list[Figure] = []
    numbers: list[Table] = []
    for name, metric in TIMES.items():
        spreads = source.looks.ordered(queries.distribution(source.records, source.view, metric))
        drawn += _times(source, metric, name, spreads)
        medians = queries.summary(source.records, source.view, metric)
        numbers.append(replace(tables.quantiles(medians, spreads, metric, source.looks), name=f"{name}-quantiles"))
    hours = queries.time_of_day(source.records, source.view, LATENCY, source.zone)
    drawn.append(Figure("latency-time-of-day", charts.time_of_day(hours, LATENCY, source.looks, source.zone)))
    near = queries.neighbours(source.records, source.view, LATENCY)
    numbers += [
        tables.hour_tests(hours.tests, LATENCY, source.looks),
        tables.neighbours(near, source.looks),
        tables.network(queries.network(source.records, source.view), source.looks),
        tables.first_places(queries.first_places(source.records, source.view, LATENCY), LATENCY, source.looks),
    ]
    return Section("Latency", drawn, numbers, methods=OF_TIMES)


def throughput(source: Source) -> Section:
    """Tokens a second."""
    medians = queries.summary(source.records, source.view, THROUGHPUT)
    spreads = queries.distribution(source.records, source.view, THROUGHPUT)
    bars = Figure("throughput", charts.bars(medians, THROUGHPUT, source.looks))
    drawn = [bars, *_times(source, THROUGHPUT, "throughput", spreads)]
    return Section("Throughput", drawn, [], methods=OF_TIMES)


def _times(source: Source, metric: Metric, name: str, spreads: list[Spread]) -> Iterator[Figure]:
    series = queries.over_time(source.records, source.view, metric)
    yield Figure(f"{name}-over-time", charts.over_time(series, metric, source.looks, source.zone))
    yield Figure(f"{name}-distribution", charts.distribution(spreads, metric, source.looks))
