from __future__ import annotations

import pytest

from llm_bench.measure.pacing import Pacer


class Clock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestPacer:
    def test_lets_the_first_request_go_at_once(self, clock: Clock):
        assert Pacer(30, clock, clock.sleep).wait() == 0

    def test_spaces_requests_by_the_limit(self, clock: Clock):
        pacer = Pacer(30, clock, clock.sleep)
        pacer.wait()
        assert pacer.wait() == pytest.approx(2)

    def test_takes_the_time_of_the_answer_off_the_wait(self, clock: Clock):
        pacer = Pacer(30, clock, clock.sleep)
        pacer.wait()
        clock.now += 1.5
        assert pacer.wait() == pytest.approx(0.5)

    def test_never_waits_without_a_limit(self, clock: Clock):
        pacer = Pacer(None, clock, clock.sleep)
        assert [pacer.wait(), pacer.wait()] == [0, 0]
