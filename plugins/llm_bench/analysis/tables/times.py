"""Tables along the slots of a study and the hours of a day, and what they say in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time, tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.doubts import doubt_in_words
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.noise import LEVEL
from llm_bench.analysis.table import Column, Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Drift, HourTest, Neighbours, Series, TimeOfDay
    from llm_bench.analysis.statistics import Interval


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


def hours_matter(tests: Sequence[HourTest], metric: Metric, looks: Looks) -> str:
    """Whether the time of day matters, and how much, in sentences."""
    known = [test for test in looks.ordered(tests) if test.p is not None]
    if not known:
        return _unsaid("Whether the time of day matters", [test.size for test in tests])
    differ = [test for test in known if test.p is not None and test.p < LEVEL]
    rest = [looks.names[test.llm] for test in known if test not in differ]
    alike = f"No course that the days have in common is seen of {text.listed(rest)}." if rest else ""
    return " ".join(filter(None, [*(_course(test, metric, looks) for test in differ), alike]))


def _course(test: HourTest, metric: Metric, looks: Looks) -> str:
    high, low = (_part(part) for part in (test.highest, test.lowest))
    return (
        f"On {_like(test.size)}, {metric.title.lower()} of {looks.names[test.llm]} in the slots {high} is "
        f"{_ratio(test.size)} that in the slots {low}."
    )


def _unsaid(what: str, sizes: Sequence[Interval]) -> str:
    """That nothing can be concluded, and why."""
    why = next((size for size in sizes if size.doubt), None)
    reason = f": {doubt_in_words(why.doubt, why.clusters)}" if why and why.doubt else ""
    return f"{what} can't be said{reason}."


def _like(size: Interval) -> str:
    """What a conclusion is for."""
    return f"days like these {size.clusters}"


def _ratio(size: Interval) -> str:
    return f"{text.number(size.estimate)} times {text.ratio_ends(size.low, size.high)}"


def _part(part: tuple[time, time] | None) -> str:
    return f"from {part[0]:%H:%M} to {part[1]:%H:%M}" if part else text.NONE


def _ratios(name: str, title: str) -> Column:
    """A column of ratios with their intervals, which says so."""
    return replace(table.ratio(name, title), unit="times")


def hour_tests(tests: Sequence[HourTest], metric: Metric, looks: Looks) -> Table:
    """Whether the same times of day are the slow ones on every day, for each LLM."""
    return Table(
        f"{metric.short_name}-time-of-day",
        f"Whether {metric.title.lower()} depends on the time of day",
        [
            table.llm(looks),
            table.count("days", "Days"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            _ratios("size", "Highest to lowest part"),
            table.words("highest", "Highest in slots"),
            table.words("lowest", "Lowest in slots"),
        ],
        [
            [test.llm, test.size.clusters, test.p, test.size, _part(test.highest), _part(test.lowest)]
            for test in looks.ordered(tests)
        ],
        [
            f"p: by random signs of what each day's course has, a drift over the days taken off; corrected over the "
            f"LLMs, and more than chance below {LEVEL}. Highest to lowest part: how many times as large it is in that "
            "quarter of the times of day in which it is largest as in that in which it is smallest, on days like "
            "these and for these questions; the interval holds for any two parts at once."
        ],
    )


def drifts(trends: Sequence[Drift], metric: Metric, looks: Looks) -> str:
    """Whether there is a trend from day to day, and how much, in sentences."""
    known = [trend for trend in looks.ordered(trends) if trend.p is not None]
    if not known:
        return _unsaid("Whether there is a drift over the days", [trend.size for trend in trends])
    differ = [trend for trend in known if trend.p is not None and trend.p < LEVEL]
    rest = [looks.names[trend.llm] for trend in known if trend not in differ]
    steady = f"No drift over the days is seen of {text.listed(rest)}." if rest else ""
    said = (
        f"Over {_like(trend.size)}, {metric.title.lower()} of {looks.names[trend.llm]} is {_ratio(trend.size)} what it "
        "was a day before."
        for trend in differ
    )
    return " ".join(filter(None, [*said, steady]))


def drift(trends: Sequence[Drift], metric: Metric, looks: Looks) -> Table:
    """Whether a metric rises or falls from day to day, for each LLM."""
    return Table(
        f"{metric.short_name}-drift",
        f"Drift of {metric.title.lower()} over the days",
        [
            table.llm(looks),
            table.count("days", "Days"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            _ratios("size", "A day later"),
        ],
        [[trend.llm, trend.size.clusters, trend.p, trend.size] for trend in looks.ordered(trends)],
        [
            "A day later: how many times as large it is, by a straight line through the days, of which each counts "
            f"by its slots; for these questions. p: corrected over the LLMs, and more than chance below {LEVEL}."
        ],
    )


def slow_together(kept: Sequence[Neighbours], looks: Looks) -> str:
    """For which LLMs slots may go on into the next day, and what follows; nothing where that isn't so."""
    lasting = [looks.names[carried.llm] for carried in looks.ordered(kept) if carried.lasting]
    if not lasting:
        return ""
    return (
        f"What makes a slot of {text.listed(lasting)} slow may go on into the next day. Its days can't be taken for "
        "independent of one another, so that its medians and means have no intervals for days like these."
    )


def neighbours(kept: Sequence[Neighbours], looks: Looks) -> Table:
    """How slots that follow one another go together, for each LLM."""
    return Table(
        "latency-neighbours",
        "Whether slots that follow one another are slow together, by latency",
        [
            table.llm(looks),
            table.count("pairs", "Pairs of slots"),
            table.number("correlation", "Correlation"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.words("days", "Days are independent"),
        ],
        [
            [carried.llm, carried.pairs, carried.correlation, carried.p, "can't tell" if carried.lasting else "yes"]
            for carried in looks.ordered(kept)
        ],
        [
            "Correlation: of a slot's median with the next one's, by ranks; the course of the day and a drift make "
            "neighbours alike, too. It decides one thing: whether as much may go on from slot to slot that days which "
            "follow one another go together. Where it may, there are no intervals for days like these. Within a day "
            "slots may follow one another as they like: intervals take days for independent, not slots."
        ],
    )
