from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.clock import NOW, Clock
from doubles.limits import GroqLimits
from llm_bench.measure.limits import (
    BUCKET_SEC,
    DAY_SEC,
    LONGEST_WAIT_SEC,
    PROBE_SEC,
    SENT_WITHIN_SEC,
    Closed,
    Limits,
    Rates,
    Tokens,
)
from llm_bench.measure.notices import LONGEST_SEC, Allowance, Notice, notice

UNLIMITED = Rates()
SMALL = Tokens(1, 0)
DAY_LIMIT = Notice(refused=True, hold_sec=DAY_SEC)
ANSWERED = Notice(answered=True)


def a_minute(requests: float) -> Rates:
    return Rates(requests_per_minute=requests)


def after(response: Notice, limits: Limits | None = None, at: float = NOW, sent: float | None = None) -> Limits:
    """The limits after a response."""
    limits = limits or Limits()
    limits.learn(at if sent is None else sent, at, response)
    return limits


def ask(limits: Limits, at: float, tokens: Tokens, rates: Rates) -> float:
    """What a request has to wait; one that goes is answered at once."""
    wait = limits.reserve(at, tokens, rates)
    if wait == 0:
        limits.learn(at, at, Notice(answered=True))
    return wait


@dataclass(frozen=True)
class Play:
    """Cells that ask a server side by side, on a clock of the play's own.

    :param held_up_sec: how long a cell may be held up between its turn and its request, each time another share of it.
    """

    per_minute: int
    tokens_per_minute: int
    cells: int
    questions: int
    requested: int
    used: int
    answer_sec: float
    held_up_sec: float = 0.0

    def run(self) -> tuple[GroqLimits, float]:
        """The server afterwards, and the seconds until the last answer."""
        clock, limits = Clock(), Limits()
        server = GroqLimits(self.per_minute, self.tokens_per_minute, clock)
        left = [self.questions] * self.cells
        let_go, counted, replies = ([0.0] * self.cells, [0.0] * self.cells, [Notice()] * self.cells)
        events: list[tuple[float, int, str]] = [(NOW, cell, "waits") for cell in range(self.cells)]
        while events:
            clock.now, cell, step = heapq.heappop(events)
            if step == "is answered":
                server.answered(self.requested, self.used)
                limits.learn(let_go[cell], clock.now, replies[cell], counted=counted[cell])
                left[cell] -= 1
            if step == "sends":
                status, headers = server.ask(self.requested)
                replies[cell] = notice(status, headers, refusal="" if status == 429 else None, now=clock.now)
                counted[cell] = clock.now
                heapq.heappush(events, (clock.now + self.answer_sec, cell, "is answered"))
            elif left[cell]:
                wait = limits.reserve(clock.now, Tokens(self.requested, 0), a_minute(self.per_minute))
                let_go[cell] = clock.now
                held_up = self.held_up_sec * (7 * left[cell] + 3 * cell) % 10 / 10
                step = "waits" if wait > 0 else "sends"
                heapq.heappush(events, (clock.now + (wait + 1e-6 if wait > 0 else held_up), cell, step))
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
        answer_sec=draw(st.floats(0.05, 150)),
        held_up_sec=draw(st.floats(0, SENT_WITHIN_SEC)),
    )


class TestWithGroqsLimits:
    @pytest.mark.parametrize(("per_minute", "tokens"), [(30, 12_000), (30, 6_000), (60, 10_000)])
    def test_a_batch_is_never_refused_and_takes_about_the_shortest_time(self, per_minute: int, tokens: int):
        server, took = Play(per_minute, tokens, 2, 10, requested=1624, used=660, answer_sec=0.8).run()
        shortest = max(10 * 0.8, server.shortest_sec(20, 1624, 660))
        assert server.refused == 0
        assert took <= shortest + 2 * 1624 / (tokens / 60)

    @given(plays())
    def test_no_number_of_cells_is_ever_refused_however_long_each_is_held_up(self, play: Play):
        assert play.run()[0].refused == 0


