from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.samples import NOTHING, UNHURRIED, about, numbers
from llm_bench.analysis.statistics.scopes import (
    FEW_BEYOND,
    FEW_DAYS,
    FEW_QUESTIONS,
    Conclusion,
    Grid,
    Scope,
    crossed,
    mean_of,
    quantile_of,
    ratio_of,
    share_won,
)

THESE: Scope = "these questions"
LIKE: Scope = "questions like these"
SCOPES = pytest.mark.parametrize("scope", [THESE, LIKE])
DAYS, SLOTS, QUESTIONS = 4, 5, 8


def places(days: int = DAYS, slots: int = SLOTS, questions: int = QUESTIONS) -> tuple[np.ndarray, np.ndarray]:
    """Day and question of each request."""
    day, _, question = (codes.ravel() for codes in np.indices((days, slots, questions)))
    return day, question


def values(seed: int = 1, days: int = DAYS, questions: int = QUESTIONS) -> np.ndarray:
    """With something of its own for each day and each question."""
    draw = np.random.default_rng(seed)
    by_day, by_question = draw.normal(size=(days, 1, 1)), draw.normal(size=questions)
    whole: np.ndarray = 2 + by_day + by_question + draw.normal(size=(days, SLOTS, questions))
    return whole.ravel()


def grid(seed: int = 1) -> Grid:
    return Grid.of(values(seed), *places())


class TestAMeanOfTheseQuestions:
    def test_has_the_interval_and_p_of_a_t_test_over_days(self):
        by_day = values().reshape(DAYS, -1).mean(axis=1)
        expected = stats.ttest_1samp(by_day, 0)
        conclusion = mean_of(grid(), THESE)
        assert numbers(conclusion.interval) == about(by_day.mean(), *expected.confidence_interval(0.95))
        assert conclusion.p_value == pytest.approx(expected.pvalue, rel=1e-9)

    def test_is_known_exactly_where_every_answer_is_always_the_same(self):
        day, question = places()
        conclusion = mean_of(Grid.of(question / 10, day, question), THESE)
        assert numbers(conclusion.interval) == about(0.35, 0.35, 0.35)
        assert conclusion.p_value is None

    def test_doesnt_care_how_slots_follow_one_another(self):
        table = values().reshape(DAYS, SLOTS, QUESTIONS)
        turned = mean_of(Grid.of(table[:, ::-1], *places()), THESE)
        assert numbers(turned.interval) == about(*numbers(mean_of(grid(), THESE).interval))


class TestAMeanOfQuestionsLikeThese:
    def test_has_the_interval_of_a_t_test_over_questions_where_answers_are_always_the_same(self):
        day, question = places()
        scores = np.random.default_rng(2).normal(0.1, 1, QUESTIONS)
        expected = stats.ttest_1samp(scores, 0)
        conclusion = mean_of(Grid.of(scores[question], day, question), LIKE)
        assert numbers(conclusion.interval) == about(scores.mean(), *expected.confidence_interval(0.95))
        assert conclusion.p_value == pytest.approx(expected.pvalue, rel=1e-9)

    def test_has_the_variance_of_a_two_way_layout_and_satterthwaites_freedom(self):
        table = values().reshape(DAYS, SLOTS, QUESTIONS).mean(axis=1)
        day, question = table.mean(axis=1), table.mean(axis=0)
        rest = table - day[:, None] - question + table.mean()
        parts = [
            day.var(ddof=1) / DAYS,
            question.var(ddof=1) / QUESTIONS,
            np.square(rest).sum() / ((DAYS - 1) * (QUESTIONS - 1)) / table.size,
        ]
        freedom = [DAYS - 1, QUESTIONS - 1, (DAYS - 1) * (QUESTIONS - 1)]
        variance = parts[0] + parts[1] - parts[2]
        assert variance > max(parts)
        free = variance**2 / sum(part**2 / free for part, free in zip(parts, freedom, strict=True))
        reach = stats.t.ppf(0.975, free) * math.sqrt(variance)
        conclusion = mean_of(grid(), LIKE)
        assert numbers(conclusion.interval) == about(table.mean(), table.mean() - reach, table.mean() + reach)
        assert conclusion.p_value == pytest.approx(2 * stats.t.sf(table.mean() / math.sqrt(variance), free))

    def test_is_never_surer_of_a_variance_than_by_days_or_questions_alone(self):
        draw = np.random.default_rng(5)
        for _ in range(20):
            noise = Grid.of(draw.normal(size=DAYS * SLOTS * QUESTIONS), *places())
            table = noise.values.reshape(DAYS, SLOTS, QUESTIONS)
            by_question = stats.sem(table.mean(axis=(0, 1)))
            error, free = noise.error(noise.values, LIKE)
            assert error >= max(noise.error(noise.values, THESE)[0], by_question) - 1e-12
            assert free >= 1


