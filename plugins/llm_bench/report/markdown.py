"""A report as Markdown, for whoever writes in it: figures beside it, citations as pandoc reads them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llm_bench.inert import line
from llm_bench.report.references import FILE

if TYPE_CHECKING:
    from llm_bench.analysis.table import Table
    from llm_bench.report.captions import Caption
    from llm_bench.report.methods import Part
    from llm_bench.report.page import Contents
    from llm_bench.report.source import Section
    from llm_bench.study import Study

_MEANT = re.compile(r"([\\`*_{}\[\]<>|#~$@^])")
"""What Markdown, or pandoc's, would take for something else than a letter."""


def markdown(study: Study, contents: Contents) -> bytes:
    """The report with its methods and its appendix, as UTF-8."""
    lines = [
        *("---", f'title: "{study.name}"', f"bibliography: {FILE}", "---"),
        *(["", escape(study.description)] if study.description else []),
        *(line for section in contents.sections for line in _section(section, contents)),
        *("", "## Methods"),
        *(line for part in contents.methods for line in _part(part)),
        *("", "## References", "", "::: {#refs}", ":::"),
        *("", "# Appendix"),
        *(line for section in contents.appendix for line in _section(section, contents)),
        "",
    ]
    return "\n".join(lines).encode()


def escape(text: str) -> str:
    """Text that stands as it is, in one line."""
    return _MEANT.sub(r"\\\1", line(text))


def _section(section: Section, contents: Contents) -> Iterator[str]:
    yield from ("", f"## {escape(section.title)}")
    for question, answer in section.answers:
        yield from ("", f"**{escape(question)}.** {escape(answer)}")
    for note in filter(None, section.notes):
        yield from ("", escape(note))
    for figure in section.figures:
        described = escape(contents.drawn[figure.name].described)
        # With its caption in the same paragraph, pandoc doesn't number it once more.
        yield from ("", f"![{described}](figures/{figure.name}.png)", _caption(contents.captions.figures[figure.name]))
    for table in section.tables:
        yield from ("", _caption(contents.captions.tables[table.name]), "", *_rows(table))


def _caption(caption: Caption) -> str:
    return f"**{caption.label}. {escape(caption.title)}.** {escape(' '.join(caption.sentences))}".rstrip()


def _rows(table: Table) -> Iterator[str]:
    yield _row([column.line for column in table.columns])
    yield "|" + "|".join(":--" if column.is_text else "--:" for column in table.columns) + "|"
    for row in table.cells:
        yield _row([cell.line for cell in row])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape, cells)) + " |"


def _part(part: Part) -> Iterator[str]:
    yield from ("", f"### {escape(part.title)}")
    for item in part.items:
        cites = f" [{'; '.join(f'@{key}' for key in sorted(item.cites))}]" if item.cites else ""
        first, *others = map(escape, item.lines)
        lines = [f"**{escape(item.term)}.** {first}", *others]
        yield from (line for text in (*lines[:-1], lines[-1] + cites) for line in ("", text))
