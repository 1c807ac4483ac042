"""Charts that put LLMs side by side in one metric: amounts with their intervals, and distributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.metrics import Metric

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Spread, Summary

Row = dict[str, Any]
INTERVAL = "95 % interval"
MAX_LLMS = 6
"""LLMs up to which each has a point in a group's row."""
_DRAWN = (0.05, 0.25, 0.5, 0.75, 0.95)
NAME_ABOVE = 130
"""Pixels of a name above a column."""


def bars(summaries: Sequence[Summary], metric: Metric, looks: Looks, group: str = "") -> Chart:
    """A metric of each LLM as bars with their intervals; with groups, as points in a row for each of these.

    :param group: what the summaries are by beside the LLM: "industry" or "question".
    """
    title = f"{metric.title} by {group}" if group else metric.title
    known = [summary for summary in summaries if summary.value is not None and summary.value.estimate is not None]
    if not known:
        return axes.nothing(title)
    made, edge = axes.bounded([_amount(summary, metric, looks) for summary in known], ("low", "value", "high", "end"))
    names = looks.present(summary.llm for summary in known)
    missing = axes.without(metric, *(sum(counts) for counts in zip(*map(_lost, summaries), strict=True)))
    scope = "this question" if group == "question" else "questions like these"
    without = axes.without_line(summary.value for summary in known if summary.value)
    heading = axes.titled(title, [f"{metric.statistic.title()} and {INTERVAL} for {scope}", *edge, *without, *missing])
    draw = _bars if not group else _dots if len(names) <= MAX_LLMS else _grid
    chart = draw(made, metric, looks, names, any(summary.approximate for summary in known))
    return chart.properties(title=heading, description=f"{title} of {', '.join(names)}")


def _amount(summary: Summary, metric: Metric, looks: Looks) -> Row:
    assert summary.value is not None  # noqa: S101  (left out before)
    assert summary.value.estimate is not None  # noqa: S101
    return {
        "llm": looks.names[summary.llm],
        "group": _lines(summary.title or summary.group or ""),
        "value": summary.value.estimate,
        "low": summary.value.low,
        "high": summary.value.high,
        "end": summary.value.estimate if summary.value.high is None else summary.value.high,
        "bare": text.bare(summary.value.estimate, metric.unit),
        "shown": text.value(summary.value.estimate, metric.unit),
        "interval": text.ends(summary.value.low, summary.value.high, metric.unit),
        "n": summary.n,
        "failed": summary.failed,
        "left_out": summary.left_out,
    }


def _lost(of: Summary | Spread) -> tuple[int, int]:
    return of.failed, of.left_out


def _lines(question: str) -> str:
    """A question in at most two lines."""
    return "\n".join(wrap(question, 44, max_lines=2, placeholder="…")) or question


