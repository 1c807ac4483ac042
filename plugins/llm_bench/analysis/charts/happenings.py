"""The signs above a plot along time, of what happened meanwhile: slots missed or late, names and settings changed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.looks import Looks

if TYPE_CHECKING:
    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries.events import Event

TIMES = {"slots": True}
"""Says to a page that a chart's axis is of slots, a part of which can be chosen."""
_EVENTS: Mapping[str, tuple[str, str, str]] = {
    "missed": ("×", "M-1,-1L1,1M-1,1L1,-1", "a slot that was missed"),
    "late": ("○", "circle", "a slot that was measured late"),
    "identity": ("◇", "diamond", "a provider names something else that answers"),
    "edited": ("□", "square", "the study was edited"),
}
"""Kind of an event → its sign in a text, its shape in a chart, and what it says."""
_GREY = "#7d8894"
"""It stands out from white and from black, and is no LLM's."""


def events_line(events: Sequence[Event]) -> list[str]:
    """The line of a title that says what the signs above a plot are; none where there are none."""
    there = {event.kind for event in events}
    signs = [f"{sign} {words}" for kind, (sign, _, words) in _EVENTS.items() if kind in there]
    return [f"Above the plot: {', '.join(signs)}"] if signs else []


def events_above(events: Sequence[Event], x: alt.X, looks: Looks, zone: tzinfo) -> list[alt.Chart]:
    """Signs above a plot, of what happened when; a thin line goes down from what isn't of one slot alone."""
    import altair as alt

    layers: list[alt.Chart] = []
    for kind, (_, shape, words) in _EVENTS.items():
        made = [
            {
                "at": axes.wall(event.at, zone),
                "when": axes.clock(event.at, zone),
                "what": event.words,
                "of": looks.names.get(event.llm or "", "all"),
            }
            for event in events
            if event.kind == kind
        ]
        if not made:
            continue
        base = alt.Chart(axes.inline(made)).encode(
            x=x, tooltip=axes.tooltip({"what": "What", "of": "LLM", "when": "Slot"})
        )
        if kind in ("identity", "edited"):
            layers.append(base.mark_rule(strokeDash=[2, 3], color=_GREY))
        signs = base.mark_point(shape=shape, size=45, color=_GREY, opacity=1, filled=False, strokeWidth=1.7)
        layers.append(signs.encode(y=alt.value(-9)).properties(name=f"events-{kind}", description=words))
    return layers


def with_events(
    drawn: alt.Chart, lines: Sequence[str], *, events: Sequence[Event], x: alt.X, looks: Looks, zone: tzinfo
) -> Chart:
    """A chart of rows with what happened meanwhile above it.

    :param lines: its title, and what stands below.
    """
    heading = axes.titled(lines[0], [*lines[1:], *events_line(events)])
    chart = below(drawn, events_above(events, x, looks, zone))
    return chart.properties(title=heading, usermeta=TIMES)


def below(chart: Chart, above: Sequence[alt.Chart]) -> Chart:
    """A chart with others over it, in the same plot."""
    return functools.reduce(operator.add, above, chart)