class TestRequestsAMinute:
    def test_go_at_once_up_to_the_limit(self):
        limits = Limits()
        assert [ask(limits, NOW + n, SMALL, a_minute(3)) for n in range(3)] == [0, 0, 0]
        assert ask(limits, NOW + 3, SMALL, a_minute(3)) == pytest.approx(57)

    def test_are_let_go_again_a_minute_later(self):
        limits = Limits()
        assert ask(limits, NOW, SMALL, a_minute(1)) == 0
        assert ask(limits, NOW + 59, SMALL, a_minute(1)) == pytest.approx(1)
        assert ask(limits, NOW + 60, SMALL, a_minute(1)) == 0

    def test_of_less_than_one_are_spaced(self):
        limits = Limits()
        assert ask(limits, NOW, SMALL, a_minute(0.5)) == 0
        assert ask(limits, NOW + 70, SMALL, a_minute(0.5)) == pytest.approx(50)

    def test_of_a_tenth_are_ten_minutes_apart_however_long_that_is(self):
        limits = Limits()
        assert ask(limits, NOW, SMALL, a_minute(0.1)) == 0
        assert ask(limits, NOW + 1, SMALL, a_minute(0.1)) == pytest.approx(599)

    def test_are_remembered_for_a_minute_or_their_distance(self):
        limits = Limits()
        for at in (0, 30, 60):
            ask(limits, NOW + at, Tokens(at, 0), UNLIMITED)
        assert [grant.moment for grant in limits.grants] == [NOW + 30, NOW + 60]
        ask(limits, NOW + 140, SMALL, a_minute(0.5))
        assert [grant.moment for grant in limits.grants] == [NOW + 30, NOW + 60]
        assert ask(limits, NOW + 180, SMALL, a_minute(0.5)) == 0
        assert [grant.moment for grant in limits.grants] == [NOW + 180]

    @pytest.mark.parametrize("absurd", [math.inf, math.nan, -1.0, 0.0, 1e300])
    def test_of_an_absurd_number_are_no_limit(self, absurd: float):
        limits = Limits()
        assert [ask(limits, NOW, SMALL, a_minute(absurd)) for _ in range(100)] == [0] * 100

    def test_of_next_to_nothing_still_have_an_end(self):
        limits = Limits()
        assert ask(limits, NOW, SMALL, a_minute(5e-324)) == 0
        assert ask(limits, NOW, SMALL, a_minute(5e-324)) <= 30 * DAY_SEC


class TestTokensAMinuteOfTheStudy:
    def test_hold_a_request_until_its_tokens_have_room(self):
        limits, rates = Limits(), Rates(tokens_per_minute=1000)
        assert ask(limits, NOW, Tokens(300, 300), rates) == 0
        assert ask(limits, NOW + 10, Tokens(100, 300), rates) == 0
        assert ask(limits, NOW + 20, Tokens(0, 1), rates) == pytest.approx(40)

    def test_let_a_request_go_alone_that_is_larger_than_all_of_them(self):
        limits, rates = Limits(), Rates(tokens_per_minute=1000)
        assert ask(limits, NOW, Tokens(5000, 0), rates) == 0
        assert ask(limits, NOW, Tokens(5000, 0), rates) == pytest.approx(60)


