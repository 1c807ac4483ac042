"""Charts that compare LLMs: paired differences, and quality against speed and cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.amounts import INTERVAL, NAME_ABOVE
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.metrics import METRICS, Metric
from llm_bench.analysis.noise import LEVEL, Floor, floor, significant

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Comparison, Tradeoff

Row = dict[str, Any]
Against = Literal["latency", "throughput", "cost_per_thousand"]

SUCCESS = Metric("success", "Success", "", "higher", share=True)
TWINS = "noise floor"
"""What a twin's own pair is called instead of the outcome of a test."""
MAX_ROWS = 45
"""Pairs (of ten LLMs) that get a row each; of more, all are cells of a square."""

_SPEEDS: dict[Against, Metric] = {
    "latency": METRICS["latency_sec"],
    "throughput": METRICS["throughput_tps"],
    "cost_per_thousand": Metric("cost_per_thousand", "Cost of 1,000 questions", "USD", "lower", share=False),
}


def comparison(pairs: Sequence[Comparison], metric: str, looks: Looks) -> Chart:
    """The paired differences in one metric, of every two LLMs, with their intervals.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    """
    what = METRICS.get(metric, SUCCESS)
    title = f"Paired differences: {what.title.lower()}"
    of_metric = [pair for pair in pairs if pair.metric == metric]
    known = [pair for pair in of_metric if pair.difference and pair.difference.estimate is not None]
    if not known:
        return axes.nothing(title)
    missing = axes.left_out(sum(pair.left_out for pair in known), "one of the two has no such number", "pair")
    unit = METRICS[metric].unit if metric in METRICS else "%"
    made = [_difference(pair, unit, looks) for pair in known]
    few = len(made) <= MAX_ROWS
    noise = floor(pairs, metric)
    chart = _forest(made, what, noise) if few else _square(made, looks.domain)
    way = _way(what) if few else f"Row minus column; • where p < {LEVEL}"
    heading = axes.titled(title, [way, *_noise(noise, unit, looks), *missing])
    return chart.properties(title=heading, description=f"{title}, {len(known)} pairs of LLMs")


def _way(metric: Metric) -> str:
    better = {"lower": "left", "higher": "right", None: None}[metric.better]
    how = f"; a point on the {better} favours the first named" if better else ""
    return f"Same question, same slot; {INTERVAL}{how}"


def _noise(noise: Floor | None, unit: str, looks: Looks) -> list[str]:
    if noise is None:
        return []
    size, pair = noise.size, noise.pair
    largest = f", by its interval up to {text.value(size.high, unit)} (lighter)" if size.high is not None else ""
    return [
        f"Shaded: the noise floor, ±{text.value(size.estimate, unit)}{largest}: what {looks.names[pair.first]} and "
        f"{looks.names[pair.second]}, one LLM measured twice, differ by"
    ]


def _tested(pair: Comparison) -> str:
    if pair.twins:
        return TWINS
    return "not tested" if pair.p_holm is None else f"p < {LEVEL}" if significant(pair) else f"p ≥ {LEVEL}"


def _difference(pair: Comparison, unit: str, looks: Looks) -> Row:
    assert pair.difference is not None  # noqa: S101  (left out before)
    first, second = looks.names[pair.first], looks.names[pair.second]
    return {
        "first": first,
        "second": second,
        "pair": f"{first} − {second}",
        "value": pair.difference.estimate,
        "low": pair.difference.low,
        "high": pair.difference.high,
        "shown": text.difference(pair.difference.estimate, unit) + text.behind(text.difference_unit(unit)),
        "interval": text.difference_ends(pair.difference.low, pair.difference.high, unit),
        "tested": _tested(pair),
        "p": text.p_value(pair.p_holm),
        "effect": pair.effect,
        "rank": text.effect(pair.effect),
        "n": pair.n,
        "left_out": pair.left_out,
    }


