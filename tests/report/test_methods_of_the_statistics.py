"""What the methods say of the statistics, held to other computations of the same."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from llm_bench.analysis.statistics import blocks, success
from llm_bench.analysis.statistics.blocks import days_correlate, days_last, days_of
from llm_bench.analysis.statistics.changes import LEVEL, ORDERS, SEED, change
from llm_bench.analysis.statistics.comparisons import holm
from llm_bench.analysis.statistics.correlation import carry_over
from llm_bench.analysis.statistics.factors import differs
from llm_bench.analysis.statistics.kernels import similarity, spectrum
from llm_bench.analysis.statistics.sample import LEAST_SLOTS, student
from llm_bench.analysis.statistics.scopes import (
    FEW_BEYOND,
    FEW_DAYS,
    FEW_QUESTIONS,
    Grid,
    mean_of,
    quantile_of,
    ratio_of,
    share_won,
)
from report.claims import says

DAYS, QUESTIONS, TIMES = 5, 8, 3
DRAW = np.random.default_rng(1)
DAY, QUESTION, _ = (axis.ravel() for axis in np.mgrid[:DAYS, :QUESTIONS, :TIMES])
VALUES = (
    DRAW.normal(size=DAYS)[DAY] + DRAW.normal(size=QUESTIONS)[QUESTION] + 0.5 * DRAW.normal(size=DAY.size)
)  # days and questions differ, and each request
GRID = Grid.of(VALUES, DAY, QUESTION)


def half_width(conclusion) -> float:
    return (conclusion.interval.high - conclusion.interval.low) / 2


def by_hand() -> tuple[float, float, float]:
    """The variance of the mean by days, by questions, and by what neither explains."""
    cells = VALUES.reshape(DAYS, QUESTIONS, TIMES).mean(axis=2)
    day, question = cells.mean(axis=1), cells.mean(axis=0)
    rest = cells - day[:, None] - question + cells.mean()
    free = (DAYS - 1) * (QUESTIONS - 1)
    neither = (rest**2).sum() / free / cells.size
    return day.var(ddof=1) / DAYS, question.var(ddof=1) / QUESTIONS, neither


class TestScopes:
    @says("A conclusion is for these questions, or for questions like these", "A finding on a sample of questions")
    def test_questions_that_differ_widen_what_is_said_of_questions_like_these_alone(self):
        apart = Grid.of(10.0 * QUESTION, DAY, QUESTION)
        assert half_width(mean_of(apart, "these questions")) == 0
        assert half_width(mean_of(apart, "questions like these")) > 10

    @says("Every question is asked on every day: days and questions are crossed")
    def test_a_questions_number_means_the_same_question_on_each_day(self):
        nested = Grid.of(VALUES, DAY, QUESTION + QUESTIONS * DAY)  # other questions on each day
        crossed = mean_of(GRID, "questions like these")
        assert half_width(mean_of(nested, "questions like these")) != pytest.approx(half_width(crossed))

    @says("The day is the cluster of time: nothing is supposed of how the slots of a day follow one another")
    def test_the_order_and_number_of_a_days_slots_change_nothing(self):
        shuffled = np.concatenate([DRAW.permutation(np.flatnonzero(day == DAY)) for day in range(DAYS)])
        other = Grid.of(VALUES[shuffled], DAY[shuffled], QUESTION[shuffled])
        assert half_width(mean_of(other, "these questions")) == pytest.approx(
            half_width(mean_of(GRID, "these questions"))
        )
        twice = Grid.of(np.tile(VALUES, 2), np.tile(DAY, 2), np.tile(QUESTION, 2))  # slots that repeat one another
        assert half_width(mean_of(twice, "these questions")) == pytest.approx(
            half_width(mean_of(GRID, "these questions"))
        )

    @says("Of these questions the error is from the sums of the days, with Student's t")
    def test_these_questions_have_the_t_interval_of_the_days_means(self):
        means = VALUES.reshape(DAYS, -1).mean(axis=1)
        reach = stats.t.ppf(0.975, DAYS - 1) * means.std(ddof=1) / math.sqrt(DAYS)
        assert half_width(mean_of(GRID, "these questions")) == pytest.approx(reach)

    @says(
        "Of questions like these it is the root of the variance by days",
        "It has Satterthwaite's degrees of freedom",
        "The interval and the p of the mean difference are for questions like these on days like these",
        "The variance of the mean by days and that by questions are added, and what neither explains",
    )
    def test_questions_like_these_have_the_sum_of_the_variances_less_what_both_contain(self):
        day, question, neither = by_hand()
        whole = day + question - neither
        parts = day**2 / (DAYS - 1) + question**2 / (QUESTIONS - 1) + neither**2 / (DAYS - 1) / (QUESTIONS - 1)
        reach = stats.t.ppf(0.975, whole**2 / parts) * math.sqrt(whole)
        assert half_width(mean_of(GRID, "questions like these")) == pytest.approx(reach)

    def test_they_are_never_below_either_of_the_first_two(self):
        flat = np.where((DAY + QUESTION) % 2, 1.0, -1.0)[(DAY < 4)]  # nothing by days or questions, all by both
        grid = Grid.of(flat, DAY[DAY < 4], QUESTION[DAY < 4])
        error, _ = grid.error(flat, "questions like these")
        assert error >= grid.error(flat, "these questions")[0] >= 0

    @says("With fewer than 4 days there is an estimate without an interval, and so there is")
    def test_few_days_or_few_questions_have_an_estimate_alone(self):
        few = mean_of(Grid.of(VALUES[DAY < 3], DAY[DAY < 3], QUESTION[DAY < 3]), "these questions")
        assert (few.doubt, few.interval.low) == (FEW_DAYS, None)
        assert few.interval.estimate == pytest.approx(VALUES[DAY < 3].mean())
        five = Grid.of(VALUES[QUESTION < 5], DAY[QUESTION < 5], QUESTION[QUESTION < 5])
        assert mean_of(five, "questions like these").doubt == FEW_QUESTIONS
        assert mean_of(five, "these questions").doubt is None
        six, four = QUESTION < 6, DAY < 4
        assert mean_of(Grid.of(VALUES[six], DAY[six], QUESTION[six]), "questions like these").doubt is None
        assert mean_of(Grid.of(VALUES[four], DAY[four], QUESTION[four]), "these questions").doubt is None

    @says("Intervals are two-sided, of 95 %.")
    def test_an_interval_leaves_out_as_much_below_as_above(self):
        interval = mean_of(GRID, "these questions").interval
        assert interval.estimate - interval.low == pytest.approx(interval.high - interval.estimate)
        assert interval == mean_of(GRID, "these questions", level=0.95).interval

    @says("Two LLMs' scores of the same question in the same slot are subtracted, and each question's differences of a")
    def test_a_days_mean_of_a_question_says_the_same_as_its_slots(self):
        cells = VALUES.reshape(DAYS, QUESTIONS, TIMES).mean(axis=2).ravel()
        day, question = (axis.ravel() for axis in np.mgrid[:DAYS, :QUESTIONS])
        averaged = mean_of(Grid.of(cells, day, question), "questions like these")
        assert half_width(averaged) == pytest.approx(half_width(mean_of(GRID, "questions like these")))

    @says("There is no interval with fewer than 4 days or 6 questions, nor where a slow time may outlast a day.")
    def test_a_difference_of_few_days_or_questions_has_no_interval(self):
        for few in (DAY < 3, QUESTION < 5):
            few_of = Grid.of(VALUES[few], DAY[few], QUESTION[few])
            assert mean_of(few_of, "questions like these").interval.low is None


class TestMeans:
    @says("A mean is that of all values, and a mean difference that of all pairs.")
    def test_each_value_counts_once(self):
        uneven = np.arange(VALUES.size) != 3
        grid = Grid.of(VALUES[uneven], DAY[uneven], QUESTION[uneven])
        assert mean_of(grid, "these questions").interval.estimate == pytest.approx(VALUES[uneven].mean())

    @says("Its p is two-sided, by the same t: that the mean is 0.")
    def test_p_is_that_of_the_days_means(self):
        expected = stats.ttest_1samp(VALUES.reshape(DAYS, -1).mean(axis=1), 0).pvalue
        assert mean_of(GRID, "these questions").p_value == pytest.approx(expected)


FIRST, SECOND = np.exp(VALUES), np.exp(VALUES - 0.1 + 0.3 * DRAW.normal(size=VALUES.size))


class TestTimesOfTwo:
    @says(
        "How many times as long (as fast, as dear) one LLM is as another: the geometric mean of the ratios",
        "Interval and p are made as those of differences of scores, on the logarithms.",
    )
    def test_the_ratio_is_the_geometric_mean_with_the_interval_of_the_logarithms(self):
        ratio = ratio_of(FIRST, SECOND, DAY, QUESTION, "questions like these")
        logarithms = mean_of(Grid.of(np.log(FIRST / SECOND), DAY, QUESTION), "questions like these")
        assert ratio.interval.estimate == pytest.approx(stats.gmean(FIRST / SECOND))
        assert ratio.interval.low == pytest.approx(math.exp(logarithms.interval.low))
        assert ratio.p_value == pytest.approx(logarithms.p_value)

    def test_a_failure_leaves_its_pair_without_a_ratio(self):
        failed = FIRST.copy()
        failed[0] = np.inf
        assert ratio_of(failed, SECOND, DAY, QUESTION, "these questions").interval.n == FIRST.size - 1

    @says(
        "In what share of the pairs one LLM is faster than another.",
        "The interval is made as that of differences of scores.",
    )
    def test_the_share_won_is_tested_against_one_half(self):
        won = share_won(FIRST, SECOND, DAY, QUESTION, "these questions")
        by_day = (FIRST < SECOND).reshape(DAYS, -1).mean(axis=1)
        assert won.interval.estimate == pytest.approx((FIRST < SECOND).mean())
        assert won.p_value == pytest.approx(stats.ttest_1samp(by_day, 0.5).pvalue)
        as_scores = mean_of(Grid.of(FIRST < SECOND, DAY, QUESTION), "questions like these")
        assert half_width(share_won(FIRST, SECOND, DAY, QUESTION, "questions like these")) == pytest.approx(
            half_width(as_scores)
        )

    @says(
        "A failure is later than any answer, so that a pair in which one failed is lost by that one",
        "Nothing that was asked drops out.",
    )
    def test_a_failure_loses_and_two_are_a_draw(self):
        ones = np.ones(VALUES.size)

        def share(first: float, second: float):
            return share_won(first * ones, second * ones, DAY, QUESTION, "these questions").interval

        assert (share(1, np.inf).estimate, share(np.inf, 1).estimate) == (1, 0)
        assert share(np.inf, np.inf).estimate == share(2, 2).estimate == 0.5
        assert share(np.inf, np.inf).n == VALUES.size


class TestQuantiles:
    @says(
        "A quantile is of all that were asked, a failure being later than any answer.",
        "It is of Hyndman and Fan's type 7.",
    )
    def test_it_is_type_7_of_all_with_failures_last(self):
        times = FIRST.copy()
        times[:20] = np.inf
        found = quantile_of(Grid.of(times, DAY, QUESTION), 0.3, "these questions").interval
        assert found.n == times.size
        assert found.estimate == pytest.approx(np.quantile(np.where(np.isinf(times), 1e9, times), 0.3, method="linear"))

    @says("Its interval is Woodruff's: the values at the ends of the interval of the share below it")
    def test_its_interval_is_that_of_the_share_below_it_taken_back(self):
        middle = np.median(VALUES)
        below = Grid.of((middle > VALUES).astype(float), DAY, QUESTION)
        for scope in ("these questions", "questions like these"):
            reach = half_width(mean_of(below, scope))
            interval = quantile_of(GRID, 0.5, scope).interval
            assert interval.low == pytest.approx(np.quantile(VALUES, 0.5 - reach))
            assert interval.high == pytest.approx(np.quantile(VALUES, 0.5 + reach))

    @says("The high end is open where it reaches the failures, or lies beyond all values.")
    def test_its_high_end_is_open_where_failures_are(self):
        times = FIRST.copy()
        times[np.quantile(VALUES, 0.6) < VALUES] = np.inf
        assert quantile_of(Grid.of(times, DAY, QUESTION), 0.5, "these questions").interval.high == math.inf
        assert quantile_of(GRID, 0.97, "these questions").interval.high == math.inf

    @says("Of questions like these there is an interval where 2 questions or more lie beyond the quantile.")
    def test_two_questions_must_lie_beyond(self):
        assert quantile_of(GRID, 0.75, "questions like these").doubt is None  # 2 of 8
        assert quantile_of(GRID, 0.76, "questions like these").doubt == FEW_BEYOND
        assert quantile_of(GRID, 0.76, "these questions").doubt is None


HOURS = 3600.0 * np.arange(0, 12, 2)


class TestDays:
    @says("A day begins after the longest pause between the times of day of the slots; around the clock")
    def test_a_day_begins_after_the_longest_pause_or_with_the_first_slot(self):
        nightly = np.concatenate([day * 86_400 + 20 * 3600 + HOURS for day in range(3)])  # through midnight
        assert days_of(nightly).tolist() == np.repeat([0, 1, 2], 6).tolist()
        clock = 5 * 3600 + 7200.0 * np.arange(24)
        assert days_of(clock).tolist() == np.repeat([0, 1], 12).tolist()

    @says("Days are no clusters where what a slot keeps of the one before may last into the next day", "That is so")
    def test_days_are_no_clusters_where_their_means_may_correlate(self, monkeypatch: pytest.MonkeyPatch):
        def lasts(kept: float, moments: np.ndarray, seed: int = 3) -> bool:
            draw, levels = np.random.default_rng(seed), [0.0]
            for shock in draw.normal(size=moments.size - 1):
                levels.append(kept * levels[-1] + shock)
            return days_last(levels, moments, days_of(moments))

        office = np.concatenate([day * 86_400 + HOURS for day in range(8)])
        around = 7200.0 * np.arange(96)
        assert lasts(0.9, around)
        assert not lasts(0.0, office)
        assert blocks.LASTING == 0.05
        assert days_correlate(0.5, 6, 7) < 0.05 < days_correlate(0.8, 12, 1)  # of the slots' own means, by powers
        monkeypatch.setattr(blocks, "LASTING", 1.0)
        assert not lasts(0.9, around)

    def test_the_correlation_that_counts_is_the_upper_end_of_its_interval(self, monkeypatch: pytest.MonkeyPatch):
        assert pytest.approx(stats.norm.ppf(0.95), abs=1e-3) == blocks._REACH
        counted: list[float] = []
        monkeypatch.setattr(blocks, "days_correlate", lambda kept, _slots, _apart: counted.append(kept) or 0.0)
        moments = 7200.0 * np.arange(96)
        levels = np.random.default_rng(3).normal(size=96)
        known = carry_over(levels, moments)
        days_last(levels, moments, days_of(moments))
        assert counted[0] > math.tanh(math.atanh(known.correlation) + 1.6 / math.sqrt(known.pairs - 3))


ASKED, SLOTS = 20, 56


def of_failures(lost: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    good = np.full(SLOTS, ASKED)
    for slot, failures in lost.items():
        good[slot] -= failures
    return good, np.full(SLOTS, ASKED)


def score_interval(share: float, n: float, t: float) -> tuple[float, float]:
    """Wilson's, as the roots of (share − p)² = t² p (1 − p) / n."""
    roots = np.roots([1 + t**2 / n, -(2 * share + t**2 / n), share**2])
    return float(roots.min()), float(roots.max())


