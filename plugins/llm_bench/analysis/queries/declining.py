"""How often LLMs say that the documents don't hold the answer: where that is so, and where it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import Buckets, buckets, llm_names
from llm_bench.analysis.statistics.blocks import days_last
from llm_bench.analysis.statistics.declining import scope_of, share_of
from llm_bench.analysis.statistics.sample import Interval
from llm_bench.analysis.statistics.scopes import Grid, Scope
from llm_bench.analysis.view import View

DAYS_LAST = "days last"
"""Why there is no interval: what slots of a day share goes on into the next day."""
MAX_ANSWERED = 100
"""Questions and LLMs of which it is shown that they were answered all the same."""


@dataclass(frozen=True, slots=True)
class Declined:
    """How often an LLM declines questions of one kind.

    :param industry: of these questions; None for all of them.
    :param answerable: whether the documents hold their answers, so that declining is wrong.
    :param answers: of which it is known whether they decline.
    :param left_out: failed, or answered and not scored.
    :param share: that declines; its clusters are days.
    """

    llm: str
    industry: str | None
    answerable: bool
    answers: int
    declined: int
    left_out: int
    share: Interval


@dataclass(frozen=True, slots=True)
class AnsweredAnyway:
    """A question that can't be answered, and an LLM that answered it all the same.

    :param answers: of the LLM to the question.
    :param answered: of these, without declining.
    :param answer: the first of these, whole.
    :param record_id: of that answer.
    """

    question_id: str
    question: str
    industry: str
    llm: str
    answers: int
    answered: int
    answer: str | None
    record_id: str


@dataclass(frozen=True, slots=True)
class Declining:
    """Who declines what.

    :param shares: by whether the documents hold the answer, then by LLM.
    :param by_industry: likewise, of each industry; by its name first.
    :param questions: industry (None: all), and whether the documents hold the answers → how many questions.
    :param answered: what was answered most often comes first; at most ``MAX_ANSWERED``.
    :param unmarked: records, left out, that don't say whether the documents hold the answer.
    """

    shares: Sequence[Declined]
    by_industry: Sequence[Declined]
    questions: Mapping[tuple[str | None, bool], int]
    answered: Sequence[AnsweredAnyway]
    unmarked: int

    def scope(self, industry: str | None, answerable: bool) -> Scope:
        """For which questions the intervals of these are."""
        return scope_of(self.questions.get((industry, answerable), 0))


def declining(records: Records, view: View) -> Declining:
    """Of questions that can't be answered, how often each LLM declines, and of all others."""
    slots = buckets(records, view)
    counted = _by_day(records, view, slots)
    known = {row["question_no"]: row for row in records.rows("FROM questions")}
    industry = np.array([known[number]["industry"] for number in counted["question_no"].tolist()], object)
    marked = counted["kind"] >= 0
    groups = [None, *sorted(set(industry[marked].tolist()))]
    lasting = _lasting(records, view, slots)
    names = llm_names(records)
    questions = {}
    made = []
    for group in groups:
        of_group = marked & ((industry == group) if group is not None else True)
        for answerable in (False, True):
            of_kind = of_group & (counted["kind"] == answerable)
            questions[group, answerable] = np.unique(counted["question_no"][of_kind]).size
            scope = scope_of(questions[group, answerable])
            for number in sorted(np.unique(counted["llm_no"][of_kind]).tolist(), key=lambda no: names[no]):
                part = {name: column[of_kind & (counted["llm_no"] == number)] for name, column in counted.items()}
                share = _share(part, scope, lasts=(number, answerable) in lasting)
                answers, declined = int(part["answers"].sum()), int(part["declined"].sum())
                left_out = int(part["asked"].sum()) - answers
                made.append(Declined(names[number], group, answerable, answers, declined, left_out, share))
    return Declining(
        shares=[row for row in made if row.industry is None],
        by_industry=[row for row in made if row.industry is not None],
        questions={key: n for key, n in questions.items() if n},
        answered=list(_answered(records, view)),
        unmarked=int(counted["asked"][~marked].sum()),
    )


_COUNTS = (
    "count(*) AS asked, count(declined) FILTER (success) AS answers, count(*) FILTER (success AND declined) AS declined"
)
_KIND = "coalesce(answerable::TINYINT, -1) AS kind"
"""1: the documents hold the answer; 0: they don't; −1: the record doesn't say."""


def _by_day(records: Records, view: View, slots: Buckets) -> strata.Table:
    where, parameters = view.where()
    return strata.table(
        records,
        f"SELECT llm_no, question_no, list_extract($days, slot_no + 1) AS day, {_KIND}, {_COUNTS} "  # noqa: S608
        f"FROM records WHERE {where} GROUP BY ALL ORDER BY ALL",
        parameters | {"days": slots.day.tolist()},
    )


def _share(part: strata.Table, scope: Scope, *, lasts: bool) -> Interval:
    answers = part["answers"]
    values = np.divide(part["declined"], answers, out=np.full(answers.size, np.nan), where=answers > 0)
    share = share_of(Grid.of(values, part["day"], part["question_no"], answers), scope)
    return replace(share, low=None, high=None, doubt=DAYS_LAST) if lasts and share.low is not None else share


def _lasting(records: Records, view: View, slots: Buckets) -> set[tuple[int, bool]]:
    """LLM and kind of questions of which days aren't clusters."""
    where, parameters = view.where()
    counted = strata.table(
        records,
        f"SELECT llm_no, slot_no, {_KIND}, {_COUNTS} FROM records WHERE {where} AND success AND declined IS NOT NULL "  # noqa: S608
        "GROUP BY ALL ORDER BY ALL",
        parameters,
    )
    at = np.array([moment.timestamp() for moment in slots.slots])
    lasting = set()
    for number in np.unique(counted["llm_no"]).tolist():
        for answerable in (False, True):
            mine = (counted["llm_no"] == number) & (counted["kind"] == answerable)
            numbers = counted["slot_no"][mine]
            values = counted["declined"][mine] / counted["answers"][mine]
            if values.size and days_last(values, at[slots.place[numbers]], slots.day[numbers]):
                lasting.add((number, answerable))
    return lasting


def _answered(records: Records, view: View) -> Iterator[AnsweredAnyway]:
    """Questions that can't be answered and were, each with its first such answer."""
    where, parameters = view.where()
    rows = records.rows(
        "SELECT question_id, question, industry, llm, answers, answered, example.slot AS slot, "  # noqa: S608
        "example.id AS record_id FROM ("
        "SELECT question_no, llm_no, count(*) AS answers, count(*) FILTER (NOT declined) AS answered, "
        "min({'slot': slot, 'id': record_id}) FILTER (NOT declined) AS example FROM records "
        f"WHERE {where} AND NOT answerable AND success AND declined IS NOT NULL GROUP BY ALL) "
        "JOIN questions USING (question_no) JOIN llms USING (llm_no) WHERE answered > 0 "
        f"ORDER BY answered DESC, industry, question_id, llm LIMIT {MAX_ANSWERED}",
        parameters,
    )
    if not rows:
        return
    # By the slot, too: records lie in its order, so that DuckDB knows where not to look.
    texts = records.rows(
        "SELECT record_id, answer FROM records WHERE slot <= $last AND list_contains($ids, record_id)",
        {"last": max(row["slot"] for row in rows), "ids": [row["record_id"] for row in rows]},
    )
    answers = {row["record_id"]: row["answer"] for row in texts}
    for row in rows:
        del row["slot"]
        yield AnsweredAnyway(**row, answer=answers[row["record_id"]])
