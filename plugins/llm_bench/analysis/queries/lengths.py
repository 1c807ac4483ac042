"""LLMs at equal length: how long their answers are, and how long they would take if all were as long as one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import are_twins
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.comparisons import how_many_questions
from llm_bench.analysis.queries.numbers import Buckets, Scan
from llm_bench.analysis.queries.summaries import summary
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.length import SEEN, Answers, Level, Line, as_measured, at_length, conclude
from llm_bench.analysis.view import View
from llm_bench.records import CUT_SQL

LATENCY, TEXT = METRICS["latency_sec"], METRICS["text_cps"]
DAYS_LAST = "days last"
"""Why nothing is concluded: a day's slots go on into the next day, so that days aren't clusters."""
_WHOLE = f"(success AND latency_sec > 0 AND answer_chars > 0 AND NOT coalesce({CUT_SQL}, false))"
"""Answers that are taken: they aren't cut, and have a latency and a character."""
_APART = "(reasoning_tokens IS NOT NULL OR first_answer_sec <= ttft_sec)"
_COUNTED = f"({_WHOLE} AND token_source = 'provider' AND {_APART})"
"""Those of which it is known how many tokens the text has that is shown."""
_LLMS = f"""
    SELECT llm, count(*) AS records, count(*) FILTER ({_WHOLE}) AS n,
        count(*) FILTER (success AND coalesce({CUT_SQL}, false)) AS cut,
        quantile_cont(answer_chars, [{SEEN[0]}, 0.5, {SEEN[1]}]) FILTER ({_WHOLE}) AS lengths,
        (sum(response_tokens - coalesce(reasoning_tokens, 0)) FILTER ({_COUNTED}))::DOUBLE
            / sum(answer_chars) FILTER ({_COUNTED}) AS tokens_per_char
    FROM records WHERE {{}} GROUP BY GROUPING SETS ((llm), ()) ORDER BY llm NULLS FIRST
"""  # noqa: S608
_CELLS = f"""
    SELECT llm, $days[slot_no + 1] AS day, question_no, count(*)::DOUBLE AS n, avg(ln(latency_sec)) AS level,
        avg(answer_chars) AS length
    FROM records WHERE {_WHOLE} AND {{}} GROUP BY ALL ORDER BY ALL
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class QuestionLength:
    """One LLM's answers to one question: their mean length in characters, and their typical latency in seconds."""

    length: float
    latency: float


@dataclass(frozen=True, slots=True)
class AtLength:
    """One LLM, as measured and at the length that all have in common.

    :param n: answers that are neither failed nor cut, nor blank.
    :param cut: answers that were cut.
    :param failed: records without an answer.
    :param text: median characters a second.
    :param tokens_per_char: of what is shown; None where reasoning can't be told apart, or the provider doesn't count.
    :param length: median, characters; None without an answer, as all that follows.
    :param shortest: the 5 % quantile of lengths.
    :param longest: the 95 % quantile.
    :param measured: geometric mean of the latencies, of questions like these.
    :param equal: the latency at equal length, of questions like these.
    :param these: the same, of these questions.
    :param line: latency by length.
    :param questions: of each question, for a chart.
    """

    llm: str
    n: int
    cut: int
    failed: int
    text: Interval | None
    tokens_per_char: float | None
    length: float | None = None
    shortest: float | None = None
    longest: float | None = None
    measured: Interval | None = None
    equal: Interval | None = None
    these: Interval | None = None
    line: Line | None = None
    questions: Sequence[QuestionLength] = ()


@dataclass(frozen=True, slots=True)
class PairAtLength:
    """How many times as long one LLM takes as another.

    :param measured: the ratio of the latencies as measured, of questions like these.
    :param equal: the ratio at equal length, of questions like these.
    :param these: the same, of these questions.
    :param p: that the ratio at equal length is 1, of questions like these.
    :param p_holm: corrected over all pairs but those of twins, which are corrected apart.
    :param twins: the second is the first, measured once more.
    """

    first: str
    second: str
    measured: Interval
    equal: Interval
    these: Interval
    p: float | None
    p_holm: float | None = None
    twins: bool = False


@dataclass(frozen=True, slots=True)
class Lengths:
    """LLMs at equal length.

    :param length: the median length of all answers, in characters; None without any.
    :param llms: in name order.
    :param pairs: of those with answers, in the order that was asked for.
    :param slots: of the view.
    :param days: of the view.
    :param questions: that have an answer.
    """

    length: float | None
    llms: Sequence[AtLength]
    pairs: Sequence[PairAtLength]
    slots: int
    days: int
    questions: int


@dataclass(frozen=True, slots=True)
class _Levels:
    measured: Level
    equal: Level
    line: Line
    questions: Sequence[QuestionLength]


