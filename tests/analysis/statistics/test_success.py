from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics.samples import NOTHING, UNHURRIED, about, numbers
from llm_bench.analysis.statistics.sample import Interval
from llm_bench.analysis.statistics.scopes import Conclusion
from llm_bench.analysis.statistics.success import (
    FEW_SLOTS,
    NO_FAILURES,
    clustering,
    clusterings,
    p_by_error,
    p_of_runs,
    rate,
    rate_difference,
    runs_of,
)

SLOTS, ASKED = 56, 20


def slots(failures: dict[int, int], size: int = SLOTS) -> np.ndarray:
    """The successes of each slot, of which some have failures."""
    good = np.full(size, ASKED)
    for slot, lost in failures.items():
        good[slot] -= lost
    return good


def asked(size: int = SLOTS) -> np.ndarray:
    return np.full(size, ASKED)


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


OUTAGE = dict.fromkeys(range(20, 24), ASKED)


class TestHowFailuresCluster:
    def test_isolated_failures_count_each(self):
        assert clustering([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], [10] * 16) == 1

    def test_a_lost_slot_counts_as_about_one_failure(self):
        lost = ASKED - slots(dict.fromkeys((5, 20, 40), ASKED))
        assert clustering(lost, asked()) == pytest.approx(ASKED * 56 / 55)

    def test_an_outage_counts_as_one_however_long_it_was(self):
        together = clustering(ASKED - slots(OUTAGE), asked())
        assert 3 * ASKED < together < 4.5 * ASKED

    def test_the_same_slots_apart_count_singly(self):
        apart = clustering(ASKED - slots(dict.fromkeys((4, 18, 32, 46), ASKED)), asked())
        assert apart < 1.5 * ASKED

    @pytest.mark.parametrize("lost", [0, ASKED])
    def test_nothing_clusters_where_nothing_or_all_failed(self, lost: int):
        assert clustering(np.full(SLOTS, lost), asked()) == 1


class TestARate:
    def test_of_four_isolated_failures_among_160_is_known_nearly_as_well_as_of_independent_ones(self):
        successes = [10 - (slot % 4 == 0) for slot in range(16)]
        low, high = proportion_confint(156, 160, method="wilson")
        assert high - low <= width(rate(successes, [10] * 16).interval) <= 1.5 * (high - low)

    def test_is_so_wherever_in_16_slots_they_stand_alone(self):
        low, high = proportion_confint(156, 160, method="wilson")
        alone = [four for four in itertools.combinations(range(16), 4) if min(np.diff(four)) > 1]
        for four in alone:
            successes = 10 - np.isin(np.arange(16), four)
            assert width(rate(successes, [10] * 16).interval) <= 1.5 * (high - low)

    def test_is_wilsons_interval_of_fewer_trials(self):
        successes = slots(dict.fromkeys((5, 20, 40), ASKED))
        trials = SLOTS * ASKED / clustering(ASKED - successes, asked())
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, SLOTS - 1))
        share = successes.sum() / (SLOTS * ASKED)
        expected = proportion_confint(share * trials, trials, alpha=alpha, method="wilson")
        assert numbers(rate(successes, asked()).interval) == about(share, *expected)

    def test_is_known_less_well_after_an_outage_than_after_as_many_lost_slots_apart(self):
        outage = rate(slots(OUTAGE), asked()).interval
        apart = rate(slots(dict.fromkeys((4, 18, 32, 46), ASKED)), asked()).interval
        assert width(outage) > 1.5 * width(apart)

    def test_without_a_failure_has_no_interval(self):
        conclusion = rate(slots({}), asked())
        assert conclusion == Conclusion(Interval(1.0, None, None, SLOTS * ASKED, SLOTS, NO_FAILURES))

    def test_of_fewer_than_six_slots_has_none(self):
        assert rate([9] * 5, [10] * 5).doubt == FEW_SLOTS
        assert rate([9] * 6, [10] * 6).doubt is None

    def test_leaves_out_slots_that_were_missed(self):
        successes, counts = slots({3: 2, 30: 1}), asked()
        with_gaps = np.insert(successes, 10, 0), np.insert(counts, 10, 0)
        assert rate(*with_gaps) == rate(successes, counts)

    def test_of_nothing_is_nothing(self):
        assert rate([], []) == rate([0], [0]) == Conclusion(NOTHING)

    @UNHURRIED
    @given(st.lists(st.integers(0, ASKED), min_size=6, max_size=60))
    def test_has_an_interval_around_it_within_none_and_all(self, successes: list[int]):
        interval = rate(successes, asked(len(successes))).interval
        if interval.low is not None:
            assert interval.high is not None
            assert interval.estimate is not None
            assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


