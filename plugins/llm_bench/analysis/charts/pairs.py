"""Charts that compare LLMs: pair by pair, and quality against speed and cost."""

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
from llm_bench.analysis.noise import Floor, floor
from llm_bench.analysis.tables.pairs import size_of
from llm_bench.analysis.verdicts import differ, facing, said, untested, words, words_of

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Comparison, Tradeoff

Row = dict[str, Any]
Against = Literal["latency", "throughput", "cost_per_thousand"]

SUCCESS = Metric("success", "Success", "", "higher", share=True)
NOT_TESTED = "not tested"
TWINS = "noise floor"
"""What a twin's own pair is called instead of a verdict."""
_MATTERS, _NOISE = "#1b7f4b", "#8a94a0"
"""Colours of the zones around no difference: what is too small to matter, and the noise floor."""
MAX_ROWS = 45
"""Pairs (of ten LLMs) that get a row each; of more, all are cells of a square."""

_SPEEDS: dict[Against, Metric] = {
    "latency": METRICS["latency_sec"],
    "throughput": METRICS["throughput_tps"],
    "cost_per_thousand": Metric("cost_per_thousand", "Cost of 1,000 questions", "USD", "lower", share=False),
}


def comparison(pairs: Sequence[Comparison], metric: str, looks: Looks, of: str | None = None) -> Chart:
    """Each two LLMs in one metric, with intervals and what can be concluded.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    :param of: the LLM whose pairs are shown, as the first of each; all where None.
    """
    what = METRICS.get(metric, SUCCESS)
    title = f"Compared pair by pair: {what.title.lower()}" + (f" of {looks.names[of]}" if of else "")
    of_metric = facing(pairs, metric, of)
    known = [pair for pair in of_metric if pair.size and pair.size.estimate is not None]
    if not known:
        return axes.nothing(title)
    missing = axes.left_out(sum(pair.left_out for pair in known), "one of the two has no such number", "pair")
    made = [_difference(pair, looks) for pair in known]
    if len(made) > MAX_ROWS and not of:
        way = (
            f"{'Row to column' if known[0].is_ratio else 'Row minus column'}; • where they differ, for {known[0].scope}"
        )
        chart, lines = _square(made, looks.domain, what, is_ratio=known[0].is_ratio), [way]
    else:
        noise, interest = floor(pairs, metric), known[0].interest
        chart = _forest(made, what, noise, interest)
        without = axes.without_line(pair.size for pair in known if pair.size)
        lines = [_way(what, known[0]), *_zone(interest, known[0]), *_noise(noise, looks), *without]
    heading = axes.titled(title, [*lines, *missing])
    return chart.properties(title=heading, description=f"{title}, {len(known)} pairs of LLMs")


def _way(metric: Metric, pair: Comparison) -> str:
    better = {"lower": "left", "higher": "right", None: None}[metric.better]
    how = f"; a point on the {better} favours the first named" if better else ""
    return f"Same question, same slot; {INTERVAL}, for {pair.scope}{how}"


def _zone(interest: float | None, pair: Comparison) -> list[str]:
    if interest is None:
        return []
    size = _between(interest, pair)
    return [f"Shaded green: {size}, too small to matter to the study"]


def _noise(noise: Floor | None, looks: Looks) -> list[str]:
    if noise is None or noise.size.estimate is None:
        return []
    size, pair = noise.size, noise.pair
    largest = f", by its interval {_between(size.high, pair)} (lighter)" if size.high is not None else ""
    return [
        f"Shaded: the noise floor, {_between(noise.size.estimate, pair)}{largest}: what {looks.names[pair.first]} and "
        f"{looks.names[pair.second]}, one LLM measured twice, differ by"
    ]


def _between(size: float, pair: Comparison) -> str:
    """The zone from no difference up to a size, either way."""
    if pair.is_ratio:
        return f"{text.number(1 / size)} to {text.number(size)} times"
    unit = METRICS[pair.metric].unit if pair.metric in METRICS else "%"
    return f"±{text.difference(size, unit).removeprefix('+')}{text.behind(text.difference_unit(unit))}"


def _difference(pair: Comparison, looks: Looks) -> Row:
    assert pair.size is not None  # noqa: S101  (left out before)
    size, unit = pair.size, METRICS[pair.metric].unit if pair.metric in METRICS else "%"
    first, second = looks.names[pair.first], looks.names[pair.second]
    return {
        "first": first,
        "second": second,
        "pair": f"{first}\n{'to' if pair.is_ratio else '−'} {second}",
        "spoken": f"{first} {'to' if pair.is_ratio else '−'} {second}",
        "value": size.estimate,
        "low": size.low,
        "high": size.high,
        "shown": size_of(replace(pair, size=replace(size, low=None, high=None))),
        "interval": text.ratio_ends(size.low, size.high)
        if pair.is_ratio
        else text.difference_ends(size.low, size.high, unit),
        "verdict": _outcome(pair),
        "said": said(pair),
        "dot": "•" if differ(pair) and not pair.twins else "",
        "p": NOT_TESTED if pair.p_holm is None else text.p_value(pair.p_holm),
        "n": pair.n,
        "days": pair.days,
        "questions": pair.questions,
        "left_out": pair.left_out,
    }


