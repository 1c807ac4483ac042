"""How long an LLM would take at a given length of answer, and how sure that is. Pure.

An answer's latency is what comes before it, and then so many characters at some speed: a straight line. Loads, slow
hours and questions multiply it. So a line is fitted to the logarithms of latencies: its height at a length is the
typical (geometric mean) latency there.

Days and questions are crossed random factors, as in ``scopes``. How sure the line's height is follows from leaving out
each day, and each question, in turn: a question whose answers are much longer than others' pulls at the line, and
that shows when it is gone.

Chosen by simulation: docs/statistics.md has the numbers, and what else was tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import Codes, Floats, Interval
from llm_bench.analysis.statistics.scopes import (
    FEW_DAYS,
    FEW_QUESTIONS,
    LEAST_DAYS,
    LEAST_QUESTIONS,
    Conclusion,
    Scope,
    unexplained,
)
from llm_bench.method import Method

SEEN = (0.05, 0.95)
"""Quantiles of an LLM's lengths between which a length has to lie: what is beyond was hardly seen."""
APART = "lengths apart"
"""Why nothing is concluded: the LLM's answers are hardly ever of the length."""
ALIKE = "lengths alike"
"""The same: without the answers to one question, or of one day, all are as long as one another, so that these alone
make the line."""
UNSEEN = (APART, ALIKE)
"""Doubts with which there isn't even an estimate."""
_TURNS, _NEAR, _STEP = 60, 1e-9, 4.0
"""Steps of a fit at the maximum, the change that ends it, and the largest, of logarithms."""
_NONE_LEFT = 1e-9
"""What is left of a line's information without a question, as a share, from which on there is no line without it."""

AT_LENGTH = Method(
    "Speed at equal length",
    "Latency at equal length is the typical (geometric mean) latency that an LLM has where its answer is as long as "
    "the median of all LLMs' answers. Each LLM's latencies are taken as a wait and so many characters at some speed, "
    "a straight line of its own in the answer's length, which is fitted by least squares to the mean logarithms of its "
    "latencies to each question on each day. At temperature 0 a question's answer hardly changes its length, so that "
    "what tells a line's slope are the different lengths of the answers to different questions. Answers that were cut "
    "and failures are left out and counted. Intervals of 95 % and tests take days and questions as crossed random "
    "factors: each day and each question is left out in turn, their variances are added and that of what neither "
    "explains is taken off once, with Satterthwaite's degrees of freedom. Nothing is concluded of an LLM where the "
    f"common length lies outside its {SEEN[0] * 100:g} to {SEEN[1] * 100:g} % quantiles of lengths, where one question "
    f"or day alone makes the line, with fewer than {LEAST_DAYS} days, or, of questions like these, with fewer than "
    f"{LEAST_QUESTIONS} questions.",
    ("mackinnon2023jackknife", "mackinnon2024twoway", "satterthwaite1946", "clark1973"),
)
TEXT_SPEED = Method(
    "Characters a second",
    "Throughput of text is the answer's characters (Unicode code points, as it is shown) over the latency, so that two "
    "LLMs whose tokenizers differ are in one unit. Reasoning isn't shown, so that its text doesn't count, but the time "
    "that it takes does. Tokens a character is the ratio of sums over answers whose tokens the provider states, those "
    "of reasoning left out; answers whose reasoning can't be told apart don't count in it.",
    ("roberts2026string", "petrov2023tokenizers"),
)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one LLM, those to one question on one day together: arrays of one shape.

    :param levels: the mean logarithm of their latencies.
    :param lengths: their mean length, in characters, above 0.
    :param counts: how many they are.
    :param days: numbered from 0, the same for all LLMs.
    :param questions: likewise.
    """

    levels: Floats
    lengths: Floats
    counts: Floats
    days: Codes
    questions: Codes


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of latency by length, from the shortest to the longest answers.

    :param lengths: of its ends; the same where all answers are of one length.
    :param latencies: of its ends, in the unit of the latencies.
    """

    lengths: tuple[float, float]
    latencies: tuple[float, float]

    def at(self, length: float) -> float:
        """The typical latency at a length."""
        (first, last), (low, high) = self.lengths, self.latencies
        return low if last == first else low + (high - low) * (length - first) / (last - first)


class _Fit(NamedTuple):
    """A fit of logarithms.

    :param estimate: what is asked of it.
    :param gradient: of the estimate, by the fit's parameters.
    :param shares: of the fitted values, (answers, parameters).
    :param rest: what it leaves of each level.
    """

    estimate: float
    gradient: Floats
    shares: Floats
    rest: Floats


