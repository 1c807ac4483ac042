"""The growth that a soak finds in what a service held over time."""

from __future__ import annotations

import pytest

from soak import growth

HOURS = [number / 120 for number in range(180)]
"""A sample each half minute for an hour and a half."""


class TestTheGrowthOfAService:
    def test_is_the_share_of_its_level_by_which_it_grows_in_an_hour(self):
        assert growth(HOURS, [100 + 10 * hour for hour in HOURS]).hourly == pytest.approx(0.1)

    def test_is_none_where_it_only_goes_up_and_down(self):
        found = growth(HOURS, [100 + number % 2 for number, _ in enumerate(HOURS)])
        assert found.low <= 0 <= found.high
        assert abs(found.hourly) < 0.001

    def test_is_not_led_astray_by_a_few_moments(self):
        assert abs(growth(HOURS, [10_000 if number % 60 == 59 else 100 for number in range(180)]).hourly) < 0.001
