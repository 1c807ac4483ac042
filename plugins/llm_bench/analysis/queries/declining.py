"""How often LLMs say that the documents don't hold the answer: where that is so, and where it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import cells, strata
from llm_bench.analysis.queries.cells import Array
from llm_bench.analysis.queries.numbers import Scan, lasting
from llm_bench.analysis.statistics.declining import scope_of, share_of
from llm_bench.analysis.statistics.sample import Codes, Interval
from llm_bench.analysis.statistics.scopes import Scope, Table, concluded
from llm_bench.analysis.view import View

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
    scan = Scan.of(records, view, [])
    counts = _by_day(records, scan)
    totals = counts.sum(axis=3)
    lasts = _lasting(records, scan)
    questions: dict[tuple[str | None, bool], int] = {}
    made = []
    for industry, of_group in _groups(records, totals):
        for answerable in (False, True):
            of_kind = totals[:, int(answerable), :, of_group].sum(axis=2)  # question, LLM
            n = int(np.count_nonzero(of_kind.sum(axis=1)))
            if n:
                questions[industry, answerable] = n
            for place in np.flatnonzero(of_kind.sum(axis=0)).tolist():
                left_out, kept, declined = counts[place, int(answerable)][:, :, of_group]
                answers = kept + declined
                share = _share(declined, answers, scope_of(n), lasts=bool(lasts[place, int(answerable)]))
                made.append(
                    Declined(
                        llm=scan.llms[place],
                        industry=industry,
                        answerable=answerable,
                        answers=int(answers.sum()),
                        declined=int(declined.sum()),
                        left_out=int(left_out.sum()),
                        share=share,
                    )
                )
    return Declining(
        shares=[row for row in made if row.industry is None],
        by_industry=[row for row in made if row.industry is not None],
        questions=questions,
        answered=list(_answered(records, view, scan, totals)),
        unmarked=int(totals[:, _UNMARKED].sum()),
    )


_KINDS, _OUTCOMES = 3, 3
_UNMARKED = 2
_STATE = (
    f"(coalesce(answerable::TINYINT, {_UNMARKED}) * {_OUTCOMES} + CASE WHEN NOT success OR declined IS NULL THEN 0 "
    "WHEN declined THEN 2 ELSE 1 END)::UTINYINT"
)
"""Of a record: whether the documents hold the answer (0: they don't; 1: they do; 2: it doesn't say), and what came (0:
no answer that is scored; 1: one that doesn't decline; 2: one that does)."""


def _states(records: Records) -> Array:
    return cells.column(records, f"{_STATE} + 1")  # 0 is what wasn't asked


def _by_day(records: Records, scan: Scan) -> Array:
    """How many records of each kind and outcome there are; (LLMs, kinds, outcomes, days, questions)."""
    states = _states(records)
    every, kept = scan.of_copy
    there = records.once("states of declining", lambda _: np.unique(states)).tolist()
    counts = np.zeros((len(every), _KINDS * _OUTCOMES, scan.buckets.days, states.shape[1]), np.int32)

    def count(llm: int) -> None:
        rows = every[llm]
        mine = rows.of(states) if kept is None else rows.of(states) * rows.of(kept)
        for state in there:
            if state:
                counts[llm, state - 1, rows.days] = rows.count_by_day(mine == state)

    scan.by_threads(count, range(len(every)))
    return counts.reshape(len(every), _KINDS, _OUTCOMES, *counts.shape[2:])


def _groups(records: Records, totals: Array) -> Iterator[tuple[str | None, Codes]]:
    """All questions that have a kind, and those of each industry, by number.

    :param totals: (LLMs, kinds, outcomes, questions).
    """
    there = np.flatnonzero(totals[:, :_UNMARKED].sum(axis=(0, 1, 2)))
    industries = {row["question_no"]: str(row["industry"]) for row in strata.asked(records)}
    yield None, there
    of = np.array([industries[number] for number in there.tolist()])
    for industry in np.unique(of).tolist():
        yield industry, there[of == industry]


def _share(declined: Array, answers: Array, scope: Scope, *, lasts: bool) -> Interval:
    """The share of answers that decline, from their numbers; (days, questions)."""
    return concluded(share_of(Table.of(declined, answers), scope), lasts)


def _lasting(records: Records, scan: Scan) -> Array:
    """Whether days aren't clusters, of each LLM and kind of questions: 1 or 0."""
    conditions = [f"{_STATE} = {kind * _OUTCOMES + outcome}" for kind in range(_UNMARKED) for outcome in (1, 2)]
    kept, declined, *more = (scan.by_llm_and_slot(of) for of in strata.met(records, *conditions))
    shares = (
        np.divide(refused, answered + refused, out=np.full(refused.shape, np.nan), where=answered + refused > 0)
        for answered, refused in ((kept, declined), more)
    )
    return np.stack([lasting(of_kind, scan.buckets.slots) for of_kind in shares], axis=1)


def _answered(records: Records, view: View, scan: Scan, totals: Array) -> Iterator[AnsweredAnyway]:
    """Questions that can't be answered and were, each with its first such answer.

    :param totals: (LLMs, kinds, outcomes, questions).
    """
    asked = strata.asked(records)
    _, answered, declined = totals[:, 0].swapaxes(0, 1)
    pairs = sorted(
        np.argwhere(answered).tolist(),
        key=lambda pair: (-answered[*pair], *(asked[pair[1]][key] for key in ("industry", "question_id")), pair[0]),
    )[:MAX_ANSWERED]
    if not pairs:
        return
    slots = [_first(records, scan, llm, question) for llm, question in pairs]
    where, parameters = view.where()
    # Up to the last of these slots alone: records lie in their order, so that DuckDB knows where not to look.
    first = records.rows(
        "SELECT question_no, llm, slot, min(record_id) AS record_id, arg_min(answer, record_id) AS answer "  # noqa: S608
        f"FROM records WHERE {where} AND slot <= $last_slot AND NOT answerable AND success AND NOT declined "
        "GROUP BY ALL",
        parameters | {"last_slot": max(slots)},
    )
    by_place = {(row["question_no"], row["llm"], row["slot"]): row for row in first}
    for (llm, question), slot in zip(pairs, slots, strict=True):
        example = by_place[question, scan.llms[llm], slot]
        yield AnsweredAnyway(
            **{key: asked[question][key] for key in ("question_id", "question", "industry")},
            llm=scan.llms[llm],
            answers=int(answered[llm, question] + declined[llm, question]),
            answered=int(answered[llm, question]),
            answer=example["answer"],
            record_id=example["record_id"],
        )


def _first(records: Records, scan: Scan, llm: int, question: int) -> datetime:
    """The first slot in which an LLM answered a question that can't be answered."""
    every, kept = scan.of_copy
    rows = every[llm]
    there = rows.of(_states(records))[:, question] == 2
    if kept is not None:
        there &= rows.of(kept)[:, question] > 0
    number = cells.of_records(records).slot[rows.places[there.argmax()]]
    return scan.buckets.slots[int(scan.buckets.place[number])]
