"""Who cites passages, how well these support what is said, and who cites such as aren't there."""

from __future__ import annotations

from dataclasses import dataclass

from llm_bench.analysis.cache import Records
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


def citations(records: Records, view: View) -> list[Cited]:
    """What the answers of each LLM cite, in name order; empty where none cites."""
    where, parameters = view.where()
    rows = records.rows(
        "SELECT llm, count(cited_passages) AS answers, count(*) FILTER (cited_passages > 0) AS citing, "  # noqa: S608
        "avg(cited_passages) FILTER (cited_passages > 0) AS passages, avg(citation_support) AS support, "
        "CASE WHEN count(cited_beyond) > 0 THEN count(*) FILTER (cited_beyond > 0) END AS beyond "
        f"FROM records WHERE {where} GROUP BY llm HAVING count(cited_passages) > 0 ORDER BY llm",
        parameters,
    )
    return [Cited(**row) for row in rows] if any(row["citing"] for row in rows) else []