class TestRunsOfSlots:
    def test_end_where_two_llms_are_even(self):
        assert runs_of(np.array([0, 5, 5, 0, 5, 0, -5, -5])).tolist() == [10, 5, -10]

    def test_end_where_an_outage_meets_single_failures(self):
        assert runs_of(np.array([1, 20, 19, 20, 1, 1, 0])).tolist() == [1, 59, 2]

    def test_are_none_where_two_llms_never_differ(self):
        assert runs_of(np.zeros(9)).size == 0

    @given(st.lists(st.integers(-20, 20), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
    def test_have_the_same_slots_whoever_failed_in_them(self, differences: list[int], seed: int):
        signs = np.random.default_rng(seed).choice([-1, 1], len(differences))
        sizes = np.abs(np.array(differences))
        assert runs_of(sizes * signs).size == runs_of(sizes).size
        assert runs_of(sizes).sum() == sizes.sum()


class TestManyStudiesAtOnce:
    def test_have_the_clustering_of_each(self):
        draw = np.random.default_rng(1)
        lost = np.array([draw.binomial(ASKED, share, SLOTS) * (draw.random(SLOTS) < 0.3) for share in (0, 0.1, 0.9, 1)])
        assert clusterings(lost.astype(float), asked().astype(float)) == pytest.approx(
            [clustering(study, asked()) for study in lost]
        )

    @pytest.mark.parametrize("size", [6, 30])
    def test_have_the_p_of_each(self, size: int):
        runs = np.random.default_rng(1).integers(-20, 20, (5, size)).astype(float)
        assert p_of_runs(runs).tolist() == [p_of_runs(study[None])[0] for study in runs]


class TestADifferenceOfRates:
    def test_is_in_shares_of_what_was_asked(self):
        conclusion = rate_difference(slots({1: 4}), slots({9: 10, 30: 8}), asked())
        assert conclusion.interval.estimate == pytest.approx(14 / (SLOTS * ASKED))

    def test_is_significant_from_six_events_on_alone(self):
        events = range(0, 56, 8)
        five = rate_difference(slots({}), slots(dict.fromkeys(list(events)[:5], 3)), asked())
        six = rate_difference(slots({}), slots(dict.fromkeys(list(events)[:6], 3)), asked())
        assert five.p_value == 2 / 2**5
        assert six.p_value == 2 / 2**6

    def test_takes_an_outage_for_one_event_however_long_it_was(self):
        conclusion = rate_difference(slots(OUTAGE), slots({}), asked())
        assert conclusion.p_value == 1

    def test_is_seen_where_one_llm_fails_more_often_all_along(self):
        draw = np.random.default_rng(1)
        first, second = (draw.binomial(ASKED, share, SLOTS) for share in (0.98, 0.8))
        assert (first != second).mean() > 0.95  # hardly a slot in which the two are even
        p = rate_difference(first, second, asked()).p_value
        assert p is not None
        assert p < 0.001

    def test_has_a_p_no_smaller_than_that_of_its_error(self):
        first, second = slots({}), slots(dict.fromkeys(range(0, 56, 8), 20))
        by_error = p_by_error(first[None].astype(float), second[None].astype(float), asked().astype(float))
        assert rate_difference(first, second, asked()).p_value == max(2 / 2**7, by_error[0])

    def test_compares_by_size_not_by_number(self):
        second = slots({2: 1, 8: 1, 14: 1, 20: 1, 26: 1, 32: 1})
        conclusion = rate_difference(slots({40: 6}), second, asked())
        assert conclusion.interval.estimate == pytest.approx(0)
        assert conclusion.p_value == 1

    def test_draws_signs_where_there_are_many_events_and_agrees_with_the_sign_test(self):
        apart = list(range(0, 56, 2))
        first, second = slots(dict.fromkeys(apart[:6], 1)), slots(dict.fromkeys(apart[6:], 1))
        expected = stats.binomtest(6, len(apart)).pvalue
        assert rate_difference(first, second, asked()).p_value == pytest.approx(expected, abs=0.002)

    def test_takes_the_normal_where_there_are_very_many_events(self):
        """Every second slot has one failure: of the first LLM in 180, of the other in 120 of 300."""
        first, second = (slots(dict.fromkeys(range(start, stop, 2), 1), 600) for start, stop in ((0, 360), (360, 600)))
        expected = 2 * stats.norm.sf(60 / math.sqrt(300))
        assert rate_difference(first, second, asked(600)).p_value == pytest.approx(expected)

    def test_is_the_same_at_every_call(self):
        apart = dict.fromkeys(range(0, 56, 2), 2)
        first, second = slots(apart), slots({1: 3})
        assert rate_difference(first, second, asked()) == rate_difference(first, second, asked())

    @UNHURRIED
    @given(st.integers(0, 2**32 - 1), st.floats(0, 0.2), st.floats(0, 0.2))
    def test_is_turned_around_with_its_llms(self, seed: int, one: float, other: float):
        draw = np.random.default_rng(seed)
        first, second = (draw.binomial(ASKED, 1 - share, 20) for share in (one, other))
        straight = rate_difference(first, second, asked(20))
        turned = rate_difference(second, first, asked(20))
        low, middle, high = straight.interval.low, straight.interval.estimate, straight.interval.high
        negated = [None if end is None else -end for end in (middle, high, low)]
        assert numbers(turned.interval) == about(*negated)
        assert turned.p_value == straight.p_value

    def test_takes_the_other_llm_to_have_outages_of_the_same_kind(self):
        alike = rate_difference(slots(OUTAGE), slots({2: 1, 30: 1}), asked()).interval
        single = rate(slots({2: 1, 30: 1}), asked()).interval
        assert single.low is not None
        assert alike.low is not None
        assert alike.high is not None
        assert alike.high > 0 > alike.low
        assert width(alike) > 3 * width(single)

    def test_is_made_of_both_intervals_by_square_and_add(self):
        first, second = slots({3: 2, 17: 1, 31: 3}), slots({8: 1, 44: 2})
        effect = max(clustering(ASKED - good, asked()) for good in (first, second))
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, SLOTS - 1))
        shares = [good.sum() / (SLOTS * ASKED) for good in (first, second)]
        trials = SLOTS * ASKED / effect
        (low, high), (lower, higher) = (
            proportion_confint(share * trials, trials, alpha=alpha, method="wilson") for share in shares
        )
        difference = shares[0] - shares[1]
        assert numbers(rate_difference(first, second, asked()).interval) == about(
            difference,
            difference - math.hypot(shares[0] - low, higher - shares[1]),
            difference + math.hypot(high - shares[0], shares[1] - lower),
        )

    def test_without_a_failure_of_either_cant_be_told(self):
        conclusion = rate_difference(slots({}), slots({}), asked())
        assert (conclusion.doubt, conclusion.interval.low, conclusion.p_value) == (NO_FAILURES, None, None)

    def test_of_fewer_than_six_slots_cant_be_told(self):
        assert rate_difference([9] * 5, [8] * 5, [10] * 5).doubt == FEW_SLOTS
        assert rate_difference([9] * 6, [8] * 6, [10] * 6).doubt is None

    def test_without_a_slot_in_which_they_differ_has_no_p(self):
        assert rate_difference(slots({4: 2}), slots({4: 2}), asked()).p_value is None

    def test_of_nothing_is_nothing(self):
        assert rate_difference([0], [0], [0]) == Conclusion(NOTHING)