class TestTheVarianceOverDaysAndQuestions:
    def test_of_many_studies_is_that_of_each(self):
        parts = np.random.default_rng(1).chisquare(3, (3, 50)) * [[3.0], [2.0], [1.0]]
        whole, free = crossed(*parts, 4, 20)
        each = [crossed(*study, 4, 20) for study in parts.T]
        assert (whole.tolist(), free.tolist()) == ([float(v) for v, _ in each], [float(f) for _, f in each])

    @pytest.mark.parametrize(
        ("parts", "variance", "free"),
        [
            ((3, 2, 1), 4, 16 / (9 / 3 + 4 / 19 + 1 / 57)),
            ((1, 5, 4), 5, 25 / (1 / 3 + 25 / 19 + 16 / 57)),
            ((0, 0, 0), 0, 3),
        ],
        ids=["added, with what both contain taken off once", "no less than either", "nothing varies"],
    )
    def test_is(self, parts: tuple[float, float, float], variance: float, free: float):
        assert [float(part) for part in crossed(*parts, 4, 20)] == pytest.approx([variance, free])


class TestWhatNothingCanBeSaidOf:
    def test_fewer_than_four_days(self):
        day, question = places(days=3)
        conclusion = mean_of(Grid.of(values(days=3), day, question), THESE)
        assert (conclusion.doubt, conclusion.interval.low, conclusion.p_value) == (FEW_DAYS, None, None)
        assert conclusion.interval.estimate == pytest.approx(values(days=3).mean())

    def test_fewer_than_six_questions_for_questions_like_these(self):
        day, question = places(questions=5)
        five = Grid.of(values(questions=5), day, question)
        assert mean_of(five, LIKE).doubt == FEW_QUESTIONS
        assert mean_of(five, THESE).doubt is None
        day, question = places(questions=6)
        assert mean_of(Grid.of(values(questions=6), day, question), LIKE).doubt is None

    @SCOPES
    def test_no_values(self, scope: Scope):
        nothing = Grid.of([math.nan], [0], [0])
        assert mean_of(nothing, scope) == quantile_of(nothing, 0.5, scope) == Conclusion(NOTHING)

    def test_the_tail_of_questions_like_these_without_two_questions_beyond_it(self):
        day, question = places(questions=20)
        twenty = Grid.of(values(questions=20), day, question)
        assert quantile_of(twenty, 0.95, LIKE).doubt == FEW_BEYOND
        assert quantile_of(twenty, 0.05, LIKE).doubt == FEW_BEYOND
        assert quantile_of(twenty, 0.9, LIKE).doubt is None
        assert quantile_of(twenty, 0.95, THESE).doubt is None


class TestValuesThatAreMissing:
    @SCOPES
    def test_are_left_out(self, scope: Scope):
        day, question = places()
        kept = np.random.default_rng(3).random(day.size) < 0.8
        gaps = np.where(kept, values(), math.nan)
        assert mean_of(Grid.of(gaps, day, question), scope) == mean_of(
            Grid.of(values()[kept], day[kept], question[kept]), scope
        )


