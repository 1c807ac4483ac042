"""The small drawings of how a metric is spread, in the rows of a table."""

from __future__ import annotations

import math
import re

from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Bin, Spread
from llm_bench.dashboard.sparks import HEIGHT, WIDTH, sparks

LATENCY, COVERAGE = METRICS["latency_sec"], METRICS["coverage_score"]
STEPS = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def spread(llm: str, bins: list[Bin], *, median: float = 2.0, maximum: float | None = 4.0) -> Spread:
    return Spread(llm, 10, 0, 1.0, maximum, dict.fromkeys(STEPS, median), bins)


def corners(outline: str) -> list[tuple[int, int]]:
    """From where to where the steps of an outline go."""
    return [(int(left), int(right)) for left, right in re.findall(r"M(\d+) \d+V\d+H(\d+)", outline)]


class TestASpark:
    def test_goes_from_the_smallest_value_of_all_llms_to_the_largest(self):
        drawn = sparks([spread("a", [Bin(1.0, 2.0, 5)]), spread("b", [Bin(2.0, 4.0, 5)])], LATENCY)
        assert corners(drawn["a"].outline) == [(0, WIDTH // 2)]
        assert corners(drawn["b"].outline) == [(WIDTH // 2, WIDTH)]

    def test_of_a_share_goes_from_0_to_1(self):
        drawn = sparks([spread("a", [Bin(0.5, 0.75, 5)], median=0.5, maximum=0.7)], COVERAGE)
        assert corners(drawn["a"].outline) == [(WIDTH // 2, WIDTH * 3 // 4)]
        assert drawn["a"].middle == WIDTH / 2

    def test_is_as_high_as_its_fullest_bin(self):
        outline = sparks([spread("a", [Bin(1.0, 2.0, 4), Bin(2.0, 4.0, 2)])], LATENCY)["a"].outline
        assert re.findall(r"V(\d+)H", outline) == ["0", str(HEIGHT // 2)]

    def test_says_in_words_what_it_shows(self):
        assert "median 2.00\u202fs" in sparks([spread("a", [Bin(1.0, 4.0, 9)])], LATENCY)["a"].words

    def test_has_no_middle_where_that_lies_among_the_failures(self):
        assert sparks([spread("a", [Bin(1.0, 4.0, 4)], median=math.inf)], LATENCY)["a"].middle is None

    def test_is_drawn_of_nobody_without_an_answer(self):
        assert sparks([spread("a", [Bin(1.0, 4.0, 0)], maximum=None)], LATENCY) == {}
