from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.clock import NOW
from llm_bench.measure.ledger import Ledger, Moment, opened
from llm_bench.measure.limits import LONGEST_WAIT_SEC, SENT_WITHIN_SEC, Limits, Rates, Tokens
from llm_bench.measure.notices import Allowance, Notice

HERE = Moment(boot="a", uptime=1000.0, wall=NOW)
SMALL = Tokens(1, 0)
RATES = Rates(requests_per_minute=1)


def later(passed: float, *, by_wall: float | None = None, boot: str = "a") -> Moment:
    """A moment on the same machine, with its time of day wherever it was put meanwhile."""
    return Moment(boot, HERE.uptime + passed, NOW + (passed if by_wall is None else by_wall))


def used(seen: Moment = HERE) -> str:
    """An account from which one request was let go, and answered at once."""
    ledger = opened("", seen)
    assert ledger.limits.reserve(ledger.now, SMALL, RATES) == 0
    ledger.limits.learn(ledger.now, ledger.now, Notice(answered=True))
    return str(ledger)


def wait(text: str, seen: Moment) -> float:
    ledger = opened(text, seen)
    return ledger.limits.reserve(ledger.now, SMALL, RATES)


class TestItsClock:
    def test_starts_at_the_time_of_day(self):
        assert opened("", HERE).now == NOW

    def test_moves_by_what_has_passed(self):
        assert wait(used(), later(20)) == pytest.approx(40)
        assert wait(used(), later(60)) == 0

    @pytest.mark.parametrize("jump", [-3600, 86400, -86400 * 365, 1e9])
    def test_does_not_care_where_the_time_of_day_was_put(self, jump: float):
        assert wait(used(), later(20, by_wall=20 + jump)) == pytest.approx(40)

    def test_moves_by_the_time_of_day_from_one_machine_to_another(self):
        assert wait(used(), Moment("b", 5.0, NOW + 20)) == pytest.approx(40)

    def test_stands_still_where_another_machine_is_behind(self):
        assert wait(used(), Moment("b", 5.0, NOW - 3600)) == pytest.approx(60)

    def test_moves_by_the_time_of_day_where_a_machine_does_not_say_when_it_started(self):
        assert wait(used(replace(HERE, boot="")), replace(later(20), boot="")) == pytest.approx(40)

    def test_does_not_stop_a_block_from_ending(self):
        ledger = opened("", HERE)
        ledger.limits.learn(ledger.now, ledger.now, Notice(refused=True, hold_sec=LONGEST_WAIT_SEC))
        back = opened(str(ledger), later(LONGEST_WAIT_SEC + 1, by_wall=-3600))
        assert back.limits.reserve(back.now, SMALL, Rates()) == 0


class TestItsText:
    def test_holds_all_of_it(self):
        limits = Limits(blocked_until=NOW + 5, shut_until=NOW + 9000, probed_at=NOW)
        notice = Notice(answered=True, tokens={"prompt": Allowance(100, 50)}, allowed={"requests_per_day": 1000})
        limits.learn(NOW, NOW, notice)
        limits.shut_until = NOW + 9000
        limits.reserve(NOW + 6, Tokens(3, 4), Rates())
        ledger = Ledger(NOW + 6, HERE, limits)
        assert opened(str(ledger), HERE) == ledger

    def test_of_before_may_say_nothing_of_whole_limits(self):
        assert opened(used().replace('"allowed": {}, ', ""), HERE) == opened(used(), HERE)

    def test_of_before_may_not_say_which_requests_are_answered(self):
        ledger = opened(used().replace(", true]", "]"), HERE)
        assert [grant.answered for grant in ledger.limits.grants] == [False]

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "null", "7", '{"now": 1}', '{"grants": [], "token_limit": null, "blocked_until": 0}']
    )
    def test_that_is_damaged_or_of_another_version_is_begun_anew(self, text: str):
        assert opened(text, HERE) == Ledger(NOW, HERE)

    @pytest.mark.parametrize("value", ["1e400", "-1e400", "Infinity", "NaN", '"soon"', "null", "[]"])
    @pytest.mark.parametrize("name", ["blocked_until", "shut_until", "probed_at"])
    def test_with_a_number_that_is_none_is_begun_anew(self, name: str, value: str):
        text = used().replace(f'"{name}": 0.0', f'"{name}": {value}')
        assert opened(text, HERE) == Ledger(NOW, HERE)

    @given(st.recursive(st.none() | st.floats() | st.text(max_size=3), lambda part: st.lists(part, max_size=2)))
    def test_with_anything_in_place_of_its_lists_is_begun_anew_or_read(self, damage: object):
        kept = json.loads(used())
        for name in ("grants", "day", "levels"):
            text = json.dumps({**kept, "limits": {**kept["limits"], name: damage}})
            assert 0 <= wait(text, HERE) <= 60 + SENT_WITHIN_SEC
