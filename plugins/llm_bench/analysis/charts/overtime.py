"""Charts along the slots of a study, or the hours of a day.

A few LLMs are lines; many would hide one another, so that each gets a row of its own, and the value is its shade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.happenings import TIMES, below, events_above, events_line, with_events
from llm_bench.analysis.charts.looks import SHAPES, Looks
from llm_bench.analysis.charts.pointing import over_the_plot, pointed
from llm_bench.analysis.metrics import Metric

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Event, Failures, Point, Series, TimeOfDay

Row = dict[str, Any]
Link = Callable[[str, datetime], str]
"""LLM, and the slot that a mark stands for → the address that a click on it opens."""

Opens = Callable[[datetime], str]
"""The slot that is pointed at → the address of its records."""

_VALUES = ("low", "middle", "high")
_SAID = "datum.llm + ', ' + datum.when + ': ' + datum.shown"
"""What a mark says to whoever can't see it; its end would be said in the machine's zone."""
MAX_LINES = 6
"""LLMs that are drawn as lines; more get a row each."""
MAX_MARKS = 60
"""Slots up to which each value of a line has a mark."""


def over_time(
    series: Series,
    metric: Metric,
    looks: Looks,
    zone: tzinfo = UTC,
    *,
    link: Link | None = None,
    opens: Opens | None = None,
    events: Sequence[Event] = (),
) -> Chart:
    """A metric of each slot: the median with the middle half of the values, or the mean of a share.

    :param opens: for a page: all values of a slot show where it is pointed at, and a click opens its records.
    :param events: what happened meanwhile.
    """
    title = f"{metric.title} over time"
    known = [point for point in series.points if point.middle is not None]
    if not known:
        return axes.nothing(title)
    made, edge = axes.bounded([_row(point, metric, looks, zone, link) for point in known], _VALUES)
    times = {row["at"] for row in made}
    moments = [*(point.at for point in known), *(event.at for event in events)]
    if len(times) == 1:
        chart: Chart = _ranges(made, metric, looks, series.approximate)
        events = ()
    elif _many(made):
        x = axes.slots(moments, zone, "from")
        chart = _strip(made, metric, looks, x, width=_slot_width(times), approximate=series.approximate)
    else:
        x = axes.slots(moments, zone)
        over = pointed(made, {axes.wall(point.at, zone): opens(point.at) for point in known}) if opens else []
        chart = _lines(_parted(made), metric, looks, x, approximate=series.approximate, over=over)
    chart = below(chart, events_above(events, axes.slots(moments, zone), looks, zone)) if events else chart
    what = f"{_statistic(metric, made)} of {_each(series.bucket)}"
    failed, others = (sum(getattr(point, name) for point in series.points) for name in ("failed", "left_out"))
    lines = [what, *edge, *axes.without(metric, failed, others), *events_line(events)]
    return chart.properties(title=axes.titled(title, lines), usermeta=TIMES if len(times) > 1 else {})


def _many(made: Sequence[Row]) -> bool:
    return len({row["llm"] for row in made}) > MAX_LINES


def _statistic(metric: Metric, made: Sequence[Row]) -> str:
    if metric.share:
        return "Mean"
    return "Median" if _many(made) else "Median, and the middle half of the values,"


def time_of_day(by_hour: TimeOfDay, metric: Metric, looks: Looks, zone: tzinfo = UTC, *, page: bool = False) -> Chart:
    """A metric by the hour of the day in the study's time zone.

    :param page: all values of an hour show where it is pointed at.
    """
    import altair as alt

    title = f"{metric.title} by the hour of the day"
    if not by_hour.points:
        return axes.nothing(title)
    hourly = [
        {
            "llm": looks.names[point.llm],
            "at": point.hour,
            "low": point.low,
            "middle": point.middle,
            "high": point.high,
            "when": f"{point.hour:02}:00–{point.hour:02}:59",
            "shown": text.value(point.middle, metric.unit),
            "half": text.between(point.low, point.high, metric.unit),
            "n": point.n,
            "failed": "",
            "left_out": 0,
        }
        for point in by_hour.points
    ]
    made, edge = axes.bounded(hourly, _VALUES)
    name = str(zone) if zone.utcoffset(None) is None else text.zone_name(datetime.now(zone))
    ticks = alt.Axis(title=f"Hour of the day ({name})", values=list(range(0, 24, 3)), format="02", grid=False)

    def hours(field: str) -> alt.X:
        return alt.X(f"{field}:Q", axis=ticks, scale=alt.Scale(domain=[-0.5, 23.5], nice=False))

    if _many(made):
        chart: Chart = _strip(made, metric, looks, hours("from"), width=1, approximate=by_hour.approximate)
    else:
        chart = _lines(
            _parted(made),
            metric,
            looks,
            hours("at"),
            approximate=by_hour.approximate,
            over=pointed(made) if page else [],
        )
    what = f"{_statistic(metric, made)} of all slots that are due within the hour"
    return chart.properties(title=axes.titled(title, [what, *edge]))


def success_rate_over_time(
    failures: Failures,
    looks: Looks,
    zone: tzinfo = UTC,
    *,
    link: Link | None = None,
    events: Sequence[Event] = (),
) -> Chart:
    """The share of the records that failed, a row for each LLM: what failed is dark."""
    import altair as alt

    title = "Failed records over time"
    if not failures.rates:
        return axes.nothing(title)
    times = {axes.wall(rate.at, zone) for rate in failures.rates}
    width = _slot_width(times)
    made = [
        {
            "llm": looks.names[rate.llm],
            "at": axes.wall(rate.at, zone),
            "failed": 1 - rate.rate,
            "when": axes.clock(rate.at, zone),
            "shown": f"{rate.n - rate.succeeded} of {rate.n}",
            **({"href": link(rate.llm, rate.at)} if link else {}),
        }
        for rate in failures.rates
    ]
    names = looks.present(rate.llm for rate in failures.rates)
    legend = alt.Legend(title="Share failed", format=".0%", orient="bottom", tickCount=5, **axes.gradient(160))
    chart = alt.Chart(
        axes.inline(made),
        height=len(names) * axes.ROW,
        description=f"{title}, of {len(names)} LLMs in {len(times)} slots",
    )
    x = axes.slots([*(rate.at for rate in failures.rates), *(event.at for event in events)], zone)
    ends = chart.transform_calculate(until=f"datum.at + {width}", said=_SAID)
    drawn: alt.Chart = ends.mark_rect(height={"band": 0.8}).encode(
        x=x,
        x2="until",
        y=axes.rows(names),
        color=alt.Color("failed:Q", scale=alt.Scale(domain=[0, 1], range="ramp"), legend=legend),
        tooltip=axes.tooltip({"llm": "LLM", "when": "Slot", "shown": "Failed"}),
        description=alt.Description("said:N"),
        **_href(made),
    )
    lines = [title, f"Share of the records of {_each(failures.bucket)}; blank where none was measured"]
    return with_events(drawn, lines, events=events, x=x, looks=looks, zone=zone)


def failures_over_time(
    failures: Failures,
    looks: Looks,
    zone: tzinfo = UTC,
    *,
    link: Link | None = None,
    events: Sequence[Event] = (),
) -> Chart:
    """Each slot's failures of each kind, a row for each LLM: the more, the larger."""
    import altair as alt

    title = "Failures over time, by kind"
    if not failures.counts:
        return axes.nothing(title)
    made: list[Row] = [
        {
            "llm": looks.names[count.llm],
            "at": axes.wall(count.at, zone),
            "kind": text.words(count.kind),
            "n": count.n,
            "when": axes.clock(count.at, zone),
            **({"href": link(count.llm, count.at)} if link else {}),
        }
        for count in failures.counts
    ]
    kinds = sorted({row["kind"] for row in made})
    names = looks.present(rate.llm for rate in failures.rates)
    legend = alt.Legend(orient="bottom", columns=axes.legend_columns(), title=None, symbolSize=60)
    marks = [SHAPES[number % len(SHAPES)] for number in range(len(kinds))]
    chart = alt.Chart(
        axes.inline(made),
        height=len(names) * max(axes.ROW, 8 * len(kinds)),
        description=f"{title}, of {len(names)} LLMs: {', '.join(kinds)}",
    )
    x = axes.slots([*(rate.at for rate in failures.rates), *(event.at for event in events)], zone)
    drawn: alt.Chart = chart.mark_point(filled=True, opacity=0.85).encode(
        x=x,
        y=alt.Y("llm:N", scale=alt.Scale(domain=names), title=None, axis=axes.names_axis(grid=True)),
        yOffset=alt.YOffset("kind:N", scale=alt.Scale(domain=kinds)),
        color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range="category"), legend=legend),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=marks), legend=legend),
        size=alt.Size("n:Q", scale=alt.Scale(domainMin=0, range=[15, 160]), legend=None),
        tooltip=axes.tooltip({"llm": "LLM", "when": "Slot", "kind": "Failed", "n": "Records"}),
        **_href(made),
    )
    lines = [title, f"Records of {_each(failures.bucket)} that failed: the more, the larger"]
    return with_events(drawn, lines, events=events, x=x, looks=looks, zone=zone)


