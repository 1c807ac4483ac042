"""Charts of one record: where its time went, and when its tokens came."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.records import Record

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart

MAX_EVENTS = 500
"""Events drawn of an answer; of more, every so many-th."""

_NOTHING_LATER = "Seconds since the request was handed to the wire"


def waterfall(record: Record) -> Chart:
    """A chart of where a record's time went: connecting (before its clock starts), first token, reasoning, answer."""
    import altair as alt

    title = "Where the time went"
    phases = list(_phases(record))
    if not phases:
        return axes.nothing(title, "No time was taken")
    made = [
        {"phase": name, "from": start, "to": end, "shown": text.value(end - start, "s")} for name, start, end in phases
    ]
    base = alt.Chart(axes.inline(made)).encode(
        y=alt.Y("phase:N", sort=[name for name, _, _ in phases], title=None, axis=axes.names_axis()),
        tooltip=axes.tooltip({"phase": "Phase", "shown": "Took"}),
    )
    axis = alt.Axis(title=_NOTHING_LATER, format=axes.FORMAT, tickCount=6)
    first, last = min(0.0, phases[0][1]), phases[-1][2]
    scale = alt.Scale(domain=[first, last + (last - first) * 0.2], nice=False)
    bar = base.mark_bar(height={"band": 0.6}, minBandSize=2).encode(
        x=alt.X("from:Q", axis=axis, scale=scale),
        x2="to",
        color=alt.Color("phase:N", sort=[name for name, _, _ in phases], legend=None),
    )
    words = base.mark_text(align="left", dx=6).encode(x=alt.X("to:Q", axis=axis, scale=scale), text="shown:N")
    heading = axes.titled(title, _notes(record))
    described = "; ".join(f"{row['phase']} {row['shown']}" for row in made)
    return axes.layered(
        bar, words, height=len(made) * (axes.ROW + 4), title=heading, description=f"{title}: {described}"
    )


def _phases(record: Record) -> Iterator[tuple[str, float, float]]:
    """Those that were seen, in their order: name, start and end."""
    if record["connect_sec"] is not None:
        yield "connecting", -record["connect_sec"], 0.0
    events = record["event_times_sec"]
    last = record["latency_sec"] if record["latency_sec"] is not None else events[-1] if events else None
    ends = {
        "to the headers": record["headers_sec"],
        "to the first token": record["ttft_sec"],
        "reasoning": record["first_answer_sec"],
        "answer" if record["first_answer_sec"] is not None else "what came": last,
    }
    seen = [("", 0.0), *((name, end) for name, end in ends.items() if end is not None)]
    for (_, start), (name, end) in pairwise(seen):
        if name != "reasoning" or end > start:
            yield name, start, end


def _notes(record: Record) -> list[str]:
    waited, failed = record["wait_sec"], record["failure_kind"]
    return [
        *([f"Before that it waited {text.value(waited, 's')} for the rate limit"] if waited else []),
        *([f"Failed: {text.words(failed)}"] if failed else []),
    ]


def tokens_over_time(record: Record) -> Chart:
    """How the answer came: each event with a generated token."""
    import altair as alt

    title = "How the answer came"
    times = record["event_times_sec"] or ()
    if not times:
        return axes.nothing(title, "No token came")
    step = -(-len(times) // MAX_EVENTS)
    kept = [*range(0, len(times), step), len(times) - 1]
    made = [{"at": times[number], "n": number + 1} for number in dict.fromkeys(kept)]
    first = record["first_answer_sec"]
    x = alt.X("at:Q", axis=alt.Axis(title=_NOTHING_LATER, format=axes.FORMAT, tickCount=6), scale=alt.Scale(zero=True))
    y = alt.Y("n:Q", axis=alt.Axis(title="Events with a token, so far", tickCount=5, format=",d"))
    base = alt.Chart(axes.inline(made)).encode(x=x, tooltip=axes.tooltip({"at": "Seconds", "n": "Events"}))
    layers = [base.mark_line(interpolate="step-after").encode(y=y)]
    if len(made) <= 100:
        layers.append(base.mark_point(filled=True, size=14, opacity=1).encode(y=y))
    if first is not None and first > times[0]:
        start = alt.Chart(axes.inline([{"at": first, "text": "answer begins"}])).encode(x=x)
        layers += [start.mark_rule(strokeDash=[4, 3]), start.mark_text(align="right", dx=-5, y=8).encode(text="text:N")]
    notes = [f"{len(times):,} events; every {step}th is drawn"] if step > 1 else []
    about = f"{title}: {len(times)} events in {text.value(times[-1], 's')}"
    return axes.layered(*layers, height=180, title=axes.titled(title, notes), description=about)
