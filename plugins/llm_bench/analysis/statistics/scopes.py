"""How far a number holds: for these questions or for questions like these, on days like these. Pure.

Days and questions are crossed random factors: every question is asked on every day. What slots of a day share (load,
outages, a slow hour that lasts) stays within the day, so the day is the cluster of time, and nothing is supposed of how
its slots follow one another. Four days are few clusters, which Student's t pays for with wide intervals.

Chosen by simulation: docs/statistics.md has the numbers, and what else was tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import NOTHING, Codes, Floats, Interval, numbered
from llm_bench.method import Method

Scope = Literal["these questions", "questions like these"]
"""What a conclusion is for. Both are for days like those measured."""

SCOPES: tuple[Scope, Scope] = ("questions like these", "these questions")
"""The headline's scope first."""
LEAST_DAYS, LEAST_QUESTIONS = 4, 6
"""With fewer there is an estimate, but no interval: what varies from day to day was seen too seldom."""
BEYOND = 2
"""Questions that there must be beyond a quantile (a share of all) for it to be said of questions like these."""
_ROUNDED = 1e-12
FEW_DAYS, FEW_QUESTIONS, FEW_BEYOND = "few days", "few questions", "few questions beyond"
DAYS_LAST = "days last"
"""Why there is no conclusion; the last, where days aren't clusters (``blocks.days_last``)."""


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
    def shape(self) -> tuple[int, int]:
        """Days and questions that have a value."""
        return int(self.days.max(initial=-1)) + 1, int(self.questions.max(initial=-1)) + 1

    @property
    def cells(self) -> Table:
        """What these values add up to."""
        return Table(self.table(self.weights * self.values), self.table(self.weights))

    def error(self, values: Floats, scope: Scope) -> tuple[float, float]:
        """That of the mean of values that stand in these places (see ``Table.error``)."""
        return Table(self.table(self.weights * values), self.table(self.weights)).error(scope)

    def table(self, values: Floats) -> Floats:
        """The sums of values that stand in these places, on each day for each question."""
        days, questions = self.shape
        sums = np.bincount(self.days * questions + self.questions, values, days * questions).astype(np.float64)
        return sums.reshape(days, questions)


