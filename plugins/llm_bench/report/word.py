"""A report as a document that Word and LibreOffice write in: numbered captions, figures, tables."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llm_bench.bundles import repacked
from llm_bench.inert import seen
from llm_bench.report.references import cited

if TYPE_CHECKING:
    from llm_bench.analysis.table import Table
    from llm_bench.report.captions import Caption
    from llm_bench.report.methods import Part
    from llm_bench.report.page import Contents
    from llm_bench.report.references import Reference
    from llm_bench.report.source import Section
    from llm_bench.study import Study

_SIZES = {"Normal": 10.0, "Caption": 8.5, "Table text": 7.5}
"""Style of a paragraph → points."""
_WIDEST = 60
"""Letters that make a column wider; what is longer is broken into lines."""
_LETTER_PT, _PADDING_PT = 4.8, 3.0
"""How wide a letter of a table's text is at most, and the room at each side of a cell."""
_WORD = re.compile(r"[^\s-]+-?")
"""What isn't broken into lines."""
_HIGHEST = 0.8
"""The share of a page's height that a figure may take: its caption is to stand on the same one."""
_MARGIN_CM, _PAGE_CM = 2.0, (21.0, 29.7)


def widths(columns: Sequence[Sequence[str]], width: float) -> list[float]:
    """How wide each column of a table is, in the unit of its width. Pure.

    Each has at least the room that its longest word needs, where all have it; what is left goes to those whose texts
    are longer.

    :param columns: the texts of each, its heading among them.
    :param width: of the whole table, in points.
    """
    least = [_room(max((len(word) for text in texts for word in _WORD.findall(text)), default=1)) for texts in columns]
    wanted = [_room(min(max(1, *map(len, texts)), _WIDEST)) for texts in columns]
    more = [max(0.0, most - few) for few, most in zip(least, wanted, strict=True)]
    left = width - sum(least)
    if left < 0 or not any(more):
        return [few * width / sum(least) for few in least]
    return [few + left * share / sum(more) for few, share in zip(least, more, strict=True)]


def _room(letters: int) -> float:
    return letters * _LETTER_PT + 2 * _PADDING_PT


def word(study: Study, contents: Contents, until: datetime | None) -> bytes:
    """The report with its methods and its appendix.

    :param until: when it was measured last, which stands as its date.
    """
    document = _Document(study.name, until)
    document.heading(study.name, 0)
    if study.description:
        document.text(study.description)
    document.results(contents.sections, contents)
    document.heading("Methods", 1)
    sources = cited(key for part in contents.methods for item in part.items for key in item.cites)
    for part in contents.methods:
        document.methods(part, {source.key: number for number, source in enumerate(sources, 1)})
    if sources:
        document.heading("References", 1)
        document.references(sources)
    document.heading("Appendix", 1)
    document.results(contents.appendix, contents, level=2)
    return document.content()


