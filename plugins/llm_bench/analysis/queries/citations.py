"""Who cites passages, how well these support what is said, and who cites such as aren't there."""

from __future__ import annotations

from dataclasses import dataclass

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.view import View


@dataclass(frozen=True, slots=True)
class Cited:
    """What the answers of an LLM cite.

    :param answers: that were scored.
    :param citing: of them, those that cite a passage.
    :param passages: mean number of passages that these cite.
    :param support: mean citation support of those that claim something with a citation; None without any.
    :param beyond: answers that cite a number which no passage has; None where no record says how many there were.
    """

    llm: str
    answers: int
    citing: int
    passages: float | None
    support: float | None
    beyond: int | None


_MICRO = 1e6
"""Scores have six digits: as whole numbers their sum is the same in any order."""


def citations(records: Records, view: View) -> list[Cited]:
    """What the answers of each LLM cite, in name order; empty where none cites."""
    scan = Scan.of(records, view, [])
    sums = strata.sums(
        records,
        "(cited_passages IS NOT NULL)::INTEGER",
        "(cited_passages > 0)::INTEGER",
        "cited_passages",
        "(citation_support IS NOT NULL)::INTEGER",
        f"round(citation_support * {_MICRO:.0f})::BIGINT",
        "(cited_beyond IS NOT NULL)::INTEGER",
        "(cited_beyond > 0)::INTEGER",
    )
    made = [
        Cited(
            llm=llm,
            answers=int(answers),
            citing=int(citing),
            passages=passages / citing if citing else None,
            support=support / _MICRO / supported if supported else None,
            beyond=int(beyond) if known else None,
        )
        for llm, answers, citing, passages, supported, support, known, beyond in zip(
            scan.llms, *(scan.by_llm(of).tolist() for of in sums), strict=True
        )
        if answers
    ]
    return made if any(row.citing for row in made) else []
