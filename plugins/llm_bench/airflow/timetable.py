"""The Airflow face of a study's window."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from llm_bench.schedule import Schedule, from_us


class SlotTimetable(Timetable):
    """One run at each slot of a window; the slot is the run's logical date.

    Without catchup a slot that was missed by more than its ``grace`` isn't run. A run triggered by hand takes the
    moment of the trigger for its slot.

    :param schedule: the window's slots.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        first, last = from_us(schedule.start_us), from_us(schedule.end_us)
        self.description = (
            f"{len(schedule)} batches from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC: "
            f"{schedule.batches} in each period of {self._hours:g} h"
        )

    @property
    def summary(self) -> str:
        return f"{len(self.schedule)} batches, {self.schedule.batches} per {self._hours:g} h"

    @property
    def _hours(self) -> float:
        return self.schedule.period_us / 3_600_000_000

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        earliest = [restriction.earliest] if restriction.earliest else []
        if not restriction.catchup:
            earliest.append(pendulum.now("UTC") - self.schedule.grace)
        slot = self.schedule.at_or_after(max(earliest, default=from_us(self.schedule.start_us)))
        if last_automated_data_interval is not None and slot is not None:
            slot = max(slot, self.schedule.after(last_automated_data_interval.end) or slot)
            if slot <= last_automated_data_interval.end:
                return None
        if slot is None or (restriction.latest is not None and slot > restriction.latest):
            return None
        return DagRunInfo.exact(pendulum.instance(slot, tz="UTC"))

    def serialize(self) -> dict[str, Any]:
        return asdict(self.schedule)

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SlotTimetable:
        return cls(Schedule(**data))
