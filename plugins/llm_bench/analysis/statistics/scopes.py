"""How far a number holds: for these questions or for questions like these, on days like these. Pure.

Days and questions are crossed random factors: every question is asked on every day. What slots of a day share (load,
outages, a slow hour that lasts) stays within the day, so the day is the cluster of time, and nothing is supposed of how
its slots follow one another. Four days are few clusters, which Student's t pays for with wide intervals.

Chosen by simulation: docs/statistics.md has the numbers, and what else was tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.method import Method
from llm_bench.analysis.statistics.sample import NOTHING, Codes, Floats, Interval, numbered

Scope = Literal["these questions", "questions like these"]
"""What a conclusion is for. Both are for days like those measured."""

LEAST_DAYS, LEAST_QUESTIONS = 4, 6
"""With fewer there is an estimate, but no interval: what varies from day to day was seen too seldom."""
BEYOND = 2
"""Questions that there must be beyond a quantile (a share of all) for it to be said of questions like these."""
_ROUNDED = 1e-12
FEW_DAYS, FEW_QUESTIONS, FEW_BEYOND = "few days", "few questions", "few questions beyond"
"""Why there is no conclusion."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """An estimate, how sure it is, and whether it is a difference.

    :param interval: n counts values, clusters days (slots, of rates).
    :param p_value: two-sided, that there is no difference; None where none was asked about, or nothing varies.
    """

    interval: Interval
    p_value: float | None = None

    @property
    def doubt(self) -> str | None:
        """Why there is no interval: "can't tell"; None where there is one, and without data."""
        return self.interval.doubt


@dataclass(frozen=True, slots=True)
class Grid:
    """Values with their day and question, numbered from 0; those that are missing are left out.

    :param values: in any unit.
    :param days: of each value.
    :param questions: of each value; one question with the same number for both LLMs, a number for each industry's.
    :param weights: how often each value stands on its day for its question.
    """

    values: Floats
    days: Codes
    questions: Codes
    weights: Floats

    @classmethod
    def of(
        cls,
        values: npt.ArrayLike,
        days: npt.ArrayLike,
        questions: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> Grid:
        """Takes arrays of the same shape; days and questions are anything that sorts.

        :param weights: once where left out. A day's mean of a question with the number of its values gives the same
            mean and interval as these values; values in bins the same quantiles as the values that they stand for.
        """
        known = np.asarray(values, np.float64).ravel()
        counts = np.ones_like(known) if weights is None else np.asarray(weights, np.float64).ravel()
        kept = ~np.isnan(known) & (counts > 0)
        day, question = (numbered(np.asarray(labels).ravel()[kept]) for labels in (days, questions))
        return cls(known[kept], day, question, counts[kept])

    @property
    def n(self) -> int:
        """How many values there are."""
        return int(self.weights.sum())

    @property
    def shape(self) -> tuple[int, int]:
        """Days and questions that have a value."""
        return int(self.days.max(initial=-1)) + 1, int(self.questions.max(initial=-1)) + 1

    def doubt(self, scope: Scope) -> str | None:
        """Why these values bear no conclusion of this scope."""
        days, questions = self.shape
        if days < LEAST_DAYS:
            return FEW_DAYS
        return FEW_QUESTIONS if scope == "questions like these" and questions < LEAST_QUESTIONS else None

    def error(self, values: Floats, scope: Scope) -> tuple[float, float]:
        """The standard error of the mean of values that stand in these places, and its degrees of freedom.

        Of these questions: from the sums of each day, with days − 1 (one-way clusters, as in ``means.mean``). Of
        questions like these: the variance by days, plus that by questions, less that of what neither explains, which
        both contain (the components of a two-way layout with random effects). It is kept from falling below either of
        the first two, and has Satterthwaite's degrees of freedom (Biometrics Bulletin 1946). What is as small as the
        rounding of the values is no error.
        """
        n, (days, questions) = float(self.weights.sum()), self.shape
        rest = self.weights * (values - self.weights @ values / n)
        table = np.bincount(self.days * questions + self.questions, rest, days * questions)
        table = table.reshape(days, questions)
        by_day, by_question = table.sum(axis=1), table.sum(axis=0)
        day = float(by_day @ by_day) * days / (days - 1) / n**2
        if scope == "these questions":
            error = math.sqrt(day)
            return error if error > _ROUNDED * float(np.abs(rest).sum()) / n else 0.0, days - 1
        left = table - by_day[:, None] / questions - by_question / days
        free = (days - 1) * (questions - 1)
        question = float(by_question @ by_question) * questions / (questions - 1) / n**2
        neither = float(np.square(left).sum()) * days * questions / free / n**2
        whole = max(day + question - neither, day, question)
        parts = day**2 / (days - 1) + question**2 / (questions - 1) + neither**2 / free
        return math.sqrt(whole), max(whole**2 / parts, 1.0) if parts else days - 1.0


DIFFERENCE = Method(
    "Differences of scores",
    "Two LLMs' scores of the same question in the same slot are subtracted, and each question's differences of a day "
    "are averaged. The interval and the p of the mean difference are for questions like these on days like these: days "
    "and questions are taken as crossed random factors. The variance of the mean by days and that by questions are "
    "added, and what neither explains, which both contain, is taken off once (components of a two-way layout with "
    "random effects); Student's t has Satterthwaite's degrees of freedom. There is no interval with fewer than "
    f"{LEAST_DAYS} days or {LEAST_QUESTIONS} questions, nor where a slow time may outlast a day.",
    ("satterthwaite1946",),
)


def mean_of(grid: Grid, scope: Scope, level: float = 0.95) -> Conclusion:
    """The mean, in the values' unit, and whether it differs from 0: of differences, whether there is one."""
    if not grid.values.size:
        return Conclusion(NOTHING)
    estimate, (days, _) = float(grid.weights @ grid.values / grid.weights.sum()), grid.shape
    doubt = grid.doubt(scope)
    if doubt:
        return Conclusion(Interval(estimate, None, None, grid.n, days, doubt))
    error, free = grid.error(grid.values, scope)
    reach = error * _student(level, free)
    interval = Interval(estimate, estimate - reach, estimate + reach, grid.n, days)
    return Conclusion(interval, _two_sided(estimate, error, free))