class TestValuesThatAreCounted:
    @SCOPES
    def test_give_what_they_stand_for(self, scope: Scope):
        draw = np.random.default_rng(10)
        day, question, value = (codes.ravel() for codes in np.indices((DAYS, QUESTIONS, 6)))
        counts = draw.poisson(2, value.size)
        repeated = Grid.of(*(np.repeat(codes, counts) for codes in (value, day, question)))
        counted = Grid.of(value, day, question, counts)
        for q in (0.3, 0.5, 0.7):
            expected = quantile_of(repeated, q, scope).interval
            assert numbers(quantile_of(counted, q, scope).interval) == about(*numbers(expected))
        assert numbers(mean_of(counted, scope).interval) == about(*numbers(mean_of(repeated, scope).interval))
        assert counted.cells.n == repeated.cells.n == counts.sum()

    @SCOPES
    def test_may_be_the_means_of_each_day_and_question(self, scope: Scope):
        draw, (day, question) = np.random.default_rng(11), places()
        kept = draw.random(day.size) < 0.7
        cell, drawn = (day * QUESTIONS + question)[kept], values()[kept]
        counts = np.bincount(cell, minlength=DAYS * QUESTIONS)
        means = np.bincount(cell, drawn, DAYS * QUESTIONS) / np.maximum(counts, 1)
        days, questions = (codes.ravel() for codes in np.indices((DAYS, QUESTIONS)))
        expected = mean_of(Grid.of(drawn, day[kept], question[kept]), scope)
        conclusion = mean_of(Grid.of(means, days, questions, counts), scope)
        assert numbers(conclusion.interval) == about(*numbers(expected.interval))
        assert conclusion.p_value == pytest.approx(expected.p_value)


@UNHURRIED
@given(st.integers(0, 2**32 - 1), st.sampled_from([THESE, LIKE]), st.floats(0.1, 10), st.floats(-5, 5))
def test_a_mean_moves_with_its_unit(seed: int, scope: Scope, scale: float, shift: float):
    day, question = places()
    drawn = values(seed)
    before = numbers(mean_of(Grid.of(drawn, day, question), scope).interval)
    after = numbers(mean_of(Grid.of(scale * drawn + shift, day, question), scope).interval)
    assert after == about(*(scale * (end or 0.0) + shift for end in before))


@UNHURRIED
@given(st.integers(0, 2**32 - 1), st.sampled_from([THESE, LIKE]))
def test_the_order_of_the_records_makes_no_difference(seed: int, scope: Scope):
    day, question = places()
    drawn, order = values(seed), np.random.default_rng(seed).permutation(day.size)
    mixed = Grid.of(drawn[order], day[order], question[order])
    for statistic in (lambda records: mean_of(records, scope), lambda records: quantile_of(records, 0.7, scope)):
        expected = statistic(Grid.of(drawn, day, question))
        assert numbers(statistic(mixed).interval) == about(*numbers(expected.interval))


