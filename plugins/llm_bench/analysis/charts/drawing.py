"""A chart as Vega-Lite for a page, and as SVG, PNG and PDF for print: the same bytes for the same chart, anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llm_bench.analysis.charts.axes import unbroken
from llm_bench.analysis.charts.looks import Theme, config
from llm_bench.inert import seen_within

if TYPE_CHECKING:
    import altair as alt

    Chart = alt.Chart | alt.LayerChart

PRINT_WIDTH = 600
"""Pixels of a figure over the whole width of an A4 page's text: 16 cm at 96 to the inch."""

_PIXELS, _POINTS, _DPI = 96, 72, 300
"""To the inch: of a drawing, of a PDF, of a PNG."""

_GRADIENT = re.compile(r"(?<=[\"#])gradient_[0-9]+(?=[\")])")
_RESOURCES = re.compile(rb"(?:^ +/[a-z]+[0-9]+ [0-9]+ 0 R\n)+", re.MULTILINE)
"""Names of what a page of a PDF uses: they come in an order left to chance, and no offset depends on it."""


class Caption(NamedTuple):
    """What stands above a chart.

    :param lines: how it is to be read, and what it leaves out.
    """

    title: str
    lines: tuple[str, ...]


def caption(chart: Chart) -> Caption:
    """A chart's title, to be set as text of the page where the chart is drawn without."""
    title = chart.to_dict(validate=False)["title"]
    return Caption(title["text"], unbroken(title.get("subtitle", ())))


def spec(
    chart: Chart,
    theme: Theme = "light",
    width: int | Literal["container"] = "container",
    *,
    titled: bool = True,
) -> dict[str, Any]:
    """Vega-Lite with its data in it; it asks for nothing else.

    :param width: of the whole figure in pixels; "container" takes the width of the element that it is shown in.
    :param titled: with its title. It isn't broken where the figure is narrow: a page sets ``caption`` as text instead.
    """
    made: dict[str, Any] = seen_within(chart.to_dict(validate=False))
    if not titled:
        del made["title"]
    size = {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    return made | size | {"config": config(theme), "padding": 5}


def svg(chart: Chart, theme: Theme = "print", width: int = PRINT_WIDTH, *, titled: bool = True) -> str:
    """The chart as SVG."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(spec(chart, theme, width, titled=titled), allowed_base_urls=[])
    # What draws numbers its gradients from one drawing on to the next; here each drawing begins at 0.
    numbers = {name: f"gradient_{place}" for place, name in enumerate(dict.fromkeys(_GRADIENT.findall(drawn)))}
    return _GRADIENT.sub(lambda name: numbers[name[0]], drawn)


def png(drawn: str) -> bytes:
    """An SVG as PNG, 300 dots to the inch."""
    import vl_convert

    return vl_convert.svg_to_png(drawn, scale=_POINTS / _PIXELS, ppi=_DPI)


def pdf(drawn: str) -> bytes:
    """An SVG as a page of PDF of its own size, its text as text."""
    import vl_convert

    # What converts it takes a pixel for a point; the drawing's own measure, the viewBox, stays.
    size = re.sub(r'(width|height)="([0-9.]+)"', _in_points, drawn[: drawn.index(">")])
    return _RESOURCES.sub(_sorted, vl_convert.svg_to_pdf(size + drawn[drawn.index(">") :]))


def _sorted(names: re.Match[bytes]) -> bytes:
    return b"".join(sorted(names[0].splitlines(keepends=True)))


def _in_points(size: re.Match[str]) -> str:
    return f'{size[1]}="{float(size[2]) * _POINTS / _PIXELS:g}"'
