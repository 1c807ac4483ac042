"""The chart of latency against the length of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.metrics import METRICS, Metric

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import AtLength, Lengths

Row = dict[str, Any]
LATENCY, LENGTH = METRICS["latency_sec"], Metric("answer_chars", "Length of the answer", "characters", None, False)
MAX_POINTS = 1_000
"""Points that are drawn at the maximum; of more there are the lines alone."""
_STEPS = 24
"""Pieces of a line: on a logarithmic axis it is a curve."""


def by_length(lengths: Lengths, looks: Looks) -> Chart:
    """Each LLM's latency against the length of its answers: a point for a question, and the line that is fitted."""
    import altair as alt

    title = "Latency against the length of the answer"
    known = [row for row in looks.ordered(lengths.llms) if row.line and row.questions]
    if not known or lengths.length is None:
        return axes.nothing(title)
    names = looks.present(row.llm for row in known)
    points = [point for row in known for point in _points(row, looks)]
    lines = [step for row in known for step in _line(row, looks)]
    few = len(points) <= MAX_POINTS
    drawn = [*(points if few else []), *lines]
    across = axes.Values.of([row["length"] for row in drawn], LENGTH)
    along = axes.Values.of([row["latency"] for row in drawn], LATENCY)

    def placed(chart: alt.Chart) -> alt.Chart:
        at = chart.encode(x=across.channel("length", alt.X), y=along.channel("latency", alt.Y))
        return at.encode(color=axes.colour(looks, names))

    common = alt.Chart(axes.inline([{"length": lengths.length}])).mark_rule(strokeDash=[4, 3])
    layers = [common.encode(x=across.channel("length", alt.X)), placed(alt.Chart(axes.inline(lines)).mark_line())]
    if few:
        dots = placed(alt.Chart(axes.inline(points)).mark_point(filled=True, size=36, opacity=0.8))
        shown = {"llm": "LLM", "characters": "Characters", "seconds": "Latency"}
        layers.append(dots.encode(shape=axes.shape(looks, names), tooltip=axes.tooltip(shown)))
    return axes.layered(
        *layers,
        height=axes.HEIGHT + 40,
        title=axes.titled(title, [*_read(lengths, few)]),
        description=f"{title} of {', '.join(names)}",
    )


def _read(lengths: Lengths, few: bool) -> Iterator[str]:
    if few:
        yield "A point: one question's answers, by their mean length and geometric mean latency"
    yield "A line: an LLM's latency by length, as fitted"
    yield f"Dashed: {text.number(lengths.length)} characters, the median of all answers"
    out = sum(row.cut + row.failed for row in lengths.llms)
    yield from axes.left_out(out, "they failed, or the answer was cut")


def _points(row: AtLength, looks: Looks) -> Iterator[Row]:
    for question in row.questions:
        yield {
            "llm": looks.names[row.llm],
            "length": question.length,
            "latency": question.latency,
            "characters": text.number(question.length),
            "seconds": text.value(question.latency, LATENCY.unit),
        }


def _line(row: AtLength, looks: Looks) -> Iterator[Row]:
    if row.line is None:
        return
    first, last = row.line.lengths
    for step in range(_STEPS + 1):
        length = first + (last - first) * step / _STEPS
        yield {"llm": looks.names[row.llm], "length": length, "latency": row.line.at(length)}
