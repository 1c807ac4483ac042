"""The numbers and captions of a report's figures and tables: what each shows, of how much, by which methods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from llm_bench.analysis import charts
from llm_bench.analysis import format as text
from llm_bench.analysis.table import Table
from llm_bench.inert import seen
from llm_bench.report.source import Section

_LEVEL = "95 %"


class Caption(NamedTuple):
    """What stands above a figure or a table.

    :param label: "Figure 3".
    :param sentences: how to read it, what it rests on, what it leaves out; each ends as one.
    """

    label: str
    title: str
    sentences: Sequence[str]

    @property
    def text(self) -> str:
        """All of it, as plain text."""
        return " ".join([f"{self.label}. {_ended(self.title)}", *self.sentences])


class Captions(NamedTuple):
    """Of all figures and tables, by the names of their files."""

    figures: Mapping[str, Caption]
    tables: Mapping[str, Caption]

    def to_text(self) -> bytes:
        """All of them as a file of plain text, a paragraph each, with the file that each stands beside."""
        named = [(f"figures/{name}", caption) for name, caption in self.figures.items()]
        named += [(f"tables/{name}", caption) for name, caption in self.tables.items()]
        return "".join(f"{name}\n{seen(caption.text)}\n\n" for name, caption in named).encode()


def captions(sections: Sequence[Section], drawn: Mapping[str, charts.Caption]) -> Captions:
    """Numbers figures and tables through the report, and puts their captions together.

    :param drawn: name of a figure → its chart's own title and lines.
    """
    figures: dict[str, Caption] = {}
    tables: dict[str, Caption] = {}
    for section in sections:
        for figure in section.figures:
            own = drawn[figure.name]
            sentences = [*map(_ended, own.lines), *_basis(section)]
            if any(_LEVEL in line for line in own.lines):
                sentences += _by(section, figure.name)
            figures[figure.name] = Caption(f"Figure {len(figures) + 1}", own.title, sentences)
        for table in section.tables:
            tables[table.name] = Caption(f"Table {len(tables) + 1}", table.title, [*_sentences(table, section)])
    return Captions(figures, tables)


def _sentences(table: Table, section: Section) -> Iterator[str]:
    yield from map(_ended, table.all_notes)
    yield from _basis(section)
    if any(column.ends or column.form is text.p_value for column in table.columns):
        yield from _by(section, table.name)


def _basis(section: Section) -> Iterable[str]:
    return [f"Of {section.basis}."] if section.basis and section.basis.records else []


def _by(section: Section, name: str) -> Iterable[str]:
    terms = ", ".join(method.term for method in section.by.get(name, section.methods))
    return [f"By these methods: {terms}."] if terms else []


def _ended(line: str) -> str:
    """A line as a sentence that ends."""
    return line if line.endswith((".", "!", "?", ":")) else f"{line}."
