from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from llm_bench.analysis.statistics import (
    LEAST_SLOTS,
    TURNS,
    CarryOver,
    Interval,
    carry_over,
    holm,
    mean,
    means,
    paired,
    quantile,
    quantile_of_counts,
    success_rate,
    time_of_day,
    wilson,
)

UNHURRIED = settings(deadline=None)
NOTHING = Interval(None, None, None, 0, 0)

# Few distinct values, so that ties are common.
VALUES = st.integers(0, 40)
RECORDS = st.lists(st.tuples(VALUES, st.integers(0, 11)), min_size=1, max_size=120)
SLOTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted), min_size=1, max_size=60)
CHANCES = st.one_of(st.none(), st.floats(0, 1))


def split(records: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [value for value, _ in records], [slot for _, slot in records]


def latencies(
    rng: np.random.Generator, slots: int = 56, between: float = 0.3, within: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Lognormal seconds of 10 to 20 records a slot, with their slots. The median of all is 1."""
    slot = np.repeat(np.arange(slots), rng.integers(10, 21, slots))
    return np.exp(rng.normal(0, between, slots)[slot] + rng.normal(0, within, slot.size)), slot


def numbers(interval: Interval) -> tuple[float | None, ...]:
    return interval.estimate, interval.low, interval.high


def about(*expected: float | None) -> tuple[object, ...]:
    return tuple(None if end is None else pytest.approx(end, rel=1e-9, abs=1e-9) for end in expected)


class TestAQuantile:
    @UNHURRIED
    @given(RECORDS, st.floats(0, 1))
    def test_is_that_of_numpy(self, records: list[tuple[int, int]], q: float):
        values, slots = split(records)
        assert quantile(values, slots, q).estimate == pytest.approx(np.quantile(values, q), abs=1e-9)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.5, 0.9]), st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], q: float, random):
        shuffled = random.sample(records, len(records))
        assert quantile(*split(shuffled), q) == quantile(*split(records), q)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.25, 0.5, 0.9]), st.sampled_from([0.5, 4.0]), st.integers(-100, 100))
    def test_moves_and_grows_with_the_unit(self, records: list[tuple[int, int]], q: float, scale: float, shift: int):
        values, slots = split(records)
        found = quantile(values, slots, q)
        expected = [None if end is None else end * scale + shift for end in numbers(found)]
        assert numbers(quantile(np.array(values) * scale + shift, slots, q)) == about(*expected)

    @UNHURRIED
    @given(RECORDS, st.sampled_from([0.1, 0.5, 0.9]))
    def test_lies_within_its_interval_and_that_within_the_data(self, records: list[tuple[int, int]], q: float):
        values, slots = split(records)
        found = quantile(values, slots, q)
        assert (found.low is None) == (found.high is None)
        if found.low is not None:
            assert min(values) <= found.low <= found.estimate <= found.high <= max(values)

    @UNHURRIED
    @given(st.lists(st.tuples(VALUES, st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=60))
    def test_takes_counts_for_repeated_values(self, rows: list[tuple[int, int, int]]):
        repeated = [(value, slot) for value, slot, count in rows for _ in range(count)]
        values, slots, counts = zip(*rows, strict=True)
        found, expected = quantile(values, slots, 0.5, weights=counts), quantile(*split(repeated), 0.5)
        assert (
            (found.n, found.clusters)
            == (expected.n, expected.clusters)
            == (len(repeated), len(set(split(repeated)[1])))
        )
        assert numbers(found) == about(*numbers(expected))

    def test_has_the_interval_of_order_statistics_where_every_slot_has_one_value(self):
        values = np.random.default_rng(1).lognormal(size=400)
        found = quantile(values, range(400), 0.5)
        exact = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
        ranks = np.searchsorted(np.sort(values), [exact.low, found.low, exact.high, found.high])
        assert abs(ranks[0] - ranks[1]) <= 1
        assert abs(ranks[2] - ranks[3]) <= 1

    def test_leaves_missing_values_out(self):
        assert quantile([1.0, None, math.nan, 3.0], ["a", "b", "c", "d"], 0.5) == Interval(2.0, None, None, 2, 2)

    def test_has_no_interval_with_few_slots(self):
        assert quantile(range(100), np.arange(100) % (LEAST_SLOTS - 1), 0.5).low is None
        assert quantile(range(100), np.arange(100) % LEAST_SLOTS, 0.5).low is not None

    def test_has_no_interval_where_too_few_values_lie_beyond_it(self):
        values, slots = range(300), np.arange(300) % 60
        assert numbers(quantile(values, slots, 0.99)) == (pytest.approx(np.quantile(values, 0.99)), None, None)

    def test_of_equal_values_has_no_width(self):
        assert quantile([7.0] * 20, range(20), 0.9) == Interval(7.0, 7.0, 7.0, 20, 20)

    def test_that_ties_with_many_is_not_taken_for_certain(self):
        values = [*range(88), *[100] * 12]
        assert numbers(quantile(values, range(100), 0.9)) == (100, pytest.approx(83, abs=2), 100)

    def test_of_no_data_is_none(self):
        assert quantile([], [], 0.5) == quantile([None], ["a"], 0.5) == NOTHING

    def test_is_wider_at_a_higher_level(self):
        values, slots = latencies(np.random.default_rng(2))
        usual, surer = quantile(values, slots, 0.5), quantile(values, slots, 0.5, level=0.99)
        assert surer.low < usual.low < usual.high < surer.high


class TestAMean:
    def test_is_that_of_a_regression_with_errors_clustered_by_slot(self):
        values, slots = latencies(np.random.default_rng(3))
        fit = sm.OLS(values, np.ones_like(values)).fit(cov_type="cluster", cov_kwds={"groups": slots}, use_t=True)
        low, high = fit.conf_int()[0]
        assert numbers(mean(values, slots)) == about(fit.params[0], low, high)

    @UNHURRIED
    @given(RECORDS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], random):
        assert mean(*split(random.sample(records, len(records)))) == mean(*split(records))

    @UNHURRIED
    @given(RECORDS, st.sampled_from([-2.0, 0.5]), st.integers(-100, 100))
    def test_moves_and_grows_with_the_unit(self, records: list[tuple[int, int]], scale: float, shift: int):
        values, slots = split(records)
        found, moved = mean(values, slots), mean(np.array(values) * scale + shift, slots)
        assert moved.estimate == pytest.approx(found.estimate * scale + shift)
        if found.low is not None:
            assert moved.high - moved.low == pytest.approx((found.high - found.low) * abs(scale), abs=1e-9)

    @UNHURRIED
    @given(st.lists(st.tuples(VALUES, st.integers(0, 11), st.integers(0, 5)), min_size=1, max_size=60))
    def test_takes_counts_for_repeated_values(self, rows: list[tuple[int, int, int]]):
        repeated = [(value, slot) for value, slot, count in rows for _ in range(count)]
        values, slots, counts = zip(*rows, strict=True)
        assert numbers(mean(values, slots, weights=counts)) == about(*numbers(mean(*split(repeated))))

    def test_has_no_interval_with_few_slots(self):
        assert mean([1.0, 2.0, 6.0], ["a", "a", "b"]) == Interval(3.0, None, None, 3, 2)

    def test_of_no_data_is_none(self):
        assert mean([], []) == NOTHING


class TestMeansOfManyGroups:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 20))
    def test_are_those_of_each_group(self, seed: int, groups: int, slots: int):
        chance = np.random.default_rng(seed)
        counts = chance.poisson(1.5, (groups, slots))
        values = chance.random((groups, slots))
        for found, value, count in zip(means(values * counts, counts), values, counts, strict=True):
            expected = mean(value, np.arange(slots), weights=count)
            if found is None:
                assert expected.n == 0
                continue
            assert (found.n, found.clusters) == (expected.n, expected.clusters)
            assert found.estimate == pytest.approx(expected.estimate)
            assert (found.low is None) == (expected.low is None)
            if found.low is not None:
                assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


class TestWilson:
    @UNHURRIED
    @given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
    def test_is_that_of_statsmodels(self, trials: tuple[int, int]):
        low, high = proportion_confint(*trials, method="wilson")
        assert numbers(wilson(*trials)) == about(trials[0] / trials[1], low, high)

    def test_of_no_trial_is_none(self):
        assert wilson(0, 0) == NOTHING


class TestASuccessRate:
    def test_of_one_record_a_slot_is_wilsons_with_students_t(self):
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 39))
        low, high = proportion_confint(31, 40, alpha=alpha, method="wilson")
        assert numbers(success_rate([1] * 31 + [0] * 9, [1] * 40)) == about(31 / 40, low, high)

    def test_is_less_certain_when_the_failures_came_in_outages(self):
        scattered = success_rate([16, 18] * 20, [20] * 40)
        outages = success_rate([20] * 34 + [0] * 6, [20] * 40)
        assert outages.estimate == scattered.estimate == 0.85
        assert outages.high - outages.low > 1.5 * (scattered.high - scattered.low)

    def test_without_a_failure_still_reckons_with_a_rare_outage(self):
        found = success_rate([20] * 56, [20] * 56)
        assert (found.estimate, found.high) == (1.0, 1.0)
        assert found.low < 55 / 56 < wilson(56 * 20, 56 * 20).low

    @UNHURRIED
    @given(SLOTS)
    def test_lies_within_its_interval_and_that_within_0_and_1(self, slots: list[list[int]]):
        found = success_rate(*zip(*slots, strict=True))
        if found.low is not None:
            assert 0 <= found.low <= found.estimate <= found.high <= 1

    @UNHURRIED
    @given(SLOTS)
    def test_is_the_failures_rate_mirrored(self, slots: list[list[int]]):
        good, n = zip(*slots, strict=True)
        found, mirrored = success_rate(good, n), success_rate([b - a for a, b in slots], n)
        expected = [None if end is None else 1 - end for end in (mirrored.estimate, mirrored.high, mirrored.low)]
        assert numbers(found) == about(*expected)

    @UNHURRIED
    @given(SLOTS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_slots(self, slots: list[list[int]], random):
        found = success_rate(*zip(*slots, strict=True))
        shuffled = success_rate(*zip(*random.sample(slots, len(slots)), strict=True))
        assert numbers(shuffled) == about(*numbers(found))

    def test_counts_no_slot_without_records(self):
        assert success_rate([1, 0, 2], [2, 0, 2]) == Interval(0.75, None, None, 4, 2)

    def test_of_no_data_is_none(self):
        assert success_rate([], []) == success_rate([0], [0]) == NOTHING


class TestAPairedComparison:
    def test_is_that_of_hollander_and_wolfe(self):
        # Table 3.1: Hamilton depression scale of nine patients, before and after. The book: T⁺ = 5, P = 0.039 (two-
        # sided), θ = −0.46, and a 96.1 % interval, the shortest that has at least 95 %.
        before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
        after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
        found = paired(after - before, range(9))
        assert numbers(found.difference) == about(-0.46, -0.786, -0.010)
        assert found.p_value == pytest.approx(20 / 512)
        assert found.effect == pytest.approx((5 - 40) / 45)

    def test_counts_each_slot_once_with_its_mean(self):
        by_slot = np.random.default_rng(4).normal(0.3, 1, 30)
        thrice = np.concatenate([by_slot - 1, by_slot, by_slot + 1])
        once, many = paired(by_slot, range(30)), paired(thrice, list(range(30)) * 3)
        assert (many.p_value, many.effect) == pytest.approx((once.p_value, once.effect))
        assert numbers(many.difference) == about(*numbers(once.difference))
        assert (many.difference.n, many.difference.clusters) == (90, 30)

    @UNHURRIED
    @given(RECORDS)
    def test_the_other_way_round_is_mirrored(self, records: list[tuple[int, int]]):
        values, slots = np.array(split(records)[0]) - 20, split(records)[1]
        found, mirrored = paired(values, slots), paired(-values, slots)
        difference = mirrored.difference
        expected = [None if end is None else -end for end in (difference.estimate, difference.high, difference.low)]
        assert numbers(found.difference) == about(*expected)
        assert found.p_value == (None if mirrored.p_value is None else pytest.approx(mirrored.p_value))
        assert found.effect == (None if mirrored.effect is None else pytest.approx(-mirrored.effect))

    @UNHURRIED
    @given(RECORDS, st.randoms())
    def test_does_not_depend_on_the_order_of_the_records(self, records: list[tuple[int, int]], random):
        assert paired(*split(random.sample(records, len(records)))) == paired(*split(records))

    @UNHURRIED
    @given(RECORDS)
    def test_keeps_its_numbers_in_bounds(self, records: list[tuple[int, int]]):
        found = paired(np.array(split(records)[0]) - 20, split(records)[1])
        assert found.p_value is None or 0 < found.p_value <= 1
        assert found.effect is None or -1 <= found.effect <= 1
        if found.difference.low is not None:
            assert found.difference.low <= found.difference.estimate <= found.difference.high

    def test_has_no_interval_with_fewer_than_six_slots(self):
        assert paired([1.0, 2, 3, 4, 5], range(5)).difference == Interval(3.0, None, None, 5, 5)
        assert numbers(paired([1.0, 2, 3, 4, 5, 6], range(6)).difference) == (3.5, 1.0, 6.0)

    def test_without_any_difference_makes_no_test(self):
        found = paired([0.0] * 12, list(range(6)) * 2)
        assert (found.p_value, found.effect, found.difference) == (None, None, Interval(0.0, 0.0, 0.0, 12, 6))

    def test_of_no_data_is_none(self):
        found = paired([], [])
        assert (found.difference, found.p_value, found.effect) == (NOTHING, None, None)

    def test_has_nearly_the_same_interval_whether_ranks_are_exact_or_normal(self):
        values = np.random.default_rng(5).normal(size=51)
        exact, normal = paired(values[:50], range(50)).difference, paired(values, range(51)).difference
        assert normal.high - normal.low == pytest.approx(exact.high - exact.low, rel=0.1)

    @pytest.mark.parametrize("decimals", [0, 1, 8])
    def test_of_many_slots_has_the_p_of_scipy(self, decimals: int):
        for slots in (51, 80, 200):
            values = np.round(np.random.default_rng(slots).normal(0.2, 1, slots), decimals)
            expected = stats.wilcoxon(values[values != 0], method="asymptotic")
            assert paired(values, np.arange(slots)).p_value == pytest.approx(expected.pvalue)


class TestHolm:
    @UNHURRIED
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_multiplies_each_by_how_many_are_no_smaller_but_never_below_one_before(self, p_values: list[float]):
        steps = [(len(p_values) - rank) * p for rank, p in enumerate(sorted(p_values))]
        expected = {p: min(1.0, max(steps[: rank + 1])) for rank, p in enumerate(sorted(p_values))}
        assert holm(p_values) == pytest.approx([expected[p] for p in p_values])

    def test_is_that_of_statsmodels(self):
        # Once only: it collects garbage each time, which takes seconds.
        p_values = [*np.random.default_rng(16).random(20) ** 4, 0.01, 0.01, 0.0, 1.0]
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])

    @UNHURRIED
    @given(st.lists(CHANCES, max_size=20))
    def test_passes_over_what_was_not_tested(self, p_values: list[float | None]):
        adjusted = holm(p_values)
        assert [p is None for p in adjusted] == [p is None for p in p_values]
        assert [p for p in adjusted if p is not None] == holm([p for p in p_values if p is not None])

    def test_of_nothing_is_nothing(self):
        assert holm([]) == []


def course(rng: np.random.Generator, days: int = 4, times: int = 14, keeps: float = 0.5) -> np.ndarray:
    """Days × times: each slot keeps so much of the one before it; no time of day is like another's on purpose."""
    noise = rng.normal(size=(days, times))
    table = noise.copy()
    table[:, 0] /= math.sqrt(1 - keeps**2)
    for i in range(1, times):
        table[:, i] = keeps * table[:, i - 1] + noise[:, i]
    return table


def days_and_times(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    days, times = np.indices(table.shape)
    return days.ravel(), times.ravel()


class TestTheTimeOfDay:
    def test_agrees_between_days_as_kendalls_w_says(self):
        table = course(np.random.default_rng(6))
        w = stats.friedmanchisquare(*table.T).statistic / (4 * 13)
        assert time_of_day(table.ravel(), *days_and_times(table)).agreement == pytest.approx((4 * w - 1) / 3)

    def test_shows_when_the_same_times_are_slow_every_day(self):
        table = course(np.random.default_rng(7)) + 3 * np.sin(np.arange(14) * 2 * np.pi / 14)
        found = time_of_day(table.ravel(), *days_and_times(table))
        assert found.p_value < 0.01
        assert found.agreement > 0.5
        assert (found.days, found.slots) == (4, 56)

    def test_has_the_least_p_that_turning_can_give_when_all_days_are_the_same(self):
        table = np.tile(np.arange(14.0) ** 2, (4, 1))
        found = time_of_day(table.ravel(), *days_and_times(table))
        assert found.agreement == pytest.approx(1)
        assert 1 / (1 + TURNS) <= found.p_value < 4 / 14**3

    def test_is_hardly_shown_by_two_days_though_they_are_the_same(self):
        table = np.tile(np.random.default_rng(11).normal(size=14), (2, 1))
        assert time_of_day(table.ravel(), *days_and_times(table)).p_value == pytest.approx(1 / 14, rel=0.1)

    def test_takes_no_notice_of_how_slow_a_day_was_or_of_the_unit(self):
        table = course(np.random.default_rng(8))
        moved = np.exp(table) * 1000 + np.array([[0], [5], [500], [70]])
        where = days_and_times(table)
        assert time_of_day(table.ravel(), *where) == time_of_day(moved.ravel(), *where)

    def test_does_not_depend_on_the_order_of_the_slots(self):
        rng = np.random.default_rng(9)
        table = course(rng)
        order, (days, times) = rng.permutation(table.size), days_and_times(table)
        found = time_of_day(table.ravel()[order], days[order], times[order])
        assert found == time_of_day(table.ravel(), days, times)

    def test_takes_a_missed_slot_for_a_middling_one(self):
        table = np.tile(np.arange(5.0), (3, 1))
        table[0, 2] = math.nan
        found = time_of_day(table.ravel(), *days_and_times(table))
        assert found.slots == 14
        # Ranks −1.5, −0.5, 0, 0.5, 1.5 against −2 … 2: 7 / √(5 · 10), for two of three pairs of days.
        assert found.agreement == pytest.approx((2 * 7 / math.sqrt(50) + 1) / 3)

    def test_leaves_out_a_day_that_never_varies(self):
        table = course(np.random.default_rng(10))
        without = time_of_day(table[:3].ravel(), *days_and_times(table[:3]))
        table[3] = 1.0
        found = time_of_day(table.ravel(), *days_and_times(table))
        assert (found.days, found.slots, found.agreement) == (3, 42, pytest.approx(without.agreement))

    @pytest.mark.parametrize(
        ("values", "days", "times"),
        [([], [], []), ([1.0, 2, 3], "aaa", [1, 2, 3]), ([1.0] * 6, list("aaabbb"), [1, 2, 3] * 2)],
        ids=["no data", "one day", "all equal"],
    )
    def test_that_cannot_be_compared_is_none(self, values: list[float], days: list[str], times: list[int]):
        found = time_of_day(values, list(days), times)
        assert (found.p_value, found.agreement) == (None, None)


class TestWhatASlotKeepsOfTheOneBefore:
    def test_is_the_rank_correlation_of_slots_with_the_next(self):
        values = np.random.default_rng(12).normal(size=30)
        found = carry_over(values, np.arange(30))
        expected = stats.spearmanr(values[:-1], values[1:])
        assert (found.correlation, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
        assert found.pairs == 29

    def test_leaves_out_the_night_and_what_was_missed(self):
        """Two days of 8 slots, of which the first lacks one in its middle: 5 and 7 pairs."""
        moments = [*range(8), *range(24, 32)]
        values = [1.0, 2, math.nan, 4, 5, 6, 7, 8, *range(8, 0, -1)]
        found = carry_over(values, moments)
        assert found.pairs == 5 + 7
        del moments[2], values[2]
        assert carry_over(values, moments) == found

    def test_does_not_depend_on_the_order_of_the_slots(self):
        rng = np.random.default_rng(13)
        values, order = rng.normal(size=20), rng.permutation(20)
        assert carry_over(values[order], np.arange(20)[order]) == carry_over(values, np.arange(20))

    def test_makes_an_interval_wider_by_what_was_kept(self):
        assert CarryOver(0.5, 0.001, 55).wider == pytest.approx(math.sqrt(3))
        assert CarryOver(-0.3, 0.1, 55).wider == 1
        assert CarryOver(1.0, 0.001, 55).wider is None

    @pytest.mark.parametrize(
        "values", [[], [1.0], [1.0, 2, 3, 4, 5, 6], [1.0] * 20], ids=["no data", "one slot", "few", "all equal"]
    )
    def test_that_cannot_be_told_is_none(self, values: list[float]):
        found = carry_over(values, range(len(values)))
        assert (found.correlation, found.p_value, found.wider) == (None, None, None)


def coverage(intervals: Iterator[Interval], truth: float) -> float:
    """The share of intervals that hold the truth, of those that there are."""
    hits = [found.low <= truth <= found.high for found in intervals if found.low is not None]
    assert len(hits) > 1000
    return sum(hits) / len(hits)


Draw = Callable[[np.random.Generator], Interval]


def drawn(draw: Draw, times: int = 2000) -> Iterator[Interval]:
    rng = np.random.default_rng(20261207)
    return (draw(rng) for _ in range(times))


def batches(outages: float, failures: float, interval: Callable[[np.ndarray, np.ndarray], Interval]) -> Draw:
    """56 slots: so many are lost as a whole, and in the others so many records fail, each by itself."""

    def draw(rng: np.random.Generator) -> Interval:
        n = rng.integers(10, 21, 56)
        return interval(rng.binomial(n, 1 - failures) * (rng.random(56) >= outages), n)

    return draw


def differences(rng: np.random.Generator, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds by which one LLM is slower than another on the same questions; the truth is 0.2.

    They share a part of the slot's effect, and each has one of its own.
    """
    slot = np.repeat(np.arange(slots), rng.integers(10, 21, slots))
    shared, own = rng.normal(0, 0.2, slots), rng.normal(0, 0.2, (2, slots))
    first, second = np.exp((shared + own)[:, slot] + rng.normal(0, 0.5, (2, slot.size)))
    return 0.2 + first - second, slot


def lasting(rng: np.random.Generator, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Latencies, as seconds, of 4 days of 14 slots, with their blocks of slots. The median of all is 1."""
    slot = np.repeat(np.arange(56), rng.integers(10, 21, 56))
    effects = course(rng, keeps=0.5).ravel() * math.sqrt(1 - 0.5**2)
    return np.exp(0.3 * effects[slot] + rng.normal(0, 0.5, slot.size)), slot // block


# How much latencies differ between and within slots, as standard deviations of their logarithms.
USUAL, EVEN, UNEVEN = (0.3, 0.5), (0.1, 0.5), (0.6, 0.3)
SPREADS = pytest.mark.parametrize("spread", [USUAL, EVEN], ids=["usual", "even"])


def true_quantile(q: float, spread: tuple[float, float]) -> float:
    return math.exp(math.hypot(*spread) * stats.norm.ppf(q))


def true_mean(spread: tuple[float, float]) -> float:
    return math.exp(math.hypot(*spread) ** 2 / 2)


@pytest.mark.slow
class TestAnIntervalOf95Percent:
    """Simulated studies of 56 slots with 10 to 20 records each: the truth is known, and an interval holds it or not."""

    @SPREADS
    @pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
    def test_of_a_quantile_holds_the_truth_in_93_to_97_percent(self, q: float, spread: tuple[float, float]):
        found = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *spread), q)), true_quantile(q, spread))
        assert 0.93 <= found <= 0.97

    @pytest.mark.parametrize("slots", [6, 14])
    def test_of_a_median_does_so_with_few_slots(self, slots: int):
        found = coverage(drawn(lambda rng: quantile(*latencies(rng, slots), 0.5)), 1.0)
        assert 0.93 <= found <= 0.97

    @SPREADS
    def test_of_a_mean_does_so(self, spread: tuple[float, float]):
        found = coverage(drawn(lambda rng: mean(*latencies(rng, 56, *spread))), true_mean(spread))
        assert 0.93 <= found <= 0.97

    def test_of_a_median_does_so_where_slots_differ_more_than_their_records(self):
        found = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *UNEVEN), 0.5)), 1.0)
        assert 0.93 <= found <= 0.97

    def test_of_a_tail_or_a_mean_holds_it_a_little_less_often_there(self):
        tail = coverage(drawn(lambda rng: quantile(*latencies(rng, 56, *UNEVEN), 0.95)), true_quantile(0.95, UNEVEN))
        middle = coverage(drawn(lambda rng: mean(*latencies(rng, 56, *UNEVEN))), true_mean(UNEVEN))
        assert 0.91 <= tail <= 0.95
        assert 0.91 <= middle <= 0.95

    @pytest.mark.parametrize(("outages", "failures"), [(0.05, 0.02), (0.1, 0.0), (0.1, 0.02), (0.2, 0.1)])
    def test_of_a_success_rate_does_so_with_outages_of_whole_batches(self, outages: float, failures: float):
        found = coverage(drawn(batches(outages, failures, success_rate), 8000), (1 - outages) * (1 - failures))
        assert 0.93 <= found <= 0.97

    @pytest.mark.parametrize(("outages", "failures"), [(0.03, 0.02), (0.01, 0.02), (0.0, 0.05)])
    def test_of_a_success_rate_is_rather_too_wide_with_rare_outages_or_none(self, outages: float, failures: float):
        found = coverage(drawn(batches(outages, failures, success_rate), 8000), (1 - outages) * (1 - failures))
        assert found >= 0.96

    @pytest.mark.parametrize("slots", [14, 56])
    def test_of_a_difference_between_llms_does_so(self, slots: int):
        found = coverage(drawn(lambda rng: paired(*differences(rng, slots)).difference), 0.2)
        assert 0.93 <= found <= 0.97


