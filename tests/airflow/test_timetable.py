from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pendulum
import pytest
import time_machine
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.events import EventsTimetable

from llm_bench.airflow.timetable import SlotTimetable
from llm_bench.schedule import DAY_US, Schedule, to_us

START = datetime(2026, 12, 7, 7, tzinfo=UTC)
SCHEDULE = Schedule(to_us(START), to_us(START) + 4 * DAY_US, DAY_US // 2, 14)


@pytest.fixture
def timetable() -> SlotTimetable:
    return SlotTimetable(SCHEDULE)


def follow(timetable: SlotTimetable | EventsTimetable, restriction: TimeRestriction) -> list[datetime]:
    """All runs that the scheduler would make, one after another."""
    runs: list[DagRunInfo] = []
    while True:
        last = runs[-1].data_interval if runs else None
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        if info is None:
            return [run.run_after for run in runs]
        runs.append(info)


def restriction(*, catchup: bool, earliest: datetime | None = None, latest: datetime | None = None) -> TimeRestriction:
    return TimeRestriction(
        earliest and pendulum.instance(earliest), latest and pendulum.instance(latest), catchup=catchup
    )


class TestCatchup:
    def test_on_makes_a_run_for_every_slot_of_the_past(self, timetable: SlotTimetable):
        with time_machine.travel(START + timedelta(days=10)):
            assert follow(timetable, restriction(catchup=True)) == list(SCHEDULE)

    def test_off_makes_none_for_missed_slots(self, timetable: SlotTimetable):
        with time_machine.travel(START + timedelta(days=2, hours=13)):
            runs = follow(timetable, restriction(catchup=False))
        assert runs == [slot for slot in SCHEDULE if slot >= START + timedelta(days=3)]

    def test_off_before_the_window_makes_all(self, timetable: SlotTimetable):
        with time_machine.travel(START - timedelta(days=1)):
            assert follow(timetable, restriction(catchup=False)) == list(SCHEDULE)

    def test_off_still_makes_a_slot_that_is_late_within_the_grace(self, timetable: SlotTimetable):
        with time_machine.travel(SCHEDULE[3] + SCHEDULE.grace - timedelta(seconds=1)):
            assert follow(timetable, restriction(catchup=False))[0] == SCHEDULE[3]

    def test_off_gives_up_a_slot_that_is_later(self, timetable: SlotTimetable):
        with time_machine.travel(SCHEDULE[3] + SCHEDULE.grace + timedelta(seconds=1)):
            assert follow(timetable, restriction(catchup=False))[0] == SCHEDULE[4]

    def test_off_never_makes_a_slot_twice(self, timetable: SlotTimetable):
        with time_machine.travel(SCHEDULE[3] + timedelta(seconds=1)):
            info = timetable.next_dagrun_info(
                last_automated_data_interval=DataInterval.exact(pendulum.instance(SCHEDULE[3])),
                restriction=restriction(catchup=False),
            )
        assert info is not None
        assert info.run_after == SCHEDULE[4]


class TestWindow:
    def test_ends_after_the_last_slot(self, timetable: SlotTimetable):
        with time_machine.travel(START + timedelta(days=5)):
            assert follow(timetable, restriction(catchup=False)) == []

    def test_can_be_narrowed_on_both_sides(self, timetable: SlotTimetable):
        runs = follow(timetable, restriction(catchup=True, earliest=SCHEDULE[5], latest=SCHEDULE[20]))
        assert runs == list(SCHEDULE)[5:21]

    def test_agrees_with_airflows_own_timetable_of_listed_events(self, timetable: SlotTimetable):
        oracle = EventsTimetable([pendulum.instance(slot) for slot in SCHEDULE])
        for limits in (restriction(catchup=True), restriction(catchup=True, earliest=START + timedelta(hours=20))):
            assert follow(timetable, limits) == follow(oracle, limits)


def test_a_run_by_hand_takes_the_moment_of_the_trigger(timetable: SlotTimetable):
    now = pendulum.datetime(2026, 11, 1, 12, 0, 3)
    assert timetable.infer_manual_data_interval(run_after=now) == DataInterval.exact(now)


def test_the_logical_date_of_a_run_is_its_slot(timetable: SlotTimetable):
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction(catchup=True))
    assert info is not None
    assert info.logical_date == START


def test_survives_serialisation(timetable: SlotTimetable):
    again = SlotTimetable.deserialize(timetable.serialize())
    assert (again.schedule, again.summary) == (timetable.schedule, timetable.summary)


def test_tells_its_rhythm_in_the_ui(timetable: SlotTimetable):
    assert timetable.summary == "56 batches, 14 per 12 h"
    assert timetable.description == (
        "56 batches from 2026-12-07 07:00 to 2026-12-11 07:00 UTC: 14 in each period of 12 h"
    )
