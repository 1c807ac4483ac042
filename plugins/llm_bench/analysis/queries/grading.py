"""The answers that people may grade, and what the records say of those that they did grade."""

from __future__ import annotations

from collections.abc import Collection

from llm_bench.analysis.cache import Records
from llm_bench.analysis.grading import MEASURES, Candidate, Scored
from llm_bench.analysis.view import View
from llm_bench.records import WARM_SQL
from llm_bench.store.grades import answer_hash

_PARTS, _OF_EACH = 40, 20
"""Parts of the slots, and answers of each part of which the sample is drawn: millions of them needn't be looked at."""
_USABLE = f"""
    success AND answer <> '' AND coverage_score IS NOT NULL AND NOT {WARM_SQL}
    AND NOT list_contains($drawn::VARCHAR[], record_id)
"""
_CANDIDATES = f"""
    WITH there AS (
            SELECT record_id, llm, industry, question_id, slot, ntile({_PARTS}) OVER (
                PARTITION BY llm, industry ORDER BY slot, record_id) AS part
            FROM records WHERE {_USABLE})
    SELECT record_id, llm, industry, question_id AS question, slot FROM there
    QUALIFY row_number() OVER (PARTITION BY llm, industry, part ORDER BY sha256(concat($seed, ' ', record_id)))
        <= {_OF_EACH}
    ORDER BY record_id
"""  # noqa: S608


def gradable(records: Records, drawn: Collection[str] = ()) -> int:
    """How many answers have a score that people may be asked about.

    :param drawn: record ids that are in earlier samples.
    """
    rows = records.rows(f"SELECT count(*) AS n FROM records WHERE {_USABLE}", {"drawn": list(drawn)})  # noqa: S608
    return int(rows[0]["n"])


def candidates(records: Records, seed: str, drawn: Collection[str]) -> list[Candidate]:
    """The answers that a sample may be drawn of: of each LLM, industry and part of the slots some, by chance.

    :param drawn: record ids that are in earlier samples.
    """
    rows = records.rows(_CANDIDATES, {"seed": seed, "drawn": list(drawn)})
    return [Candidate(**row) for row in rows]


def scored(records: Records, record_ids: Collection[str], view: View) -> dict[str, Scored]:
    """Record id → what it says of its answer; of the view's records."""
    if not record_ids:
        return {}
    where, parameters = view.where()
    rows = records.rows(
        f"SELECT record_id, answer, concat(industry, ' ', question_id) AS question, {', '.join(MEASURES)} FROM records "  # noqa: S608
        f"WHERE record_id IN (SELECT unnest($record_ids)) AND answer IS NOT NULL AND {where} ORDER BY record_id",
        parameters | {"record_ids": list(record_ids)},
    )
    return {
        row["record_id"]: Scored(
            answer_hash(row["answer"]), row["question"], {metric: row[metric] for metric in MEASURES}
        )
        for row in rows
    }
