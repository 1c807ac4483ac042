"""What a comparison comes to: a table of verdicts, and their words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llm_bench.analysis.queries import Comparison
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.verdicts import WITHIN_NOISE, Ruling, differ, said, verdict, words

RATIO: dict[str, Any] = {"is_ratio": True, "interest": 1.1}
DIFFERENCE: dict[str, Any] = {"is_ratio": False, "interest": 0.05}
TELLS_NOTHING = Ruling("can't tell")


def around(estimate: float, low: float | None, high: float | None, doubt: str | None = None) -> Interval:
    return Interval(estimate, low, high, 900, 4, doubt)


@pytest.mark.parametrize(
    ("size", "p", "more", "expected"),
    [
        (around(1.8, 1.7, 1.9), 0.001, RATIO, Ruling("more")),
        (around(0.5, 0.4, 0.6), 0.001, RATIO, Ruling("less")),
        (around(1.02, 0.95, 1.09), 0.5, RATIO, Ruling("no difference that matters")),
        (around(1.05, 1.01, 1.09), 0.001, RATIO, Ruling("no difference that matters")),
        (around(1.05, 0.95, 1.15), 0.5, RATIO, TELLS_NOTHING),
        (around(1.05, 0.85, 1.09), 0.5, RATIO, TELLS_NOTHING),
        (around(1.8, 1.7, 1.9), 0.05, RATIO, TELLS_NOTHING),
        (around(1.8, 1.7, 1.9), None, RATIO, TELLS_NOTHING),
        (around(1.3, 1.2, 1.4), 0.001, {**RATIO, "noise": 1.3}, Ruling("can't tell", WITHIN_NOISE)),
        (around(0.7, 0.6, 0.8), 0.001, {**RATIO, "noise": 1.5}, Ruling("can't tell", WITHIN_NOISE)),
        (around(0.5, 0.4, 0.6), 0.001, {**RATIO, "noise": 1.5}, Ruling("less")),
        (around(1.8, None, None, "few days"), None, RATIO, Ruling("can't tell", "few days")),
        (around(0.1, 0.06, 0.14), 0.001, DIFFERENCE, Ruling("more")),
        (around(-0.1, -0.14, -0.06), 0.001, DIFFERENCE, Ruling("less")),
        (around(-0.02, -0.05, 0.01), 0.3, DIFFERENCE, Ruling("no difference that matters")),
        (around(-0.1, -0.14, -0.06), 0.001, {**DIFFERENCE, "noise": 0.2}, Ruling("can't tell", WITHIN_NOISE)),
        (around(-0.1, -0.14, -0.06), 0.001, {**DIFFERENCE, "interest": None}, Ruling("less")),
        (None, None, RATIO, TELLS_NOTHING),
        (Interval(None, None, None, 0, 0), None, RATIO, TELLS_NOTHING),
    ],
)
def test_a_verdict_follows_from_size_p_interest_and_noise(size, p, more, expected):
    assert verdict(size, p, **more) == expected


class TestAVerdict:
    ratios = st.tuples(*[st.floats(0.05, 20)] * 3).map(sorted)
    chances = st.none() | st.floats(0, 1)

    @given(ratios, chances, st.floats(1.01, 3), st.none() | st.floats(1, 3))
    def test_turns_with_the_order_of_the_two(self, ends, p, interest, noise):
        low, middle, high = ends
        sizes = [max(end, 1 / end) for end in ends]
        assume(all(abs(size - edge) > 1e-9 for size in sizes for edge in (1, interest, noise or 1)))
        there = verdict(around(middle, low, high), p, is_ratio=True, interest=interest, noise=noise)
        back = verdict(around(1 / middle, 1 / high, 1 / low), p, is_ratio=True, interest=interest, noise=noise)
        turned = {"more": "less", "less": "more"}
        assert back.verdict == turned.get(there.verdict, there.verdict)

    @given(st.tuples(*[st.floats(-1, 1)] * 3).map(sorted), chances)
    def test_needs_a_low_p_to_call_two_different(self, ends, p):
        low, middle, high = ends
        ruling = verdict(around(middle, low, high), p, is_ratio=False, interest=0.05)
        assert ruling.verdict not in ("more", "less") or (p is not None and p < 0.05)

    @given(st.tuples(*[st.floats(-1, 1)] * 3).map(sorted), chances)
    def test_is_that_nothing_matters_only_where_the_whole_interval_is_small(self, ends, p):
        low, middle, high = ends
        ruling = verdict(around(middle, low, high), p, is_ratio=False, interest=0.05)
        assert (ruling.verdict == "no difference that matters") == (low >= -0.05 and high <= 0.05)


class TestWords:
    @pytest.mark.parametrize(
        ("metric", "more", "less"),
        [
            ("latency_sec", "slower", "faster"),
            ("ttft_sec", "slower", "faster"),
            ("throughput_tps", "faster", "slower"),
            ("cost_usd", "dearer", "cheaper"),
            ("coverage_score", "higher", "lower"),
            ("success", "higher", "lower"),
        ],
    )
    def test_are_those_of_the_metric(self, metric, more, less):
        assert (words(metric, "more"), words(metric, "less")) == (more, less)

    def test_of_no_conclusion_are_its_own(self):
        assert words("latency_sec", "can't tell") == "can't tell"

    def pair(self, **changes: Any) -> Comparison:
        return Comparison("latency_sec", "a", "b", 90, 9, 3, 5, 0, around(2, None, None), is_ratio=True, **changes)

    @pytest.mark.parametrize(
        ("reason", "expected"),
        [
            ("few days", "can't tell beyond these 4 days: it takes at least 4"),
            ("few questions", "can't tell for questions like these: it takes at least 6"),
            ("days last", "can't tell beyond these 4 days: what makes a slot slow may go on into the next day"),
            ("few slots", "can't tell beyond these 4 slots: it takes at least 6"),
            ("no failures", "can't tell: neither failed"),
            (WITHIN_NOISE, "can't tell: within the noise"),
            (None, "can't tell"),
        ],
    )
    def test_say_why_it_cant_be_told(self, reason, expected):
        assert said(self.pair(reason=reason)) == expected

    def test_say_that_two_differ(self):
        assert [differ(self.pair(verdict=known)) for known in ("more", "less", "no difference that matters")] == [
            True,
            True,
            False,
        ]