class TestALimitOfADayOfTheStudy:
    def test_closes_when_its_requests_are_used_up(self):
        limits, rates = Limits(), Rates(requests_per_day=2)
        assert [limits.reserve(NOW, SMALL, rates) for _ in range(2)] == [0, 0]
        assert limits.closed(NOW, SMALL, rates) == Closed(DAY_SEC + BUCKET_SEC, "requests_per_day")

    def test_closes_when_its_tokens_are_used_up(self):
        limits, rates = Limits(), Rates(tokens_per_day=1000)
        assert limits.reserve(NOW, Tokens(500, 500), rates) == 0
        closed = limits.closed(NOW + 60, SMALL, rates)
        assert closed is not None
        assert closed.whose == "tokens_per_day"

    def test_counts_what_an_answer_has_really_cost(self):
        limits, rates = Limits(), Rates(tokens_per_day=1000)
        limits.reserve(NOW, Tokens(500, 500), rates)
        limits.learn(NOW, NOW + 1, ANSWERED, used=Tokens(400, 100))
        assert limits.closed(NOW + 2, Tokens(250, 250), rates) is None
        assert limits.closed(NOW + 2, Tokens(250, 251), rates) is not None

    def test_is_over_a_day_later(self):
        limits, rates = Limits(), Rates(requests_per_day=1)
        limits.reserve(NOW, SMALL, rates)
        assert limits.closed(NOW + DAY_SEC - LONGEST_WAIT_SEC, SMALL, rates) is not None
        assert limits.closed(NOW + DAY_SEC + BUCKET_SEC, SMALL, rates) is None
        assert limits.reserve(NOW + DAY_SEC + BUCKET_SEC, SMALL, rates) == 0

    def test_that_is_almost_over_is_waited_for(self):
        limits, rates = Limits(), Rates(requests_per_day=1)
        limits.reserve(NOW, SMALL, rates)
        assert limits.closed(NOW + DAY_SEC + BUCKET_SEC - 200, SMALL, rates) is None
        assert limits.reserve(NOW + DAY_SEC + BUCKET_SEC - 200, SMALL, rates) == pytest.approx(200)

    def test_takes_little_room_however_many_requests_there_are(self):
        limits = Limits()
        for number in range(20_000):
            limits.reserve(NOW + 4.32 * number, SMALL, UNLIMITED)
        assert len(limits.day) <= 146


class TestARefusal:
    def test_holds_off_as_long_as_it_says(self):
        assert after(Notice(refused=True, hold_sec=7)).reserve(NOW + 2, SMALL, UNLIMITED) == pytest.approx(5)

    def test_that_names_no_time_holds_nothing_off(self):
        assert after(Notice(refused=True)).reserve(NOW, SMALL, UNLIMITED) == 0

    def test_is_not_shortened_by_a_later_response(self):
        limits = after(Notice(answered=True, hold_sec=5), after(Notice(refused=True, hold_sec=20)))
        assert limits.reserve(NOW, SMALL, UNLIMITED) == pytest.approx(20)

    def test_of_five_minutes_is_waited_for(self):
        limits = after(Notice(refused=True, hold_sec=LONGEST_WAIT_SEC))
        assert limits.closed(NOW, SMALL, UNLIMITED) is None
        assert limits.reserve(NOW, SMALL, UNLIMITED) == pytest.approx(LONGEST_WAIT_SEC)