def _outcome(pair: Comparison) -> str:
    if pair.twins:
        return TWINS
    return NOT_TESTED if untested(pair) else words(pair.metric, pair.verdict)


def _forest(made: list[Row], metric: Metric, noise: Floor | None, interest: float | None) -> alt.LayerChart:
    import altair as alt

    is_ratio = not metric.share
    values = _axis(made, metric, is_ratio=is_ratio)
    pairs = alt.Y(
        "pair:N", sort=[row["pair"] for row in made], title=None, axis=axes.names_axis(220, labelExpr=axes.TWO_LINES)
    )
    base = alt.Chart(axes.inline(made)).encode(y=pairs, tooltip=_seen())
    alike = (
        alt.Chart(axes.inline([{"alike": int(is_ratio)}]))
        .mark_rule(strokeDash=[4, 3])
        .encode(x=values.channel("alike", alt.X, 10))
    )
    span = base.mark_rule(strokeWidth=1.5).encode(x=values.channel("low", alt.X, 10), x2="high")
    outcomes = [
        words(metric.name, "more"),
        words(metric.name, "less"),
        "no difference that matters",
        "can't tell",
        NOT_TESTED,
        TWINS,
    ]
    there = [outcome for outcome in outcomes if outcome in {row["verdict"] for row in made}]
    legend = alt.Legend(
        orient="bottom",
        title="Verdict on the first",
        columns=axes.legend_columns(),
        values=there,
        labelLimit=axes.NAME_LIMIT,
    )
    shapes = ["triangle-right", "triangle-left", "circle", "diamond", "cross", "square"]
    scales = {
        "color": alt.Color("verdict:N", scale=alt.Scale(domain=outcomes, range="ordinal"), legend=legend),
        "shape": alt.Shape("verdict:N", scale=alt.Scale(domain=outcomes, range=shapes), legend=legend),
    }
    point = base.mark_point(filled=True, size=60, opacity=1).encode(x=values.channel("value", alt.X, 10), **scales)
    bands = [
        *_band(values, interest, _MATTERS, 0.13, is_ratio=is_ratio),
        *(_band(values, noise.size.high, _NOISE, 0.15, is_ratio=is_ratio) if noise else []),
        *(_band(values, noise.size.estimate, _NOISE, 0.25, is_ratio=is_ratio) if noise else []),
    ]
    return axes.layered(*bands, alike, span, point, height=len(made) * (axes.ROW + 12))


def _axis(made: Sequence[Row], metric: Metric, *, is_ratio: bool) -> axes.Values:
    if not is_ratio:
        return axes.Values(log=False, ticks=None, domain=None, title=f"Difference ({metric.unit or 'of shares'})")
    ends = [end for row in made for end in (row["value"], row["low"], row["high"])]
    return axes.ratios(ends, f"Times as {words_of(metric.name).size}")


def _band(values: axes.Values, size: float | None, colour: str, opacity: float, *, is_ratio: bool) -> list[alt.Chart]:
    """A zone around no difference, over all rows; none where its size isn't known."""
    import altair as alt

    if not size:
        return []
    band: alt.Chart = (
        alt.Chart(axes.inline([{"from": 1 / size if is_ratio else -size, "to": size}]))
        .mark_rect(color=colour, opacity=opacity)
        .encode(x=values.channel("from", alt.X, 10), x2="to")
    )
    return [band]


def _square(made: list[Row], names: list[str], metric: Metric, *, is_ratio: bool) -> alt.LayerChart:
    """All pairs as cells: the shade is the size, of ratios its logarithm."""
    import altair as alt

    shaded = [{**row, "shade": math.log(row["value"]) if is_ratio else row["value"]} for row in made]
    largest = max(abs(row["shade"]) for row in shaded) or 1.0
    shades = alt.Scale(domain=[-largest, 0, largest], range=["#0b6cb0", "#f2f2f2", "#c8650a"])
    base = alt.Chart(axes.inline(shaded)).encode(
        x=alt.X("second:N", sort=names, title=None, axis=alt.Axis(labelAngle=-90, labelLimit=NAME_ABOVE, orient="top")),
        y=alt.Y("first:N", sort=names, title=None, axis=axes.names_axis()),
        tooltip=_seen(),
    )
    legend = alt.Legend(
        title=f"Times as {words_of(metric.name).size}" if is_ratio else f"Difference ({metric.unit or 'of shares'})",
        orient="bottom",
        labelExpr="format(exp(datum.value), '.2~r')" if is_ratio else alt.Undefined,
        **axes.gradient(200),
    )
    cell = base.mark_rect().encode(color=alt.Color("shade:Q", scale=shades, legend=legend))
    dot = base.mark_text(color="#000000").encode(text="dot:N")
    return axes.layered(cell, dot, height=axes.rows_of(made, "first") * axes.ROW)


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
    shown = {
        "spoken": "Pair",
        "said": "Verdict on the first",
        "shown": "Size",
        "interval": INTERVAL,
        "p": "p, corrected",
    }
    return axes.tooltip(shown | {"n": "Pairs", "days": "Days", "questions": "Questions", "left_out": "Left out"})