@dataclass(frozen=True, slots=True)
class Level:
    """The logarithm of a latency, or of the ratio of two, and what it owes to each day and question.

    :param estimate: natural logarithm.
    :param by_day: by how much it changes without each day.
    :param by_question: by how much it changes without each question.
    :param parts: what each question of each day adds to it, to the first order, (days, questions).
    :param pulls: how strongly each question pulls at it, squared.
    :param days: which there are.
    :param questions: which there are.
    :param n: answers.
    :param doubt: why nothing is concluded.
    """

    estimate: float
    by_day: Floats
    by_question: Floats
    parts: Floats
    pulls: Floats
    days: npt.NDArray[np.bool_]
    questions: npt.NDArray[np.bool_]
    n: int
    doubt: str | None = None

    def less(self, other: Level) -> Level:
        """The logarithm of the ratio of this to the other: what both owe to a day or a question drops out."""
        return Level(
            self.estimate - other.estimate,
            self.by_day - other.by_day,
            self.by_question - other.by_question,
            self.parts - other.parts,
            self.pulls + other.pulls,
            self.days | other.days,
            self.questions | other.questions,
            self.n + other.n,
            self.doubt or other.doubt,
        )


def as_measured(answers: Answers, days: int, questions: int) -> Level:
    """The mean logarithm of the latencies, whatever the lengths.

    :param days: how many the view has.
    :param questions: likewise.
    """
    mean = float((answers.counts * answers.levels).sum() / answers.counts.sum())
    fit = _Fit(mean, np.ones(1), np.ones((answers.levels.size, 1)), answers.levels - mean)
    return _level(answers, fit, days, questions)


def at_length(
    answers: Answers, length: float, seen: tuple[float, float], days: int, questions: int
) -> tuple[Level, Line]:
    """The logarithm of the latency at a length, by a line that is fitted to the answers; and that line.

    :param length: in characters.
    :param seen: the quantiles ``SEEN`` of the LLM's lengths.
    :param days: how many the view has.
    :param questions: likewise.
    """
    ends = float(answers.lengths.min()), float(answers.lengths.max())
    apart = APART if not seen[0] <= length <= seen[1] else None
    if ends[1] - ends[0] <= _NEAR * ends[1]:
        level = as_measured(answers, days, questions)
        flat = math.exp(level.estimate)
        return _doubting(level, apart), Line(ends, (flat, flat))
    places = (answers.lengths - ends[0]) / (ends[1] - ends[0])
    heights, shares, rest = _fitted(places, answers.levels, answers.counts)
    place = np.array([(length - ends[0]) / (ends[1] - ends[0])])
    place = place.clip(0, 1)  # beyond the line nothing is concluded
    (estimate,), (gradient,) = _heights(place, heights)
    level = _level(answers, _Fit(float(estimate), gradient, shares, rest), days, questions)
    return _doubting(level, apart), Line(ends, (math.exp(heights[0]), math.exp(heights[1])))


def conclude(level: Level, scope: Scope, confidence: float = 0.95) -> Conclusion:
    """The latency or the ratio itself with its interval, and whether the logarithm differs from 0."""
    from scipy.special import stdtr, stdtrit

    days, estimate = int(level.days.sum()), math.exp(level.estimate)
    doubt = level.doubt or _few(days, int(level.questions.sum()), scope)
    if doubt:
        return Conclusion(Interval(None if doubt in UNSEEN else estimate, None, None, level.n, days, doubt))
    error, free = _error(level, scope)
    reach = error * float(stdtrit(free, (1 + confidence) / 2))
    p_value = float(2 * stdtr(free, -abs(level.estimate) / error)) if error > 0 else None
    with np.errstate(over="ignore"):  # what is beyond all numbers is an open end
        ends = math.exp(level.estimate - reach), float(np.exp(level.estimate + reach))
    return Conclusion(Interval(estimate, *ends, level.n, days), p_value)


def _few(days: int, questions: int, scope: Scope) -> str | None:
    if days < LEAST_DAYS:
        return FEW_DAYS
    return FEW_QUESTIONS if scope == "questions like these" and questions < LEAST_QUESTIONS else None


def _doubting(level: Level, doubt: str | None) -> Level:
    return replace(level, doubt=doubt) if doubt else level


