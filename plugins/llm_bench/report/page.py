"""A report as one page that loads nothing: figures within it, no script."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llm_bench.analysis import charts
from llm_bench.analysis import format as text
from llm_bench.analysis.html import environment
from llm_bench.report.methods import settings
from llm_bench.report.references import cited
from llm_bench.report.sealing import header

if TYPE_CHECKING:
    import jinja2

    from llm_bench.analysis.charts.drawing import Caption, Chart
    from llm_bench.report.captions import Captions
    from llm_bench.report.facts import Facts
    from llm_bench.report.methods import Part
    from llm_bench.report.source import Section
    from llm_bench.study import Study


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as it stands in a report.

    :param files: suffix → content.
    :param address: of the figure in the page, holding it.
    :param described: for whoever can't see it.
    """

    caption: Caption
    described: str
    address: str
    files: Mapping[str, bytes]


def draw(chart: Chart) -> Drawn:
    """Draws a chart for print, and for the page, whose caption is its title.

    On the page it is an image of its own, so that names within one figure (of gradients) don't meet another's.
    """
    inside = base64.b64encode(charts.svg(chart, titled=False).encode()).decode()
    whole = charts.svg(chart)
    return Drawn(
        caption=charts.caption(chart),
        described=str(chart.to_dict(validate=False)["description"]),
        address=f"data:image/svg+xml;base64,{inside}",
        files={"svg": whole.encode(), "png": charts.png(whole), "pdf": charts.pdf(whole)},
    )


class Contents(NamedTuple):
    """What a report is made of.

    :param sections: of the report itself.
    :param appendix: those of its appendix.
    :param drawn: name of a figure → how it is drawn.
    :param captions: of figures and tables.
    :param methods: with the sources that they cite.
    """

    sections: Sequence[Section]
    appendix: Sequence[Section]
    drawn: Mapping[str, Drawn]
    captions: Captions
    methods: Sequence[Part]


def render(study: Study, facts: Facts, contents: Contents, *, checksum: str, appendix: bool = False) -> bytes:
    """The page, as UTF-8. Whatever comes from a record is text in it.

    :param checksum: of the records, as SHA-256.
    :param appendix: the page of the appendix, rather than that of the report itself.
    """
    sources = cited(key for part in contents.methods for item in part.items for key in item.cites)
    page = (
        _templates()
        .get_template("appendix.html" if appendix else "report.html")
        .render(
            study=study,
            facts=facts,
            **contents._asdict(),
            checksum=checksum,
            sources=sources,
            number={source.key: number for number, source in enumerate(sources, 1)},
            protocol=header(study.name, facts.protocols, facts.departures, study.zone),
            settings=settings(study),
            moment=text.moment_and_zone,
            zone=study.zone,
        )
    )
    return page.encode()


@cache
def _templates() -> jinja2.Environment:
    return environment(Path(__file__).parent / "templates")
