"""A report's methods and results for a thesis in LaTeX: without a preamble, to be taken in by ``\\input``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llm_bench.report.captions import Captions
from llm_bench.report.latex import escape, titled
from llm_bench.report.methods import Item, Part
from llm_bench.report.source import Section

_HEAD = r"""% To be taken in by \input from a thesis, which gives the folder of this report:
%   \newcommand{\llmbench}{path/to/this/folder}
% In the preamble: \usepackage{array,booktabs,graphicx,longtable,textcomp}
\providecommand{\llmbench}{.}
"""
_SOURCES = r"""% The sources are in references.bib: \bibliographystyle{plain}\bibliography{\llmbench/references}
"""


def methods_file(parts: Sequence[Part]) -> str:
    """The methods, with what they cite."""
    lines = [line for part in parts for line in _part(part)]
    return "\n".join([_HEAD + _SOURCES + r"\section{Methods}\label{sec:llmbench-methods}", *lines, ""])


def _part(part: Part) -> Iterator[str]:
    yield rf"\subsection{{{escape(part.title)}}}"
    for item in part.items:
        yield rf"\paragraph{{{escape(item.term)}}} {_paragraphs(item)}"


def _paragraphs(item: Item) -> str:
    """The lines of an item, what it cites behind the last one."""
    cites = rf"~\cite{{{','.join(sorted(item.cites))}}}" if item.cites else ""
    return "\n\n".join(map(escape, item.lines)) + cites


def results_file(sections: Sequence[Section], named: Captions, title: str) -> str:
    """All figures and tables of these sections in their order, each with its caption and its label.

    :param title: of all of it.
    """
    lines = [line for section in sections for line in _section(section, named)]
    label = title.rpartition(" ")[0].lower() + "results"
    return "\n".join([_HEAD + rf"\section{{{title}}}\label{{sec:llmbench-{label}}}", *lines, ""])


def _section(section: Section, named: Captions) -> Iterator[str]:
    yield rf"\subsection{{{escape(section.title)}}}"
    for question, answer in section.answers:
        yield rf"\paragraph{{{escape(question)}}} {escape(answer)}"
    for note in section.notes:
        if note:
            yield escape(note) + "\n"
    for figure in section.figures:
        caption = named.figures[figure.name]
        yield r"\begin{figure}[tbp]\centering"
        yield rf"\includegraphics[width=\linewidth]{{\llmbench/figures/{figure.name}.pdf}}"
        yield titled(caption.title, caption.sentences) + rf"\label{{fig:{figure.name}}}"
        yield r"\end{figure}"
    for table in section.tables:
        yield rf"\input{{\llmbench/tables/{table.name}.tex}}"
    yield r"\clearpage"
