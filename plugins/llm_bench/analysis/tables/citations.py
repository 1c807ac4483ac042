"""The table of who cites which passages, and how well. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Cited


def citations(cited: Sequence[Cited], looks: Looks) -> Table:
    """How often the answers of each LLM cite passages, and how well these support what is said."""
    return Table(
        "citations",
        "Citations of passages in the answers of each LLM",
        [
            table.llm(looks),
            table.count("answers", "Answers"),
            table.share("citing", "Citing"),
            table.number("passages", "Passages", "passages", hint="of an answer that cites, mean"),
            table.number("citation_support", "Citation support", hint="mean"),
            table.count("beyond", "Not there", remark="Not there: answers that cite a number which no passage has."),
        ],
        [
            [row.llm, row.answers, (row.citing, row.answers), row.passages, row.support, row.beyond]
            for row in looks.ordered(cited)
        ],
        ["Means of these answers, without intervals."],
    )
