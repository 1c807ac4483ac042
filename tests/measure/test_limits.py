from __future__ import annotations

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.limits import GroqLimits
from llm_bench.measure.limits import LONGEST_WAIT_SEC, Limits, seconds

NOW = 1_800_000_000.0


class Clock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Play:
    """Cells that ask a server side by side, on a clock of the play's own."""

    per_minute: int
    tokens_per_minute: int
    cells: int
    questions: int
    requested: int
    used: int
    answer_sec: float

    def run(self) -> tuple[GroqLimits, float]:
        """The server afterwards, and the seconds until the last answer."""
        clock, limits = Clock(), Limits()
        server = GroqLimits(self.per_minute, self.tokens_per_minute, clock)
        left = [self.questions] * self.cells
        events: list[tuple[float, int, bool]] = [(NOW, cell, False) for cell in range(self.cells)]
        while events:
            clock.now, cell, answered = heapq.heappop(events)
            if answered:
                server.answered(self.requested, self.used)
                left[cell] -= 1
            if not left[cell]:
                continue
            wait = limits.reserve(clock.now, self.requested, self.per_minute)
            if wait > 0:
                heapq.heappush(events, (clock.now + wait + 1e-6, cell, False))
                continue
            limits.learn(clock.now, clock.now, *server.ask(self.requested))
            heapq.heappush(events, (clock.now + self.answer_sec, cell, True))
        return server, clock.now - NOW


@st.composite
def plays(draw: st.DrawFn) -> Play:
    cells, requested = draw(st.integers(1, 4)), draw(st.integers(50, 2_000))
    return Play(
        per_minute=draw(st.integers(1, 60)),
        # Until the first answer nobody knows the tokens a minute: all cells' first requests must fit.
        tokens_per_minute=draw(st.integers(cells * requested, 40_000)),
        cells=cells,
        questions=draw(st.integers(1, 12)),
        requested=requested,
        used=draw(st.integers(0, requested)),
        answer_sec=draw(st.floats(0.05, 20)),
    )


class TestWithGroqsLimits:
    @pytest.mark.parametrize(("per_minute", "tokens"), [(30, 12_000), (30, 6_000), (60, 10_000)])
    def test_a_batch_is_never_refused_and_takes_about_the_shortest_time(self, per_minute: int, tokens: int):
        server, took = Play(per_minute, tokens, 2, 10, requested=1624, used=660, answer_sec=0.8).run()
        shortest = max(10 * 0.8, server.shortest_sec(20, 1624, 660))
        assert server.refused == 0
        assert took <= shortest + 2 * 1624 / (tokens / 60)

    @given(plays())
    def test_no_number_of_cells_is_ever_refused(self, play: Play):
        assert play.run()[0].refused == 0


class TestLimits:
    def test_let_requests_go_at_once_up_to_the_limit_of_a_minute(self):
        limits = Limits()
        assert [limits.reserve(NOW + n, 1, 3) for n in range(3)] == [0, 0, 0]
        assert limits.reserve(NOW + 3, 1, 3) == pytest.approx(57)

    def test_space_requests_of_less_than_one_a_minute(self):
        limits = Limits()
        assert limits.reserve(NOW, 1, 0.5) == 0
        assert limits.reserve(NOW + 70, 1, 0.5) == pytest.approx(50)

    def test_hold_off_after_a_refusal_as_long_as_it_says(self):
        limits = Limits()
        limits.learn(NOW, NOW, 429, {"retry-after": "7"})
        assert limits.reserve(NOW + 2, 1, None) == pytest.approx(5)

    def test_hold_off_until_the_moment_that_openrouter_names(self):
        limits = Limits()
        limits.learn(NOW, NOW, 429, {"x-ratelimit-reset": str(int((NOW + 20) * 1000))})
        assert limits.reserve(NOW, 1, None) == pytest.approx(20)

    def test_hold_off_when_no_request_is_left(self):
        limits = Limits()
        limits.learn(NOW, NOW, 200, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"})
        assert limits.reserve(NOW, 1, None) == pytest.approx(90)

    def test_do_not_wait_for_a_limit_of_a_day(self):
        limits = Limits()
        limits.learn(NOW, NOW, 429, {"retry-after": str(LONGEST_WAIT_SEC + 1)})
        assert limits.reserve(NOW, 1, None) == 0

    def test_ask_for_no_more_than_the_whole_limit(self):
        limits = Limits()
        limits.learn(NOW, NOW, 200, {"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "1000"})
        assert limits.reserve(NOW + 1, 50_000, None) == 0


class TestSeconds:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("2", 2), ("7.66s", 7.66), ("2m59.56s", 179.56), ("1h2m3s", 3723), ("120ms", 0.12), ("1d", 86400), ("-1", 0)],
    )
    def test_are_read_in_every_form_that_providers_use(self, text: str, expected: float):
        assert seconds(text, NOW) == pytest.approx(expected)

    def test_are_counted_to_an_http_date(self):
        assert seconds("Fri, 15 Jan 2027 08:00:30 GMT", 1_800_000_000.0) == pytest.approx(30)

    @pytest.mark.parametrize("text", ["", "soon", "5x", "m5"])
    def test_are_unknown_for_anything_else(self, text: str):
        assert seconds(text, NOW) is None