ALONE = {5: 1, 17: 1, 30: 1, 44: 1}
OUTAGES = {5: 20, 6: 20, 7: 20, 30: 11, 50: 4}


def by_sign(one: np.ndarray, other: np.ndarray) -> float:
    """The p of random signs."""
    return float(success.p_of_runs(success.runs_of(one - other)[None])[0])


class TestRates:
    @says("A rate is of the slots of these questions.", "Its interval is Wilson's, of as many independent trials as")
    @pytest.mark.parametrize("lost", [ALONE, OUTAGES])
    def test_its_interval_is_wilsons_of_the_records_over_the_design_effect(self, lost: dict[int, int]):
        good, asked = of_failures(lost)
        effect = success.clustering(asked - good, asked)
        share, n = good.sum() / asked.sum(), asked.sum()
        found = success.rate(good, asked).interval
        assert (found.low, found.high) == pytest.approx(
            score_interval(share, n / effect, stats.t.ppf(0.975, SLOTS - 1))
        )
        assert found.clusters == SLOTS

    @says("The design effect is the variance of a slot's failures over that of as many independent ones, and twice")
    def test_the_design_effect_sums_what_neighbours_share_up_to_the_first_that_isnt_positive(self):
        good, asked = of_failures(OUTAGES)
        lost = asked - good
        share = lost.sum() / asked.sum()
        rest = lost - share * asked
        sums = [float(rest[: SLOTS - lag] @ rest[lag:]) for lag in range(1, SLOTS // 4)]
        kept = list(itertools.takewhile(lambda together: together > 0, sums))
        assert 0 < len(kept) < len(sums)
        independent = SLOTS * ASKED * share * (1 - share)
        expected = (float(rest @ rest) + 2 * sum(kept)) * SLOTS / (SLOTS - 1) / independent
        assert success.clustering(lost, asked) == pytest.approx(expected)

    @says("It is at least 1, the value of failures that come alone.")
    def test_failures_that_come_alone_have_wilsons_own_interval(self):
        good, asked = of_failures(ALONE)
        assert success.clustering(asked - good, asked) == 1

    @says("Without a failure, or with fewer than 6 slots, there is no interval.")
    def test_without_a_failure_or_with_few_slots_there_is_no_interval(self):
        good, asked = of_failures({})
        assert success.rate(good, asked).doubt == success.NO_FAILURES
        few = of_failures({1: 3})
        assert success.rate(few[0][:5], few[1][:5]).doubt == success.FEW_SLOTS
        assert success.rate(few[0][:6], few[1][:6]).doubt is None

    @says("The interval is made of those of the two rates (Newcombe's square-and-add), both with the greater of their")
    def test_a_difference_has_newcombes_interval_with_the_greater_design_effect(self):
        (one, asked), (other, _) = of_failures(ALONE), of_failures(OUTAGES)
        effect = max(success.clustering(asked - good, asked) for good in (one, other))
        n, t = asked.sum(), student(0.95, SLOTS)
        (first, low, high), (second, lower, higher) = (
            (good.sum() / n, *score_interval(good.sum() / n, n / effect, t)) for good in (one, other)
        )
        found = success.rate_difference(one, other, asked).interval
        assert found.low == pytest.approx(first - second - math.hypot(first - low, higher - second))
        assert found.high == pytest.approx(first - second + math.hypot(high - first, second - lower))

    @says("One gives each run of slots in which the two LLMs differ a sign at random, and compares how far the rates")
    def test_one_p_gives_each_run_to_either_at_random(self):
        (one, _), (other, _) = of_failures({}), of_failures({3: 20, 4: 20, 9: 2, 20: 5, 21: 1, 40: 3})
        runs = [40, 2, 6, 3]  # what each run of slots that follow one another comes to
        sums = [
            sum(sign * run for sign, run in zip(signs, runs, strict=True))
            for signs in itertools.product((1, -1), repeat=4)
        ]
        assert list(success.runs_of(one - other)) == runs
        assert by_sign(one, other) == np.mean([abs(total) >= sum(runs) for total in sums])
        assert list(success.runs_of(np.array([1.0, 20, 20, 1, 0, 1]))) == [1, 40, 1, 1]

    @says("The other is Student's t of the difference, with the rate of both together and that design effect.")
    def test_the_other_p_is_by_students_t_with_the_design_effect(self):
        (one, asked), (other, _) = of_failures(ALONE), of_failures(OUTAGES)
        n, together = asked.sum(), (one.sum() + other.sum()) / (2 * asked.sum())
        effect = max(success.clustering(asked - good, asked) for good in (one, other))
        error = math.sqrt(2 * together * (1 - together) * effect / n)
        expected = 2 * stats.t.sf(abs(one.sum() - other.sum()) / n / error, SLOTS - 1)
        assert success.p_by_error(one[None], other[None], asked)[0] == pytest.approx(expected)

    @says("p is the larger of two.")
    def test_p_is_the_larger_of_two(self):
        larger = set()
        for failures in ({3: 20, 4: 20, 9: 2, 20: 5, 21: 1, 40: 3}, {3: 2, 9: 2, 20: 2, 30: 2}):
            (one, asked), (other, _) = of_failures({}), of_failures(failures)
            both = {"sign": by_sign(one, other), "error": float(success.p_by_error(one[None], other[None], asked)[0])}
            assert success.rate_difference(one, other, asked).p_value == pytest.approx(max(both.values()))
            larger.add(max(both, key=lambda name: both[name]))
        assert larger == {"sign", "error"}

    @says("Up to 12 runs all signs are tried, of more 9,999 random ones of a fixed seed")
    def test_all_ways_are_tried_of_few_runs_and_random_ones_of_many(self):
        def p(runs: int) -> float:
            (one, _), (other, _) = of_failures({}), of_failures({2 * run: 1 for run in range(runs)})
            first, again = (by_sign(one, other) for _ in range(2))
            assert first == again
            return first

        assert p(12) == pytest.approx(2 / 2**12)
        assert (p(13) * 10_000) == pytest.approx(round(p(13) * 10_000))
        assert p(13) != pytest.approx(2 / 2**13, rel=1e-6)

    @says("There is no interval with fewer than 6 slots, nor where neither failed.")
    def test_a_difference_of_few_slots_or_without_a_failure_has_no_interval(self):
        (one, asked), (other, _) = of_failures({}), of_failures(ALONE)
        assert success.rate_difference(one, one, asked).interval.low is None
        assert success.rate_difference(one[:5], other[:5] - 1, asked[:5]).interval.low is None
        assert success.rate_difference(one[:6], other[:6], asked[:6]).interval.low is not None


class TestManyTests:
    @says("p is corrected over the LLMs by Holm.")
    def test_the_smallest_counts_as_often_as_there_are_tests_and_each_next_one_once_less(self):
        assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])

    def test_false_alarms_stay_below_the_level(self):
        draw = np.random.default_rng(2)
        alarms = np.mean([min(holm(list(draw.uniform(size=6)))) <= 0.05 for _ in range(4000)])
        assert 0.035 < alarms < 0.06
        assert np.mean([draw.uniform(size=6).min() <= 0.05 for _ in range(4000)]) > 0.2

    def test_a_test_that_wasnt_made_corrects_nothing(self):
        assert holm([0.02, None, 0.03]) == pytest.approx([0.04, None, 0.04])


