"""Which model answered: how far answers differ from those of the first day, and whether and when they changed.

A question's answers are taken as they are stored; nothing is asked anew. Those that failed, are empty, were cut at the
most tokens, came warm from a cache on purpose, or are to another prompt than the question's usual one are left out.
Slots stand in the order in which they were measured: what a backfill was answered by is of the day of the backfill.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Literal, NamedTuple

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.queries.numbers import buckets, llm_names
from llm_bench.analysis.statistics import Change, Codes, Floats
from llm_bench.analysis.statistics.changes import LEVEL
from llm_bench.analysis.view import View
from llm_bench.records import CUT_SQL, WARM_SQL
from llm_bench.study import Study

MAX_SLOTS = 120
"""Slots that are looked at, evenly chosen: the work grows with the square of their number."""
MAX_ANSWERS = 20_000
"""Answers that are looked at, all LLMs together; where there are more, of evenly chosen questions."""
MAX_VALUES = 12
"""Names of an LLM in a field that are shown, the first ones."""

NAMED = ("response_model", "system_fingerprint", "upstream_provider")
"""Fields in which a provider names what answered."""

_USABLE = f"success AND NOT coalesce({CUT_SQL}, false) AND NOT {WARM_SQL}"
_ANSWERS = """
    SELECT llm_no, slot_no, question_no, measured_at, prompt_hash, CASE WHEN {usable} THEN answer END AS answer
    FROM records
    WHERE {where} AND slot_no IN (SELECT unnest($slot_nos)) AND question_no IN (SELECT unnest($question_nos))
    ORDER BY measured_at, record_id
"""
_VALUES = """
    SELECT llm, {field} AS value, min(measured_at) AS since, arg_min(slot, measured_at) AS first,
        arg_max(slot, measured_at) AS last, count(*) AS answers, count(*) OVER (PARTITION BY llm) AS values
    FROM records WHERE {field} IS NOT NULL AND {where} GROUP BY llm, {field}
    QUALIFY row_number() OVER (PARTITION BY llm ORDER BY since, {field}) <= {most} ORDER BY llm, since, value
"""

Verdict = Literal["changed", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model answered, as far as the answers show it.

    :param llms: in name order.
    :param points: by LLM, then by time.
    :param names: what providers call what answered, by field, LLM and time.
    :param slots: that were looked at, of ``of_slots`` in the view.
    :param questions: that were looked at, of ``of_questions`` in the view.
    """

    llms: Sequence[Answered]
    points: Sequence[Differing]
    names: Sequence[Named]
    slots: int
    of_slots: int
    questions: int
    of_questions: int

    @property
    def changes(self) -> list[Changed]:
        """What changed, in the order of time."""
        named = [Changed(name.llm, name.first, name.field, name.value, name.p) for name in self.names if name.new]
        answered = [
            Changed(answered.llm, answered.at, "answers", None, answered.p)
            for answered in self.llms
            if answered.verdict == "changed" and answered.at is not None
        ]
        return sorted([*named, *answered], key=lambda change: (change.at, change.llm, change.field))


@dataclass(frozen=True, slots=True)
class Changed:
    """A moment at which something changed.

    :param at: the first slot after it.
    :param field: of ``NAMED``, or "answers": these are others than before.
    :param value: the new name; None of answers.
    :param p: of the answers: as in ``Named``, and as in ``Answered``.
    """

    llm: str
    at: datetime
    field: str
    value: str | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """One LLM's answers.

    :param slots: with an answer.
    :param answers: that are compared.
    :param left_out: records of the same slots and questions that aren't.
    :param first_day: share of two answers of the first day to one question that differ; None without two.
    :param later: share that differs of an answer of a later day and one of the first; None without a later day.
    :param p: of the test that the answers didn't change, at any moment, corrected by Holm over the LLMs; None where
        there are too few slots.
    :param at: the slot from which on they most likely are others; None as p.
    :param before: the slot before that one; None as p.
    """

    llm: str
    slots: int
    answers: int
    left_out: int
    first_day: float | None
    later: float | None
    p: float | None
    at: datetime | None
    before: datetime | None

    @property
    def verdict(self) -> Verdict:
        """What can be said: "changed" below the level of the test."""
        if self.p is None:
            return "unknown"
        return "changed" if self.p < LEVEL else "same"


