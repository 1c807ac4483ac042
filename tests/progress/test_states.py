from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.progress import states as progress
from llm_bench.progress.states import Batch, Measured, Run, Slot
from llm_bench.schedule import DAY_US, Schedule, to_us

START = datetime(2026, 12, 7, 7, tzinfo=UTC)
SCHEDULE = Schedule(to_us(START), to_us(START) + 4 * DAY_US, DAY_US // 2, 14)
SLOTS = list(SCHEDULE)
GRACE = SCHEDULE.grace
WHOLE = 80


def batch(slot: datetime, records: int = WHOLE, late_sec: float = 2.0, run_type: str = "scheduled") -> Batch:
    return Batch(slot, f"run of {slot}", run_type, records, 0, late_sec, 60.0)


def account(now: datetime, *batches: Batch, runs: dict[datetime, Run] | None = None, **quarantined: int) -> list[Slot]:
    return progress.account(
        SCHEDULE,
        now,
        expected=WHOLE,
        measured={batch.slot: batch for batch in batches},
        quarantined={SLOTS[int(number[1:])]: count for number, count in quarantined.items()},
        runs=runs or {},
    )


def states(slots: list[Slot], count: int) -> list[str]:
    return [slot.state for slot in slots[:count]]


@st.composite
def accounts(draw: st.DrawFn) -> list[Slot]:
    """A study at any moment, with anything known of each slot."""
    now = START + timedelta(seconds=draw(st.integers(-3600, 5 * 24 * 3600)))
    measured = draw(st.dictionaries(st.sampled_from(SLOTS), st.tuples(st.integers(1, WHOLE), st.floats(0, 1e6))))
    runs = draw(st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(["queued", "running", "success", "failed"])))
    return progress.account(
        SCHEDULE,
        now,
        expected=WHOLE,
        measured={slot: batch(slot, records, late) for slot, (records, late) in measured.items()},
        quarantined=draw(st.dictionaries(st.sampled_from(SLOTS), st.integers(1, 5))),
        runs={slot: Run(f"run of {slot}", state) for slot, state in runs.items()},
    )


def within(spans: list[progress.Span], slots: list[Slot]) -> list[Slot]:
    return [slot for first, last in spans for slot in slots if first <= slot.due <= last]


class TestASlotOfAnEarlierStudy:
    """One from before the study got another LLM, or lost one."""

    def states(self, records: int, due: int) -> list[str]:
        slots = progress.account(
            SCHEDULE,
            SLOTS[1],
            expected=WHOLE,
            measured={SLOTS[0]: batch(SLOTS[0], records)},
            quarantined={},
            runs={},
            due_then={SLOTS[0]: due},
        )
        return states(slots, 1)

    def test_is_done_with_what_was_due_in_it(self):
        assert self.states(60, due=60) == ["done"]

    def test_is_incomplete_with_less_even_where_that_is_as_much_as_is_due_today(self):
        assert self.states(WHOLE, due=100) == ["incomplete"]


class TestASlot:
    def test_is_done_with_all_its_records(self):
        assert states(account(SLOTS[1], batch(SLOTS[0])), 1) == ["done"]

    def test_is_late_when_it_was_asked_after_the_grace(self):
        slots = account(SLOTS[2], batch(SLOTS[0], late_sec=300), batch(SLOTS[1], late_sec=301))
        assert states(slots, 2) == ["done", "late"]

    def test_is_incomplete_with_fewer_records(self):
        assert states(account(SLOTS[1], batch(SLOTS[0], records=79)), 1) == ["incomplete"]

    def test_is_incomplete_when_all_its_records_are_in_quarantine(self):
        assert states(account(SLOTS[1], _0=80), 1) == ["incomplete"]

    @pytest.mark.parametrize("ended", ["failed", "success"])
    def test_is_incomplete_when_its_run_ended_and_left_nothing(self, ended: str):
        assert states(account(SLOTS[1], runs={SLOTS[0]: Run("a", ended)}), 1) == ["incomplete"]

    @pytest.mark.parametrize("active", ["queued", "running"])
    def test_is_running_while_its_run_is_active_even_when_its_grace_is_over_or_records_are_there(self, active: str):
        runs = {SLOTS[0]: Run("a", active), SLOTS[1]: Run("b", active)}
        assert states(account(SLOTS[3], batch(SLOTS[1]), runs=runs), 2) == ["running", "running"]

    def test_is_to_come_until_its_grace_is_over_and_missed_after_it(self):
        assert states(account(SLOTS[1] + GRACE, batch(SLOTS[0])), 3) == ["done", "to come", "to come"]
        assert states(account(SLOTS[1] + GRACE + timedelta(seconds=1), batch(SLOTS[0])), 2) == ["done", "missed"]

    @given(accounts())
    def test_is_in_exactly_one_state(self, slots: list[Slot]):
        assert [slot.due for slot in slots] == SLOTS
        assert {slot.state for slot in slots} <= set(progress.STATES)

    @given(accounts())
    def test_is_never_missed_when_anything_is_there_of_it(self, slots: list[Slot]):
        assert not any(slot.batch or slot.run or slot.quarantined for slot in slots if slot.state == "missed")


