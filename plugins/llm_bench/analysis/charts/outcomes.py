"""Charts of what succeeded and what failed, and in which way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.amounts import INTERVAL
from llm_bench.analysis.charts.looks import Looks

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Success

_FLOORS = (0.95, 0.9, 0.8, 0.5)


def success_rate(outcomes: Sequence[Success], looks: Looks) -> Chart:
    """The share of the records that succeeded, with its interval; points, so that the axis needn't start at 0."""
    import altair as alt

    title = "Success"
    if not outcomes:
        return axes.nothing(title)
    made = [
        {
            "llm": looks.names[success.llm],
            "value": success.rate.estimate,
            "low": success.rate.low,
            "high": success.rate.high,
            "shown": f"{text.count(success.succeeded)} of {text.count(success.records)}",
            "interval": text.ends(success.rate.low, success.rate.high, "%"),
        }
        for success in outcomes
    ]
    names = looks.present(success.llm for success in outcomes)
    rates = [(success.rate.low, success.succeeded / success.records) for success in outcomes]
    lowest = min(rate if low is None else low for low, rate in rates)
    floor = next((edge for edge in _FLOORS if lowest >= edge), 0)
    axis = alt.Axis(title="Records that succeeded", format="~%", tickCount=5)
    x: dict[str, Any] = {"scale": alt.Scale(domain=[floor, 1], nice=False), "axis": axis}
    seen = axes.tooltip({"llm": "LLM", "shown": "Succeeded", "interval": INTERVAL})
    base = alt.Chart(axes.inline(made)).encode(
        y=axes.rows(names), color=axes.colour(looks, names, legend=False), tooltip=seen
    )
    rule = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high")
    point = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", **x), shape=axes.shape(looks, names, legend=False)
    )
    note = f"; the axis starts at {floor:.0%}" if floor else ""
    without = axes.without_line(success.rate for success in outcomes)
    heading = axes.titled(title, [f"Share of all records, and {INTERVAL} for these questions{note}", *without])
    return axes.layered(
        rule, point, height=len(names) * (axes.ROW + 4), title=heading, description=f"{title} of {', '.join(names)}"
    )


def failures(outcomes: Sequence[Success], looks: Looks) -> Chart:
    """How many records of each LLM failed in which way."""
    import altair as alt

    title = "Failures by kind"
    totals: Counter[str] = Counter()
    for success in outcomes:
        totals.update(success.kinds)
    if not totals:
        return axes.nothing(title, "No record failed" if outcomes else "No records to show")
    kinds = [text.words(kind) for kind, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    made: list[dict[str, Any]] = [
        {
            "llm": looks.names[success.llm],
            "kind": text.words(kind),
            "n": n,
            "share": n / success.records,
            "of": f"{text.count(n)} of {text.count(success.records)}",
        }
        for success in outcomes
        for kind, n in success.kinds.items()
    ]
    names = looks.present(success.llm for success in outcomes)
    few = len(kinds) <= 4
    top = alt.Axis(orient="top", labelAngle=0 if few else -90, domain=False, ticks=False, grid=False)
    base = alt.Chart(axes.inline(made)).encode(
        x=alt.X("kind:N", scale=alt.Scale(domain=kinds), title=None, axis=top),
        y=alt.Y("llm:N", scale=alt.Scale(domain=names), title=None, axis=axes.names_axis()),
        tooltip=axes.tooltip({"llm": "LLM", "kind": "Failed", "of": "Records"}),
    )
    shades = alt.Scale(domain=[0, max(row["share"] for row in made)], range="heatmap")
    cell = base.mark_rect().encode(color=alt.Color("share:Q", scale=shades, legend=None))
    heading = axes.titled(title, ["Records; the shade is their share of the LLM's records"])
    return axes.layered(
        cell,
        base.mark_text().encode(text=alt.Text("n:Q", format=",")),
        height=len(names) * (axes.ROW + 2),
        title=heading,
        description=f"{title} of {', '.join(names)}: {', '.join(kinds)}",
    )