class TestWhoAnswered:
    @says("Whether a time differs by these is tested within slots, so that what a slot does to all", "Their mean over")
    def test_it_is_hotellings_test_of_the_sums_of_ranks_within_slots(self):
        draw = np.random.default_rng(4)
        slot, level = np.repeat(np.arange(15), 9), np.tile(np.arange(3), 45)
        values = 50.0 * draw.normal(size=15)[slot] + 0.6 * level + draw.normal(size=slot.size)
        sums = np.zeros((15, 3))
        for each in range(15):
            own = slot == each
            score = (stats.rankdata(values[own]) - 5) / 9
            sums[each] = [score[level[own] == of].sum() for of in range(3)]
        free = sums[:, :2]  # the third follows from these
        mean, spread = free.mean(axis=0), np.cov(free.T)
        statistic = 15 * mean @ np.linalg.inv(spread) @ mean
        expected = stats.f.sf(statistic * (15 - 2) / (2 * 14), 2, 13)
        assert differs(values, slot, level).p_value == pytest.approx(expected)
        assert differs(values + 1000.0 * slot, slot, level).p_value == pytest.approx(expected)

    @says("With fewer than 6 slots in which two levels meet nothing is tested.")
    def test_few_slots_arent_tested(self):
        draw = np.random.default_rng(4)

        def tested(slots: int) -> float | None:
            slot, level = np.repeat(np.arange(slots), 4), np.tile([0, 1], 2 * slots)
            return differs(draw.normal(size=slot.size), slot, level).p_value

        assert tested(LEAST_SLOTS - 1) is None
        assert tested(6) is not None


