"""LLMs at equal length: how long their answers are, and how long they would take if all were as long as one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import are_twins
from llm_bench.analysis.queries import cells, strata
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.queries.summaries import summary
from llm_bench.analysis.statistics import Codes, Floats, Interval
from llm_bench.analysis.statistics.length import SEEN, Answers, Level, Line, as_measured, at_length, conclude
from llm_bench.analysis.statistics.scopes import DAYS_LAST, Ascending
from llm_bench.analysis.view import View
from llm_bench.records import CUT_SQL

LATENCY, TEXT = METRICS["latency_sec"], METRICS["text_cps"]
_CUT = f"success AND coalesce({CUT_SQL}, false)"
_WHOLE = f"success AND latency_sec > 0 AND answer_chars > 0 AND NOT coalesce({CUT_SQL}, false)"
"""Answers that are taken, as they aren't cut, and have a latency and a character."""
_TOLD_APART = (
    f"{_WHOLE} AND token_source = 'provider' AND (reasoning_tokens IS NOT NULL OR first_answer_sec <= ttft_sec) "
    "AND response_tokens IS NOT NULL"
)
"""Those of which it is known how many tokens the text has that is shown."""
_CHARS = f"CASE WHEN {_WHOLE} THEN answer_chars ELSE 0 END::UINTEGER"
_LEVEL = f"CASE WHEN {_WHOLE} THEN ln(latency_sec) ELSE 0 END"


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
    taken = _taken(records, scan)
    often = _added([of_llm.often for of_llm in taken])
    common = _quantiles(often, [0.5])[0] if often.any() else None
    shape = (max(scan.buckets.days, 1), max(strata.questions(records), 1))
    last = scan.days_last(LATENCY) if scan.llms else ()

    def levels(llm: int) -> _Levels | None:
        of_llm = taken[llm]
        if common is None or not of_llm.often.any():
            return None
        low, middle, high = _quantiles(of_llm.often, [SEEN[0], 0.5, SEEN[1]])
        return _levels(of_llm.answers, (low, middle, high), common, shape, lasts=bool(last[llm]))

    made = zip(scan.llms, scan.by_threads(levels, range(len(taken))), strict=True)
    known = {llm: of_llm for llm, of_llm in made if of_llm}
    text = {row.llm: row.value for row in summary(records, view, TEXT)}
    order = [llm for llm in dict.fromkeys([*llms, *scan.llms]) if llm in known]
    sums = _sums(records, scan)
    return Lengths(
        length=common,
        llms=[
            _at_length(llm, {name: totals[place] for name, totals in sums.items()}, text.get(llm), known.get(llm))
            for place, llm in enumerate(scan.llms)
        ],
        pairs=_corrected(scan.by_threads(lambda pair: _pair(pair, known, twins or {}), list(combinations(order, 2)))),
        slots=len(scan.buckets.slots),
        days=scan.buckets.days,
        questions=int(np.unique(np.concatenate([np.zeros(0), *(of.answers.questions for of in taken)])).size),
    )


class _Taken(NamedTuple):
    """The answers of one LLM that are taken.

    :param often: of each length, how many answers have it.
    """

    answers: Answers
    often: Codes


def _taken(records: Records, scan: Scan) -> list[_Taken]:
    every, kept = scan.of_copy
    of_chars, of_levels = cells.column(records, _CHARS), cells.column(records, _LEVEL)

    def of_llm(rows: cells.Rows) -> _Taken:
        chars = rows.of(of_chars)
        if kept is not None:
            chars = chars * rows.of(kept)
        there = chars > 0
        counts = rows.count_by_day(there)
        day, question = np.nonzero(counts)
        n = counts[day, question]
        levels = rows.by_day(rows.of(of_levels) * there)
        lengths = rows.by_day(chars)
        level, length = (sums[day, question] / n for sums in (levels, lengths))
        often = np.bincount(chars.ravel(), minlength=1)
        often[0] = 0  # which stands for none
        return _Taken(Answers(level, length, n, rows.days[day], question), often)

    return scan.by_threads(of_llm, every)


def _added(counts: Sequence[Codes]) -> Codes:
    totals = np.zeros(max((of.size for of in counts), default=0), np.intp)
    for of in counts:
        totals[: of.size] += of
    return totals


def _sums(records: Records, scan: Scan) -> dict[str, Floats]:
    """Of each LLM: its records, those that were cut, those that are taken, and the tokens and characters of some."""
    tokens, chars = (
        f"CASE WHEN {_TOLD_APART} THEN {sql} END"
        for sql in ("response_tokens - coalesce(reasoning_tokens, 0)", "answer_chars")
    )
    totals = strata.sums(records, "1", f"({_CUT})::INTEGER", f"({_WHOLE})::INTEGER", tokens, chars)
    return dict(zip(("records", "cut", "n", "tokens", "chars"), map(scan.by_llm, totals), strict=True))


def _quantiles(often: Codes, shares: Sequence[float]) -> list[float]:
    """Quantiles of whole numbers, of each of which it is known how often it stands."""
    values = np.flatnonzero(often)
    ascending = Ascending(values.astype(np.float64), often[values].cumsum().astype(np.float64))
    return [ascending.at(share) for share in shares]


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