class TestWhatABackfillIsGiven:
    @given(accounts())
    def test_holds_every_missed_slot_once(self, slots: list[Slot]):
        held = within(progress.missed_spans(slots), slots)
        missed = [slot for slot in slots if slot.state == "missed"]
        assert [slot for slot in held if slot.state == "missed"] == missed

    @given(accounts())
    def test_holds_beside_them_only_slots_whose_runs_a_backfill_leaves_alone(self, slots: list[Slot]):
        held = within(progress.missed_spans(slots), slots)
        assert all(slot.run is not None for slot in held if slot.state != "missed")

    @given(accounts())
    def test_starts_and_ends_at_a_missed_slot(self, slots: list[Slot]):
        missed = {slot.due for slot in slots if slot.state == "missed"}
        assert {moment for span in progress.missed_spans(slots) for moment in span} <= missed

    def test_is_one_range_over_a_slot_with_a_run(self):
        now = SLOTS[4] + timedelta(minutes=10)
        known = account(now, batch(SLOTS[1]), batch(SLOTS[4]), runs={SLOTS[1]: Run("a", "success")})
        assert progress.missed_spans(known) == [(SLOTS[0], SLOTS[3])]

    def test_is_a_range_for_each_side_of_a_slot_whose_run_is_not_known(self):
        now = SLOTS[4] + timedelta(minutes=10)
        unknown = account(now, batch(SLOTS[1]), batch(SLOTS[4]))
        assert progress.missed_spans(unknown) == [(SLOTS[0], SLOTS[0]), (SLOTS[2], SLOTS[3])]


class TestWhatIsCleared:
    @given(accounts())
    def test_is_every_incomplete_slot(self, slots: list[Slot]):
        held = within(progress.failed_spans(slots), slots) + within(progress.emptied_spans(slots), slots)
        assert {slot.due for slot in held} >= {slot.due for slot in slots if slot.state == "incomplete"}

    @given(accounts())
    def test_is_no_task_of_another_run(self, slots: list[Slot]):
        for slot in within(progress.failed_spans(slots), slots):
            assert slot.state == "incomplete" or (slot.run is not None and slot.run.state == "success")
        assert {slot.state for slot in within(progress.emptied_spans(slots), slots)} <= {"incomplete"}


class TestBatches:
    def test_take_from_the_first_question_to_the_last_answer_of_first_attempts(self):
        slot = SLOTS[0]
        first = Measured(slot, "a/b", "r", "scheduled", 10, 2.0, slot, slot + timedelta(seconds=30))
        other = Measured(
            slot, "a/c", "r", "scheduled", 10, 5.0, slot + timedelta(seconds=5), slot + timedelta(minutes=1)
        )
        cleared = Measured(slot, "a/d", "r", "scheduled", 10, 9e4)
        (batch_of_slot,) = progress.batches([first, other, cleared]).values()
        assert (batch_of_slot.records, batch_of_slot.took_sec, batch_of_slot.late_sec) == (30, 60.0, 2.0)

    def test_tell_the_lag_of_those_that_the_schedule_started(self):
        late = [batch(SLOTS[0], late_sec=1), batch(SLOTS[1], late_sec=4), batch(SLOTS[2], late_sec=3)]
        filled = batch(SLOTS[3], late_sec=9e4, run_type="backfill")
        assert progress.start_lag({measured.slot: measured for measured in [*late, filled]}) == progress.Lag(3, 4)

    def test_tell_no_lag_where_none_was_started_by_the_schedule(self):
        assert progress.start_lag({}) is None


class TestPace:
    @pytest.mark.parametrize(
        ("questions", "per_minute", "seconds"),
        [(20, 20, 0), (21, 20, 60), (20, 10, 60), (20, 1, 19 * 60), (3, 0.5, 240), (1, 0.5, 0)],
    )
    def test_is_bound_by_the_requests_a_minute(self, questions: int, per_minute: float, seconds: float):
        assert progress.paced_sec(questions, per_minute) == seconds


class TestCost:
    def test_is_estimated_from_the_mean_of_each_llm(self):
        measured = [
            Measured(SLOTS[0], "a/b", "r", "scheduled", 10, 0, cost_usd=0.5, cost_known=5),
            Measured(SLOTS[0], "a/c", "r", "scheduled", 10, 0),
        ]
        cost = progress.cost(measured, {"a/b": 30, "a/c": 30})
        assert (cost.usd, cost.known, cost.unknown) == (0.5, 5, 15)
        assert cost.at_the_end_usd == pytest.approx(0.5 + 20 * 0.1)
        assert cost.not_estimated == ("a/c",)

    def test_is_not_estimated_where_none_is_known(self):
        cost = progress.cost([Measured(SLOTS[0], "a/b", "r", "scheduled", 10, 0)], {"a/b": 30})
        assert (cost.at_the_end_usd, cost.unknown) == (None, 10)


