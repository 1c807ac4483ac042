from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from llm_bench.analysis.statistics import carry_over
from llm_bench.analysis.statistics.correlation import spearman


class TestWhatASlotKeepsOfTheOneBefore:
    def test_is_the_rank_correlation_of_slots_with_the_next(self):
        values = np.random.default_rng(12).normal(size=30)
        neighbours = carry_over(values, np.arange(30))
        expected = stats.spearmanr(values[:-1], values[1:])
        assert (neighbours.correlation, neighbours.p_value) == pytest.approx((expected.statistic, expected.pvalue))
        assert neighbours.pairs == 29

    def test_leaves_out_the_night_and_what_was_missed(self):
        """Two days of 8 slots, of which the first lacks one in its middle: 5 and 7 pairs."""
        moments = [*range(8), *range(24, 32)]
        values = [1.0, 2, math.nan, 4, 5, 6, 7, 8, *range(8, 0, -1)]
        neighbours = carry_over(values, moments)
        assert neighbours.pairs == 5 + 7
        del moments[2], values[2]
        assert carry_over(values, moments) == neighbours

    def test_does_not_depend_on_the_order_of_the_slots(self):
        rng = np.random.default_rng(13)
        values, order = rng.normal(size=20), rng.permutation(20)
        assert carry_over(values[order], np.arange(20)[order]) == carry_over(values, np.arange(20))

    @pytest.mark.parametrize(
        "values", [[], [1.0], [1.0, 2, 3, 4, 5, 6], [1.0] * 20], ids=["no data", "one slot", "few", "all equal"]
    )
    def test_that_cannot_be_told_is_none(self, values: list[float]):
        neighbours = carry_over(values, range(len(values)))
        assert (neighbours.correlation, neighbours.p_value) == (None, None)


class TestTheRankCorrelationOfTwoLists:
    RNG = np.random.default_rng(14)
    VALUES = RNG.normal(size=40)
    GRADES = np.clip(np.round(VALUES + RNG.normal(size=40) + 2), 0, 4)
    QUESTIONS = np.arange(40) % 20

    def test_is_spearmans(self):
        agreed = spearman(self.VALUES, self.GRADES, self.QUESTIONS)
        assert agreed.estimate == pytest.approx(stats.spearmanr(self.VALUES, self.GRADES).statistic)
        assert (agreed.n, agreed.clusters) == (40, 20)

    def test_has_an_interval_around_it_within_minus_one_and_one(self):
        agreed = spearman(self.VALUES, self.GRADES, self.QUESTIONS)
        assert -1 < agreed.low < agreed.estimate < agreed.high < 1

    def test_knows_no_more_for_being_told_each_answer_twice(self):
        twice = [np.concatenate([held, held]) for held in (self.VALUES, self.GRADES, self.QUESTIONS)]
        once, again = spearman(self.VALUES, self.GRADES, self.QUESTIONS), spearman(*twice)
        assert (again.low, again.high) == pytest.approx((once.low, once.high), abs=0.02)

    def test_has_no_interval_with_fewer_than_six_questions(self):
        agreed = spearman(self.VALUES, self.GRADES, np.arange(40) % 5)
        assert (agreed.low, agreed.high, agreed.doubt) == (None, None, "few questions")

    @pytest.mark.parametrize("alike", ["values", "others"])
    def test_of_numbers_that_are_all_alike_is_none(self, alike: str):
        lists = {"values": self.VALUES, "others": self.GRADES} | {alike: np.ones(40)}
        assert spearman(**lists, questions=self.QUESTIONS) is None

    def test_of_the_same_order_is_one(self):
        agreed = spearman(np.arange(30), np.arange(30) ** 2, np.arange(30))
        assert agreed.estimate == pytest.approx(1)
        assert agreed.low > 0.99

    def test_is_covered_by_its_interval_where_answers_to_a_question_go_together(self):
        rng = np.random.default_rng(15)
        questions = np.arange(40) % 10
        true = 6 / np.pi * np.arcsin(0.6 / 2)  # of a normal pair whose correlation is 0.6
        covered = 0
        for _ in range(300):
            of_question, alone = rng.normal(size=(2, 10))[:, questions], rng.normal(size=(2, 40))
            first, second = (of_question + alone) / np.sqrt(2)
            agreed = spearman(first, 0.6 * first + 0.8 * second, questions)
            covered += agreed.low <= true <= agreed.high
        assert 0.92 <= covered / 300 <= 0.99
