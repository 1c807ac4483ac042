"""What a chart along time shows on a page where it is pointed at: a line, and the values of all LLMs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from llm_bench.analysis import format as text
from llm_bench.analysis.charts import axes

if TYPE_CHECKING:
    import altair as alt

Row = dict[str, Any]


def pointed(made: Sequence[Row], opened: Mapping[int, str] | None = None) -> list[Row]:
    """What shows where a slot, or an hour, is pointed at: the values of all LLMs.

    :param opened: moment → the address that a click opens.
    """
    times = sorted({row["at"] for row in made})
    usual = median(after - before for before, after in pairwise(times)) if len(times) > 1 else 1
    rows: dict[int, Row] = {}
    for row in made:
        at = row["at"]
        rows.setdefault(at, {"at": at, "from": at - usual / 2, "to": at + usual / 2, "when": row["when"]})
        half = f" ({row['half']})" if row["half"] != row["shown"] and row["half"] != text.NONE else ""
        rows[at][row["llm"]] = f"{row['shown']}{half}, {row['n']} records"
    return [row | ({"opens": opened[at]} if opened else {}) for at, row in rows.items()]


def over_the_plot(rows: Sequence[Row], names: Sequence[str], x: alt.X) -> tuple[alt.Chart, alt.Chart]:
    """What catches the pointer anywhere in a slot, and the line that then shows it."""
    import altair as alt

    hovered = alt.selection_point(name="hovered", fields=["at"], on="pointerover", clear="pointerout", empty=False)
    # A name may hold what a field's mustn't, so that a field is called by its LLM's number.
    made = [
        {key: value for key, value in row.items() if key not in names}
        | {f"llm{number}": row.get(name, text.NONE) for number, name in enumerate(names)}
        for row in rows
    ]
    values = {f"llm{number}": name for number, name in enumerate(names)}
    base = alt.Chart(axes.inline(made))
    area = base.mark_rect(opacity=0, aria=False, cursor="pointer").encode(
        x=_same(x, "from"), x2="to", y=alt.value(0), y2=alt.value(axes.HEIGHT)
    )
    line = base.mark_rule(strokeDash=[3, 3], aria=False).encode(
        x=x, opacity=alt.condition(hovered, alt.value(0.8), alt.value(0))
    )
    return area.encode(tooltip=axes.tooltip({"when": "At", **values})).add_params(hovered), line


def _same(x: alt.X, field: str) -> alt.X:
    """An axis for another field."""
    import altair as alt

    kind = str(x["shorthand"]).partition(":")[2]
    return alt.X(f"{field}:{kind}", axis=x["axis"], scale=x["scale"])