@pytest.mark.slow
class TestWithoutRegardToSlots:
    """Why the slot is the cluster: with each record taken for an independent one, intervals are far too sure."""

    def test_an_interval_of_a_quantile_misses_the_truth_too_often(self):
        def naive(rng: np.random.Generator) -> Interval:
            values, _ = latencies(rng)
            return quantile(values, np.arange(values.size), 0.5)

        found = coverage(drawn(naive), 1.0)
        assert found < 0.80

    def test_an_interval_of_a_mean_misses_the_truth_too_often(self):
        def naive(rng: np.random.Generator) -> Interval:
            values, _ = latencies(rng)
            return mean(values, np.arange(values.size))

        found = coverage(drawn(naive), true_mean(USUAL))
        assert found < 0.80

    def test_an_interval_of_a_success_rate_misses_the_truth_too_often(self):
        naive = batches(0.1, 0.02, lambda good, n: wilson(int(good.sum()), int(n.sum())))
        found = coverage(drawn(naive), 0.9 * 0.98)
        assert found < 0.60


@pytest.mark.slow
class TestSlotsThatFollowOneAnother:
    """Why clusters may be blocks of slots: where a slot keeps half of the effect of the one before."""

    def test_are_no_clusters_but_half_days_are(self):
        by_slot = coverage(drawn(lambda rng: quantile(*lasting(rng, block=1), 0.5)), 1.0)
        by_half_day = coverage(drawn(lambda rng: quantile(*lasting(rng, block=7), 0.5)), 1.0)
        assert by_slot < 0.85
        assert 0.93 <= by_half_day <= 0.97

    def test_are_told_from_independent_ones(self):
        rng = np.random.default_rng(20261207)
        found = {
            keeps: [carry_over(course(rng, keeps=keeps, days=1, times=56).ravel(), range(56)) for _ in range(400)]
            for keeps in (0.0, 0.5)
        }
        alarms = {keeps: np.mean([one.p_value <= 0.05 for one in each]) for keeps, each in found.items()}
        assert 0.03 <= alarms[0.0] <= 0.07
        assert alarms[0.5] > 0.85
        assert np.median([one.wider for one in found[0.5]]) == pytest.approx(math.sqrt(3), rel=0.15)


