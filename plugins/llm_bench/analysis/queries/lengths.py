"""LLMs at equal length: how long their answers are, and how long they would take if all were as long as one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import are_twins
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.comparisons import how_many_questions
from llm_bench.analysis.queries.numbers import Scan, llm_names
from llm_bench.analysis.queries.summaries import summary
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.length import SEEN, Answers, Level, Line, as_measured, at_length, conclude
from llm_bench.analysis.statistics.scopes import DAYS_LAST
from llm_bench.analysis.view import View
from llm_bench.records import CUT_SQL

LATENCY, TEXT = METRICS["latency_sec"], METRICS["text_cps"]
_SEEN = f"""
    SELECT llm_no, slot_no, question_no, latency_sec, answer_chars, success AND coalesce({CUT_SQL}, false) AS cut,
        success AND latency_sec > 0 AND answer_chars > 0 AND NOT coalesce({CUT_SQL}, false) AS whole,
        token_source = 'provider' AND (reasoning_tokens IS NOT NULL OR first_answer_sec <= ttft_sec) AS told_apart,
        response_tokens - coalesce(reasoning_tokens, 0) AS tokens
    FROM records WHERE {{}}
"""  # noqa: S608
"""whole: answers that are taken, as they aren't cut, and have a latency and a character; told_apart: those of which it
is known how many tokens the text has that is shown."""
_CELLS = f"""
    SELECT llm_no, $days[slot_no + 1] AS day, question_no, count(*)::DOUBLE AS records,
        count(*) FILTER (cut)::DOUBLE AS cut, count(*) FILTER (whole)::DOUBLE AS n,
        avg(ln(CASE WHEN whole THEN latency_sec END)) AS level, avg(answer_chars) FILTER (whole) AS length,
        coalesce(sum(tokens) FILTER (whole AND told_apart AND tokens IS NOT NULL), 0)::DOUBLE AS tokens,
        coalesce(sum(answer_chars) FILTER (whole AND told_apart AND tokens IS NOT NULL), 0)::DOUBLE AS chars
    FROM ({_SEEN}) GROUP BY ALL ORDER BY ALL
"""  # noqa: S608
_LENGTHS = f"""
    SELECT llm_no, answer_chars AS chars, count(*) AS n FROM ({_SEEN}) WHERE whole GROUP BY ALL ORDER BY ALL
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
    """What is made of one LLM's answers; see ``AtLength``."""

    range: tuple[float, float, float]
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
    scan = Scan.of(records, view, [LATENCY])
    where, parameters = view.where()
    days = {"days": scan.buckets.day.tolist()}
    cells = strata.table(records, _CELLS.format(where), {**parameters, **days})
    seen = strata.table(records, _LENGTHS.format(where), parameters)
    common = _quantiles(seen["chars"], seen["n"], [0.5])[0] if seen["n"].size else None
    shape = (max(scan.buckets.days, 1), max(how_many_questions(records), 1))
    last = scan.days_last(LATENCY) if scan.llms else ()
    names = {name: number for number, name in llm_names(records).items()}
    known: dict[str, _Levels] = {}
    for llm, lasts in zip(scan.llms, last, strict=True):
        own = seen["llm_no"] == names[llm]
        if common is not None and own.any():
            low, middle, high = _quantiles(seen["chars"][own], seen["n"][own], [SEEN[0], 0.5, SEEN[1]])
            answers = _answers(cells, np.flatnonzero((cells["llm_no"] == names[llm]) & (cells["n"] > 0)))
            known[llm] = _levels(answers, (low, middle, high), common, shape, lasts=bool(lasts))
    text = {row.llm: row.value for row in summary(records, view, TEXT)}
    order = [llm for llm in dict.fromkeys([*llms, *scan.llms]) if llm in known]
    return Lengths(
        length=common,
        llms=[
            _at_length(llm, _sums(cells, cells["llm_no"] == names[llm]), text.get(llm), known.get(llm))
            for llm in scan.llms
        ],
        pairs=_corrected([_pair(pair, known, twins or {}) for pair in combinations(order, 2)]),
        slots=len(scan.buckets.slots),
        days=scan.buckets.days,
        questions=int(np.unique(cells["question_no"][cells["n"] > 0]).size),
    )


def _quantiles(values: strata.Array, counts: strata.Array, shares: Sequence[float]) -> list[float]:
    """Quantiles (type 7) of values, of which each stands so often."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(counts[order])
    place = np.array(shares) * (int(upto[-1]) - 1)
    below = np.floor(place)
    low, high = (
        values[order][np.searchsorted(upto, np.minimum(rank, upto[-1] - 1), side="right")]
        for rank in (below, below + 1)
    )
    quantiles: list[float] = (low + (place - below) * (high - low)).tolist()
    return quantiles


def _sums(cells: strata.Table, own: strata.Array) -> dict[str, float]:
    return {name: float(cells[name][own].sum()) for name in ("records", "cut", "n", "tokens", "chars")}


def _answers(cells: strata.Table, rows: strata.Array) -> Answers:
    return Answers(
        levels=cells["level"][rows],
        lengths=cells["length"][rows],
        counts=cells["n"][rows],
        days=cells["day"][rows].astype(np.intp),
        questions=cells["question_no"][rows].astype(np.intp),
    )


def _levels(
    answers: Answers, range_: tuple[float, float, float], common: float, shape: tuple[int, int], *, lasts: bool
) -> _Levels:
    equal, line = at_length(answers, common, (range_[0], range_[2]), *shape)
    measured = as_measured(answers, *shape)
    if lasts:
        measured, equal = (replace(level, doubt=DAYS_LAST) for level in (measured, equal))
    return _Levels(range_, measured, equal, line, list(_by_question(answers)))


def _by_question(answers: Answers) -> Iterator[QuestionLength]:
    counts = np.bincount(answers.questions, answers.counts)
    there = np.flatnonzero(counts)
    length, level = (
        np.bincount(answers.questions, answers.counts * values)[there] / counts[there]
        for values in (answers.lengths, answers.levels)
    )
    for characters, seconds in zip(length.tolist(), np.exp(level).tolist(), strict=True):
        yield QuestionLength(characters, seconds)


def _at_length(llm: str, sums: Mapping[str, float], text: Interval | None, known: _Levels | None) -> AtLength:
    made = AtLength(
        llm=llm,
        n=int(sums["n"]),
        cut=int(sums["cut"]),
        failed=int(sums["records"] - sums["n"] - sums["cut"]),
        text=text,
        tokens_per_char=sums["tokens"] / sums["chars"] if sums["chars"] else None,
    )
    if known is None:
        return made
    shortest, middle, longest = known.range
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