RATIO = Method(
    "Ratios of times, speeds and cost",
    "How many times as long (as fast, as dear) one LLM is as another: the geometric mean of the ratios over all pairs "
    "of the same question and slot in which both have the number, which is the mean of the differences of logarithms, "
    "taken back. Interval and p are made as those of differences of scores, on the logarithms.",
)


def ratio_of(
    first: npt.ArrayLike, second: npt.ArrayLike, days: npt.ArrayLike, questions: npt.ArrayLike, scope: Scope
) -> Conclusion:
    """How many times as long the first takes as the second, over the pairs in which both answered.

    The geometric mean of the ratios: the mean of the differences of logarithms, and its interval, taken back.

    :param first: times of one LLM, above 0; infinite or NaN where it failed.
    :param second: of the other, for the same question in the same slot.
    """
    times = np.array([first, second], np.float64)
    both = (np.isfinite(times) & (times > 0)).all(axis=0)
    one, other = np.log(times, out=np.full(times.shape, np.nan), where=both)
    logarithm = mean_of(Grid.of(one - other, days, questions), scope)
    kept = logarithm.interval
    low, middle, high = (None if end is None else math.exp(end) for end in (kept.low, kept.estimate, kept.high))
    return Conclusion(replace(kept, estimate=middle, low=low, high=high), logarithm.p_value)


WON = Method(
    "Share of pairs won",
    "In what share of the pairs one LLM is faster than another. A failure is later than any answer, so that a pair in "
    "which one failed is lost by that one, and one in which both failed, or which is even, counts half. Nothing that "
    "was asked drops out. The interval is made as that of differences of scores.",
)