@dataclass(frozen=True, slots=True)
class Differing:
    """One LLM's answers in one slot.

    :param n: answers.
    :param share: that differ from an answer of the first day to the same question; None where there is none to compare.
    """

    llm: str
    at: datetime
    n: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a provider gave of what answered.

    :param field: of ``NAMED``.
    :param first: slot in which it was first stated.
    :param last: slot in which it was last stated.
    :param answers: that state it.
    :param values: names that this LLM has in the field, also those beyond ``MAX_VALUES``.
    :param new: it came after the LLM's first name.
    :param p: of the test that the answers didn't change right then, corrected over the moments of the LLM; None where
        it isn't new, and where that moment isn't tested.
    """

    llm: str
    field: str
    value: str
    first: datetime
    last: datetime
    answers: int
    values: int
    new: bool
    p: float | None


class _Judged(NamedTuple):
    """What becomes of one LLM: its line, its points, and the test of its moments.

    :param slots: in the order in which they were measured.
    :param began: when each was.
    """

    answered: Answered
    points: Sequence[Differing]
    slots: Sequence[datetime]
    began: Sequence[datetime]
    change: Change


def identity(records: Records, view: View, zone: tzinfo) -> Identity:
    """How far the answers of each LLM differ from those of its first day, and whether and when they changed.

    At most ``MAX_SLOTS`` slots and ``MAX_ANSWERS`` answers are read, evenly chosen.

    :param zone: in which a day is a day.
    """
    chosen = _chosen(records, view)
    judged = [_judge(llm, read, chosen.slots, zone) for llm, read in sorted(_read(records, view, chosen).items())]
    adjusted = statistics.holm([each.change.p_value for each in judged])
    moments = {each.answered.llm: each for each in judged}
    return Identity(
        llms=[replace(each.answered, p=p) for each, p in zip(judged, adjusted, strict=True)],
        points=[point for each in judged for point in each.points],
        names=[named for name in NAMED for named in _names(records, view, name, moments)],
        slots=len(chosen.slots),
        of_slots=chosen.of_slots,
        questions=len(chosen.question_nos),
        of_questions=chosen.of_questions,
    )


def temperatures(study: Study) -> Mapping[str, float | None]:
    """LLM → the temperature that it is asked with, as the study's file now has it; None where none is sent."""
    return {llm.name: llm.asked_with(study.generation).temperature for llm in study.llms}


class _Chosen(NamedTuple):
    """What is looked at.

    :param slots: in order.
    :param place: of a slot's number in the copy → in ``slots``.
    """

    slots: Sequence[datetime]
    place: Mapping[int, int]
    question_nos: Sequence[int]
    of_slots: int
    of_questions: int


