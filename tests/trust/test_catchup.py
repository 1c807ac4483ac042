"""A study that begins before its Airflow does"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from fixtures.running import INDUSTRY, QUESTIONS, Project, waits_for
from fixtures.trust import Seen

pytestmark = pytest.mark.trust

SLOTS = 5
APART = timedelta(minutes=12)


def runs(running: Project) -> list[dict[str, Any]]:
    """The study's runs, in the order of their slots."""
    listed = running.api.request("GET", "/dags/llm_bench_behind/dagRuns")["dag_runs"]
    return sorted(listed, key=lambda run: str(run["logical_date"]))


class TestCatchup:
    """A study that begins before its Airflow does"""

    def test_measures_the_missed_slots_in_order_three_at_once_and_late(self, running: Project, seen: Seen):
        """A study with `catchup: true` is put in whose window began an hour ago, with 5 slots that are over."""
        start = datetime.now(UTC).replace(microsecond=0) - SLOTS * APART
        window = {
            "start": start.isoformat(),
            "end": (start + SLOTS * APART).isoformat(),
            "period": "PT1H",
            "batches_per_period": SLOTS,
        }
        llms = [{"model": "hosted_vllm/behind"}]
        deadlines = {"first_token_sec": 600, "total_sec": 600}
        running.held.add("behind")
        running.write("behind", llms=llms, industries=[INDUSTRY], window=window, catchup=True, deadlines=deadlines)
        running.switch_on("behind")
        waits_for(lambda: len(running.asked("behind")) == 3)
        assert [run["state"] for run in runs(running)][:3] == ["running"] * 3
        assert {run["state"] for run in runs(running)[3:]} <= {"queued"}
        running.held.clear()
        waits_for(lambda: [run["state"] for run in runs(running)] == ["success"] * SLOTS)
        done = runs(running)
        begun = [run["start_date"] for run in done]
        assert begun == sorted(begun)
        slots = [datetime.fromisoformat(run["logical_date"].replace("Z", "+00:00")) for run in done]
        assert slots == [start + number * APART for number in range(SLOTS)]
        records = list(chain.from_iterable(running.records("behind")))
        assert len(records) == SLOTS * QUESTIONS == len(running.asked("behind"))
        assert {record["run_type"] for record in records} == {"scheduled"}
        earliest = min(record["late_sec"] for record in records)
        assert earliest >= APART.total_seconds()
        status = running.status("behind")
        assert (status["counts"]["late"], status["needs_a_hand"]) == (SLOTS, False)
        seen(
            f"all {SLOTS} were measured in their order, three at once; {len(records)} of {SLOTS * QUESTIONS} records, "
            f"each at least {earliest / 60:.0f} min late"
        )
