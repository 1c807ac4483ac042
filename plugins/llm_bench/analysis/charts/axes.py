"""What the charts share: axes with their units, legends, and what is drawn where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from textwrap import wrap
from typing import TYPE_CHECKING, Any, cast

from llm_bench.analysis import format as text
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.doubts import reasons
from llm_bench.analysis.metrics import Metric

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.statistics import Interval

HEIGHT = 240
ROW = 22
"""Pixels of a row, where each LLM has its own."""

LOG_FROM = 30
"""From this ratio of the largest to the smallest value on, the axis is logarithmic."""

MAX_TICKS = 9
_STEPS, _NEAR = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5), 4.0
"""Between the ticks of ratios that aren't further apart than the second."""

FORMAT = ",~r"
"""Numbers at axes: as many digits as tell the ticks apart, none of them an exponent."""

_LINE = 96
"""Characters of a line below a title."""

NAME_LIMIT = 190
"""Pixels of a name; longer ones are cut."""

_NARROW, _FITTING, _FITTING_BESIDE = 560, 34, 16
"""Pixels of a chart below which its names are cut in their middle, and the letters that then stay; those of a legend
below a plot that has long names beside it."""
_LEAST_GRADIENT = 80
"""Pixels of a legend's gradient where the plot is hardly any wider."""
_BROAD = 230
"""Pixels of a column of a legend."""


def _without_middle(name: str, fitting: int = _FITTING) -> str:
    """An expression: a name as it is, or, where the chart is narrow, without its middle."""
    half = fitting // 2
    cut = f"substring({name}, 0, {half}) + '…' + substring({name}, length({name}) - {half - 1}, length({name}))"
    narrow = f"(containerSize()[0] || {_NARROW}) < {_NARROW}"
    return f"({narrow} && length({name}) > {fitting} ? {cut} : {name})"


ONE_LINE = _without_middle("datum.label")
_BREAK = "indexof(datum.label, '\\n')"
_FIRST, _REST = f"substring(datum.label, 0, {_BREAK})", f"substring(datum.label, {_BREAK} + 1, length(datum.label))"
TWO_LINES = f"[{_without_middle(_FIRST)}, {_without_middle(_REST)}]"
"""Names at an axis: what a narrow chart has no place for is left out of their middle."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def left_out(count: int, why: str = "no such number", what: str = "record") -> list[str]:
    """The line of a title that says what a chart doesn't show; none where it shows all."""
    return [f"{count:,} {what}{'' if count == 1 else 's'} left out: {why}"] if count else []


def without(metric: Metric, failed: int, others: int) -> list[str]:
    """The lines of a title that say what became of failures, and how many other records have no such number."""
    many = f"{failed:,} record{'' if failed == 1 else 's'} failed"
    what = "later than any answer" if metric.waited else "what failed has no such number"
    return [*([f"{many}: {what}"] if failed else []), *left_out(others)]


AT_THE_EDGE = "What reaches the edge goes on: it is open, or among the failures"