def _chosen(records: Records, view: View) -> _Chosen:
    within = buckets(records, view)
    places = _evenly(len(within.slots), MAX_SLOTS)
    numbers = np.flatnonzero(within.place >= 0)
    number_of = dict(zip(within.place[numbers].tolist(), numbers.tolist(), strict=True))
    known = records.once("questions with records", lambda all_of_them: all_of_them.rows(_QUESTIONS))
    questions = [row["question_no"] for row in known if not view.industries or row["industry"] in view.industries]
    llms = len(view.llms) or len(llm_names(records))
    most = max(1, MAX_ANSWERS // max(1, llms * places.size))
    return _Chosen(
        slots=[within.slots[place] for place in places],
        place={number_of[place]: rank for rank, place in enumerate(places.tolist())},
        question_nos=[questions[place] for place in _evenly(len(questions), most)],
        of_slots=len(within.slots),
        of_questions=len(questions),
    )


_QUESTIONS = "SELECT question_no, industry FROM questions SEMI JOIN records USING (question_no) ORDER BY question_no"


def _evenly(many: int, most: int) -> Codes:
    """Places of as many as there may be, the first and the last among them."""
    return np.unique(np.linspace(0, many - 1, min(many, most)).round().astype(np.intp))


@dataclass(slots=True)
class _Answers:
    """One LLM's answers: question → slot's place → the text; when each slot was measured; the records left out."""

    texts: dict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    began: dict[int, datetime] = field(default_factory=dict)
    left_out: int = 0


def _read(records: Records, view: View, chosen: _Chosen) -> Mapping[str, _Answers]:
    where, parameters = view.where()
    rows = records.rows(
        _ANSWERS.format(usable=_USABLE, where=where),
        parameters | {"slot_nos": list(chosen.place), "question_nos": list(chosen.question_nos)},
    )
    names, usual = llm_names(records), _usual(rows)
    read: dict[str, _Answers] = {}
    for row in rows:
        answers = read.setdefault(names[row["llm_no"]], _Answers())
        text = (row["answer"] or "").strip()
        if text and row["prompt_hash"] == usual[row["question_no"]]:
            place = chosen.place[row["slot_no"]]
            answers.texts[row["question_no"]].setdefault(place, text)
            answers.began.setdefault(place, row["measured_at"])
        else:
            answers.left_out += 1
    return read


def _usual(rows: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    """Each question's prompt with the most records: what was asked otherwise is answered otherwise, too."""
    often: Counter[tuple[int, str]] = Counter((row["question_no"], row["prompt_hash"]) for row in rows)
    usual: dict[int, str] = {}
    for (question, prompt), _ in often.most_common():
        usual.setdefault(question, prompt)
    return usual


def _judge(llm: str, read: _Answers, slots: Sequence[datetime], zone: tzinfo) -> _Judged:
    there = sorted(read.began, key=lambda place: (read.began[place], place))
    answers = [[texts.get(place) for place in there] for texts in read.texts.values()]
    at, began = [slots[place] for place in there], [read.began[place] for place in there]
    days = [moment.astimezone(zone).date() for moment in began]
    first = [place for place, day in enumerate(days) if day == days[0]]
    shares, counts = statistics.differing(answers, first), _counts(answers, len(at))
    change = statistics.change(statistics.similarity(answers)) if answers else Change(None, None, np.empty(0))
    answered = Answered(
        llm=llm,
        slots=len(at),
        answers=int(counts.sum()),
        left_out=read.left_out,
        first_day=_mean(shares[: len(first)], counts[: len(first)]),
        later=_mean(shares[len(first) :], counts[len(first) :]),
        p=change.p_value,
        at=None if change.at is None else at[change.at],
        before=None if change.at is None else at[change.at - 1],
    )
    points = [Differing(llm, *point) for point in zip(at, counts.tolist(), map(_known, shares), strict=True)]
    return _Judged(answered, sorted(points, key=lambda point: point.at), at, began, change)


def _counts(answers: statistics.Answers, slots: int) -> Codes:
    there = np.array([[text is not None for text in row] for row in answers], bool).reshape(len(answers), slots)
    counts: Codes = there.sum(axis=0)
    return counts


def _mean(shares: Floats, counts: Codes) -> float | None:
    known = ~np.isnan(shares)
    return float(np.average(shares[known], weights=counts[known])) if known.any() else None


def _known(share: float) -> float | None:
    return None if np.isnan(share) else float(share)


def _names(records: Records, view: View, name: str, judged: Mapping[str, _Judged]) -> Iterator[Named]:
    where, parameters = view.where()
    rows = records.rows(_VALUES.format(field=name, where=where, most=MAX_VALUES), parameters)
    begun: dict[str, datetime] = {}
    for row in rows:
        since = row.pop("since")
        new = since > begun.setdefault(row["llm"], since)
        p = _chance(judged.get(row["llm"]), row["first"], since) if new else None
        yield Named(field=name, new=new, p=p, **row)


def _chance(judged: _Judged | None, slot: datetime, since: datetime) -> float | None:
    """The p of a change right before a slot, or, where that isn't looked at, before the next one that is."""
    if judged is None:
        return None
    later = [place for place, began in enumerate(judged.began) if judged.slots[place] == slot or began >= since]
    return _known(judged.change.chances[later[0]]) if later else None