class _Document:
    """A document on A4 that is being written."""

    def __init__(self, title: str, until: datetime | None) -> None:
        from docx import Document
        from docx.enum.style import WD_STYLE_TYPE
        from docx.shared import Cm, Pt

        self._made: Any = Document()
        page = self._made.sections[0]
        page.page_width, page.page_height = map(Cm, _PAGE_CM)
        page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(_MARGIN_CM)
        self._width = page.page_width - page.left_margin - page.right_margin
        self._highest = round(_HIGHEST * (page.page_height - page.top_margin - page.bottom_margin))
        styles = self._made.styles
        styles.add_style("Table text", WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
        for name, points in _SIZES.items():
            styles[name].font.size = Pt(points)
        styles["Table text"].paragraph_format.space_after = Pt(0)
        about = self._made.core_properties
        about.title, about.author, about.comments = seen(title), "", ""
        about.created = about.modified = until or datetime(1980, 1, 1)  # noqa: DTZ001  (UTC, as the format has it)

    def heading(self, text: str, level: int) -> None:
        self._made.add_heading(seen(text), level)

    def text(self, text: str, lead: str = "") -> None:
        """A paragraph.

        :param lead: a word or two that stand before it, in bold.
        """
        paragraph = self._made.add_paragraph()
        if lead:
            paragraph.add_run(f"{seen(lead)}. ").bold = True
        paragraph.add_run(seen(text))

    def results(self, sections: Sequence[Section], contents: Contents, level: int = 1) -> None:
        for section in sections:
            self.heading(section.title, level)
            for question, answer in section.answers:
                self.text(answer, question)
            for note in filter(None, section.notes):
                self.text(note)
            for figure in section.figures:
                self._caption(contents.captions.figures[figure.name])
                drawn = contents.drawn[figure.name]
                self._made.add_picture(io.BytesIO(drawn.files["png"]), self._width)
                shape = self._made.inline_shapes[-1]
                if shape.height > self._highest:
                    shape.width, shape.height = shape.width * self._highest // shape.height, self._highest
                shape._inline.docPr.set("descr", seen(drawn.described))  # noqa: SLF001
            for table in section.tables:
                self._caption(contents.captions.tables[table.name])
                self._table(table)

    def _caption(self, caption: Caption) -> None:
        """A caption whose number is a field, so that Word counts it, lists it and refers to it."""
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        kind, _, number = caption.label.partition(" ")
        paragraph = self._made.add_paragraph(style="Caption")
        paragraph.paragraph_format.keep_with_next = True
        paragraph.add_run(f"{kind} ")
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), f"SEQ {kind} \\* ARABIC")
        shown = paragraph.add_run(number)._r  # noqa: SLF001
        shown.addprevious(field)
        field.append(shown)
        paragraph.add_run(seen(f". {caption.title}. ")).bold = True
        paragraph.add_run(seen(" ".join(caption.sentences))).bold = False

    def _table(self, table: Table) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.oxml import OxmlElement
        from docx.shared import Pt

        made = self._made.add_table(0, len(table.columns), style="Table Grid")
        made.autofit = False  # else LibreOffice and Word share the width as they like
        self._pad(made)
        headings = [column.line for column in table.columns]
        rows = [[cell.line for cell in row] for row in table.cells]
        broad = [Pt(points) for points in widths(list(zip(headings, *rows, strict=True)), self._width / Pt(1))]
        for column, width in zip(made.columns, broad, strict=True):
            column.width = width
        for cells in (headings, *rows):
            row = made.add_row()
            properties = row._tr.get_or_add_trPr()  # noqa: SLF001
            properties.append(OxmlElement("w:cantSplit"))
            if cells is headings:
                properties.append(OxmlElement("w:tblHeader"))  # stands on each page
            for column, cell, text, width in zip(table.columns, row.cells, cells, broad, strict=True):
                cell.width = width
                paragraph = cell.paragraphs[0]
                paragraph.style = "Table text"
                paragraph.add_run(seen(text)).bold = cells is headings
                if not column.is_text:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._made.add_paragraph()

    @staticmethod
    def _pad(table: Any) -> None:
        from docx.oxml import OxmlElement
        from docx.oxml.ns import qn

        margins = OxmlElement("w:tblCellMar")
        for side in ("left", "right"):
            margin = OxmlElement(f"w:{side}")
            margin.set(qn("w:w"), str(round(20 * _PADDING_PT)))
            margin.set(qn("w:type"), "dxa")
            margins.append(margin)
        table._tblPr.find(qn("w:tblLook")).addprevious(margins)  # noqa: SLF001  (Word wants them in this order)

    def methods(self, part: Part, number: dict[str, int]) -> None:
        self.heading(part.title, 2)
        for item in part.items:
            first, *others = item.lines
            cites = f" [{', '.join(str(number[key]) for key in sorted(item.cites))}]" if item.cites else ""
            lines = [first, *others]
            for place, line in enumerate(lines):
                self.text(line + (cites if place == len(lines) - 1 else ""), "" if place else item.term)

    def references(self, sources: Sequence[Reference]) -> None:
        for number, source in enumerate(sources, 1):
            where = source.doi or source.address
            self.text(f"[{number}] {source.authors}: {source.field('title')}. {source.published}. {where}")

    def content(self) -> bytes:
        out = io.BytesIO()
        self._made.save(out)
        return repacked(out.getvalue())
