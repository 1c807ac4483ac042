"""Tables along the slots of a study and the hours of a day, and what they say in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.noise import LEVEL
from llm_bench.analysis.table import Column, Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import HourTest, Neighbours, Series, TimeOfDay


def slot(bucket: int, zone: tzinfo) -> Column:
    """The column of slots, or of the first slots of buckets."""
    return table.words("slot", "Slot" if bucket == 1 else "First slot", lambda at: text.moment(at, zone))


def over_time(series: Series, metric: Metric, looks: Looks, zone: tzinfo) -> Table:
    """A metric of each LLM in each slot, or each bucket of slots."""
    each_slot = "slot" if series.bucket == 1 else f"{series.bucket} slots"
    return Table(
        f"{metric.short_name}-over-time",
        f"{metric.title}, {metric.statistic} of each {each_slot}, {metric.scale}",
        [
            slot(series.bucket, zone),
            table.llm(looks),
            table.count("n", "Records"),
            table.count("failed", "Failed"),
            table.count("left_out", "Left out"),
            table.metric(metric.name, metric, interval=False, approximate=series.approximate),
        ],
        [
            [point.at, point.llm, point.n, point.failed, point.left_out, point.middle]
            for point in sorted(series.points, key=lambda point: point.at)
        ],
    )


def time_of_day(hours: TimeOfDay, metric: Metric, looks: Looks) -> Table:
    """A metric of each LLM in each hour."""
    return Table(
        f"{metric.short_name}-by-hour",
        f"{metric.title}, {metric.statistic} of each hour, {metric.scale}",
        [
            table.words("hour", "Hour", "{:02}:00".format),
            table.llm(looks),
            table.count("n", "Records"),
            table.metric(metric.name, metric, interval=False, approximate=hours.approximate),
        ],
        [
            [point.hour, point.llm, point.n, point.middle]
            for point in sorted(hours.points, key=lambda point: point.hour)
        ],
    )


def hours_matter(tests: Sequence[HourTest], looks: Looks) -> str:
    """Whether the hour matters, in a sentence."""
    known = [test for test in tests if test.p is not None]
    if not known:
        return "There are too few hours or slots to say whether the hour matters."
    differ = [looks.names[test.llm] for test in known if test.p is not None and test.p < LEVEL]
    if not differ:
        return "No LLM differs between the hours by more than chance would have it."
    return f"Between the hours {', '.join(differ)} {'differs' if len(differ) == 1 else 'differ'} by more than chance."


def hour_tests(tests: Sequence[HourTest], metric: Metric, looks: Looks) -> Table:
    """Whether the same times of day are the slow ones on every day, for each LLM."""
    return Table(
        f"{metric.short_name}-time-of-day",
        f"Whether {metric.title.lower()} depends on the time of day",
        [
            table.llm(looks),
            table.count("days", "Days"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.number("agreement", "Agreement of days"),
        ],
        [[test.llm, test.days, test.p, test.effect] for test in looks.ordered(tests)],
        [
            f"p: corrected over the LLMs, and more than chance below {LEVEL}. Agreement: mean rank correlation of two "
            "days; 1: the same times are slow on every day; about 0: no effect."
        ],
    )


def slow_together(kept: Sequence[Neighbours], looks: Looks) -> str:
    """Whether a slow slot is followed by a slow one, and what that means for the intervals; nothing where it isn't."""
    wider = [
        f"{looks.names[carried.llm]} {text.number(carried.wider)}"
        for carried in looks.ordered(kept)
        if carried.wider is not None and carried.wider > 1 and carried.p is not None and carried.p < LEVEL
    ]
    if not wider:
        return ""
    return (
        "Slow slots follow one another, be it by the course of the day, so intervals may be too narrow. "
        f"So many times as wide would be safe: {', '.join(wider)}."
    )


def neighbours(kept: Sequence[Neighbours], looks: Looks) -> Table:
    """How slots that follow one another go together, for each LLM."""
    return Table(
        "latency-neighbours",
        "Whether slots that follow one another are slow together",
        [
            table.llm(looks),
            table.count("pairs", "Pairs of slots"),
            table.number("correlation", "Correlation"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.times("wider", "Intervals wider by"),
        ],
        [
            [carried.llm, carried.pairs, carried.correlation, carried.p, carried.wider]
            for carried in looks.ordered(kept)
        ],
        [
            "Correlation: of a slot's median with the next one's, by ranks. Wider: all intervals take slots as "
            "independent of one another; where they aren't, so many times as wide would be safe. The course of the day "
            "makes neighbours alike, too."
        ],
    )