def _each(bucket: int) -> str:
    return "each slot" if bucket == 1 else f"each {bucket} slots"


def _row(point: Point, metric: Metric, looks: Looks, zone: tzinfo, link: Link | None) -> Row:
    return {
        "llm": looks.names[point.llm],
        "at": axes.wall(point.at, zone),
        "low": point.low,
        "middle": point.middle,
        "high": point.high,
        "n": point.n,
        "failed": point.failed,
        "left_out": point.left_out,
        "when": axes.clock(point.at, zone),
        "shown": text.value(point.middle, metric.unit),
        "half": text.between(point.low, point.high, metric.unit),
        **({"href": link(point.llm, point.at)} if link else {}),
    }


def _parted(made: Sequence[Row]) -> list[Row]:
    """The rows of each LLM, told apart where a slot or a night lies between them: no line bridges what wasn't seen."""
    times = sorted({row["at"] for row in made})
    usual = median(after - before for before, after in pairwise(times)) if len(times) > 1 else 0
    return [row for _, part in groupby(made, key=lambda row: row["llm"]) for row in _parts(list(part), usual * 1.5)]


def _parts(made: Sequence[Row], gap: float) -> Iterator[Row]:
    part, before = 0, made[0]["at"]
    for row in made:
        part += row["at"] - before > gap
        before = row["at"]
        yield row | {"part": part}


