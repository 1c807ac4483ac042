"""What a chart of a page weighs: its numbers have as many digits as a screen can show, and nothing is said twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from analysis.drawn import FOUR, LATENCY, TWENTY, ZONE, every_chart, series, slots
from llm_bench.analysis import charts
from llm_bench.dashboard.components import DIGITS, Figure, rounded


def numbers(value: Any) -> Iterator[float]:
    """All numbers in JSON but whole ones."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, float):
        yield value


class TestTheNumbersOfAChart:
    @pytest.mark.parametrize("llms", [FOUR, TWENTY], ids=["four", "twenty"])
    def test_have_as_many_digits_as_a_screen_can_show(self, llms: tuple[str, ...]):
        for name, chart in every_chart(llms, slots()):
            drawn = json.loads(Figure(name, chart).spec)
            assert [number for number in numbers(drawn) if number != float(f"{number:.{DIGITS}g}")] == [], name

    def test_are_the_same_where_they_are_whole_as_times_are(self):
        assert rounded({"at": 1_796_628_600_000, "until": 1_796_628_600_000.0}) == {
            "at": 1_796_628_600_000,
            "until": 1_796_628_600_000,
        }

    def test_are_rounded_alone_and_words_are_not(self):
        held = {"shown": "1.2345678901", "value": 1.2345678901, "known": True, "none": None, "n": [12345678901]}
        assert rounded(held) == held | {"value": 1.234568}


class TestAPage:
    def test_of_twenty_llms_over_two_hundred_points_has_room_for_its_largest_chart(self):
        first = slots(1)[0]
        points = series(TWENTY, [first + timedelta(hours=number) for number in range(200)])
        figure = Figure("over-time", charts.over_time(points, LATENCY, charts.looks(TWENTY), ZONE))
        assert len(figure.spec) < 700_000  # of 1.5 MB