class TestWhichModelAnswered:
    @says("Stored answers to the same question are compared between slots, by the pieces of 8 characters")
    def test_two_texts_are_alike_by_the_pieces_of_eight_characters_that_both_hold(self):
        texts = ["abcdefghij", "xxabcdefghyy", "abcdefgXij", "quite another"]
        pieces = [{text[at : at + 8] for at in range(len(text) - 7)} for text in texts]
        held = np.array([[piece in own for piece in sorted(set().union(*pieces))] for own in pieces], float)
        held -= held.mean(axis=0)
        assert spectrum(texts) == pytest.approx(held @ held.T, abs=1e-5)
        apart = similarity([["toys", "toys", "books"], ["books", "books", "toys"]])
        assert apart[0, 1] > 0 > apart[0, 2]  # never one question's answer with another's

    @says("Of an answer its first 1,000 characters count.")
    def test_what_is_beyond_a_thousand_characters_is_not_compared(self):
        long = "".join(chr(97 + number % 26) for number in range(1000))
        assert (spectrum([long + "one end", long + "other end", "else"])[0] == spectrum([long, long, "else"])[0]).all()

    @says("A piece counts as there or not there, however often it stands in the answer, and what all answers")
    def test_repeating_counts_for_nothing_and_so_does_what_all_have(self):
        once, twice = spectrum(["12345678", "abcdefgh"]), spectrum(["12345678" * 1, "abcdefgh"])
        assert (once == twice).all()
        assert spectrum(["aaaaaaaa", "aaaaaaaaaaaaaaaa"]).tolist() == [[0, 0], [0, 0]]

    @says("The comparisons of all questions are added up, each question's in relation to their spread")
    def test_each_question_counts_alike(self):
        short = [["yes", "yes", "no", "no"]]
        long = [["the first answer, at length", "the first answer, at length", "quite another", "quite another"]]
        assert similarity(short) == pytest.approx(similarity(long))
        assert similarity(short + long) == pytest.approx(2 * similarity(short))

    @says(
        "At each moment between two slots, the answers before are compared with those after by their maximum mean",
        "Whole slots change places in 1,999 random orders of a fixed seed, and each moment is set in relation",
        "p is how often the greatest of all moments is as great by chance.",
    )
    def test_p_is_that_of_the_greatest_standardised_discrepancy_over_the_orders(self):
        draw = np.random.default_rng(6)
        alike = draw.normal(size=(12, 12))
        alike = alike + alike.T
        np.fill_diagonal(alike, 0)
        orders = np.random.default_rng(SEED).permuted(np.tile(np.arange(12), (ORDERS + 1, 1)), axis=1)
        orders[0] = np.arange(12)

        def discrepancy(order: np.ndarray, cut: int) -> float:
            one, other = order[:cut], order[cut:]
            within = [alike[np.ix_(side, side)].sum() / (len(side) * (len(side) - 1)) for side in (one, other)]
            return sum(within) - 2 * alike[np.ix_(one, other)].mean()

        seen = np.array([[discrepancy(order, cut) for cut in (5, 6, 7)] for order in orders])
        heights = (seen - seen.mean(axis=0)) / seen.std(axis=0)
        assert len(orders) == 2000
        assert change(alike).p_value == pytest.approx((heights.max(axis=1) >= heights[0].max() - 1e-9).mean())
        assert change(alike).at == 5 + heights[0].argmax()

    @says("Each side has 5 slots or more, and with fewer than 11 slots nothing is tested.")
    def test_moments_near_the_ends_and_few_slots_arent_tested(self):
        draw = np.random.default_rng(6)

        def tested(slots: int) -> list[int]:
            alike = draw.normal(size=(slots, slots))
            return np.flatnonzero(~np.isnan(change(alike + alike.T).chances)).tolist()

        assert tested(10) == []
        assert tested(11) == [5, 6]

    @says("Where p, corrected over the LLMs by Holm, is below 0.02, the answers are said to have changed")
    def test_below_the_level_they_are_said_to_have_changed(self):
        from dataclasses import fields

        from llm_bench.analysis.queries.answers import Answered

        def verdict(p: float | None) -> str:
            values = dict.fromkeys([field.name for field in fields(Answered)]) | {"p": p}
            return Answered(**values).verdict

        assert [verdict(p) for p in (0.0199, 0.02, None)] == ["changed", "same", "unknown"]
        assert LEVEL == 0.02
