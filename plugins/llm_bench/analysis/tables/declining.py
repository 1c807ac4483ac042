"""Tables of who declines which questions, and what they say in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.statistics.scopes import LEAST_QUESTIONS
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Declined, Declining

_KINDS: Mapping[bool, str] = {False: "that can't be answered", True: "that can be answered"}


def declining(known: Declining, looks: Looks) -> Table:
    """How often each LLM declines, rightly and wrongly."""
    return Table(
        "declining",
        "How often each LLM declines, of its answers",
        [table.llm(looks), *_columns()],
        _rows([(None, row) for row in looks.ordered(known.shares)]),
        [*scopes(known), *_unmarked(known)],
    )


def declining_by_industry(known: Declining, looks: Looks) -> Table:
    """The same of each industry."""
    rows = sorted(looks.ordered(known.by_industry), key=lambda row: row.industry or "")
    few = any(0 < n < LEAST_QUESTIONS for (industry, _), n in known.questions.items() if industry)
    note = f"With fewer than {LEAST_QUESTIONS} questions of a kind in an industry, intervals are for these questions."
    return Table(
        "declining-by-industry",
        "How often each LLM declines in each industry, of its answers",
        [table.words("industry", "Industry"), table.llm(looks), *_columns()],
        _rows([(row.industry, row) for row in rows], by_industry=True),
        [*([note] if few else [])],
    )


def _columns() -> list[table.Column]:
    remark = "Left out: failed, or answered and not scored."
    return [
        table.count("unanswerable", "Unanswerable", hint="answers"),
        table.rate("declined_rightly", "Declined rightly"),
        table.count("answerable", "Answerable", hint="answers"),
        table.rate("declined_wrongly", "Declined wrongly"),
        table.count("left_out", "Left out", remark=remark),
    ]


def _rows(declined: Sequence[tuple[str | None, Declined]], *, by_industry: bool = False) -> list[list[object]]:
    """A row for each group and LLM, with both kinds of questions."""
    kinds: dict[tuple[str | None, str], dict[bool, Declined]] = {}
    for group, row in declined:
        kinds.setdefault((group, row.llm), {})[row.answerable] = row
    rows: list[list[object]] = []
    for (group, llm), known in kinds.items():
        cells: list[object] = [group, llm] if by_industry else [llm]
        for answerable in (False, True):
            of_kind = known.get(answerable)
            cells += [of_kind.answers if of_kind else 0, of_kind.share if of_kind else None]
        rows.append([*cells, sum(row.left_out for row in known.values())])
    return rows


def scopes(known: Declining) -> list[str]:
    """For which questions the numbers hold, in a sentence for each kind of them."""
    lines = []
    for answerable, kind in _KINDS.items():
        n = known.questions.get((None, answerable), 0)
        asked = f"{text.count(n)} question{'' if n == 1 else 's'} {kind}"
        if not n:
            lines.append(f"No question {kind} was asked.")
        elif n < LEAST_QUESTIONS:
            lines.append(
                f"{asked}: the intervals are for {'this one' if n == 1 else 'these'} alone; of questions like these "
                f"nothing can be said with fewer than {LEAST_QUESTIONS}."
            )
        else:
            lines.append(f"{asked}: the intervals are for questions like these.")
    return lines


def _unmarked(known: Declining) -> list[str]:
    if not known.unmarked:
        return []
    return [f"{text.count(known.unmarked)} records don't say whether the documents hold the answer, and are left out."]


def answered_anyway(known: Declining, looks: Looks) -> Table:
    """The questions that can't be answered and were, each with an answer."""
    return Table(
        "answered-anyway",
        "Questions that can't be answered and were answered all the same, each with its first such answer",
        [
            table.words("question", "Question"),
            table.words("question_id", "Id"),
            table.words("industry", "Industry"),
            table.llm(looks),
            table.share("answered", "Answered"),
            table.long("answer", "Answer"),
            table.digits("record_id", "Record"),
        ],
        [
            [
                *(row.question, row.question_id, row.industry, row.llm, (row.answered, row.answers)),
                *(row.answer or "", row.record_id),
            ]
            for row in known.answered
        ],
        ["Answered: of all answers to the question. Answers are cut here, and whole in the CSV."],
    )