def _forest(made: list[Row], metric: Metric, noise: Floor | None) -> alt.LayerChart:
    import altair as alt

    values = axes.Values(log=False, ticks=None, domain=None, title=f"Difference ({metric.unit or 'of shares'})")
    pairs = alt.Y("pair:N", sort=[row["pair"] for row in made], title=None, axis=axes.names_axis(340))
    base = alt.Chart(axes.inline(made)).encode(y=pairs, tooltip=_seen())
    zero = (
        alt.Chart(axes.inline([{"zero": 0}])).mark_rule(strokeDash=[4, 3]).encode(x=values.channel("zero", alt.X, 10))
    )
    span = base.mark_rule(strokeWidth=1.5).encode(x=values.channel("low", alt.X, 10), x2="high")
    known = [f"p < {LEVEL}", f"p ≥ {LEVEL}", "not tested", TWINS]
    there = [outcome for outcome in known if outcome in {row["tested"] for row in made}]
    legend = alt.Legend(orient="bottom", title="Holm-corrected test", columns=3, values=there)
    scales = {
        "color": alt.Color("tested:N", scale=alt.Scale(domain=known, range="category"), legend=legend),
        "shape": alt.Shape(
            "tested:N", scale=alt.Scale(domain=known, range=["circle", "diamond", "cross", "square"]), legend=legend
        ),
    }
    point = base.mark_point(filled=True, size=60, opacity=1).encode(x=values.channel("value", alt.X, 10), **scales)
    bands = _bands(noise, values) if noise else []
    return axes.layered(*bands, zero, span, point, height=len(made) * axes.ROW)


def _bands(noise: Floor, values: axes.Values) -> list[alt.Chart]:
    """The noise floor around zero over all rows: as far as its interval goes, and over that its estimate."""
    import altair as alt

    return [
        alt.Chart(axes.inline([{"from": -end, "to": end}]))
        .mark_rect(color="#8a94a0", opacity=opacity)
        .encode(x=values.channel("from", alt.X, 10), x2="to")
        for end, opacity in ((noise.size.high, 0.15), (noise.size.estimate, 0.25))
        if end
    ]


def _square(made: list[Row], names: list[str]) -> alt.LayerChart:
    """All pairs as cells: the shade is the effect, from −1 to 1."""
    import altair as alt

    tested = [row for row in made if row["effect"] is not None]
    shades = alt.Scale(domain=[-1, 0, 1], range=["#c8650a", "#f2f2f2", "#0b6cb0"])
    base = alt.Chart(axes.inline(tested)).encode(
        x=alt.X("second:N", sort=names, title=None, axis=alt.Axis(labelAngle=-90, labelLimit=NAME_ABOVE, orient="top")),
        y=alt.Y("first:N", sort=names, title=None, axis=axes.names_axis()),
        tooltip=_seen(),
    )
    legend = alt.Legend(title="Rank-biserial effect", orient="bottom", gradientLength=200)
    cell = base.mark_rect().encode(color=alt.Color("effect:Q", scale=shades, legend=legend))
    sure = alt.expr.if_(alt.datum.tested == f"p < {LEVEL}", "•", "")
    dot = base.transform_calculate(dot=sure).mark_text(color="#000000").encode(text="dot:N")
    return axes.layered(cell, dot, height=axes.rows_of(tested, "first") * axes.ROW)


def tradeoff(points: Sequence[Tradeoff], looks: Looks, against: Against = "latency") -> Chart:
    """Coverage against speed or cost, a point for each LLM."""
    import altair as alt

    metric = _SPEEDS[against]
    title = f"Coverage against {metric.title.lower()}"
    made = [
        {
            "llm": looks.names[point.llm],
            "x": value,
            "y": point.coverage,
            "speed": text.value(value, metric.unit),
            "coverage": text.bare(point.coverage, ""),
            "success": text.value(point.success, "%"),
        }
        for point in points
        if (value := getattr(point, against)) is not None and math.isfinite(value) and point.coverage is not None
    ]
    if not made:
        return axes.nothing(title)
    names = [name for name in looks.domain if name in {row["llm"] for row in made}]
    values = axes.Values.of([row["x"] for row in made], metric, approximate=any(point.approximate for point in points))
    quality = replace(axes.Values.of([], METRICS["coverage_score"]), title="Coverage (mean, 0 to 1)")
    corner = "left" if metric.better == "lower" else "right"
    missing = axes.left_out(len(points) - len(made), "one of the two isn't known", "LLM")
    chart = alt.Chart(
        axes.inline(made),
        height=axes.HEIGHT + 40,
        title=axes.titled(title, [f"Best is at the top {corner}", *missing]),
        description=f"{title} of {', '.join(names)}",
    )
    drawn: alt.Chart = chart.mark_point(filled=True, size=130, opacity=0.95).encode(
        x=values.channel("x", alt.X, 14),
        y=quality.channel("y", alt.Y),
        color=axes.colour(looks, names),
        shape=axes.shape(looks, names),
        tooltip=axes.tooltip({"llm": "LLM", "speed": metric.title, "coverage": "Coverage", "success": "Success"}),
    )
    return drawn


def _seen() -> list[alt.Tooltip]:
    shown = {"pair": "Pair", "shown": "Difference", "interval": INTERVAL, "p": "p, corrected", "rank": "Rank-biserial"}
    return axes.tooltip(shown | {"n": "Pairs", "left_out": "Left out"})
