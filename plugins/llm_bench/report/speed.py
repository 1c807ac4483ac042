"""The parts of a report on how fast the LLMs are, and its summary."""

from __future__ import annotations

from collections.abc import Iterator

from llm_bench.analysis import charts, queries
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import Neighbours, Spread, TimeOfDay
from llm_bench.analysis.queries.times import QUANTILES
from llm_bench.report import tables
from llm_bench.report.source import APPROXIMATE, Figure, Section, Source
from llm_bench.report.tables import Table

LATENCY, TTFT, ANSWER = METRICS["latency_sec"], METRICS["ttft_sec"], METRICS["first_answer_sec"]
THROUGHPUT, COVERAGE, GROUNDED = METRICS["throughput_tps"], METRICS["coverage_score"], METRICS["groundedness"]


def summary(source: Source) -> Section:
    """Each LLM in a few numbers."""
    found = source.looks.ordered(queries.headline(source.records, source.view))
    approximate = [APPROXIMATE] if any(one.approximate for one in found) else []
    speed = Table(
        "summary-speed",
        "Success and speed of each LLM: medians with 95 % intervals",
        [
            source.llm(),
            tables.count("records", "Records"),
            tables.percent("success", "Success"),
            tables.value("latency_sec", LATENCY),
            tables.value("ttft_sec", TTFT, "First token"),
            tables.value("first_answer_sec", ANSWER, "First answer"),
            tables.value("throughput_tps", THROUGHPUT),
            tables.count("left_out", "Left out"),
        ],
        [
            [one.llm, one.records, one.success, one.latency, one.ttft, one.first_answer, one.throughput, one.left_out]
            for one in found
        ],
        ["Left out: records without a latency, because they failed.", *approximate],
    )
    quality = Table(
        "summary-quality",
        "Quality and cost of each LLM: means with 95 % intervals",
        [
            source.llm(),
            tables.count("slots", "Slots"),
            tables.value("coverage_score", COVERAGE),
            tables.value("groundedness", GROUNDED),
            tables.amount("cost_usd", "Cost (USD)"),
            tables.count("cost_known", "Cost known"),
            tables.count("suspect", "Suspect"),
        ],
        [
            [one.llm, one.slots, one.coverage, one.groundedness, one.cost_usd, one.cost_known, one.suspect]
            for one in found
        ],
        ["Cost: of the records with a known cost, as many as “Cost known” says."],
    )
    return Section("Summary", [], [speed, quality])


def latency(source: Source) -> Section:
    """Latency, the time to the first token, and to the first answer."""
    drawn: list[Figure] = []
    told: list[Table] = []
    for metric, name in ((LATENCY, "latency"), (TTFT, "first-token"), (ANSWER, "first-answer")):
        spreads = source.looks.ordered(queries.distribution(source.records, source.view, metric))
        drawn += _times(source, metric, name, spreads)
        told.append(_quantiles(source, metric, name, spreads))
    hours = queries.time_of_day(source.records, source.view, LATENCY, source.zone)
    drawn.append(Figure("latency-time-of-day", charts.time_of_day(hours, LATENCY, source.looks, source.zone)))
    near = queries.neighbours(source.records, source.view, LATENCY)
    return Section("Latency", drawn, [*told, _hours(source, hours), _neighbours(source, near)])


def throughput(source: Source) -> Section:
    """Tokens a second."""
    found = queries.summary(source.records, source.view, THROUGHPUT)
    spreads = queries.distribution(source.records, source.view, THROUGHPUT)
    bars = Figure("throughput", charts.bars(found, THROUGHPUT, source.looks))
    return Section("Throughput", [bars, *_times(source, THROUGHPUT, "throughput", spreads)], [])


def _times(source: Source, metric: Metric, name: str, spreads: list[Spread]) -> Iterator[Figure]:
    series = queries.over_time(source.records, source.view, metric)
    yield Figure(f"{name}-over-time", charts.over_time(series, metric, source.looks, source.zone))
    yield Figure(f"{name}-distribution", charts.distribution(spreads, metric, source.looks))


def _quantiles(source: Source, metric: Metric, name: str, spreads: list[Spread]) -> Table:
    columns = [tables.value(f"p{share * 100:g}", metric, f"{share * 100:g} %", interval=False) for share in QUANTILES]
    return Table(
        f"{name}-quantiles",
        f"Quantiles of {metric.title.lower()}",
        [source.llm(), tables.count("n", "Records"), tables.count("left_out", "Left out"), *columns],
        [[one.llm, one.n, one.left_out, *(one.quantiles.get(share) for share in QUANTILES)] for one in spreads],
        [APPROXIMATE] if any(one.approximate for one in spreads) else [],
    )


def _hours(source: Source, found: TimeOfDay) -> Table:
    return Table(
        "latency-time-of-day",
        "Whether latency depends on the time of day",
        [
            source.llm(),
            tables.count("days", "Days"),
            tables.chance("p_holm", "p, corrected"),
            tables.amount("agreement", "Agreement of days"),
        ],
        [[test.llm, test.days, test.p, test.effect] for test in source.looks.ordered(found.tests)],
        ["Agreement: mean rank correlation of two days; 1: the same times are slow on every day; about 0: no effect."],
    )


def _neighbours(source: Source, found: list[Neighbours]) -> Table:
    return Table(
        "latency-neighbours",
        "Whether slots that follow one another are slow together",
        [
            source.llm(),
            tables.count("pairs", "Pairs of slots"),
            tables.amount("correlation", "Correlation"),
            tables.chance("p_holm", "p, corrected"),
            tables.amount("wider", "Intervals wider by"),
        ],
        [[one.llm, one.pairs, one.correlation, one.p, one.wider] for one in source.looks.ordered(found)],
        [
            "Correlation: of a slot's median latency with the next one's, by ranks. Wider: all intervals take slots as "
            "independent of one another; where they aren't, so many times as wide would be safe. The course of the day "
            "makes neighbours alike, too."
        ],
    )
