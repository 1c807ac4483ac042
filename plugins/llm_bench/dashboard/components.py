"""What pages are made of: figures that are drawn, each with its numbers as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from llm_bench.analysis.charts import Caption, spec
from llm_bench.analysis.charts.axes import unbroken
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts.drawing import Chart


DIGITS = 7
"""Significant digits of a chart's numbers: a screen is a few thousand pixels wide."""


@dataclass(frozen=True)
class Figure:
    """A chart with its numbers; the chart's own title becomes the heading above it.

    :param name: unique on its page; letters and hyphens.
    :param note: said below the title, after the chart's own lines.
    """

    name: str
    chart: Chart
    tables: Sequence[Table] = ()
    note: str = ""

    @cached_property
    def _made(self) -> dict[str, Any]:
        return spec(self.chart)  # once: a chart of thousands of points takes its time

    @property
    def caption(self) -> Caption:
        title = self._made["title"]
        return Caption(title["text"], unbroken(title.get("subtitle", ())))

    @property
    def spec(self) -> Markup:
        """The chart for a script element: its title is the page's, its configuration the theme's."""
        drawn = {name: value for name, value in self._made.items() if name not in ("config", "title")}
        return data(rounded(drawn))


def rounded(value: Any) -> Any:
    """The same with numbers of as many digits as a chart can show, wherever they stand."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else float(f"{value:.{DIGITS}g}")  # a whole one may be a time


def data(value: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  (escaped above)