@pytest.mark.slow
class TestTheTestOfTheTimeOfDay:
    @pytest.mark.parametrize("keeps", [0.0, 0.5])
    def test_gives_a_false_alarm_in_about_5_percent_though_neighbouring_slots_go_together(self, keeps: float):
        rng = np.random.default_rng(20261207)
        tables = [course(rng, keeps=keeps) for _ in range(500)]
        alarms = np.mean([time_of_day(table.ravel(), *days_and_times(table)).p_value <= 0.05 for table in tables])
        assert 0.03 <= alarms <= 0.07


def walsh(values: np.ndarray) -> np.ndarray:
    """All means of two, or of one with itself, ascending."""
    return np.sort([(a + b) / 2 for i, a in enumerate(values) for b in values[i:]])


class TestTheConstants:
    def test_an_interval_takes_six_slots(self):
        assert quantile(range(60), np.arange(60) % 5, 0.5).low is None
        assert quantile(range(60), np.arange(60) % 6, 0.5).low is not None
        assert mean(range(60), np.arange(60) % 5).low is None
        assert mean(range(60), np.arange(60) % 6).low is not None
        assert success_rate([1] * 5, [2] * 5).low is None
        assert success_rate([1] * 6, [2] * 6).low is not None

    def test_the_same_records_give_the_same_p_wherever_and_whenever(self):
        """By the documented number of turns and their documented seed."""
        table = course(np.random.default_rng(12))
        found = time_of_day(table.ravel(), *days_and_times(table))
        scores = np.array([stats.rankdata(day) - 7.5 for day in table])
        scores /= np.linalg.norm(scores, axis=1)[:, None]
        shifts = np.random.default_rng(20_261_207).integers(14, size=(4, 9_999))
        turns = [np.array([np.roll(row, -by) for by in range(14)]) for row in scores]
        turned = sum(turns[day][shifts[day]] for day in range(4))
        as_large = np.sum(np.sum(turned**2, axis=1) >= np.sum(scores.sum(axis=0) ** 2) - 1e-9)
        assert found.p_value == (1 + as_large) / 10_000