def lengths(
    records: Records, view: View, llms: Sequence[str] = (), *, twins: Mapping[str, str] | None = None
) -> Lengths:
    """Every LLM and every pair of LLMs, at the median length of all answers of the view.

    :param llms: in the order of the pairs; those that aren't there come last, in name order.
    :param twins: LLM → its twin.
    """
    where, parameters = view.where()
    whole, *rows = records.rows(_LLMS.format(where), parameters)
    scan = Scan.of(records, view, [LATENCY])
    last = dict(zip(scan.llms, scan.days_last(LATENCY).tolist(), strict=True)) if scan.llms else {}
    common = whole["lengths"][1] if whole["lengths"] else None
    held = _answers(records, view, scan.buckets)
    shape = (max(scan.buckets.days, 1), max(how_many_questions(records), 1))
    known = {
        row["llm"]: _levels(held[row["llm"]], row, common, shape, last[row["llm"]])
        for row in rows
        if row["n"] and common is not None
    }
    text = {row.llm: row.value for row in summary(records, view, TEXT)}
    order = [llm for llm in dict.fromkeys([*llms, *known]) if llm in known]
    return Lengths(
        length=common,
        llms=[_at_length(row, text.get(row["llm"]), known.get(row["llm"])) for row in rows],
        pairs=_corrected([_pair(pair, known, twins or {}) for pair in combinations(order, 2)]),
        slots=len(scan.buckets.slots),
        days=scan.buckets.days,
        questions=int(np.unique(np.concatenate([answers.questions for answers in held.values()])).size) if held else 0,
    )


def _answers(records: Records, view: View, buckets: Buckets) -> dict[str, Answers]:
    """The answers of each LLM by day and question."""
    where, parameters = view.where()
    table = strata.table(records, _CELLS.format(where), {**parameters, "days": buckets.day.tolist()})
    names = table["llm"]
    return {
        llm: Answers(
            levels=table["level"][rows],
            lengths=table["length"][rows],
            counts=table["n"][rows],
            days=table["day"][rows].astype(np.intp),
            questions=table["question_no"][rows].astype(np.intp),
        )
        for llm in dict.fromkeys(names.tolist())
        if (rows := np.flatnonzero(names == llm)).size
    }


def _levels(answers: Answers, row: Mapping[str, Any], common: float, shape: tuple[int, int], last: int) -> _Levels:
    shortest, _, longest = row["lengths"]
    equal, line = at_length(answers, common, (shortest, longest), *shape)
    measured = as_measured(answers, *shape)
    if last:
        measured, equal = (replace(level, doubt=DAYS_LAST) for level in (measured, equal))
    return _Levels(measured, equal, line, list(_by_question(answers)))


def _by_question(answers: Answers) -> Iterator[QuestionLength]:
    counts = np.bincount(answers.questions, answers.counts)
    there = np.flatnonzero(counts)
    length, level = (
        np.bincount(answers.questions, answers.counts * values)[there] / counts[there]
        for values in (answers.lengths, answers.levels)
    )
    for characters, seconds in zip(length.tolist(), np.exp(level).tolist(), strict=True):
        yield QuestionLength(characters, seconds)


def _at_length(row: Mapping[str, Any], text: Interval | None, known: _Levels | None) -> AtLength:
    made = AtLength(
        llm=row["llm"],
        n=row["n"],
        cut=row["cut"],
        failed=row["records"] - row["n"] - row["cut"],
        text=text,
        tokens_per_char=row["tokens_per_char"],
    )
    if known is None:
        return made
    shortest, middle, longest = row["lengths"]
    return replace(
        made,
        length=middle,
        shortest=shortest,
        longest=longest,
        measured=conclude(known.measured, "questions like these").interval,
        equal=conclude(known.equal, "questions like these").interval,
        these=conclude(known.equal, "these questions").interval,
        line=known.line,
        questions=known.questions,
    )


def _pair(pair: tuple[str, str], known: Mapping[str, _Levels], twins: Mapping[str, str]) -> PairAtLength:
    first, second = (known[llm] for llm in pair)
    equal = first.equal.less(second.equal)
    concluded = conclude(equal, "questions like these")
    return PairAtLength(
        *pair,
        measured=conclude(first.measured.less(second.measured), "questions like these").interval,
        equal=concluded.interval,
        these=conclude(equal, "these questions").interval,
        p=concluded.p_value,
        twins=are_twins(twins, *pair),
    )


def _corrected(pairs: Sequence[PairAtLength]) -> list[PairAtLength]:
    adjusted = {
        apart: iter(statistics.holm([pair.p for pair in pairs if pair.twins == apart])) for apart in (False, True)
    }
    return [replace(pair, p_holm=next(adjusted[pair.twins])) for pair in pairs]
