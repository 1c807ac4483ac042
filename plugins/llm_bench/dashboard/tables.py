"""The numbers of figures as tables. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, TypeVar

from llm_bench.analysis.charts import Looks
from llm_bench.analysis.charts.pairs import LEVEL
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import HourTest, Neighbours, Series, Spread, Summary, TimeOfDay
from llm_bench.dashboard import text
from llm_bench.dashboard.components import Cell, Column, Table
from llm_bench.records import FIELDS

if TYPE_CHECKING:
    from llm_bench.analysis.statistics import Interval

DESCRIPTIONS = {field.name: field.description for field in FIELDS}
Key = TypeVar("Key")
QUANTILES = (0.05, 0.25, 0.75, 0.9, 0.95, 0.99)


def llm_cell(llm: str, looks: Looks) -> Cell:
    """An LLM by its short name, with what that leaves out below it."""
    name = looks.names[llm]
    return Cell(name, note=llm.removesuffix(name).rstrip("/"), llm=llm)


def unit_of(metric: Metric) -> str:
    """What a table's caption says of its numbers' unit."""
    return "from 0 to 1" if metric.share else f"in {metric.unit}"


def plain(found: float | None, metric: Metric, approximate: bool = False) -> str:
    """A value without its unit, which the caption has."""
    told = text.bare(found, metric.unit)
    return f"≈ {told}" if approximate and told != text.NONE else told


def plain_interval(found: Interval | None, metric: Metric, approximate: bool = False) -> str:
    """The same with its interval."""
    return text.interval(found, metric.unit, approximate=approximate).replace(text.behind(metric.unit) or "\0", "")


def by_llm(summaries: Sequence[Summary], spreads: Sequence[Spread], metric: Metric, looks: Looks) -> Table:
    """One row for each LLM: how many, how much with its interval, and how it is spread."""
    spread = {one.llm: one for one in spreads}
    return Table(
        caption=f"{metric.title} of each LLM, {unit_of(metric)}. {DESCRIPTIONS[metric.name]}",
        columns=[
            Column("LLM", numeric=False),
            Column("Records"),
            Column("Left out", hint="without it"),
            Column(metric.statistic.capitalize(), hint="95 % interval"),
            *(Column(f"{quantile * 100:.0f}\u202f%", hint="quantile") for quantile in QUANTILES),
            Column("Most"),
        ],
        rows=[_llm_row(one, spread.get(one.llm), metric, looks) for one in looks.ordered(summaries)],
    )


def _llm_row(one: Summary, spread: Spread | None, metric: Metric, looks: Looks) -> list[Cell | str]:
    quantiles = spread.quantiles if spread else {}
    return [
        llm_cell(one.llm, looks),
        text.count(one.n),
        text.count(one.left_out),
        plain_interval(one.value, metric, one.approximate),
        *(plain(quantiles.get(quantile), metric) for quantile in QUANTILES),
        plain(spread.maximum if spread else None, metric),
    ]


def pivot(
    caption: str,
    head: str,
    rows: Iterable[tuple[Key, Cell | str]],
    llms: Mapping[str, str],
    values: Mapping[tuple[Key, str], str],
) -> Table:
    """One row for each group, one column for each LLM; a dash where there is no value.

    :param rows: each group's key, and how it is called.
    :param llms: LLM → its short name.
    :param values: by the group's key and the LLM.
    """
    return Table(
        caption=caption,
        columns=[Column(head, numeric=False), *map(Column, llms.values())],
        rows=[[called, *(values.get((key, llm), text.NONE) for llm in llms)] for key, called in rows],
    )


def over_time(series: Series, metric: Metric, looks: Looks, zone: tzinfo, link: Callable[[datetime], str]) -> Table:
    """One row for each slot, or each bucket of slots.

    :param link: address of a slot's records.
    """
    moments = sorted({point.at for point in series.points})
    called = [(at, Cell(text.moment(at, zone), href=link(at))) for at in moments]
    values = {(point.at, point.llm): plain(point.middle, metric, series.approximate) for point in series.points}
    each = "slot" if series.bucket == 1 else f"{series.bucket} slots"
    return pivot(
        f"{metric.title}, {metric.statistic} of each {each}, {unit_of(metric)}",
        "Slot" if series.bucket == 1 else "First slot",
        called,
        named({point.llm for point in series.points}, looks),
        values,
    )


def time_of_day(found: TimeOfDay, metric: Metric, looks: Looks) -> Table:
    """One row for each hour."""
    hours = sorted({point.hour for point in found.points})
    return pivot(
        f"{metric.title}, {metric.statistic} of each hour, {unit_of(metric)}",
        "Hour",
        [(hour, f"{hour:02}:00") for hour in hours],
        named({point.llm for point in found.points}, looks),
        {(point.hour, point.llm): plain(point.middle, metric, found.approximate) for point in found.points},
    )


def hours_matter(tests: Sequence[HourTest], looks: Looks) -> str:
    """Whether the hour matters, in a sentence."""
    known = [test for test in tests if test.p is not None]
    if not known:
        return "There are too few hours or slots to tell whether the hour matters."
    differ = [looks.names[test.llm] for test in known if test.p is not None and test.p < LEVEL]
    if not differ:
        return "No LLM differs between the hours by more than chance would have it."
    return f"Between the hours {', '.join(differ)} {'differs' if len(differ) == 1 else 'differ'} by more than chance."


def hour_tests(tests: Sequence[HourTest], looks: Looks) -> Table:
    """The tests of each LLM."""
    return Table(
        caption=f"Whether the hour matters: p is Holm-corrected over the LLMs, and more than chance below {LEVEL}; "
        "agreement is the mean rank correlation of two days: 1, the same times are slow on every day; about 0, none is",
        columns=[Column("LLM", numeric=False), Column("p"), Column("Agreement of days")],
        rows=[
            [llm_cell(test.llm, looks), text.p_value(test.p), text.value(test.effect, "")]
            for test in looks.ordered(tests)
        ],
    )


def slow_together(found: Sequence[Neighbours], looks: Looks) -> str:
    """Whether a slow slot is followed by a slow one, and what that means for the intervals; nothing where it isn't."""
    told = [
        f"{looks.names[one.llm]} {text.number(one.wider)}"
        for one in looks.ordered(found)
        if one.wider is not None and one.wider > 1 and one.p is not None and one.p < LEVEL
    ]
    if not told:
        return ""
    return (
        "Slow slots follow one another, be it by the course of the day, so intervals may be too narrow. "
        f"So many times as wide would be safe: {', '.join(told)}."
    )