@dataclass(frozen=True)
class Table:
    """What values add up to on each day for each question, and how many they are.

    :param sums: of the shape (days, questions); 0 where there is no value.
    :param counts: likewise; no day and no question is without a value.
    """

    sums: Floats
    counts: Floats

    @classmethod
    def of(cls, sums: Floats, counts: Floats) -> Table:
        """The same of tables in which days and questions may be empty."""
        held = counts.any(axis=1), counts.any(axis=0)
        if not all(there.all() for there in held):
            sums, counts = sums[np.ix_(*held)], counts[np.ix_(*held)]
        return cls(sums, counts)

    @cached_property
    def n(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    @cached_property
    def mean(self) -> float:
        """That of all values."""
        return float(self.sums.sum() / self.counts.sum())

    def doubt(self, scope: Scope) -> str | None:
        """Why these values bear no conclusion of this scope."""
        days, questions = self.sums.shape
        return doubt_of(days, questions, scope)

    def error(self, scope: Scope) -> tuple[float, float]:
        """The standard error of the mean, and its degrees of freedom.

        Of these questions: from the sums of each day, with days − 1 (one-way clusters). Of
        questions like these: the variance by days, plus that by questions, less that of what neither explains, which
        both contain (the components of a two-way layout with random effects). It is kept from falling below either of
        the first two, and has Satterthwaite's degrees of freedom (Biometrics Bulletin 1946). What is as small as the
        rounding of the values is no error.
        """
        n, (days, questions) = float(self.n), self.sums.shape
        day = float(self._by_day @ self._by_day) * days / (days - 1) / n**2
        if scope == "these questions":
            error = math.sqrt(day)
            return error if error > _ROUNDED * float(np.abs(self.sums).sum()) / n else 0.0, days - 1
        by_question = self._apart.sum(axis=0)
        question = float(by_question @ by_question) * questions / (questions - 1) / n**2
        left = unexplained(self._apart, days, questions)
        neither = left * days * questions / ((days - 1) * (questions - 1)) / n**2
        whole, free = crossed(day, question, neither, days, questions)
        return math.sqrt(whole), float(free)

    @cached_property
    def _apart(self) -> Floats:
        """By how much the sums differ from those of as many values that are like the mean."""
        apart: Floats = self.sums - self.counts * self.mean
        return apart

    @cached_property
    def _by_day(self) -> Floats:
        by_day: Floats = self._apart.sum(axis=1)
        return by_day


def unexplained(parts: Floats, days: int, questions: int) -> float:
    """The sum of the squares of what neither days nor questions explain: two-way, the means are taken off.

    :param parts: (days, questions); those that aren't there are 0.
    :param days: how many there are.
    :param questions: likewise.
    """
    by_day, by_question = parts.sum(axis=1), parts.sum(axis=0)
    squares = float(np.einsum("dq,dq->", parts, parts))
    explained = float(np.square(by_day).sum()) / questions + float(np.square(by_question).sum()) / days
    return max(squares - explained + float(by_day.sum()) ** 2 / (days * questions), 0.0)


def doubt_of(days: int, questions: int, scope: Scope) -> str | None:
    """Why values of so many days and questions bear no conclusion of a scope."""
    if days < LEAST_DAYS:
        return FEW_DAYS
    return FEW_QUESTIONS if scope == "questions like these" and questions < LEAST_QUESTIONS else None


def crossed(
    day: npt.ArrayLike, question: npt.ArrayLike, neither: npt.ArrayLike, days: int, questions: int
) -> tuple[Floats, Floats]:
    """The variance of a mean over crossed days and questions, and its degrees of freedom, from its parts.

    :param day: variance of the mean as days show it, like ``question`` and ``neither``; or an array of each.
    """
    by_day, by_question, left = (np.asarray(part, np.float64) for part in (day, question, neither))
    whole = np.maximum(np.maximum(by_day + by_question - left, by_day), by_question)
    spread = by_day**2 / (days - 1) + by_question**2 / (questions - 1) + left**2 / ((days - 1) * (questions - 1))
    free = np.divide(whole**2, spread, out=np.full(whole.shape, days - 1.0), where=spread > 0)
    return whole, np.where(spread > 0, np.maximum(free, 1.0), days - 1.0)


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


def mean_of(values: Grid | Table, scope: Scope, level: float = 0.95) -> Conclusion:
    """The mean, in the values' unit, and whether it differs from 0: of differences, whether there is one."""
    table = values.cells if isinstance(values, Grid) else values
    if not table.sums.size:
        return Conclusion(NOTHING)
    estimate, days, doubt = table.mean, len(table.sums), table.doubt(scope)
    if doubt:
        return Conclusion(Interval(estimate, None, None, table.n, days, doubt))
    error, free = table.error(scope)
    reach = error * _student(level, free)
    interval = Interval(estimate, estimate - reach, estimate + reach, table.n, days)
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
    return ratio_of_logarithms(Grid.of(one - other, days, questions), scope)


def ratio_of_logarithms(values: Grid | Table, scope: Scope) -> Conclusion:
    """``ratio_of`` of what the logarithms of two LLMs' values differ by, first − second."""
    logarithm = mean_of(values, scope)
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
    return wins_of(Grid.of(2 * above, days, questions), scope)


def wins_of(values: Grid | Table, scope: Scope) -> Conclusion:
    """``share_won`` of pairs that are 1 where the first wins, −1 where it loses and 0 where neither does."""
    won = mean_of(values, scope)
    kept = won.interval
    low, middle, high = (
        None if end is None else min(max((end + 1) / 2, 0.0), 1.0) for end in (kept.low, kept.estimate, kept.high)
    )
    return Conclusion(replace(kept, estimate=middle, low=low, high=high), won.p_value)


def quantile_of(grid: Grid, q: float, scope: Scope, level: float = 0.95) -> Conclusion:
    """The q-quantile of all that were asked, with failures as infinite: later than anything.

    Woodruff's interval: the ends are the quantiles at q ∓ t · error, the error being that of this scope, of the share
    of values below the estimate. Where it reaches into the failures,
    or beyond all values, its high end is infinite: too little lies beyond the quantile to bound it. Of questions like
    these it takes `BEYOND` questions on the quantile's rarer side; 20 questions can't bear a 0.95-quantile.

    :param q: within (0, 1).
    """
    if not grid.values.size:
        return Conclusion(NOTHING)
    order = np.argsort(grid.values)
    ascending = Ascending(grid.values[order], grid.weights[order].cumsum())
    estimate = ascending.at(q)
    below = grid.table(grid.weights * ((grid.values < estimate) + (grid.values == estimate) * ascending.tied(q)))
    return Conclusion(ascending.interval(q, Table(below, grid.table(grid.weights)), scope, level))


class Ascending(NamedTuple):
    """Values in ascending order, the last of which may be infinite, and what can be said of their quantiles.

    :param values: of which each may stand for several.
    :param upto: how many come up to and with each.
    """

    values: Floats
    upto: Floats

    def at(self, q: float) -> float:
        """The q-quantile (Hyndman and Fan's type 7)."""
        last = float(self.upto[-1]) - 1
        place = q * last
        below = math.floor(place)
        low, high = self.values[np.searchsorted(self.upto, [below, min(below + 1, last)], side="right")]
        return float(low) if low == high or place == below else float(low + (place - below) * (high - low))

    def tied(self, q: float) -> float:
        """How much of a value that ties with the q-quantile counts as below it, so that a share of q is below."""
        estimate = self.at(q)
        first, last = np.searchsorted(self.values, estimate), np.searchsorted(self.values, estimate, side="right")
        before, with_ties = (float(self.upto[end - 1]) if end else 0.0 for end in (first, last))
        return min(max((q * float(self.upto[-1]) - before) / max(with_ties - before, 1.0), 0.0), 1.0)

    def interval(self, q: float, below: Table, scope: Scope, level: float = 0.95) -> Interval:
        """``quantile_of`` these values.

        :param below: how many of the values are below the q-quantile, and ``tied`` of those that tie with it.
        """
        estimate, n, (days, questions) = self.at(q), int(self.upto[-1]), below.sums.shape
        few = scope == "questions like these" and min(q, 1 - q) * questions < BEYOND - 1e-9
        doubt = doubt_of(days, questions, scope) or (FEW_BEYOND if few else None)
        if doubt:
            return Interval(estimate, None, None, n, days, doubt)
        error, free = below.error(scope)
        reach = error * _student(level, free)
        low = self.at(q - reach) if q > reach else -math.inf
        high = self.at(q + reach) if q + reach < 1 else math.inf
        return Interval(estimate, low, high, n, days)


def concluded(interval: Interval, days_last: bool) -> Interval:
    """An interval, or only its estimate where days aren't clusters."""
    return replace(interval, low=None, high=None, doubt=DAYS_LAST) if days_last and not interval.doubt else interval


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
    "The interval of a mean score is kept within 0 and 1. "
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