class TestQuantilesOfCounts:
    @UNHURRIED
    @given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 6), st.floats(0.01, 0.99))
    def test_are_those_of_the_values_repeated(self, seed: int, slots: int, size: int, q: float):
        counts = np.random.default_rng(seed).poisson(2, (slots, size))
        values = np.arange(size) ** 2.0
        slot, value = (index.ravel() for index in np.indices(counts.shape))
        expected = quantile(values[value], slot, q, weights=counts.ravel())
        found = quantile_of_counts(counts, values, q)
        assert numbers(found) == about(*numbers(expected))
        assert (found.n, found.clusters) == (expected.n, expected.clusters)


class TestTheIntervalOfADifference:
    def test_of_fifty_slots_is_by_the_exact_distribution(self):
        values = np.random.default_rng(20).normal(0.2, 1, 50)
        found = paired(values, range(50))
        assert found.p_value == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, rel=1e-12)
        # The greatest k with P(T⁺ < k) ≤ 0.025: of 50 ranks, 434 + 1 from either end (Hollander and Wolfe, A.4).
        ordered = walsh(values)
        assert numbers(found.difference) == about(np.median(ordered), ordered[434], ordered[-435])

    @pytest.mark.parametrize("slots", [51, 80])
    def test_of_more_is_by_the_normal_one(self, slots: int):
        values = np.random.default_rng(21).normal(0.2, 1, slots)
        spread = math.sqrt(slots * (slots + 1) * (2 * slots + 1) / 24)
        bounding = int(slots * (slots + 1) / 4 - stats.norm.ppf(0.975) * spread)
        ordered = walsh(values)
        expected = np.median(ordered), ordered[bounding - 1], ordered[-bounding]
        assert numbers(paired(values, range(slots)).difference) == about(*expected)