def _shown(made: Sequence[Row], looks: Looks) -> list[str]:
    """The names that rows are of, in the order of the study."""
    there = {row["llm"] for row in made}
    return [name for name in looks.domain if name in there]


def _lines(
    made: Sequence[Row],
    metric: Metric,
    looks: Looks,
    x: alt.X,
    *,
    approximate: bool,
    over: Sequence[Row] = (),
) -> alt.LayerChart:
    import altair as alt

    names = _shown(made, looks)
    values = axes.Values.of(_edges(made), metric, approximate=approximate)
    picked = alt.selection_point(name="picked", fields=["llm"], bind="legend")
    shade = alt.condition(picked, alt.value(1), alt.value(0.12))
    base = alt.Chart(axes.inline(made)).encode(x=x, color=axes.colour(looks, names))
    band = base.mark_area().encode(
        y=values.channel("low", alt.Y),
        y2="high",
        detail="part:N",
        opacity=alt.condition(picked, alt.value(0.13), alt.value(0)),
    )
    line = base.mark_line().encode(
        y=values.channel("middle", alt.Y),
        detail="part:N",
        strokeDash=axes.dash(looks, names),
        opacity=shade,
    )
    few = len({row["at"] for row in made}) <= MAX_MARKS
    marks = base.mark_point(filled=True, size=32 if few else 10).encode(
        y=values.channel("middle", alt.Y),
        shape=axes.shape(looks, names),
        opacity=shade,
        tooltip=_seen(metric),
        **_href(made),
    )
    layers = [
        *([] if metric.share else [band]),
        *(over_the_plot(over, names, x) if over else []),
        line,
        marks.properties(name="marks").add_params(picked),
    ]
    return axes.layered(*layers, height=axes.HEIGHT, description=f"{metric.title} of {', '.join(names)}")


def _strip(
    made: Sequence[Row], metric: Metric, looks: Looks, x: alt.X, *, width: float, approximate: bool
) -> alt.Chart:
    """A row for each LLM; the value is the shade."""
    import altair as alt

    names = _shown(made, looks)
    values = axes.Values.of([row["middle"] for row in made], metric, approximate=approximate)
    chart = alt.Chart(
        axes.inline(
            [{name: value for name, value in row.items() if name not in ("low", "high", "half")} for row in made]
        ),
        height=len(names) * axes.ROW,
        description=f"{metric.title} of {', '.join(names)}",
    )
    ends = {"from": f"datum.at - {width / 2}", "to": f"datum.at + {width / 2}"}
    drawn: alt.Chart = (
        chart.transform_calculate(**ends, said=_SAID)
        .mark_rect(height={"band": 0.85})
        .encode(
            x=x,
            x2="to",
            y=axes.rows(names),
            color=values.shade("middle"),
            tooltip=_seen(metric, half=False),
            description=alt.Description("said:N"),
            **_href(made),
        )
    )
    return drawn


def _ranges(made: Sequence[Row], metric: Metric, looks: Looks, approximate: bool) -> alt.LayerChart:
    """A single slot: the LLMs below one another."""
    import altair as alt

    names = _shown(made, looks)
    values = axes.Values.of(_edges(made), metric, approximate=approximate)
    base = alt.Chart(axes.inline(made)).encode(y=axes.rows(names), color=axes.colour(looks, names, legend=False))
    span = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=values.channel("low", alt.X), x2="high")
    mark = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=values.channel("middle", alt.X),
        shape=axes.shape(looks, names, legend=False),
        tooltip=_seen(metric),
        **_href(made),
    )
    layers = [mark] if metric.share else [span, mark]
    return axes.layered(
        *layers, height=len(names) * (axes.ROW + 6), description=f"{metric.title} of {', '.join(names)}"
    )


def _edges(made: Sequence[Row]) -> list[float]:
    return [row[key] for row in made for key in _VALUES]


def _slot_width(times: set[int]) -> int:
    """The time from one slot to the next, in milliseconds; an hour where there is one alone."""
    return min((after - before for before, after in pairwise(sorted(times))), default=3_600_000)


def _seen(metric: Metric, when: str = "Slot", *, half: bool = True) -> list[alt.Tooltip]:
    middle = {"half": "Middle half"} if half and not metric.share else {}
    counts = {"n": "Records", "failed": "Failed", "left_out": "Left out"}
    return axes.tooltip({"llm": "LLM", "when": when, "shown": metric.title, **middle, **counts})


def _href(made: Sequence[Row]) -> dict[str, str]:
    return {"href": "href:N"} if made and "href" in made[0] else {}
