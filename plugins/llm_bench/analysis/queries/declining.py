"""How often LLMs say that the documents don't hold the answer: where that is so, and where it isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.groups import Ints
from llm_bench.analysis.queries.numbers import Buckets, buckets, llm_names
from llm_bench.analysis.statistics.blocks import days_last, days_of
from llm_bench.analysis.statistics.declining import scope_of, share_of
from llm_bench.analysis.statistics.sample import Codes, Interval
from llm_bench.analysis.statistics.scopes import Grid, Scope, concluded
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
    slots, names = buckets(records, view), llm_names(records)
    taken = strata.taken(records, strata.strata(records), view, slots.place >= 0, names)
    counts = _by_day(records, slots, taken)
    lasting = _lasting(records, slots, taken)
    questions: dict[tuple[str | None, bool], int] = {}
    made = []
    for industry, of_group in _groups(records, counts):
        for answerable in (False, True):
            of_kind = counts[:, :, of_group, int(answerable)]
            n = int(np.count_nonzero(of_kind.sum(axis=(0, 1, 3))))
            if n:
                questions[industry, answerable] = n
            for number in sorted(np.flatnonzero(of_kind.sum(axis=(0, 2, 3))).tolist(), key=lambda no: names[no]):
                left_out, kept, declined = (of_kind[:, number, :, outcome] for outcome in range(_OUTCOMES))
                answers = kept + declined
                share = _share(declined, answers, scope_of(n), lasts=(number, answerable) in lasting)
                made.append(
                    Declined(
                        llm=names[number],
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
        answered=list(_answered(records, view)),
        unmarked=int(counts[:, :, :, _UNMARKED].sum()),
    )


_KINDS, _OUTCOMES = 3, 3
_UNMARKED = 2
_STATE = (
    f"(coalesce(answerable::TINYINT, {_UNMARKED}) * {_OUTCOMES} + CASE WHEN NOT success OR declined IS NULL THEN 0 "
    "WHEN declined THEN 2 ELSE 1 END)::UTINYINT"
)
"""Of a record: whether the documents hold the answer (0: they don't; 1: they do; 2: it doesn't say), and what came (0:
no answer that is scored; 1: one that doesn't decline; 2: one that does)."""


def _by_day(records: Records, slots: Buckets, taken: Codes) -> Ints:
    """How many records of each kind and outcome there are; (days, LLMs, questions, kinds, outcomes), by number.

    :param taken: the strata of the view.
    """
    held, question = strata.strata(records), strata.column(records, "question_no")
    llms, questions = (int(numbers.max(initial=0)) + 1 for numbers in (held["llm_no"], question))
    shape = (slots.days, llms, questions, _KINDS, _OUTCOMES)
    # The day comes first: records lie by slot, so that those of a part stand close together.
    places = np.full(held["slot_no"].size, -1)
    places[taken] = (slots.day[held["slot_no"][taken]] * shape[1] + held["llm_no"][taken]) * shape[2]
    counts = np.zeros(int(np.prod(shape)), np.int64)
    states = strata.column(records, _STATE)
    for place, number, state in strata.placed(strata.of_record(records), places, question, states):
        strata.add(counts, (place + number) * (_KINDS * _OUTCOMES) + state)
    return counts.reshape(shape)


def _groups(records: Records, counts: Ints) -> Iterator[tuple[str | None, Codes]]:
    """All questions that have a kind, and those of each industry, by number."""
    there = np.flatnonzero(counts[:, :, :, :_UNMARKED].sum(axis=(0, 1, 3, 4)))
    known = records.once("questions", lambda copy: copy.rows("FROM questions ORDER BY question_no"))
    industries = {row["question_no"]: str(row["industry"]) for row in known}
    yield None, there
    of = np.array([industries[number] for number in there.tolist()])
    for industry in np.unique(of).tolist():
        yield industry, there[of == industry]


def _share(declined: Ints, answers: Ints, scope: Scope, *, lasts: bool) -> Interval:
    """The share of answers that decline, from their numbers; (days, questions)."""
    values = np.divide(declined, answers, out=np.full(answers.shape, np.nan), where=answers > 0)
    days, questions = np.indices(answers.shape)
    share = share_of(Grid.of(values, days, questions, answers), scope)
    return concluded(share, lasts)


def _lasting(records: Records, slots: Buckets, taken: Codes) -> set[tuple[int, bool]]:
    """LLM and kind of questions of which days aren't clusters."""
    held = strata.strata(records)
    states = [(answerable, outcome) for answerable in (False, True) for outcome in (1, 2)]
    conditions = [f"{_STATE} = {int(answerable) * _OUTCOMES + outcome}" for answerable, outcome in states]
    counts = dict(zip(states, strata.met(records, *conditions), strict=True))
    numbers, size = slots.place[held["slot_no"][taken]], len(slots.slots)
    at = np.array([moment.timestamp() for moment in slots.slots])
    day = days_of(at)
    lasting = set()
    for number in np.unique(held["llm_no"][taken]).tolist():
        mine = held["llm_no"][taken] == number
        for answerable in (False, True):
            kept, declined = (
                np.bincount(numbers[mine], counts[answerable, outcome][taken[mine]], size) for outcome in (1, 2)
            )
            known = np.flatnonzero(kept + declined)
            values = declined[known] / (kept + declined)[known]
            if values.size and days_last(values, at[known], day[known]):
                lasting.add((number, answerable))
    return lasting


def _answered(records: Records, view: View) -> Iterator[AnsweredAnyway]:
    """Questions that can't be answered and were, each with its first such answer."""
    where, parameters = view.where()
    rows = records.rows(
        "SELECT question_no, llm_no, question_id, question, industry, llm, answers, answered, slot FROM ("  # noqa: S608
        "SELECT question_no, llm_no, count(*) AS answers, count(*) FILTER (NOT declined) AS answered, "
        f"min(slot) FILTER (NOT declined) AS slot FROM records WHERE {where} AND NOT answerable AND success "
        "AND declined IS NOT NULL GROUP BY ALL) "
        "JOIN questions USING (question_no) JOIN llms USING (llm_no) WHERE answered > 0 "
        f"ORDER BY answered DESC, industry, question_id, llm LIMIT {MAX_ANSWERED}",
        parameters,
    )
    if not rows:
        return
    # Up to the last of these slots alone: records lie in their order, so that DuckDB knows where not to look.
    first = records.rows(
        "SELECT question_no, llm_no, slot, min(record_id) AS record_id, arg_min(answer, record_id) AS answer "  # noqa: S608
        f"FROM records WHERE {where} AND slot <= $last_slot AND NOT answerable AND success AND NOT declined "
        "GROUP BY ALL",
        parameters | {"last_slot": max(row["slot"] for row in rows)},
    )
    by_place = {(row["question_no"], row["llm_no"], row["slot"]): row for row in first}
    for row in rows:
        example = by_place[row.pop("question_no"), row.pop("llm_no"), row.pop("slot")]
        yield AnsweredAnyway(**row, answer=example["answer"], record_id=example["record_id"])