def _bars(made: list[Row], metric: Metric, looks: Looks, names: list[str], approximate: bool) -> alt.LayerChart:
    """Bars start at 0, since their lengths are compared. The number stands at the end of each."""
    import altair as alt

    top = 1.0 if metric.share else max(row["end"] for row in made)
    values = replace(axes.Values.of([], metric, approximate=approximate), domain=(0, top * 1.12))
    if metric.share:
        values = replace(values, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    base = alt.Chart(axes.inline(made)).encode(y=axes.rows(names), tooltip=_seen(metric))
    bar = base.mark_bar(opacity=0.75, height={"band": 0.62}).encode(
        x=values.channel("value", alt.X), color=axes.colour(looks, names, legend=False)
    )
    span = base.mark_rule(strokeWidth=1.5).encode(x=values.channel("low", alt.X), x2="high")
    words = base.mark_text(align="left", dx=6).encode(x=values.channel("end", alt.X), text="bare:N")
    return axes.layered(bar, span, words, height=len(names) * (axes.ROW + 6))


def _dots(made: list[Row], metric: Metric, looks: Looks, names: list[str], approximate: bool) -> alt.LayerChart:
    import altair as alt

    values = axes.Values.of(
        [row[key] for row in made for key in ("low", "value", "high")], metric, approximate=approximate
    )
    base = alt.Chart(axes.inline(made)).encode(
        y=_groups(made),
        yOffset=alt.YOffset("llm:N", sort=names),
        color=axes.colour(looks, names),
        tooltip=_seen(metric),
    )
    span = base.mark_rule(strokeWidth=1.5).encode(x=values.channel("low", alt.X), x2="high")
    point = base.mark_point(filled=True, size=36, opacity=1).encode(
        x=values.channel("value", alt.X), shape=axes.shape(looks, names)
    )
    height = axes.rows_of(made, "group") * max(axes.ROW + 8, 8 * len(names) + 6)
    return axes.layered(span, point, height=height)


def _grid(made: list[Row], metric: Metric, _: Looks, names: list[str], approximate: bool) -> alt.Chart:
    """Many LLMs: one column each; the value is the shade."""
    import altair as alt

    values = axes.Values.of([row["value"] for row in made], metric, approximate=approximate)
    chart = alt.Chart(axes.inline(made), height=axes.rows_of(made, "group") * (axes.ROW + 8))
    above = alt.Axis(orient="top", labelAngle=-90, labelLimit=NAME_ABOVE)
    drawn: alt.Chart = chart.mark_rect().encode(
        x=alt.X("llm:N", sort=names, title=None, axis=above),
        y=_groups(made),
        color=values.shade("value"),
        tooltip=_seen(metric),
    )
    return drawn


def _groups(made: list[Row]) -> alt.Y:
    import altair as alt

    groups = list(dict.fromkeys(row["group"] for row in made))
    axis = axes.names_axis(250, labelExpr="split(datum.label, '\\n')")
    return alt.Y("group:N", sort=groups, title=None, axis=axis)


def distribution(spreads: Sequence[Spread], metric: Metric, looks: Looks) -> Chart:
    """How a metric's values are spread: the outline is how many there are, and within it the quantiles."""
    import altair as alt

    title = f"Distribution of {metric.title[:1].lower()}{metric.title[1:]}"
    known = [spread for spread in spreads if spread.quantiles and spread.maximum is not None]
    if not known:
        return axes.nothing(title)
    names = looks.present(spread.llm for spread in known)
    step = 40 if len(names) <= 8 else 26
    edges = [edge for spread in known for edge in (spread.minimum, spread.maximum)]
    values = axes.Values.of(edges, metric, approximate=any(spread.approximate for spread in known))
    outline = alt.Chart(axes.inline([row for spread in known for row in _outline(spread, metric, looks)]))
    body = outline.mark_bar(opacity=0.4, binSpacing=0).encode(
        x=values.channel("low", alt.X),
        x2="high",
        y=axes.rows(names),
        color=axes.colour(looks, names, legend=False),
        size=alt.Size("share:Q", scale=alt.Scale(domain=[0, 1], range=[0, step * 0.92]), legend=None),
        tooltip=axes.tooltip({"llm": "LLM", "range": "From, to", "count": "Records"}),
    )
    shown = {"llm": "LLM", "middle": "Median", "half": "Middle half", "tails": "95th, 99th percentile", "n": "Records"}
    marks, at_edge = axes.bounded(
        [_quantiles(spread, metric, looks) for spread in known], ["maximum", "p5", "p25", "p50", "p75", "p95"]
    )
    lines = alt.Chart(axes.inline(marks)).encode(y=axes.rows(names), tooltip=axes.tooltip(shown))
    layers = [
        body,
        lines.mark_rule(strokeWidth=1).encode(x=values.channel("p5", alt.X), x2="p95"),
        lines.mark_rule(strokeWidth=4).encode(x=values.channel("p25", alt.X), x2="p75"),
        lines.mark_tick(thickness=2, size=step * 0.5).encode(x=values.channel("p50", alt.X)),
    ]
    heading = axes.titled(
        title,
        [
            "Tick: median; thick line: the middle half; thin line: 5th to 95th percentile",
            *at_edge,
            *axes.without(metric, *(sum(counts) for counts in zip(*map(_lost, spreads), strict=True))),
        ],
    )
    return axes.layered(*layers, height=len(names) * step, title=heading, description=f"{title} of {', '.join(names)}")


def _outline(spread: Spread, metric: Metric, looks: Looks) -> Iterator[Row]:
    largest = max(step.count for step in spread.bins)
    for step in spread.bins:
        # A bin from 0 has no place on a logarithmic axis.
        if step.count and (step.low > 0 or metric.share):
            yield {
                "llm": looks.names[spread.llm],
                "low": step.low,
                "high": step.high,
                "share": step.count / largest,
                "range": text.between(step.low, step.high, metric.unit),
                "count": step.count,
            }


def _quantiles(spread: Spread, metric: Metric, looks: Looks) -> Row:
    quantiles = spread.quantiles
    return {
        "llm": looks.names[spread.llm],
        "maximum": spread.maximum,
        **{f"p{share * 100:g}": value for share, value in quantiles.items() if share in _DRAWN},
        "middle": text.value(quantiles[0.5], metric.unit),
        "half": text.between(quantiles[0.25], quantiles[0.75], metric.unit),
        "tails": f"{text.bare(quantiles[0.95], metric.unit)}, {text.value(quantiles[0.99], metric.unit)}",
        "n": spread.n,
    }


def _seen(metric: Metric) -> list[alt.Tooltip]:
    return axes.tooltip(
        {
            "llm": "LLM",
            "group": "Of",
            "shown": metric.title,
            "interval": INTERVAL,
            "n": "Records",
            "failed": "Failed",
            "left_out": "Left out",
        }
    )