class TestALongBlock:
    """Of a day, say: no cell can wait for its end."""

    def test_closes_at_once_and_says_whose_it_is(self):
        assert after(DAY_LIMIT).closed(NOW + 60, SMALL, UNLIMITED) == Closed(DAY_SEC - 60, "provider")

    def test_does_not_switch_off_the_limit_of_a_minute(self):
        limits = after(DAY_LIMIT)
        gone = [n for n in range(20) if limits.reserve(NOW + n * 0.2, SMALL, a_minute(6)) == 0]
        assert len(gone) == 6

    def test_does_not_switch_off_a_limit_of_less_than_one_request_a_minute(self):
        limits = after(DAY_LIMIT)
        assert ask(limits, NOW, SMALL, a_minute(0.1)) == 0
        assert ask(limits, NOW + 1, SMALL, a_minute(0.1)) == pytest.approx(599)

    def test_does_not_switch_off_a_short_one(self):
        limits = after(DAY_LIMIT, after(Notice(refused=True, hold_sec=20)))
        assert limits.reserve(NOW, SMALL, UNLIMITED) == pytest.approx(20)

    def test_does_not_switch_off_tokens_a_minute(self):
        empty = Notice(answered=True, tokens={"all": Allowance(6000, 0)})
        limits = after(DAY_LIMIT, after(empty), at=NOW + 1)
        assert limits.reserve(NOW + 1, Tokens(600, 0), UNLIMITED) == pytest.approx(5)

    def test_is_tried_once_in_half_an_hour(self):
        limits = after(DAY_LIMIT)
        assert limits.closed(NOW + PROBE_SEC, SMALL, UNLIMITED) is None
        assert limits.reserve(NOW + PROBE_SEC, SMALL, UNLIMITED) == 0
        assert limits.closed(NOW + PROBE_SEC + 1, SMALL, UNLIMITED) is not None

    def test_ends_with_an_answer_to_what_tried_it(self):
        limits = after(DAY_LIMIT)
        limits.reserve(NOW + PROBE_SEC, SMALL, UNLIMITED)
        after(ANSWERED, limits, at=NOW + PROBE_SEC + 3, sent=NOW + PROBE_SEC)
        assert limits.closed(NOW + PROBE_SEC + 4, SMALL, UNLIMITED) is None

    def test_goes_on_after_the_answer_to_a_request_that_was_under_way(self):
        limits = after(ANSWERED, after(DAY_LIMIT, at=NOW + 1), at=NOW + 2, sent=NOW)
        assert limits.closed(NOW + 2, SMALL, UNLIMITED) is not None

    def test_is_waited_for_in_its_last_minutes(self):
        limits = after(Notice(refused=True, hold_sec=1000))
        assert limits.closed(NOW + 800, SMALL, UNLIMITED) is None
        assert limits.reserve(NOW + 800, SMALL, UNLIMITED) == pytest.approx(200)
        assert limits.reserve(NOW + 1000, SMALL, UNLIMITED) == 0

    @pytest.mark.parametrize("kept", [NOW + 1e9, 1e300])
    def test_that_was_kept_for_ever_lasts_a_day(self, kept: float):
        limits = Limits(shut_until=kept, probed_at=NOW)
        assert limits.closed(NOW, SMALL, UNLIMITED) == Closed(LONGEST_SEC, "provider")
        assert limits.closed(NOW + DAY_SEC, SMALL, UNLIMITED) is None

    def test_that_was_kept_as_a_short_one_for_ever_lasts_five_minutes(self):
        assert Limits(blocked_until=1e300).reserve(NOW, SMALL, UNLIMITED) == LONGEST_WAIT_SEC


class TestTokensAMinute:
    """Of a limit of 6,000, which is 100 a second."""

    def stated(self, remaining: int = 0, kind: str = "all", limit: int = 6000) -> Notice:
        return Notice(answered=True, tokens={kind: Allowance(limit, remaining)})

    def wait(self, limits: Limits, at: float, tokens: int) -> float:
        return limits.reserve(at, Tokens(tokens, 0), UNLIMITED)

    def test_refill_steadily(self):
        assert self.wait(after(self.stated()), NOW, 1000) == pytest.approx(10)
        assert self.wait(after(self.stated()), NOW + 4, 1000) == pytest.approx(6)
        assert self.wait(after(self.stated(300)), NOW + 4, 1000) == pytest.approx(3)

    def test_refill_no_further_than_the_limit(self):
        limits = after(self.stated())
        assert self.wait(limits, NOW + 600, 6000) == 0
        assert self.wait(limits, NOW + 600, 100) == pytest.approx(1)

    def test_are_taken_by_requests_since_the_last_response_was_sent(self):
        limits = after(self.stated(1000))
        assert self.wait(limits, NOW + 1, 500) == 0
        assert self.wait(limits, NOW + 1, 1000) == pytest.approx(4)

    def test_are_not_taken_again_by_the_request_that_was_answered_with_them(self):
        limits = Limits()
        assert self.wait(limits, NOW, 200) == 0
        assert self.wait(after(self.stated(), limits), NOW, 100) == pytest.approx(1)

    def test_are_those_of_the_request_that_was_sent_last(self):
        limits = after(self.stated(), at=NOW + 2, sent=NOW + 1)
        after(self.stated(6000), limits, at=NOW + 3, sent=NOW)
        assert self.wait(limits, NOW + 1, 100) == pytest.approx(1)
        after(self.stated(6000), limits, at=NOW + 4, sent=NOW + 1)
        assert self.wait(limits, NOW + 1, 100) == 0

    def test_of_one_request_are_no_more_than_the_whole_limit(self):
        assert self.wait(after(self.stated(1000, limit=1000)), NOW + 1, 50_000) == 0

    def test_of_the_prompt_and_of_the_answer_are_counted_apart(self):
        limits = after(Notice(answered=True, tokens={"prompt": Allowance(6000, 6000), "answer": Allowance(600, 0)}))
        assert limits.reserve(NOW, Tokens(5000, 0), UNLIMITED) == 0
        assert limits.reserve(NOW + 1, Tokens(0, 20), UNLIMITED) == pytest.approx(1)

    def test_that_are_hardly_any_hold_no_longer_than_five_minutes(self):
        limits = after(self.stated(limit=1))
        assert self.wait(limits, NOW, 50_000) <= LONGEST_WAIT_SEC

    def test_are_no_limit_where_it_is_zero(self):
        assert self.wait(after(self.stated(limit=0)), NOW, 100) == 0


