"""Charts of which model answered: how far answers differ from those of the first day, and what changed when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, cast

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.happenings import events_line, with_events
from llm_bench.analysis.charts.looks import Looks
from llm_bench.analysis.charts.overtime import MAX_LINES, Link, Opens, over_time
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries.shapes import Point, Series

if TYPE_CHECKING:
    from datetime import datetime

    import altair as alt

    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import Event, Identity

DIFFERING = Metric("differ", "Answers that differ from the first day", "", None, share=True)
KINDS = {
    "response_model": "another model is named",
    "system_fingerprint": "another fingerprint",
    "upstream_provider": "another upstream",
    "answers": "the answers changed",
}
"""Field of a change → what it is called."""
_SHAPES = ("square", "diamond", "triangle-up", "cross")


def answers_over_time(
    known: Identity,
    looks: Looks,
    zone: tzinfo = UTC,
    *,
    link: Link | None = None,
    opens: Opens | None = None,
    events: Sequence[Event] = (),
) -> Chart:
    """The share of each slot's answers that differ from those of the first day; a rule where answers changed."""
    points = [
        Point(point.llm, point.at, point.n, 0, None, point.share, None)
        for point in known.points
        if point.share is not None
    ]
    if not points:
        return axes.nothing(DIFFERING.title)
    drawn = over_time(Series(points, 1, None), DIFFERING, looks, zone, link=link, opens=opens, events=events)
    changed = [answered for answered in known.llms if answered.verdict == "changed" and answered.at]
    names = looks.present(point.llm for point in points)
    ruled = bool(changed) and len(names) <= MAX_LINES
    lines = ["Share of each slot's answers that differ from an answer of the first day to the question"]
    if ruled:
        drawn = cast("alt.LayerChart", drawn) + _rules(known, looks, zone, names)
        lines.append("Upright line: where the answers of an LLM changed")
    lines += events_line(events)
    return drawn.properties(title=axes.titled(DIFFERING.title, lines))


def _rules(known: Identity, looks: Looks, zone: tzinfo, names: Sequence[str]) -> alt.Chart:
    import altair as alt

    made = [row for row in _moments(known, looks, zone) if row["kind"] == KINDS["answers"]]
    rule: alt.Chart = (
        alt.Chart(axes.inline(made))
        .mark_rule(strokeWidth=2, strokeDash=[6, 3])
        .encode(x=axes.slots(_slots(known), zone), color=axes.colour(looks, names), tooltip=_seen())
    )
    return rule


def changes(known: Identity, looks: Looks, zone: tzinfo = UTC, *, events: Sequence[Event] = ()) -> Chart:
    """When a provider's names for what answers changed, and when the answers did; a row for each LLM."""
    import altair as alt

    title = "What changed, and when"
    if not known.points:
        return axes.nothing(title)
    made = _moments(known, looks, zone)
    if not made:
        return axes.nothing(title, "No change seen")
    names = looks.present(answered.llm for answered in known.llms)
    kinds = [kind for kind in KINDS.values() if any(row["kind"] == kind for row in made)]
    shapes = [shape for shape, kind in zip(_SHAPES, KINDS.values(), strict=True) if kind in kinds]
    legend = alt.Legend(orient="bottom", columns=axes.legend_columns(), title=None, symbolSize=70)
    chart = alt.Chart(
        axes.inline(made),
        height=len(names) * max(axes.ROW, 10 * len(kinds)),
        description=f"{title}, of {len(names)} LLMs: {', '.join(kinds)}",
    )
    x = _whole_study([*_slots(known), *(event.at for event in events)], zone)
    drawn: alt.Chart = chart.mark_point(filled=True, opacity=0.9, size=80).encode(
        x=x,
        y=alt.Y("llm:N", scale=alt.Scale(domain=names), title=None, axis=axes.names_axis(grid=True)),
        yOffset=alt.YOffset("kind:N", scale=alt.Scale(domain=kinds)),
        color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range="category"), legend=legend),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=shapes), legend=legend),
        tooltip=_seen(),
    )
    lines = [title, "As the providers name what answers, and as the answers show it"]
    return with_events(drawn, lines, events=events, x=x, looks=looks, zone=zone)


def _slots(known: Identity) -> list[datetime]:
    return [point.at for point in known.points]


def _whole_study(slots: Sequence[datetime], zone: tzinfo) -> alt.X:
    """The axis of all slots, not only of those in which something changed."""
    x = axes.slots(slots, zone)
    first, last = (axes.wall(moment, zone) for moment in (min(slots), max(slots)))
    # Not by a domain: Vega warns of one of moments that are given as numbers.
    return x if first == last else x.scale(type="utc", padding=6, domainMin=first, domainMax=last)


def _moments(known: Identity, looks: Looks, zone: tzinfo) -> list[dict[str, Any]]:
    """What happened when, each as a row."""
    return [
        {
            "llm": looks.names[change.llm],
            "at": axes.wall(change.at, zone),
            "when": axes.clock(change.at, zone),
            "kind": KINDS[change.field],
            "what": change.value or text.NONE,
            "p": text.p_value(change.p),
        }
        for change in known.changes
    ]


def _seen() -> list[alt.Tooltip]:
    headings = {"llm": "LLM", "when": "Slot", "kind": "What", "what": "Which", "p": "p of the answers"}
    return axes.tooltip(headings)
