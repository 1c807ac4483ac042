from __future__ import annotations

import numpy as np
import pytest

from llm_bench.analysis.statistics.attainment import ATTAINMENT, alike, attained, verdict
from llm_bench.analysis.statistics.sample import Interval
from llm_bench.analysis.statistics.success import rate

SLOTS, ASKED = 56, 20
DAYS = np.repeat(np.arange(4), 14)


def study(met: float = 18, slots: int = SLOTS) -> tuple[list[float], list[int], list[int]]:
    """So many of each slot in time, but for one slot in which one fewer was."""
    return [met - 1, *[met] * (slots - 1)], [ASKED] * slots, DAYS[:slots].tolist()


class TestTheShareInTime:
    def test_has_the_interval_of_a_rate_of_success(self):
        met, asked, days = study()
        assert attained(met, asked, days) == rate(met, asked).interval

    def test_has_no_interval_with_fewer_than_six_slots(self):
        interval = attained(*study(slots=5))
        assert (interval.low, interval.high, interval.doubt) == (None, None, "few slots")

    def test_of_nothing_is_nothing(self):
        assert attained([0, 0], [0, 0], [0, 1]).estimate is None


class TestWhereAllAreAlike:
    @pytest.mark.parametrize(("met", "ends"), [(ASKED, (0.025**0.25, 1.0)), (0, (0.0, 1 - 0.025**0.25))])
    def test_each_day_is_one_trial(self, met, ends):
        interval = attained([met] * SLOTS, [ASKED] * SLOTS, DAYS)
        assert (interval.low, interval.high) == pytest.approx(ends)
        assert interval.doubt is None

    def test_a_day_without_a_question_is_none(self):
        asked = np.where(DAYS == 2, 0, ASKED)
        assert attained(asked, asked, np.where(DAYS == 2, 9, DAYS)).doubt == "no failures"

    def test_fewer_than_four_days_give_no_interval(self):
        kept = DAYS < 3
        asked = np.full(kept.sum(), ASKED)
        assert attained(asked, asked, DAYS[kept]).doubt == "no failures"

    @pytest.mark.parametrize("days", [4, 14])
    def test_the_ends_are_where_such_days_have_a_chance_of_a_fortieth(self, days):
        low, high = alike(True, days)
        assert (low**days, high) == (pytest.approx(0.025), 1.0)
        assert (1 - alike(False, days)[1]) ** days == pytest.approx(0.025)

    def test_the_ends_hold_where_days_go_one_way_as_a_whole(self):
        """True share 0.9, whole days: all go well in 0.66 of the studies, and the interval holds the truth in each."""
        good = np.random.default_rng(1).random((2000, 4)) < 0.9
        held = [alike(bool(days[0]), 4)[0] <= 0.9 <= alike(bool(days[0]), 4)[1] for days in good if days.all()]
        assert len(held) > 1200
        assert all(held)


class TestTheVerdict:
    @pytest.mark.parametrize(
        ("low", "high", "said"),
        [
            (0.95, 0.99, "attained"),
            (0.9499, 0.99, "can't tell"),
            (0.90, 0.95, "can't tell"),
            (0.90, 0.9499, "missed"),
            (None, None, "can't tell"),
        ],
    )
    def test_rests_on_the_whole_interval(self, low, high, said):
        assert verdict(Interval(0.94, low, high, 1120, 56), 0.95) == said

    def test_of_nothing_in_time_is_missed_in_four_days(self):
        assert verdict(attained([0] * SLOTS, [ASKED] * SLOTS, DAYS), 0.95) == "missed"

    def test_of_all_in_time_cant_be_told_in_four_days(self):
        assert verdict(attained([ASKED] * SLOTS, [ASKED] * SLOTS, DAYS), 0.95) == "can't tell"


class TestTheMethod:
    def test_says_what_the_functions_do(self):
        for words in ("takes 6 slots", "from 4 days on", "Clopper and Pearson", "whole interval is at or above"):
            assert words in ATTAINMENT.text