class TestAClockThatGoesBack:
    """By an hour, under whatever was kept."""

    BACK = NOW - 3600

    def test_goes_on_pacing(self):
        limits = Limits()
        for _ in range(3):
            ask(limits, NOW, SMALL, a_minute(3))
        assert ask(limits, self.BACK, SMALL, a_minute(3)) == pytest.approx(60)
        assert ask(limits, self.BACK + 60, SMALL, a_minute(3)) == 0

    def test_does_not_block_for_an_hour(self):
        limits = after(Notice(refused=True, hold_sec=20))
        assert ask(limits, self.BACK, SMALL, UNLIMITED) <= LONGEST_WAIT_SEC
        assert ask(limits, self.BACK + LONGEST_WAIT_SEC, SMALL, UNLIMITED) == 0

    def test_lets_tokens_refill_from_then_on(self):
        limits = after(Notice(answered=True, tokens={"all": Allowance(6000, 0)}))
        assert ask(limits, self.BACK, Tokens(1000, 0), UNLIMITED) == pytest.approx(10)
        assert ask(limits, self.BACK + 10, Tokens(1000, 0), UNLIMITED) == 0


numbers = st.floats(allow_nan=True, allow_infinity=True)
holds = st.one_of(st.floats(0, LONGEST_SEC), st.just(0.0))
notices = st.builds(
    Notice,
    answered=st.booleans(),
    refused=st.booleans(),
    hold_sec=holds,
    tokens=st.dictionaries(
        st.sampled_from(["all", "prompt", "answer"]),
        st.builds(Allowance, st.floats(0.01, 1e9), st.floats(0, 1e9)),
    ),
)
rates = st.builds(Rates, *[st.one_of(st.none(), numbers, st.floats(0.05, 100))] * 4)
steps = st.lists(st.tuples(st.floats(-4000, 4000), notices), min_size=1, max_size=12)


class TestWhateverWasStated:
    @given(rates, steps)
    def test_no_wait_is_unbounded(self, rates: Rates, steps: list[tuple[float, Notice]]):
        limits, now = Limits(), NOW
        for passed, response in steps:
            now += passed
            if limits.closed(now, Tokens(900, 512), rates) is None:
                assert 0 <= limits.reserve(now, Tokens(900, 512), rates) <= 31 * DAY_SEC
            limits.learn(now, now, response)

    @given(steps)
    def test_without_limits_of_the_study_a_request_goes_within_minutes_or_is_closed(
        self, steps: list[tuple[float, Notice]]
    ):
        limits, now = Limits(), NOW
        for passed, response in steps:
            now += passed
            limits.reserve(now, Tokens(900, 512), UNLIMITED)
            limits.learn(now, now, response)
        patience = now + 600
        while now < patience:
            if limits.closed(now, Tokens(900, 512), UNLIMITED):
                return
            wait = limits.reserve(now, Tokens(900, 512), UNLIMITED)
            if wait == 0:
                return
            now += wait + 1e-3
        raise AssertionError(f"still waits {wait} s")

    @given(st.integers(1, 30), steps)
    def test_no_minute_holds_more_requests_than_the_study_allows(self, allowed: int, steps: list[tuple[float, Notice]]):
        limits, now, gone = Limits(), NOW, []
        for passed, response in steps:
            now += abs(passed) / 100
            gone += [now for _ in range(10) if limits.reserve(now, SMALL, a_minute(allowed)) == 0]
            limits.learn(now, now, response)
        assert all(sum(start <= at < start + 60 for at in gone) <= allowed for start in gone)
