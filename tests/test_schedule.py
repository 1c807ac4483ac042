from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.schedule import DAY_US, Schedule, from_us, slot_of, to_us

HOUR_US = 3_600_000_000
START = datetime(2026, 12, 7, 7, tzinfo=UTC)


def thesis(periods_per_day: int = 1, days: int = 4) -> Schedule:
    start = to_us(START)
    return Schedule(start, start + days * DAY_US, 12 * HOUR_US, 14, DAY_US // periods_per_day)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    start = draw(st.integers(0, 4_000_000_000_000_000))
    cadence = draw(st.integers(1_000, 2 * DAY_US))
    period = draw(st.integers(1, cadence))
    batches = draw(st.integers(1, min(period, 60)))
    length = draw(st.integers(1, 5 * cadence))
    return Schedule(start, start + length, period, batches, cadence)


class TestDefaultStudy:
    def test_has_56_slots_with_one_period_a_day(self):
        assert len(thesis()) == 56

    def test_has_112_slots_around_the_clock(self):
        assert len(thesis(periods_per_day=2)) == 112

    def test_starts_with_the_windows_start(self):
        assert thesis()[0] == START

    def test_spaces_slots_by_51_minutes_and_25_seconds(self):
        slots = list(thesis())
        assert slots[1] - slots[0] == timedelta(minutes=51, seconds=25, microseconds=714285)

    def test_starts_each_day_24_hours_after_the_one_before(self):
        slots = list(thesis())
        assert [slots[day * 14] - START for day in range(4)] == [timedelta(days=day) for day in range(4)]

    def test_pauses_between_the_periods_of_two_days(self):
        slots = list(thesis())
        assert slots[14] - slots[13] > timedelta(hours=12)

    def test_has_no_slot_at_the_very_end_of_the_window(self):
        start = to_us(START)
        slots = list(Schedule(start, start + 6 * HOUR_US, 12 * HOUR_US, 12))
        assert len(slots) == 6
        assert slots[-1] == START + timedelta(hours=5)


class TestAnySchedule:
    @given(schedules())
    def test_length_is_the_number_of_slots(self, schedule: Schedule):
        brute = [
            period * schedule.cadence_us + k * schedule.period_us // schedule.batches
            for period in range((schedule.end_us - schedule.start_us) // schedule.cadence_us + 1)
            for k in range(schedule.batches)
        ]
        inside = [offset for offset in brute if offset < schedule.end_us - schedule.start_us]
        assert [to_us(slot) - schedule.start_us for slot in schedule] == inside
        assert len(schedule) == len(inside)

    @given(schedules())
    def test_slots_rise_strictly(self, schedule: Schedule):
        slots = list(schedule)
        assert all(earlier < later for earlier, later in pairwise(slots))

    @given(schedules())
    def test_no_slot_is_outside_the_window(self, schedule: Schedule):
        assert all(schedule.start_us <= to_us(slot) < schedule.end_us for slot in schedule)

    @given(schedules())
    def test_no_slot_is_off_by_more_than_a_microsecond(self, schedule: Schedule):
        for n, slot in enumerate(schedule):
            period, k = divmod(n, schedule.batches)
            exact = (
                schedule.start_us + period * schedule.cadence_us + Fraction(k * schedule.period_us, schedule.batches)
            )
            assert abs(to_us(slot) - exact) < 1

    @given(schedules(), st.integers(-10, 10), st.data())
    def test_lookups_agree_with_a_search_through_all_slots(self, schedule: Schedule, shift: int, data: st.DataObject):
        slots = list(schedule)
        moment = data.draw(st.sampled_from(slots)) + timedelta(microseconds=shift)
        assert schedule.at_or_after(moment) == next((slot for slot in slots if slot >= moment), None)
        assert schedule.after(moment) == next((slot for slot in slots if slot > moment), None)
        assert (moment in schedule) == (moment in slots)

    def test_an_index_outside_is_an_error(self):
        with pytest.raises(IndexError):
            thesis()[56]


class TestClockChanges:
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
    @pytest.mark.parametrize("start", [datetime(2026, 3, 28, 20), datetime(2026, 10, 24, 20), datetime(2026, 11, 1)])
    def test_a_period_is_elapsed_time_whatever_the_clocks_do(self, zone: str, start: datetime):
        local = start.replace(tzinfo=ZoneInfo(zone))
        begin = to_us(local)
        slots = list(Schedule(begin, begin + 4 * DAY_US, 12 * HOUR_US, 12))
        assert [slot - slots[0] for slot in slots[:12]] == [timedelta(hours=k) for k in range(12)]

    @given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14, 14))
    def test_microseconds_are_exact_both_ways(self, naive: datetime, offset: int):
        moment = naive.replace(tzinfo=UTC) - timedelta(hours=offset)
        assert from_us(to_us(moment)) == moment

    def test_pendulums_datetimes_are_exact_too(self):
        moment = pendulum.datetime(2026, 10, 25, 2, 30, 0, 714285, tz="Europe/Berlin")
        assert from_us(to_us(moment)) == datetime(2026, 10, 25, 1, 30, 0, 714285, tzinfo=UTC)


class TestGrace:
    def test_is_five_minutes(self):
        assert thesis().grace == timedelta(minutes=5)

    def test_is_the_time_to_the_next_slot_where_that_is_shorter(self):
        assert Schedule(0, DAY_US, 14 * 60_000_000, 14).grace == timedelta(minutes=1)
        assert Schedule(0, DAY_US, 20, 3).grace == timedelta(microseconds=6)


class TestTheBorders:
    def test_a_window_without_length_has_no_slot(self):
        assert len(Schedule(5, 5, 10, 2)) == 0
        assert len(Schedule(5, 4, 10, 2)) == 0
        assert list(Schedule(5, 6, 10, 2)) == [from_us(5)]

    @pytest.mark.parametrize("n", [-1, 56, 57])
    def test_a_number_outside_is_an_error(self, n: int):
        with pytest.raises(IndexError, match=str(n)):
            thesis()[n]

    def test_before_the_window_the_first_slot_is_next(self):
        early = START - timedelta(days=3)
        assert thesis().at_or_after(early) == START
        assert early not in thesis()

    def test_after_the_window_none_is_next(self):
        late = START + timedelta(days=30)
        assert thesis().at_or_after(late) is None
        assert thesis().index_at_or_after(late) == 56

    def test_a_day_is_the_time_between_periods_unless_another_is_said(self):
        start = to_us(START)
        assert Schedule(start, start + 2 * DAY_US, HOUR_US, 1)[1] == START + timedelta(days=1)

    def test_the_slot_of_a_run_is_its_logical_date_or_else_when_it_was_due(self):
        due = START + timedelta(hours=1)
        assert slot_of(START, due) == START
        assert slot_of(None, due) == due
