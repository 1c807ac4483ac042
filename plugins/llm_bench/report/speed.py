"""The parts of a report on how fast the LLMs are, and its summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis import format as text
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.queries import Spread
from llm_bench.analysis.queries.positions import FIRST_PLACE
from llm_bench.analysis.standings import steadiness
from llm_bench.analysis.statistics.blocks import DAYS
from llm_bench.analysis.statistics.correlation import FOLLOWING
from llm_bench.analysis.statistics.drift import DRIFT
from llm_bench.analysis.statistics.length import AT_LENGTH, TEXT_SPEED
from llm_bench.analysis.statistics.scopes import CONCLUSIONS, MEANS, QUANTILES
from llm_bench.analysis.statistics.success import RATES
from llm_bench.analysis.statistics.timeofday import TIME_OF_DAY
from llm_bench.analysis.table import Table
from llm_bench.analysis.verdicts import VERDICTS
from llm_bench.method import Method
from llm_bench.report.source import Figure, Section, Source

LATENCY, THROUGHPUT, TEXT = (METRICS[name] for name in ("latency_sec", "throughput_tps", "text_cps"))
TIMES = {"latency": LATENCY, "first-token": METRICS["ttft_sec"], "first-answer": METRICS["first_answer_sec"]}
"""Name of the files → the metric."""
OF_TIMES = (CONCLUSIONS, DAYS, QUANTILES)
"""The methods of times and speeds."""


def summary(source: Source) -> Section:
    """What can be concluded, in a sentence for each question that people have; and each LLM in a few numbers."""
    whole = tables.headline(queries.headline(source.records, source.view), source.looks)
    speed, quality = tables.in_two(whole)
    by = {speed.name: [*OF_TIMES, RATES], quality.name: [CONCLUSIONS, DAYS, MEANS, RATES]}
    methods = [*OF_TIMES, MEANS, RATES]
    return Section("Summary", [], [speed, quality], methods=methods, by=by, answers=list(_answers(source)))


def _answers(source: Source) -> Iterator[tuple[str, str]]:
    if len(source.llms) < 2:
        return
    steadiest = tables.steadiest(
        steadiness(source.hours.tests, source.trends, source.interest.latency_sec), source.looks
    )
    for answer in (*tables.answers(source.pairs, source.looks), steadiest):
        if answer.llms:
            best = text.listed([source.looks.names[llm] for llm in answer.llms])
            yield answer.question, f"{best}: {answer.words}"
        else:
            yield answer.question, answer.words[:1].upper() + answer.words[1:]


def latency(source: Source) -> Section:
    """Latency, the time to the first token, and to the first answer."""
    drawn: list[Figure] = []
    numbers: list[Table] = []
    for name, metric in TIMES.items():
        spreads = source.looks.ordered(queries.distribution(source.records, source.view, metric))
        drawn += _times(source, metric, name, spreads)
        medians = queries.summary(source.records, source.view, metric)
        numbers.append(replace(tables.quantiles(medians, spreads, metric, source.looks), name=f"{name}-quantiles"))
    hours, trends = source.hours, source.trends
    drawn.append(Figure("latency-time-of-day", charts.time_of_day(hours, LATENCY, source.looks, source.zone)))
    near = queries.neighbours(source.records, source.view, LATENCY)
    notes = (
        tables.hours_matter(hours.tests, LATENCY, source.looks),
        tables.drifts(trends, LATENCY, source.looks),
        tables.slow_together(near, source.looks),
    )
    by: dict[str, Sequence[Method]] = {table.name: OF_TIMES for table in numbers}
    tested = {
        TIME_OF_DAY: tables.hour_tests(hours.tests, LATENCY, source.looks),
        DRIFT: tables.drift(trends, LATENCY, source.looks),
        FOLLOWING: tables.neighbours(near, source.looks),
        FIRST_PLACE: tables.first_places(
            queries.first_places(source.records, source.view, LATENCY), LATENCY, source.looks
        ),
    }
    by |= {table.name: [method] for method, table in tested.items()}
    numbers += [*tested.values(), tables.network(queries.network(source.records, source.view), source.looks)]
    return Section("Latency", drawn, numbers, [note for note in notes if note], [*OF_TIMES, *tested], by=by)


def throughput(source: Source) -> Section:
    """Tokens a second."""
    medians = queries.summary(source.records, source.view, THROUGHPUT)
    spreads = queries.distribution(source.records, source.view, THROUGHPUT)
    bars = Figure("throughput", charts.bars(medians, THROUGHPUT, source.looks))
    drawn = [bars, *_times(source, THROUGHPUT, "throughput", spreads)]
    return Section("Throughput", drawn, [], methods=OF_TIMES)


def equal_length(source: Source) -> Section:
    """What the LLMs would take if all answers were as long as one another."""
    lengths = queries.lengths(source.records, source.view, source.llms, twins=source.twins)
    medians = queries.summary(source.records, source.view, TEXT)
    return Section(
        "Speed at equal length",
        [
            Figure("text-throughput", charts.bars(medians, TEXT, source.looks)),
            Figure("latency-by-length", charts.by_length(lengths, source.looks)),
        ],
        [
            tables.answer_lengths(lengths, source.looks),
            tables.equal_length(lengths, source.looks),
            tables.equal_length_pairs(lengths, source.looks, source.interest.latency_sec),
        ],
        tables.at_equal_length(lengths),
        [*OF_TIMES, TEXT_SPEED, AT_LENGTH, VERDICTS],
        by={
            "text-throughput": [*OF_TIMES, TEXT_SPEED],
            "answer-lengths": [*OF_TIMES, TEXT_SPEED],
            "equal-length": [AT_LENGTH],
            "equal-length-pairs": [AT_LENGTH, VERDICTS],
        },
    )


def _times(source: Source, metric: Metric, name: str, spreads: list[Spread]) -> Iterator[Figure]:
    series = queries.over_time(source.records, source.view, metric)
    yield Figure(f"{name}-over-time", charts.over_time(series, metric, source.looks, source.zone))
    yield Figure(f"{name}-distribution", charts.distribution(spreads, metric, source.looks))