class TestTheBordersOfTheTimeOfDay:
    def test_two_days_of_three_times_can_be_compared_and_of_two_not(self):
        assert time_of_day([1.0, 2, 3] * 2, [0] * 3 + [1] * 3, [0, 1, 2] * 2).agreement == pytest.approx(1)
        assert time_of_day([1.0, 2] * 2, [0, 0, 1, 1], [0, 1] * 2).agreement is None

    def test_what_is_missing_is_no_slot(self):
        found = time_of_day([1.0, 2, 3, math.nan] * 2, [0] * 4 + [1] * 4, [0, 1, 2, 3] * 2)
        assert (found.days, found.slots) == (2, 6)


IN_SECONDS = [1_796_630_400 + day * 86_400 + k * 12 * 3600 / 14 for day in range(2) for k in range(8)]


class TestSlotsInRealSeconds:
    """Moments as records have them: seconds since the epoch, a slot every 51 minutes and 25.714285 s."""

    def test_follow_one_another_within_a_day_alone(self):
        values = np.random.default_rng(14).normal(size=16)
        found = carry_over(values, IN_SECONDS)
        before = np.delete(np.arange(15), 7)
        expected = stats.spearmanr(values[before], values[before + 1])
        assert found.pairs == 14
        assert (found.correlation, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))

    def test_follow_one_another_up_to_one_and_a_half_times_the_usual_distance(self):
        values = np.random.default_rng(15).normal(size=9)
        for last, pairs in ((3.0, 8), (3.1, 7)):
            moments = 1000.0 * np.array([*range(0, 16, 2), 14 + last])
            assert carry_over(values, moments).pairs == pairs

    def test_are_compared_from_six_pairs_on(self):
        assert carry_over([1.0, 3, 2, 5, 4, 6], np.arange(6) * 60.0) == CarryOver(None, None, 5)
        assert carry_over([1.0, 3, 2, 5, 4, 6, 0], np.arange(7) * 60.0).correlation is not None

    @pytest.mark.parametrize("values", [[1.0] * 7 + [2], [2.0] + [1] * 7], ids=["before", "after"])
    def test_are_not_compared_where_one_side_never_varies(self, values: list[float]):
        assert carry_over(values, np.arange(8) * 60.0) == CarryOver(None, None, 7)

    def test_make_no_interval_narrower_and_none_of_a_perfect_copy(self):
        assert CarryOver(0.0, 1.0, 9).wider == 1
        assert CarryOver(None, None, 0).wider is None
