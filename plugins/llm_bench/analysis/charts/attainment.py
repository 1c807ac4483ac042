"""Charts of objectives of service: how far each LLM attains them, and what it would attain of any other time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.amounts import INTERVAL
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.metrics import METRICS

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Attainment, Curve
    from llm_bench.objectives import Objective, Time

FLOORS = (0.95, 0.9, 0.8, 0.5)
"""Shares from which an axis of points may begin: the first one that all lie above."""


def attainment(attained: Sequence[Attainment], looks: Looks) -> Chart:
    """The share that each LLM answered in time, with its interval, against each objective."""
    import altair as alt

    title = "Attainment of the objectives of service"
    known = [row for row in attained if row.share.estimate is not None]
    if not known:
        return axes.nothing(title)
    names = looks.present(row.llm for row in known)
    objectives = list(dict.fromkeys(row.objective for row in known))
    lowest = min(min(row.share.low or 0, row.share.estimate or 0, row.objective.share) for row in known)
    floor = next((edge for edge in FLOORS if lowest >= edge), 0)
    axis = alt.Axis(title="Share of all that was asked, answered in time", format="~%", tickCount=5)
    x: dict[str, Any] = {"scale": alt.Scale(domain=[floor, 1], nice=False, padding=4), "axis": axis}
    y = alt.Y("objective:N", sort=[aim.words for aim in objectives], title=None, axis=axes.names_axis(250))
    step = max(axes.ROW + 8, 12 * len(names) + 8)
    aims = [{"objective": aim.words, "share": aim.share} for aim in objectives]
    line = alt.Chart(axes.inline(aims)).mark_tick(thickness=2, size=step - 4, orient="vertical")
    base = alt.Chart(axes.inline([_attained(row, looks) for row in known])).encode(
        y=y,
        yOffset=alt.YOffset("llm:N", sort=names),
        color=axes.colour(looks, names),
        tooltip=axes.tooltip(
            {"llm": "LLM", "objective": "Objective", "shown": "In time", "interval": INTERVAL, "verdict": "Verdict"}
        ),
    )
    heading = axes.titled(
        title, [f"Share and {INTERVAL} for these questions; upright line: the share that the objective asks for"]
    )
    return axes.layered(
        line.encode(x=alt.X("share:Q", **x), y=y),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high"),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=alt.X("value:Q", **x), shape=axes.shape(looks, names)
        ),
        height=len(objectives) * step,
        title=heading,
        description=f"{title}, of {', '.join(names)}: {'; '.join(aim.words for aim in objectives)}",
    )


def _attained(row: Attainment, looks: Looks) -> dict[str, Any]:
    return {
        "llm": looks.names[row.llm],
        "objective": row.objective.words,
        "value": row.share.estimate,
        "low": row.share.low,
        "high": row.share.high,
        "shown": f"{text.count(row.met)} of {text.count(row.asked)}",
        "interval": text.ends(row.share.low, row.share.high, "%"),
        "verdict": row.verdict,
    }


def curves(drawn: Sequence[Curve], metric: Time, objectives: Sequence[Objective], looks: Looks) -> Chart:
    """Which share of all that was asked each LLM has answered by when; a cross for each objective of this time."""
    import altair as alt

    of = METRICS[metric]
    title = f"Answered by when: {of.title[:1].lower()}{of.title[1:]}"
    known = [curve for curve in drawn if curve.points]
    if not known:
        return axes.nothing(title)
    aims = [aim for aim in objectives if aim.metric == metric]
    names = looks.present(curve.llm for curve in known)
    made: list[dict[str, Any]] = [
        {
            "llm": looks.names[curve.llm],
            "at": at,
            "share": share,
            "shown": text.value(share, "%"),
            "by": text.value(at, of.unit),
        }
        for curve in known
        for at, share in curve.points
    ]
    values = axes.Values.of([*(row["at"] for row in made), *(aim.within_sec for aim in aims)], of)
    axis = alt.Axis(title="Share of all that was asked", format="~%", tickCount=5)
    y: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1], nice=False), "axis": axis}
    line = (
        alt.Chart(axes.inline(made))
        .mark_line()
        .encode(
            x=values.channel("at", alt.X),
            y=alt.Y("share:Q", **y),
            color=axes.colour(looks, names, dashed=True),
            strokeDash=axes.dash(looks, names, dashed=True),
            tooltip=axes.tooltip({"llm": "LLM", "by": "Within", "shown": "Answered"}),
        )
    )
    goals = [{"at": aim.within_sec, "share": aim.share, "objective": aim.words} for aim in aims]
    goal = alt.Chart(axes.inline(goals)).mark_point(shape="cross", filled=True, size=110, opacity=1)
    cross = goal.encode(
        x=values.channel("at", alt.X),
        y=alt.Y("share:Q", **y),
        color=alt.value("gray"),
        tooltip=axes.tooltip({"objective": "Objective"}),
    )
    lines = ["Of all that was asked; what failed is never answered, so a line ends as far below 100 %"]
    if aims:
        lines.append("Cross: an objective; a line that passes above it, or on its left, answered enough in time")
    return axes.layered(
        line,
        *([cross] if aims else []),
        height=axes.HEIGHT,
        title=axes.titled(title, lines),
        description=f"{title}, of {', '.join(names)}",
    )
