"""The chart of what a cache of prompts is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.amounts import INTERVAL
from llm_bench.analysis.charts.looks import Looks

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart
    from llm_bench.analysis.queries import CacheWorth

Saved = Literal["ttft", "usd"]
_SAVED: dict[Saved, tuple[str, str]] = {
    "ttft": ("Time to first token, cold beside warm", ""),
    "usd": ("Dollars that 1,000 known prompts save", "USD"),
}


def cache_worth(worth: Sequence[CacheWorth], looks: Looks, saved: Saved = "ttft") -> Chart:
    """What each LLM's requests save when their prompt is known already, with intervals."""
    import altair as alt

    title, unit = _SAVED[saved]
    is_ratio = saved == "ttft"
    known = [(row, value) for row in worth if (value := getattr(row, saved)) and value.estimate is not None]
    if not known:
        return axes.nothing(title)
    made = [
        {
            "llm": looks.names[row.llm],
            "value": value.estimate,
            "low": value.low,
            "high": value.high,
            "shown": f"{text.number(value.estimate)} times as long cold"
            if is_ratio
            else text.difference(value.estimate, unit) + text.behind(unit),
            "interval": text.ratio_ends(value.low, value.high)
            if is_ratio
            else text.difference_ends(value.low, value.high, unit),
            "n": value.n,
        }
        for row, value in known
    ]
    names = looks.present(row.llm for row, _ in known)
    values = (
        axes.ratios([end for row in made for end in (row["value"], row["low"], row["high"])], "Times as long cold")
        if is_ratio
        else axes.Values(log=False, ticks=None, domain=None, title=f"Cold − warm ({unit})")
    )
    seen = axes.tooltip({"llm": "LLM", "shown": "Saved", "interval": INTERVAL, "n": "Pairs"})
    base = alt.Chart(axes.inline(made)).encode(
        y=axes.rows(names), color=axes.colour(looks, names, legend=False), tooltip=seen
    )
    zero = alt.Chart(axes.inline([{"zero": int(is_ratio)}])).mark_rule(strokeDash=[4, 3])
    layers = [
        zero.encode(x=values.channel("zero", alt.X, 10)),
        base.mark_rule(strokeWidth=1.5).encode(x=values.channel("low", alt.X, 10), x2="high"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=values.channel("value", alt.X, 10), shape=axes.shape(looks, names, legend=False)
        ),
    ]
    heading = axes.titled(title, [f"Same question, same slot; {INTERVAL}; a point on the right favours warm"])
    return axes.layered(
        *layers,
        height=len(names) * (axes.ROW + 4),
        title=heading,
        description=f"{title}, of {', '.join(names)}",
    )