def test_failures_are_told_by_llm_the_most_frequent_kind_first():
    parts = [
        Measured(SLOTS[0], "a/b", "r", "scheduled", 10, 0, failures={"connection": 1, "rate_limited": 1}),
        Measured(SLOTS[1], "a/b", "r", "scheduled", 10, 0, failures={"rate_limited": 2}),
        Measured(SLOTS[1], "a/c", "r", "scheduled", 10, 0),
    ]
    assert list(progress.failures(parts)["a/b"].items()) == [("rate_limited", 3), ("connection", 1)]
    assert "a/c" not in progress.failures(parts)


def test_periods_are_rows_of_slots():
    assert [len(row) for row in progress.periods(account(START), 14)] == [14] * 4


class TestSpans:
    """The spans of six slots, by what became of each."""

    def slots(self, *became: tuple[progress.State, str | None]) -> list[Slot]:
        return [
            Slot(n, SLOTS[n], state, run=None if run is None else Run(f"run {n}", run))
            for n, (state, run) in enumerate(became)
        ]

    def test_of_failed_ones_go_on_over_successes_but_not_over_other_runs(self):
        failed, success = ("incomplete", "failed"), ("done", "success")
        assert progress.failed_spans(self.slots(failed, success, failed, ("missed", None), failed, failed)) == [
            (SLOTS[0], SLOTS[2]), (SLOTS[4], SLOTS[5])
        ]  # fmt: skip
        assert progress.failed_spans(self.slots(failed, ("done", "failed"), failed)) == [
            (SLOTS[0], SLOTS[0]), (SLOTS[2], SLOTS[2])
        ]  # fmt: skip

    def test_of_failed_ones_hold_those_whose_run_is_not_known(self):
        assert progress.failed_spans(self.slots(("done", None), ("incomplete", None))) == [(SLOTS[1], SLOTS[1])]

    def test_of_emptied_ones_hold_nothing_else(self):
        emptied = ("incomplete", "success")
        slots = self.slots(
            emptied, emptied, ("done", "success"), emptied, ("incomplete", "failed"), ("incomplete", None)
        )
        assert progress.emptied_spans(slots) == [(SLOTS[0], SLOTS[1]), (SLOTS[3], SLOTS[3])]

    def test_of_missed_ones_need_a_missed_one(self):
        assert progress.missed_spans(self.slots(("done", "success"), ("done", "success"))) == []


class TestWhatIsKnownOfASlot:
    def test_is_its_number_what_is_in_quarantine_and_its_run(self):
        slots = account(SLOTS[3], batch(SLOTS[1]), runs={SLOTS[0]: Run("a", "failed")}, _2=3)
        assert [slot.number for slot in slots[:3]] == [0, 1, 2]
        assert [slot.quarantined for slot in slots[:3]] == [0, 0, 3]
        assert [slot.run_id for slot in slots[:3]] == ["a", f"run of {SLOTS[1]}", None]

    def test_of_more_records_than_expected_is_that_it_is_done(self):
        assert states(account(SLOTS[1], batch(SLOTS[0], records=81)), 1) == ["done"]

    def test_of_a_batch_is_what_its_llms_add_up_to(self):
        slot = SLOTS[0]
        fine = Measured(slot, "a/b", "r", "backfill", 10, 5.0, failures={"connection": 1, "rate_limited": 2})
        other = Measured(slot, "a/c", "r", "backfill", 7, 3.0, failures={"connection": 4})
        earlier = Measured(SLOTS[1], "a/b", "s", "scheduled", 1, 1.0)
        by_slot = progress.batches([earlier, fine, other])
        assert list(by_slot) == [slot, SLOTS[1]]
        assert by_slot[slot] == Batch(slot, "r", "backfill", 17, 7, 3.0, None)

    def test_of_a_batch_without_an_end_is_no_duration(self):
        begun = Measured(SLOTS[0], "a/b", "r", "scheduled", 10, 5.0, first=SLOTS[0])
        assert progress.batches([begun])[SLOTS[0]].took_sec is None


class TestNumbers:
    def test_the_middle_is_the_median(self):
        assert progress.middle([3.0, 1.0, 9.0]) == 3
        assert progress.middle([]) is None

    def test_the_cost_at_the_end_takes_nothing_back_for_more_records_than_due(self):
        more = Measured(SLOTS[0], "a/b", "r", "scheduled", 40, 0, cost_usd=4.0, cost_known=40)
        gone = Measured(SLOTS[0], "a/x", "r", "scheduled", 10, 0, cost_usd=1.0, cost_known=10)
        cost = progress.cost([more, gone], {"a/b": 30})
        assert (cost.usd, cost.at_the_end_usd, cost.known, cost.unknown) == (5.0, 5.0, 50, 0)

    def test_the_pace_of_one_a_minute_counts_minutes(self):
        assert progress.paced_sec(3, 1) == 120
        assert progress.paced_sec(7, 2.5) == 180

    def test_rows_of_slots_are_in_their_order(self):
        rows = list(progress.periods(account(START), 14))
        assert [row[0].number for row in rows] == [0, 14, 28, 42]
