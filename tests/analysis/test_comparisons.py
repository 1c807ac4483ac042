"""Comparisons of studies whose truth is known: alike, different, out of order."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.crossed import Crossed
from llm_bench.analysis import queries
from llm_bench.analysis.queries import Comparison, comparisons, numbers
from llm_bench.analysis.queries.shapes import EXPLORATORY, PRIMARY
from llm_bench.analysis.statistics import holm
from llm_bench.analysis.statistics.scopes import Grid, mean_of, ratio_of, share_won
from llm_bench.analysis.statistics.success import rate_difference
from llm_bench.analysis.view import View
from llm_bench.objectives import Interest

LIKE, THESE = "questions like these", "these questions"
DAYS, SLOTS, QUESTIONS = 4, 14, 20
DAY = np.repeat(np.arange(DAYS), SLOTS)[:, None] * np.ones(QUESTIONS)
QUESTION = np.arange(QUESTIONS) * np.ones((DAYS * SLOTS, 1))


@pytest.fixture(scope="module")
def study() -> Crossed:
    return Crossed(llms=3, days=DAYS, slots=SLOTS, questions=QUESTIONS)


def compared(study: Crossed, metric: str, values: dict[str, np.ndarray], **options) -> list[Comparison]:
    pairs = queries.compare(study.records(values), View(), study.names, **options)
    return [pair for pair in pairs if pair.metric == metric]


def times(seed: int, failing: float = 0.0) -> np.ndarray:
    """Latencies that differ by LLM, slot and question; some are missing."""
    draw = np.random.default_rng(seed)
    logs = np.array([0.0, 0.3, 0.1])[:, None, None] + 0.1 * draw.normal(size=(1, DAYS * SLOTS, 1))
    logs = logs + 0.2 * draw.normal(size=(3, 1, QUESTIONS)) + 0.2 * draw.normal(size=(3, DAYS * SLOTS, QUESTIONS))
    return np.where(draw.random(logs.shape) < failing, np.nan, np.exp(logs))


class TestLLMsThatAreAlike:
    def test_differ_in_at_most_five_of_a_hundred_studies_though_every_answer_is_fixed(self, study):
        alarms = 0
        for seed in range(100, 200):  # of 2,000 studies it is 4.75 %
            draw = np.random.default_rng(seed)
            scores = 0.6 + 0.15 * draw.normal(size=(1, 1, QUESTIONS)) + 0.1 * draw.normal(size=(3, 1, QUESTIONS))
            pairs = queries.compare(study.records({"coverage_score": np.clip(scores, 0, 1)}), View(), study.names)
            alarms += any(pair.p_holm is not None and pair.p_holm < 0.05 for pair in pairs)
        assert alarms <= 5

    def test_have_no_difference_that_matters_where_their_times_are_the_same(self, study):
        first, *_ = compared(study, "latency_sec", {})
        assert (first.size.estimate, first.verdict) == (1, "no difference that matters")


class TestTimes:
    def test_are_compared_by_their_ratio_over_days_and_questions(self, study):
        values = times(1, failing=0.05)
        pair = compared(study, "latency_sec", {"latency_sec": values})[0]
        expected = ratio_of(values[0], values[1], DAY, QUESTION, LIKE)
        assert pair.is_ratio
        assert (pair.size.estimate, pair.size.low, pair.size.high, pair.p) == pytest.approx(
            (expected.interval.estimate, expected.interval.low, expected.interval.high, expected.p_value)
        )
        these = ratio_of(values[0], values[1], DAY, QUESTION, THESE).interval
        assert (pair.these.low, pair.these.high) == pytest.approx((these.low, these.high))
        assert (pair.days, pair.questions, pair.slots) == (4, 20, 56)

    def test_are_won_by_the_faster_one_with_failures_as_losses(self, study):
        values = times(2, failing=0.1)
        pair = compared(study, "latency_sec", {"latency_sec": values})[0]
        first, second = np.where(np.isnan(values), np.inf, values)[:2]
        expected = share_won(first, second, DAY, QUESTION, LIKE).interval
        assert (pair.won.estimate, pair.won.low, pair.won.high) == pytest.approx(
            (expected.estimate, expected.low, expected.high)
        )
        assert pair.won.n == DAYS * SLOTS * QUESTIONS
        assert pair.n + pair.left_out == pair.won.n

    def test_lose_a_pair_by_a_failure_and_halve_one_that_both_failed(self, study):
        values = np.ones(study.shape) * np.array([1.0, 2.0, 3.0])[:, None, None]
        values[0, 0, 0] = values[:2, 0, 1] = np.nan
        pair = compared(study, "latency_sec", {"latency_sec": values})[0]
        asked = DAYS * SLOTS * QUESTIONS
        assert pair.won.estimate == pytest.approx((asked - 1.5) / asked)
        assert pair.left_out == 2

    def test_keep_close_where_they_are_in_bins(self, study, monkeypatch):
        values = times(3)
        records = study.records({"latency_sec": values})
        exact = queries.compare(records, View(), study.names)[0]
        monkeypatch.setattr(numbers, "EXACT", 0)
        in_bins = queries.compare(study.records({"latency_sec": values}), View(), study.names)[0]
        assert in_bins.approximate
        assert in_bins.size.estimate == pytest.approx(exact.size.estimate, rel=1e-3)

    def test_of_many_days_rest_on_runs_of_them(self, study, monkeypatch):
        monkeypatch.setattr(comparisons, "_RUNS", 2)
        pair = compared(study, "latency_sec", {"latency_sec": times(1)})[0]
        assert (pair.days, pair.size.clusters, pair.size.doubt) == (4, 2, "few days")


class TestScores:
    def test_are_compared_by_their_difference_over_days_and_questions(self, study):
        scores = np.clip(0.5 + 0.3 * (times(5, failing=0.05) - 1), 0, 1)
        pair = compared(study, "coverage_score", {"coverage_score": scores})[0]
        expected = mean_of(Grid.of(scores[0] - scores[1], DAY, QUESTION), LIKE)
        assert not pair.is_ratio
        assert (pair.size.estimate, pair.size.low, pair.size.high, pair.p) == pytest.approx(
            (expected.interval.estimate, expected.interval.low, expected.interval.high, expected.p_value)
        )
        assert (pair.these, pair.won) == (None, None)

    def test_that_are_equal_are_no_difference_of_rounding(self, study):
        scores = np.random.default_rng(6).random((1, DAYS * SLOTS, QUESTIONS))
        pair = compared(study, "coverage_score", {"coverage_score": scores})[0]
        assert (pair.size.estimate, pair.size.low, pair.size.high, pair.p) == (0, 0, 0, None)


class TestSuccess:
    @pytest.mark.parametrize("lost", [0.5, 1.0])
    def test_is_estimated_as_it_is_where_one_had_outages(self, study, lost):
        """In 15 % of its slots the first one loses that share."""
        sizes = []
        for seed in range(20):
            draw = np.random.default_rng(seed)
            outage = draw.random((DAYS * SLOTS, 1)) < 0.15
            latency = np.ones(study.shape)
            latency[0][outage & (draw.random(latency[0].shape) < lost)] = np.nan
            pair = compared(study, "success", {"latency_sec": latency})[0]
            good = (~np.isnan(latency)).sum(axis=2)
            expected = rate_difference(good[0], good[1], np.full(DAYS * SLOTS, QUESTIONS))
            assert (pair.size, pair.p, pair.scope) == (expected.interval, expected.p_value, THESE)
            sizes.append(pair.size)
        assert np.mean([size.estimate for size in sizes]) == pytest.approx(-0.15 * lost, abs=0.02)
        assert all(size.estimate < 0 for size in sizes)
        assert sum(size.low <= -0.15 * lost <= size.high for size in sizes) >= 18

    def test_leaves_nothing_out(self, study):
        pair = compared(study, "success", {"latency_sec": times(7, failing=0.2)})[0]
        assert (pair.n, pair.left_out) == (DAYS * SLOTS * QUESTIONS, 0)


class TestWhatCantBeConcluded:
    def test_has_an_estimate_alone_of_a_few_days(self):
        study = Crossed(llms=2, days=3, slots=14, questions=20)
        latency = np.array([1.0, 2.0])[:, None, None] * np.exp(0.1 * np.random.default_rng(1).normal(size=study.shape))
        pair = compared(study, "latency_sec", {"latency_sec": latency})[0]
        assert (pair.size.low, pair.p, pair.verdict, pair.reason) == (None, None, "can't tell", "few days")
        assert pair.size.estimate == pytest.approx(0.5, rel=0.02)

    def test_has_an_estimate_alone_of_a_few_questions(self):
        study = Crossed(llms=2, questions=4)
        latency = np.array([1.0, 2.0])[:, None, None] * np.exp(0.1 * np.random.default_rng(1).normal(size=study.shape))
        pair = compared(study, "latency_sec", {"latency_sec": latency})[0]
        assert (pair.reason, pair.these.doubt) == ("few questions", None)

    def test_has_no_p_where_a_slow_time_outlasts_a_day(self):
        study = Crossed(llms=2, days=4, slots=28, questions=20)
        draw = np.random.default_rng(8)
        slots = np.cumsum(draw.normal(size=(2, 4 * 28)), axis=1)[:, :, None]
        latency = np.exp(0.1 * slots + 0.01 * draw.normal(size=study.shape))
        pair = compared(study, "latency_sec", {"latency_sec": latency})[0]
        assert (pair.size.low, pair.p, pair.verdict, pair.reason) == (None, None, "can't tell", "days last")
        assert pair.won.doubt == "days last"


class TestRoles:
    def test_are_primary_for_the_first_metric_where_nobody_chose_any(self, study):
        pairs = queries.compare(study.records({"latency_sec": times(9)}), View(), study.names)
        assert {pair.metric for pair in pairs if pair.role == PRIMARY} == {"latency_sec"}

    def test_are_all_exploratory_where_others_were_chosen(self, study):
        pairs = queries.compare(study.records({"latency_sec": times(9)}), View(), study.names, roles={})
        assert {pair.role for pair in pairs} == {EXPLORATORY}

    def test_have_p_corrected_over_what_is_primary_or_over_all(self, study):
        pairs = queries.compare(study.records({"latency_sec": times(9, 0.05)}), View(), study.names)
        primary = [pair for pair in pairs if pair.role == PRIMARY]
        assert [pair.p_holm for pair in primary] == holm([pair.p for pair in primary])
        over_all = zip(pairs, holm([pair.p for pair in pairs]), strict=True)
        assert all(pair.p_holm == p for pair, p in over_all if pair.role == EXPLORATORY)


class TestWhatMatters:
    def test_is_as_the_study_says(self, study):
        latency = np.ones(study.shape) * np.array([1.0, 1.15, 1.0])[:, None, None]
        latency = latency * np.exp(0.01 * np.random.default_rng(1).normal(size=study.shape))
        by_default = compared(study, "latency_sec", {"latency_sec": latency})[0]
        lenient = compared(study, "latency_sec", {"latency_sec": latency}, interest=Interest(latency_sec=1.2))[0]
        assert (by_default.verdict, by_default.interest) == ("less", 1.1)
        assert (lenient.verdict, lenient.interest) == ("no difference that matters", 1.2)

    def test_is_more_than_what_a_twin_differs_by(self, study):
        latency = np.ones(study.shape) * np.array([1.0, 1.3, 1.2])[:, None, None]
        latency = latency * np.exp(0.01 * np.random.default_rng(1).normal(size=study.shape))
        twins = {study.names[0]: study.names[1]}
        pairs = compared(study, "latency_sec", {"latency_sec": latency}, twins=twins)
        assert [(pair.verdict, pair.reason) for pair in pairs] == [
            ("less", None),
            ("can't tell", "within the noise"),
            ("can't tell", "within the noise"),
        ] or pairs[2].verdict == "no difference that matters"
