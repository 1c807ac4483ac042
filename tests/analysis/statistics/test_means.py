from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.statistics.samples import about, latencies, numbers
from llm_bench.analysis.statistics import Interval, means, share


def in_slots(values: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One group's sums and counts in each slot."""
    return np.bincount(slots, values)[None], np.bincount(slots)[None]


class TestMeans:
    def test_are_those_of_a_regression_with_errors_clustered_by_slot(self):
        values, slots = latencies(np.random.default_rng(3))
        fit = sm.OLS(values, np.ones_like(values)).fit(cov_type="cluster", cov_kwds={"groups": slots}, use_t=True)
        low, high = fit.conf_int()[0]
        (interval,) = means(*in_slots(values, slots))
        assert interval is not None
        assert numbers(interval) == about(fit.params[0], low, high)

    def test_are_each_group_s_own(self):
        chance = np.random.default_rng(4)
        counts = chance.poisson(1.5, (4, 20))
        sums = chance.random((4, 20)) * counts
        alone = [means(own[None], of[None])[0] for own, of in zip(sums, counts, strict=True)]
        assert means(sums, counts) == alone

    def test_have_no_interval_with_fewer_than_six_slots(self):
        values = np.arange(60.0)
        for slots in (5, 6):
            (interval,) = means(*in_slots(values, np.arange(60) % slots))
            assert interval is not None
            assert (interval.estimate, interval.low is None) == (29.5, slots == 5)

    def test_of_no_value_are_none(self):
        assert means(np.zeros((1, 3)), np.zeros((1, 3))) == [None]


class TestAShareOfAWhole:
    def test_is_that_of_all_slots_with_the_interval_of_a_ratio(self):
        parts, wholes = np.array([1.0, 2, 3, 4, 5, 9]), np.array([10.0, 10, 10, 10, 10, 20])
        part = share(parts, wholes, 7)
        (ratio,) = means(parts[None], wholes[None])
        assert part.estimate == pytest.approx(24 / 70)
        assert (part.low, part.high, part.n, part.clusters) == (ratio.low, ratio.high, 7, 6)

    def test_stays_between_none_and_all(self):
        part = share(np.array([10.0, 10, 10, 10, 10, 0]), np.full(6, 10.0), 6)
        assert 0 <= part.low < part.estimate < part.high == 1

    def test_has_no_interval_of_few_slots(self):
        assert share(np.ones(2), np.full(2, 4.0), 2) == Interval(0.25, None, None, 2, 2)

    def test_of_nothing_isnt_known(self):
        assert share(np.zeros(6), np.zeros(6), 0) is None