class TestAQuantileOfAllThatWereAsked:
    def late(self, share: float) -> Grid:
        """Where about so many requests failed."""
        day, question = places(slots=20)
        times = np.random.default_rng(4).gamma(3, size=day.size)
        failed = np.random.default_rng(5).random(day.size) < share
        return Grid.of(np.where(failed, math.inf, times), day, question)

    def test_is_that_of_numpy_where_all_answered(self):
        for q in (0.1, 0.5, 0.77, 0.95):
            assert quantile_of(grid(), q, THESE).interval.estimate == pytest.approx(np.quantile(values(), q))

    def test_has_failures_later_than_anything(self):
        asked = self.late(0.1)
        assert quantile_of(asked, 0.95, THESE).interval.estimate == math.inf
        answered = np.sort(asked.values[np.isfinite(asked.values)])
        middle = quantile_of(asked, 0.5, THESE).interval
        assert middle.estimate > np.median(answered)
        assert middle.n == asked.values.size

    def test_has_an_open_end_where_its_interval_reaches_the_failures(self):
        interval = quantile_of(self.late(0.1), 0.87, THESE).interval
        assert interval.low is not None
        assert interval.estimate is not None
        assert interval.low < interval.estimate < math.inf
        assert interval.high == math.inf

    def test_is_open_at_both_ends_where_all_failed(self):
        day, question = places()
        interval = quantile_of(Grid.of(np.full(day.size, math.inf), day, question), 0.5, THESE).interval
        assert interval.estimate == interval.low == interval.high == math.inf

    def test_has_the_ends_that_the_error_of_its_share_gives(self):
        drawn = np.random.default_rng(12).normal(size=DAYS * SLOTS * QUESTIONS)
        below = drawn < np.quantile(drawn, 0.4)
        reach = stats.t.ppf(0.975, DAYS - 1) * stats.sem(below.reshape(DAYS, -1).mean(axis=1))
        interval = quantile_of(Grid.of(drawn, *places()), 0.4, THESE).interval
        assert (interval.low, interval.high) == about(*np.quantile(drawn, [0.4 - reach, 0.4 + reach]))

    def test_counts_ties_so_that_their_share_is_that_of_the_quantile(self):
        day, question = places()
        rounded = np.round(values())
        interval = quantile_of(Grid.of(rounded, day, question), 0.5, THESE).interval
        assert interval.estimate == np.median(rounded)
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low <= interval.estimate <= interval.high


class TestARatioOfTimes:
    def test_is_how_many_times_as_long_the_first_takes(self):
        times = np.exp(values())
        conclusion = ratio_of(1.8 * times, times, *places(), THESE)
        assert numbers(conclusion.interval) == about(1.8, 1.8, 1.8)

    @SCOPES
    def test_is_turned_over_with_its_llms(self, scope: Scope):
        first, second = np.exp(values(6)), np.exp(values(7))
        one, other = ratio_of(first, second, *places(), scope), ratio_of(second, first, *places(), scope)
        low, middle, high = one.interval.low, one.interval.estimate, one.interval.high
        assert None not in (low, middle, high)
        assert numbers(other.interval) == about(1 / middle, 1 / high, 1 / low)
        assert one.p_value == pytest.approx(other.p_value)

    def test_leaves_out_pairs_with_a_failure(self):
        first, second = np.exp(values(6)), np.exp(values(7))
        first[3], second[5], second[7] = math.inf, math.nan, math.inf
        assert ratio_of(first, second, *places(), THESE).interval.n == first.size - 3

    def test_is_none_where_nothing_answered(self):
        never = np.full(len(values()), math.inf)
        assert ratio_of(never, never, *places(), THESE).interval == NOTHING


class TestTheShareWon:
    def test_counts_a_failure_as_a_loss_and_two_as_a_draw(self):
        day, question = places()
        first, second = np.ones(day.size), np.ones(day.size)
        first[:4], second[4:7] = math.inf, math.inf
        first[10:12] = second[10:12] = math.inf
        interval = share_won(first, second, day, question, THESE).interval
        assert interval.estimate == pytest.approx((3 + (day.size - 7) / 2) / day.size)
        assert interval.n == day.size

    def test_leaves_out_what_wasnt_asked(self):
        day, question = places()
        first = np.where(np.arange(day.size) < 5, math.nan, 1.0)
        interval = share_won(first, np.full(day.size, 2.0), day, question, THESE).interval
        assert (interval.estimate, interval.n) == (1, day.size - 5)

    @SCOPES
    def test_of_both_llms_adds_up_to_one(self, scope: Scope):
        first, second = values(8), values(9)
        one, other = share_won(first, second, *places(), scope), share_won(second, first, *places(), scope)
        assert one.interval.estimate + other.interval.estimate == pytest.approx(1)
        assert one.p_value == pytest.approx(other.p_value)

    def test_stays_between_none_and_all(self):
        first = np.where(np.arange(len(values())) % 40 == 0, 3.0, 1.0)
        interval = share_won(first, np.full(first.size, 2.0), *places(), LIKE).interval
        assert interval.high is not None
        assert interval.high <= 1
