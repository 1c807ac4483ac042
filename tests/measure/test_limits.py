from __future__ import annotations

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.clock import NOW, Clock
from doubles.limits import GroqLimits
from llm_bench.measure.limits import LONGEST_WAIT_SEC, Limits, seconds


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


def learned(limits: Limits, at: float = NOW, status: int = 200, sent: float | None = None, **headers: object) -> Limits:
    """The limits after a response with these headers, without their common beginning."""
    named = {f"x-ratelimit-{name.replace('_', '-')}": str(value) for name, value in headers.items()}
    limits.learn(at if sent is None else sent, at, status, named)
    return limits


class TestTokensAMinute:
    """Of a limit of 6,000, which is 100 a second."""

    def empty(self, remaining: int = 0) -> Limits:
        return learned(Limits(), limit_tokens=6000, remaining_tokens=remaining)

    def test_refill_steadily(self):
        assert self.empty().reserve(NOW, 1000, None) == pytest.approx(10)
        assert self.empty().reserve(NOW + 4, 1000, None) == pytest.approx(6)
        assert self.empty(300).reserve(NOW + 4, 1000, None) == pytest.approx(3)

    def test_refill_no_further_than_the_limit(self):
        limits = self.empty()
        assert limits.reserve(NOW + 600, 6000, None) == 0
        assert limits.reserve(NOW + 600, 100, None) == pytest.approx(1)

    def test_are_taken_by_requests_since_the_last_response_was_sent(self):
        limits = self.empty(1000)
        assert limits.reserve(NOW + 1, 500, None) == 0
        assert limits.reserve(NOW + 1, 1000, None) == pytest.approx(4)

    def test_are_not_taken_again_by_the_request_that_told_of_them(self):
        limits = Limits()
        assert limits.reserve(NOW, 200, None) == 0
        assert learned(limits, limit_tokens=6000, remaining_tokens=0).reserve(NOW, 100, None) == pytest.approx(1)

    def test_are_those_of_the_request_that_was_sent_last(self):
        limits = learned(Limits(), NOW + 2, sent=NOW + 1, limit_tokens=6000, remaining_tokens=0)
        learned(limits, NOW + 3, sent=NOW, limit_tokens=6000, remaining_tokens=6000)
        assert limits.reserve(NOW + 1, 100, None) == pytest.approx(1)
        learned(limits, NOW + 4, sent=NOW + 1, limit_tokens=6000, remaining_tokens=6000)
        assert limits.reserve(NOW + 1, 100, None) == 0

    @pytest.mark.parametrize("headers", [{"limit_tokens": 6000}, {"remaining_tokens": 0}, {"limit_tokens": "many"}])
    def test_are_unknown_where_the_response_says_half(self, headers: dict[str, object]):
        assert learned(Limits(), **headers).reserve(NOW, 10**6, None) == 0

    def test_are_no_limit_where_it_is_zero(self):
        assert learned(Limits(), limit_tokens=0, remaining_tokens=0).reserve(NOW, 100, None) == 0


class TestTheBorders:
    def test_a_request_is_let_go_again_a_minute_later(self):
        limits = Limits()
        assert limits.reserve(NOW, 1, 1) == 0
        assert limits.reserve(NOW + 59, 1, 1) == pytest.approx(1)
        assert limits.reserve(NOW + 60, 1, 1) == 0

    def test_what_was_let_go_is_remembered_for_a_minute_or_the_distance_of_requests(self):
        limits = Limits()
        for at in (0, 30, 60):
            limits.reserve(NOW + at, at, None)
        assert limits.grants == [(NOW + 30, 30), (NOW + 60, 60)]
        limits.reserve(NOW + 140, 7, 0.5)
        assert limits.grants == [(NOW + 30, 30), (NOW + 60, 60)]
        assert limits.reserve(NOW + 180, 7, 0.5) == 0
        assert limits.grants == [(NOW + 180, 7)]

    def test_the_longest_wait_is_five_minutes(self):
        assert learned(Limits(), status=429, reset=int((NOW + 300) * 1000)).reserve(NOW, 1, None) == pytest.approx(300)
        assert learned(Limits(), status=429, reset=int((NOW + 301) * 1000)).reserve(NOW, 1, None) == 0

    def test_a_refusal_that_names_no_time_holds_nothing_off(self):
        assert learned(Limits(), status=429).reserve(NOW, 1, None) == 0
        assert learned(Limits(), status=429, reset="soon").reserve(NOW, 1, None) == 0
        assert learned(Limits(), status=429, reset=int((NOW - 20) * 1000)).blocked_until == NOW

    def test_only_a_refusal_or_no_request_left_holds_off(self):
        limits = Limits()
        limits.learn(NOW, NOW, 200, {"retry-after": "7", "x-ratelimit-reset-requests": "7s"})
        learned(limits, remaining_requests=1, reset_requests="7s")
        assert limits.reserve(NOW, 1, None) == 0
        assert learned(limits, remaining_requests=0).reserve(NOW, 1, None) == 0

    def test_a_later_response_does_not_shorten_a_wait(self):
        limits = learned(Limits(), status=429, reset=int((NOW + 20) * 1000))
        learned(limits, remaining_requests=0, reset_requests="5s")
        assert limits.reserve(NOW, 1, None) == pytest.approx(20)

    def test_a_date_that_is_over_is_no_time(self):
        assert seconds("Fri, 15 Jan 2027 07:59:30 GMT", 1_800_000_000.0) == 0

    def test_blanks_around_a_time_mean_nothing(self):
        assert seconds(" 1m30s ", NOW) == 90