def neighbours(found: Sequence[Neighbours], looks: Looks) -> Table:
    """How slots that follow one another go together, for each LLM."""
    return Table(
        caption="Whether slots that follow one another are slow together: the rank correlation of each slot's median "
        "with the next one's; intervals take slots as independent, and so many times as wide would be safe",
        columns=[Column("LLM", numeric=False), *map(Column, ("Pairs of slots", "Correlation", "p", "Wider by"))],
        rows=[
            [
                llm_cell(one.llm, looks),
                text.count(one.pairs),
                text.value(one.correlation, ""),
                text.p_value(one.p),
                text.number(one.wider),
            ]
            for one in looks.ordered(found)
        ],
    )


def by_group(summaries: Sequence[Summary], metric: Metric, looks: Looks, head: str) -> Table:
    """One row for each industry or question."""
    titles = {one.group: one.title or one.group or text.NONE for one in summaries}
    return pivot(
        f"{metric.title}, {metric.statistic} with its 95 % interval, {unit_of(metric)}",
        head,
        list(titles.items()),
        named({one.llm for one in summaries}, looks),
        {(one.group, one.llm): plain_interval(one.value, metric, one.approximate) for one in summaries},
    )


def named(llms: Iterable[str], looks: Looks) -> dict[str, str]:
    """Some of the LLMs with their short names, in the order of the study."""
    wanted = set(llms)
    return {llm: name for llm, name in looks.names.items() if llm in wanted}


def stacked(found: Interval | None, unit: str, approximate: bool = False) -> Cell:
    """An estimate with its interval below it."""
    told = text.interval(found, unit, approximate=approximate)
    estimate, _, ends = told.partition(" (")
    return Cell(estimate, note=ends.rstrip(")"))
