"""The chart of how often LLMs decline questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.amounts import INTERVAL
from llm_bench.analysis.charts.looks import Looks

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Declined

_TITLES = {False: "Declined rightly", True: "Declined wrongly"}
_LINES = {
    False: "Of the answers to questions that the documents can't answer: more is better",
    True: "Of the answers to questions that they do answer: less is better",
}


def declining(declined: Sequence[Declined], looks: Looks, *, answerable: bool) -> Chart:
    """How often each LLM declines questions of one kind, with intervals.

    :param answerable: the kind: whether the documents hold the answers.
    """
    import altair as alt

    title = _TITLES[answerable]
    known = [row for row in declined if row.answerable == answerable and row.share.estimate is not None]
    if not known:
        return axes.nothing(title, *(["No such question was answered"] if declined else []))
    made = [
        {
            "llm": looks.names[row.llm],
            "value": row.share.estimate,
            "low": row.share.low,
            "high": row.share.high,
            "shown": f"{text.count(row.declined)} of {text.count(row.answers)}",
            "interval": text.ends(row.share.low, row.share.high, "%"),
            "left_out": text.count(row.left_out),
        }
        for row in known
    ]
    names = looks.present(row.llm for row in known)
    axis = alt.Axis(title="Answers that decline", format="~%", tickCount=5)
    x: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1], nice=False, padding=6), "axis": axis}
    seen = axes.tooltip({"llm": "LLM", "shown": "Declined", "interval": INTERVAL, "left_out": "Left out"})
    base = alt.Chart(axes.inline(made)).encode(
        y=axes.rows(names), color=axes.colour(looks, names, legend=False), tooltip=seen
    )
    left_out = axes.left_out(sum(row.left_out for row in known), "failed, or not scored")
    return axes.layered(
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X("value:Q", **x), shape=axes.shape(looks, names, legend=False)
        ),
        height=len(names) * (axes.ROW + 4),
        title=axes.titled(
            title, [_LINES[answerable], f"Line: {INTERVAL}", *axes.without_line(row.share for row in known), *left_out]
        ),
        description=f"{title}, of {', '.join(names)}",
    )