def bounded(made: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows whose infinite numbers lie at the edge of the others, and the line of a title that says so."""
    numbers = [row[field] for row in made for field in fields if row[field] is not None]
    known = [number for number in numbers if math.isfinite(number)]
    if len(known) == len(numbers):
        return [dict(row) for row in made], []
    low, high = min(known, default=0.0), max(known, default=1.0)
    kept = [
        dict(row) | {name: min(max(row[name], low), high) for name in fields if row[name] is not None} for row in made
    ]
    return kept, [AT_THE_EDGE]


def titled(text: str, lines: Sequence[str]) -> alt.TitleParams:
    """A chart's title and the lines below it, broken where they would be wider than a printed page."""
    import altair as alt

    return alt.TitleParams(text, subtitle=[part for line in lines for part in wrap(line, _LINE)])


def unbroken(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines as ``titled`` was given them: one was broken where the next word would not have fitted into it."""
    whole: list[str] = []
    last = ""
    for line in lines:
        if whole and len(last) + 1 + len(line.partition(" ")[0]) > _LINE:
            whole[-1] += f" {line}"
        else:
            whole.append(line)
        last = line
    return tuple(whole)


def without_line(intervals: Iterable[Interval]) -> list[str]:
    """Why some are drawn without a line, which is their interval; nothing where all have one."""
    return [f"Without a line: {reason}" for reason in reasons(intervals)]


def nothing(title: str, why: str = "No records to show") -> alt.Chart:
    """What is drawn where there is nothing to draw."""
    import altair as alt

    chart = alt.Chart(inline([{"why": why}]), height=60, title=titled(title, []), description=f"{title}: {why}")
    drawn: alt.Chart = chart.mark_text(fontSize=13).encode(text="why:N")
    return drawn


@dataclass(frozen=True, slots=True)
class Values:
    """How a metric's values lie along an axis, or are shaded.

    :param log: whether equal steps are equal ratios.
    :param ticks: the values that the axis names.
    :param domain: None leaves it to what is drawn.
    :param title: of the axis, with the unit.
    """

    log: bool
    ticks: tuple[float, ...] | None
    domain: tuple[float, float] | None
    title: str

    @classmethod
    def of(cls, values: Iterable[float | None], metric: Metric, *, approximate: bool = False) -> Values:
        """The scale from 0, or from 0 to 1 for a share; logarithmic where the values differ greatly."""
        known = [value for value in values if value is not None]
        low, high = min(known, default=0), max(known, default=0)
        log = not metric.share and low > 0 and high / low >= LOG_FROM
        notes = [note for note in ("0 to 1" if metric.share else metric.unit, "log scale" if log else "") if note]
        title = f"{'≈ ' if approximate else ''}{metric.title}" + (f" ({', '.join(notes)})" if notes else "")
        return cls(log, log_ticks(low, high) if log else None, (0, 1) if metric.share else None, title)

    def channel(self, field: str, kind: Any, padding: float = 0) -> Any:
        """An encoding of a field.

        :param kind: ``alt.X`` or ``alt.Y``.
        :param padding: pixels left free at both ends.
        """
        import altair as alt

        more = {"domain": list(self.domain)} if self.domain else {} if self.log else {"zero": True}
        scale = alt.Scale(type="log" if self.log else "linear", nice=not self.log, padding=padding, **more)
        ticks = {"values": list(self.ticks)} if self.ticks else {"tickCount": 5}
        return kind(f"{field}:Q", scale=scale, axis=alt.Axis(title=self.title, format=FORMAT, **ticks))

    def shade(self, field: str) -> alt.Color:
        """The values as shades of one colour."""
        import altair as alt

        more = {"domain": list(self.domain)} if self.domain else {} if self.log else {"zero": True}
        scale = alt.Scale(type="log" if self.log else "linear", range="ramp", **more)
        ticks = {"values": list(self.ticks)} if self.ticks else {"tickCount": 5}
        legend = alt.Legend(title=self.title, orient="bottom", format=FORMAT, **ticks, **gradient(220))
        return alt.Color(f"{field}:Q", scale=scale, legend=legend)


def gradient(length: int) -> dict[str, Any]:
    """A legend's gradient, at most so many pixels long; both it and its title are no wider than the plot."""
    import altair as alt

    return {
        "gradientLength": alt.ExprRef(f"max({_LEAST_GRADIENT}, min({length}, width))"),
        "titleLimit": alt.ExprRef(f"max({_LEAST_GRADIENT}, width)"),
    }


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times each power of ten between two values; where these are many, the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    inside = tuple(tick for tick in ticks if low <= tick <= high)
    return inside if len(inside) <= MAX_TICKS else tuple(tick for tick in inside if f"{tick:e}".startswith("1.0"))


def ratios(values: Iterable[float | None], title: str) -> Values:
    """A logarithmic axis of ratios, with 1 among its ticks."""
    known = [1.0, *(value for value in values if value is not None)]
    return Values(True, _ratio_ticks(min(known), max(known)), None, f"{title} (log scale)")


def _ratio_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round ratios between two; evenly apart, where they are near one another."""
    if high / low > _NEAR:
        return log_ticks(low, high)
    step = next(step for step in _STEPS if (high - low) / step < MAX_TICKS)
    return tuple(round(k * step, 3) for k in range(math.ceil(low / step), math.floor(high / step) + 1))


def wall(moment: datetime, zone: tzinfo) -> int:
    """What a clock in the zone shows, as Vega wants it: milliseconds, to be read as UTC."""
    clock = moment.astimezone(zone).replace(tzinfo=UTC)
    return round((clock - _EPOCH).total_seconds() * 1000)


def clock(moment: datetime, zone: tzinfo) -> str:
    """A moment as text, in the zone."""
    return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}"


def slots(moments: Iterable[datetime], zone: tzinfo, field: str = "at") -> alt.X:
    """The axis of slots; its title states the dates and the zone."""
    import altair as alt

    known = [moment.astimezone(zone) for moment in moments]
    first, last = min(known), max(known)
    days = (last - first).total_seconds() / 86400
    dates = _dates(first, last)
    ticks: dict[str, Any] = {"tickCount": 8, "format": "%H:%M"}
    if first == last:
        ticks |= {"values": [wall(first, zone)]}
    elif days > 2:
        ticks = {"tickCount": alt.TimeIntervalStep("day", math.ceil(days / 8)), "format": "%a %d %b"}
    axis = alt.Axis(title=f"Slot, {dates} ({text.zone_name(first)})", grid=False, **ticks)
    return alt.X(f"{field}:T", axis=axis, scale=alt.Scale(type="utc", padding=6))


def _dates(first: datetime, last: datetime) -> str:
    """From a day to another one, each part of both said once: "25 – 28 Nov 2026"."""
    if first.date() == last.date():
        return f"{last:%-d %b %Y}"
    before = "%-d" if (first.year, first.month) == (last.year, last.month) else "%-d %b"
    return f"{first:{before if first.year == last.year else '%-d %b %Y'}} – {last:%-d %b %Y}"


def names_axis(width: int = NAME_LIMIT, **more: Any) -> alt.Axis:
    """An axis of names. On a narrow page it leaves room for what the chart shows.

    :param width: pixels, at the maximum, of a name; longer ones are cut.
    """
    import altair as alt

    limit = alt.ExprRef(f"min({width}, containerSize()[0] * 0.55 || {width})")
    settings: dict[str, Any] = {"labelLimit": limit, "grid": False, "labelExpr": ONE_LINE}
    return alt.Axis(**settings | more)


def rows(names: Sequence[str], title: str | None = None) -> alt.Y:
    """A row for each LLM, in the order of the study."""
    import altair as alt

    return alt.Y("llm:N", sort=list(names), title=title, axis=names_axis())


def rows_of(made: Iterable[Mapping[str, Any]], field: str) -> int:
    """How many rows a chart has that has one for each value of a field."""
    return len({row[field] for row in made})


def colour(
    looks: Looks, present: Sequence[str], legend: bool = True, *, dashed: bool = False, beside: bool = False
) -> alt.Color:
    """An LLM's colour, and the legend of those that are shown.

    :param dashed: its signs are lines with dashes, where nothing has a shape.
    :param beside: long names stand at the left of the plot, so that the legend below it has the rest of the width.
    """
    import altair as alt

    scale = alt.Scale(domain=looks.domain, range="category")
    return alt.Color("llm:N", scale=scale, legend=_legend(present, dashed=dashed, beside=beside) if legend else None)


def shape(looks: Looks, present: Sequence[str], legend: bool = True, *, beside: bool = False) -> alt.Shape:
    """An LLM's shape; it shares the colours' legend."""
    import altair as alt

    scale = alt.Scale(domain=looks.domain, range=looks.shapes)
    return alt.Shape("llm:N", scale=scale, legend=_legend(present, beside=beside) if legend else None)


def dash(looks: Looks, present: Sequence[str], *, dashed: bool = False) -> alt.StrokeDash:
    """An LLM's dash; it shares the colours' legend, in which it shows as there."""
    import altair as alt

    scale = alt.Scale(domain=looks.domain, range=looks.dashes)
    return alt.StrokeDash("llm:N", scale=scale, legend=_legend(present, dashed=dashed))


def legend_columns(broad: int = _BROAD) -> alt.ExprRef:
    """How many columns of a legend find a place beside one another.

    :param broad: pixels of a column.
    """
    import altair as alt

    return alt.ExprRef(f"max(1, floor((containerSize()[0] || {2 * broad}) / {broad}))")


def _legend(present: Sequence[str], *, dashed: bool = False, beside: bool = False) -> alt.Legend:
    import altair as alt

    return alt.Legend(
        values=list(present),
        orient="bottom",
        columns=legend_columns(),
        labelLimit=_BROAD - 20,
        title=None,
        symbolOpacity=1,
        symbolDash=alt.Undefined if dashed else [1, 0],  # a shape with a dashed outline is none
        labelExpr=_without_middle("datum.label", _FITTING_BESIDE) if beside else alt.Undefined,
    )


def tooltip(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """What a mark says on being pointed at: field of the data → its heading. All are text by then."""
    import altair as alt

    return [alt.Tooltip(f"{field}:N", title=title) for field, title in fields.items()]


def inline(made: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as the data of a chart."""
    import altair as alt

    return alt.InlineData(values=[dict(row) for row in made])


def layered(*layers: alt.Chart, **properties: Any) -> alt.LayerChart:
    """Charts drawn over one another, the first one undermost, but for those that have nothing to draw.

    A layer without a mark, as of intervals where there is none, would be an image without a name to a screen reader.
    """
    import altair as alt

    return cast("alt.LayerChart", alt.layer(*(layer for layer in layers if _draws(layer)), **properties))


def _draws(layer: alt.Chart) -> bool:
    """Whether a layer has a row with all of its places; where that can't be seen from its data, it is taken to."""
    import altair as alt

    rows = getattr(layer.data, "values", None)
    channels = [getattr(layer.encoding, name, alt.Undefined) for name in ("x", "x2", "y", "y2")]
    fields = [str(getattr(channel, "shorthand", "")).partition(":")[0] for channel in channels]
    if not isinstance(rows, list) or layer.transform is not alt.Undefined:
        return True
    return any(all(row.get(field, True) is not None for field in fields) for row in rows)