def share_won(
    first: npt.ArrayLike, second: npt.ArrayLike, days: npt.ArrayLike, questions: npt.ArrayLike, scope: Scope
) -> Conclusion:
    """In what share of the pairs the first is faster; p is that of ½, at which neither is.

    A failure is later than any answer, so that a pair of which one failed is a loss of that one, and one of which both
    failed is a draw, a half. Nothing that was asked drops out.

    :param first: times of one LLM; infinite where it failed, NaN where it wasn't asked.
    :param second: of the other, for the same question in the same slot.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    above = np.where(np.isnan(one) | np.isnan(other), np.nan, (one < other) - 0.5 + (one == other) / 2)
    won = mean_of(Grid.of(above, days, questions), scope)
    kept = won.interval
    low, middle, high = (
        None if end is None else min(max(end + 0.5, 0.0), 1.0) for end in (kept.low, kept.estimate, kept.high)
    )
    return Conclusion(replace(kept, estimate=middle, low=low, high=high), won.p_value)


def quantile_of(grid: Grid, q: float, scope: Scope, level: float = 0.95) -> Conclusion:
    """The q-quantile of all that were asked, with failures as infinite: later than anything.

    Woodruff's interval (see ``quantiles.quantile``) with the error of this scope. Where it reaches into the failures,
    or beyond all values, its high end is infinite: too little lies beyond the quantile to bound it. Of questions like
    these it takes `BEYOND` questions on the quantile's rarer side; 20 questions can't bear a 0.95-quantile.

    :param q: within (0, 1).
    """
    if not grid.values.size:
        return Conclusion(NOTHING)
    order = np.argsort(grid.values)
    ascending, upto = grid.values[order], grid.weights[order].cumsum()
    estimate, (days, questions) = _order_statistic(ascending, upto, q), grid.shape
    few = scope == "questions like these" and min(q, 1 - q) * questions < BEYOND - 1e-9
    doubt = grid.doubt(scope) or (FEW_BEYOND if few else None)
    if doubt:
        return Conclusion(Interval(estimate, None, None, grid.n, days, doubt))
    below, equal = grid.values < estimate, grid.values == estimate
    # Of the values that tie with the estimate, as many count as below it as make their share q.
    tied = (q * upto[-1] - grid.weights[below].sum()) / max(grid.weights[equal].sum(), 1.0)
    error, free = grid.error(below + equal * min(max(tied, 0.0), 1.0), scope)
    reach = error * _student(level, free)
    low = _order_statistic(ascending, upto, q - reach) if q > reach else -math.inf
    high = _order_statistic(ascending, upto, q + reach) if q + reach < 1 else math.inf
    return Conclusion(Interval(estimate, low, high, grid.n, days))


def _order_statistic(ascending: Floats, upto: Floats, q: float) -> float:
    """The q-quantile of values that may be infinite, of which ``upto`` says how many come up to and with each."""
    last = float(upto[-1]) - 1
    place = q * last
    below = math.floor(place)
    low, high = ascending[np.searchsorted(upto, [below, min(below + 1, last)], side="right")]
    return float(low) if low == high or place == below else float(low + (place - below) * (high - low))


def _student(level: float, free: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(free, (1 + level) / 2))


def _two_sided(estimate: float, error: float, free: float) -> float | None:
    """p of an estimate that would be 0; None where nothing varies."""
    from scipy.special import stdtr

    return float(2 * stdtr(free, -abs(estimate) / error)) if error > 0 else None


CONCLUSIONS = Method(
    "What a conclusion is for",
    "A conclusion is for these questions, or for questions like these, both on other days like those measured. "
    "Every question is asked on every day: days and questions are crossed random factors. "
    "A finding on a sample of questions is one of more than the sample only where its error counts how they differ. "
    "The day is the cluster of time: nothing is supposed of how the slots of a day follow one another, as a t test "
    "over a few groups' estimates holds whatever the correlation within groups is. "
    "Of these questions the error is from the sums of the days, with Student's t of as many degrees of freedom as "
    "there are days, less one. "
    "Of questions like these it is the root of the variance by days, plus the variance by questions, less the variance "
    "that neither explains, which both of these contain; it is never below either of the first two. "
    "It has Satterthwaite's degrees of freedom. "
    f"With fewer than {LEAST_DAYS} days there is an estimate without an interval, and so there is for questions like "
    f"these with fewer than {LEAST_QUESTIONS} questions. "
    "Intervals are two-sided, of 95 %.",
    ("ibragimov2010", "clark1973", "cameron2011", "satterthwaite1946"),
)
MEANS = Method(
    "Means and differences",
    "A mean is that of all values, and a mean difference that of all pairs. "
    "Its p is two-sided, by the same t: that the mean is 0.",
)
QUANTILES = Method(
    "Medians and other quantiles",
    "A quantile is of all that were asked, a failure being later than any answer. "
    "It is of Hyndman and Fan's type 7. "
    "Its interval is Woodruff's: the values at the ends of the interval of the share below it, with the error of its "
    "scope. "
    "The high end is open where it reaches the failures, or lies beyond all values. "
    f"Of questions like these there is an interval where {BEYOND} questions or more lie beyond the quantile.",
    ("hyndman1996", "woodruff1952"),
)
