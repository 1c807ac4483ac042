"""Every kind of chart, from numbers made up for it: as many LLMs and slots as a test asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import charts
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import (
    Answered,
    Bin,
    ByLevel,
    CacheWorth,
    Comparison,
    Differing,
    FailureCount,
    Failures,
    HourPoint,
    Identity,
    Level,
    Named,
    Point,
    RatePoint,
    Series,
    Spread,
    Success,
    Summary,
    TimeOfDay,
    Tradeoff,
)
from llm_bench.analysis.statistics import Interval

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart

LATENCY, THROUGHPUT, COVERAGE = METRICS["latency_sec"], METRICS["throughput_tps"], METRICS["coverage_score"]
ZONE = timezone(timedelta(hours=1))
FOUR = (
    "groq/llama3-70b-8192",
    "groq/moonshotai/kimi-k2-instruct",
    "openrouter/mistralai/mistral-7b-instruct",
    "openrouter/deepseek/deepseek-r1-0528-qwen3-8b",
)
TWENTY = (*FOUR, *(f"openrouter/vendor{n}/{n}-rather-long-name-of-a-model-{n}b" for n in range(16)))
KINDS = ("rate_limited", "server_error", "timeout_total", "truncated_stream", "empty_answer", "connection")


def slots(days: int = 4, batches: int = 14) -> list[datetime]:
    """14 in the first 12 hours of each day."""
    start = datetime(2026, 12, 7, 8, tzinfo=ZONE)
    return [
        start + timedelta(days=day) + k * timedelta(hours=12) / batches for day in range(days) for k in range(batches)
    ]


def around(value: float, width: float = 0.03) -> Interval:
    return Interval(value, value * (1 - width), value * (1 + width), 1100, 56)


def series(llms: Sequence[str], times: Sequence[datetime]) -> Series:
    chance = Random(1)
    made = []
    for place, llm in enumerate(llms):
        for number, at in enumerate(times):
            middle = (0.5, 0.9, 2.2, 14)[place % 4] * math.exp(chance.gauss(0, 0.12))
            lost = number == len(times) // 2 and place % 4 == 3
            made.append(
                Point(
                    llm,
                    at,
                    0 if lost else 19,
                    20 if lost else 1,
                    *(3 * [None] if lost else (middle * 0.8, middle, middle * 1.3)),
                )
            )
    return Series(made, 1, None)


def failing(llms: Sequence[str], times: Sequence[datetime]) -> Failures:
    chance = Random(2)
    counts = [
        FailureCount(at, llm, chance.choice(KINDS), chance.randint(1, 14))
        for llm in llms
        for at in times
        if chance.random() < 0.3
    ]
    lost = {(failed.llm, failed.at): failed.n for failed in counts}
    rates = [RatePoint(at, llm, 20, 20 - lost.get((llm, at), 0)) for llm in llms for at in times]
    return Failures(counts, rates, 1, None)


def outcomes(llms: Sequence[str], failed: Failures) -> list[Success]:
    made = []
    for llm in llms:
        kinds = {
            kind: sum(count.n for count in failed.counts if (count.llm, count.kind) == (llm, kind)) for kind in KINDS
        }
        some = {kind: n for kind, n in kinds.items() if n}
        made.append(Success(llm, 1120, 1120 - sum(kinds.values()), around(0.96), 50, 1100, around(0.045), some))
    return made


def spreads(llms: Sequence[str]) -> list[Spread]:
    chance = Random(3)
    edges = [0.05 * 1.12**k for k in range(70)]
    made = []
    for place, llm in enumerate(llms):
        values = sorted((0.5, 0.9, 2.2, 14)[place % 4] * math.exp(chance.gauss(0, 0.3)) for _ in range(500))
        quantiles = {q: values[int(q * 499)] for q in (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)}
        bins = [Bin(low, high, sum(low <= v < high for v in values)) for low, high in pairwise(edges)]
        made.append(Spread(llm, 500, 3, values[0], values[-1], quantiles, bins))
    return made


def summaries(llms: Sequence[str], groups: Sequence[str | None] = (None,)) -> list[Summary]:
    return [
        Summary(llm, group, group, 1100, 7, around(0.5 + 0.02 * (place % 5)))
        for place, llm in enumerate(llms)
        for group in groups
    ]


def comparisons(llms: Sequence[str]) -> list[Comparison]:
    return [
        Comparison(
            *("latency_sec", first, second, 1050, 55, 4, 20, 30),
            Interval(1 + 0.1 * (j - i), 0.9, 1.4 + 0.1 * (j - i), 1050, 4),
            *(0.01, 0.04),
            is_ratio=True,
            interest=1.1,
            verdict="more" if j - i > 1 else "can't tell",
        )
        for i, first in enumerate(llms)
        for j, second in enumerate(llms)
        if i < j
    ]


def answered(llms: Sequence[str], times: Sequence[datetime]) -> Identity:
    """The second LLM's answers change in the middle, and every third one's fingerprint does."""
    if not times:
        return Identity([], [], [], 0, 0, 0, 0)
    chance, middle = Random(4), times[len(times) // 2]
    lines = [
        Answered(llm, len(times), 20 * len(times), 3, 0.2, 0.3, 0.002 if place == 1 else 0.4, middle, times[0])
        for place, llm in enumerate(llms)
    ]
    points = [
        Differing(
            llm, at, 20, None if number == 3 else 0.2 + 0.1 * chance.random() + 0.6 * (place == 1 and at >= middle)
        )
        for place, llm in enumerate(llms)
        for number, at in enumerate(times)
    ]
    names = [
        Named(llm, "system_fingerprint", name, at, times[-1], 20, 2, number > 0, 0.03 if number else None)
        for llm in llms[::3]
        for number, (name, at) in enumerate([("fp_a", times[0]), ("fp_b", middle)])
    ]
    return Identity(lines, points, names, len(times), len(times), 20, 20)


def record(**changes: Any) -> dict[str, Any]:
    times = [0.92 + 0.013 * number for number in range(90)]
    return {
        "connect_sec": 0.08,
        "headers_sec": 0.7,
        "ttft_sec": times[0],
        "first_answer_sec": times[60],
        "latency_sec": times[-1] + 0.01,
        "event_times_sec": times,
        "wait_sec": 2.3,
        "failure_kind": None,
    } | changes


def every_chart(llms: Sequence[str], times: Sequence[datetime]) -> Iterator[tuple[str, Chart]]:
    """Each with a name."""
    looks = charts.looks(llms)
    hours = [HourPoint(llm, hour, 80, 0.4, 0.5 + hour / 50, 1.2) for llm in llms for hour in range(8, 20) if times]
    failed = failing(llms, times)
    questions = [f"Which product category generates the highest revenue in quarter {n}, and why?" for n in range(10)]
    there = llms if times else ()
    yield "over time", charts.over_time(series(llms, times), LATENCY, looks, ZONE)
    yield "time of day", charts.time_of_day(TimeOfDay(hours, []), LATENCY, looks, ZONE)
    yield "failed over time", charts.success_rate_over_time(failed, looks, ZONE)
    yield "failures over time", charts.failures_over_time(failed, looks, ZONE)
    yield "success", charts.success_rate(outcomes(there, failed), looks)
    yield "failures", charts.failures(outcomes(there, failed), looks)
    yield "bars", charts.bars(summaries(there), THROUGHPUT, looks)
    yield "bars of a share", charts.bars(summaries(there), COVERAGE, looks)
    yield "by question", charts.bars(summaries(there, questions), COVERAGE, looks, "question")
    yield "distribution", charts.distribution(spreads(there), LATENCY, looks)
    yield "comparison", charts.comparison(comparisons(there), "latency_sec", looks)
    yield "tradeoff", charts.tradeoff([Tradeoff(llm, 0.9, 80, 0.8, 0.97, 0.2) for llm in there], looks)
    yield "answers over time", charts.answers_over_time(answered(llms, times), looks, ZONE)
    yield "changes", charts.changes(answered(llms, times), looks, ZONE)
    worth = [CacheWorth(llm, 99, 90, around(1.2), 0.01, around(0.02), 90, None, None) for llm in there]
    yield "cache", charts.cache_worth(worth, looks)
    levels = [
        Level(llm, name, 90, around(0.5), around(0.9), around(1.2), None) for llm in there for name in ("A", "unnamed")
    ]
    yield "upstreams", charts.levels(ByLevel("upstream", levels, [], approximate=False), looks)
    yield "waterfall", charts.waterfall(record() if times else dict.fromkeys(record(wait_sec=0.0)))
    yield "tokens", charts.tokens_over_time(record() if times else dict.fromkeys(record()))
