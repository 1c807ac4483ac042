from __future__ import annotations

import numpy as np
import pytest

from llm_bench.planning.failing import Failing, estimate, typical

STATED = Failing(isolated=0.5, outages=0.25, length=3)


def failures(slots: int, **lost: int) -> tuple[np.ndarray, np.ndarray]:
    """Of 20 requests a slot: ``s7=20`` has all of slot 7's fail."""
    counts = np.zeros(slots)
    for name, number in lost.items():
        counts[int(name[1:])] = number
    return counts, np.full(slots, 20.0)


class TestHowRequestsFail:
    def test_is_isolated_where_slots_lose_a_few(self):
        failing = estimate(*failures(56, s3=2, s9=1, s40=1), STATED)
        assert (failing.isolated, failing.outages) == (pytest.approx(5 / 1122), 0)

    def test_has_outages_where_slots_lose_all(self):
        failing = estimate(*failures(56, s3=20, s4=20, s5=20, s9=20, s20=1), STATED)
        assert (failing.outages, failing.length) == (pytest.approx(4 / 56), 2)
        assert failing.isolated == pytest.approx(2 / 1042)
        assert failing.assumed == ()

    def test_is_not_none_where_a_pilot_had_no_failure(self):
        assert estimate(*failures(1), STATED).isolated == pytest.approx(1 / 22)

    def test_has_outages_as_stated_where_too_few_slots_could_show_one(self):
        failing = estimate(*failures(49, s3=1), STATED)
        assert (failing.outages, failing.length, failing.assumed) == (0.25, 3, ("outages",))

    def test_is_as_stated_without_records(self):
        failing = estimate([], [], STATED)
        assert (failing.isolated, failing.assumed) == (0.5, ("outages", "isolated failures"))

    def test_gives_the_rate_of_success(self):
        assert Failing(0.1, 0.2, 2).succeeds == pytest.approx(0.72)


class TestOutages:
    @pytest.mark.parametrize("length", [1, 4])
    def test_hit_as_many_slots_as_they_say(self, length: int):
        down = Failing(0, 0.15, length).down(np.random.default_rng(1), (400,), 56)
        assert down.mean() == pytest.approx(0.15, abs=0.01)

    def test_last(self):
        down = Failing(0, 0.02, 4).down(np.random.default_rng(1), (1,), 20_000)[0]
        begun = (np.diff(down.astype(int), prepend=0) > 0).sum()
        assert down.sum() / begun == pytest.approx(4, abs=0.4)


class TestATypicalPair:
    def test_loses_what_all_lose_at_the_mean(self):
        both = typical([Failing(0.02, 0.1, 4), Failing(0.04, 0.0, 1, ("outages",))])
        assert both == Failing(pytest.approx(0.03), 0.05, 4, ("outages",))