def _error(level: Level, scope: Scope) -> tuple[float, float]:
    """The standard error and its degrees of freedom, as ``Grid.error`` has them, but with the jackknife's variances.

    Where few questions pull at the line more than the others, as at a length far from most, their variance rests on
    these: it has the degrees of freedom of as many questions as would pull alike.
    """
    days, questions = int(level.days.sum()), int(level.questions.sum())
    day = float(level.by_day @ level.by_day) * (days - 1) / days
    if scope == "these questions":
        return math.sqrt(day), days - 1.0
    question = float(level.by_question @ level.by_question) * (questions - 1) / questions
    free = (days - 1) * (questions - 1)
    neither = unexplained(level.parts, days, questions) * days * questions / free
    whole = max(day + question - neither, day, question)
    pulling = float(level.pulls.sum()) ** 2 / float(level.pulls @ level.pulls)
    spread = day**2 / (days - 1) + question**2 / max(pulling - 1, 1.0) + neither**2 / free
    return math.sqrt(whole), max(whole**2 / spread, 1.0) if spread else days - 1.0


def _heights(places: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """The logarithm of a line that has these logarithms at 0 and at 1, at places between, and its derivatives."""
    top = float(heights.max())
    ends = np.exp(heights - top) * np.stack([1 - places, places], axis=1)
    sums = ends.sum(axis=1)
    return top + np.log(sums), ends / sums[:, None]


def _fitted(places: Floats, levels: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """The line of least squares of logarithms: those of its ends, its derivatives at the places, and what is left.

    Gauss and Newton's steps, halved where one wouldn't come closer. In logarithms the ends can't fall to 0.
    """
    heights = np.full(2, float((counts * levels).sum() / counts.sum()))
    line, shares = _heights(places, heights)
    rest = levels - line
    for _ in range(_TURNS):
        weighed = shares * counts[:, None]
        step = np.linalg.lstsq(_products(weighed, shares), _products(weighed, rest[:, None])[:, 0], rcond=None)[0].clip(
            -_STEP, _STEP
        )
        sum_before = (counts * np.square(rest)).sum()
        while np.abs(step).max() > _NEAR:
            line, nearer = _heights(places, heights + step)
            if (counts * np.square(levels - line)).sum() <= sum_before:
                break
            step = step / 2
        else:
            break
        heights, shares, rest = heights + step, nearer, levels - line
    return heights, shares, rest


def _level(answers: Answers, fit: _Fit, days: int, questions: int) -> Level:
    """An estimate with what it owes to days and questions, by the fit's derivatives.

    Without a cluster the fit changes by −(A − A_g)⁻¹ s_g: A is the sum over all answers of the products of their
    derivatives, A_g that of the cluster's, and s_g the cluster's sum of derivatives times what is left. That is exact
    where the fit is linear.
    """
    estimate, gradient, shares, rest = fit
    weighed = shares * answers.counts[:, None]
    whole = _products(weighed, shares)
    pulls = (weighed * np.linalg.lstsq(whole, gradient, rcond=None)[0]).sum(axis=1)
    parts: Floats = np.zeros((days, questions))
    parts += np.bincount(answers.days * questions + answers.questions, pulls * rest, parts.size).reshape(parts.shape)
    changes, there, alone = [], [], False
    for codes, many in ((answers.days, days), (answers.questions, questions)):
        left = whole - _sums(weighed[:, :, None] * shares[:, None, :], codes, many)
        scores = _sums(weighed * rest[:, None], codes, many)
        changes.append(-np.einsum("gkl,gl,k->g", np.linalg.pinv(left, hermitian=True), scores, gradient))
        there.append(np.bincount(codes, minlength=many) > 0)
        none_left = np.linalg.det(left) <= _NONE_LEFT * np.linalg.det(whole)
        alone |= gradient.size > 1 and int(there[-1].sum()) > 1 and bool(none_left.any())
    return Level(
        estimate,
        by_day=changes[0],
        by_question=changes[1],
        parts=parts,
        pulls=np.square(np.bincount(answers.questions, pulls, questions)),
        days=there[0],
        questions=there[1],
        n=int(answers.counts.sum()),
        doubt=ALIKE if alone else None,
    )


def _products(first: Floats, second: Floats) -> Floats:
    """``first.T @ second`` of few columns: what spreads it over threads takes far longer where these are busy."""
    return np.array([[float((one * other).sum()) for other in second.T] for one in first.T])


def _sums(values: Floats, codes: Codes, many: int) -> Floats:
    """The sum in each group, of arrays."""
    flat = values.reshape(codes.size, -1)
    sums: Floats = np.stack([np.bincount(codes, column, many) for column in flat.T], axis=1, dtype=np.float64)
    return sums.reshape(many, *values.shape[1:])
