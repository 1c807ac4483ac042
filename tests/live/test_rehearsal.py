"""What may come between in four unattended days: a short rehearsal under every kind of fault, and an outage."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres
from llm_bench.local.stack import Stack, running, settings
from llm_bench.records import Record
from llm_bench.schedule import Schedule, to_us
from llm_bench.store.base import from_parquet
from rehearsal import PROJECT
from rehearsal.providers import Log, doubles
from rehearsal.stack import QUICK, make_home

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.rehearsal]

SPACING = timedelta(seconds=20)
LEAD = timedelta(seconds=90)
"""From the start of the machinery to the first slot."""
STUDY = "outage"
DAG = f"llm_bench_{STUDY}"


@dataclass
class Outage:
    """A study of four slots whose scheduler is stopped as soon as the first has begun."""

    stack: Stack
    api: AirflowAPI
    schedule: Schedule

    def runs(self) -> dict[datetime, dict[str, Any]]:
        """The runs, by slot."""
        runs = self.api.request("GET", f"/dags/{DAG}/dagRuns")["dag_runs"]
        return {datetime.fromisoformat(run["logical_date"]): run for run in runs}

    def wait_for_runs(self, count: int, *states: str, patience_sec: float = 240) -> None:
        deadline = time.monotonic() + patience_sec
        while sum(run["state"] in states for run in self.runs().values()) < count:
            assert time.monotonic() < deadline, self.runs()
            time.sleep(0.5)

    def wait_until_nothing_is_planned(self, patience_sec: float = 120) -> None:
        """A run that Airflow planned before it went down is still started. Parsing the file plans anew."""
        deadline = time.monotonic() + patience_sec
        while (planned := self.api.request("GET", f"/dags/{DAG}")["next_dagrun_run_after"]) is not None:
            assert time.monotonic() < deadline, planned
            time.sleep(1)

    def status(self) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of the command that a user asks."""
        done = self.stack.run([sys.executable, "-m", "llm_bench", "status", STUDY, "--json"])
        report: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, report

    def records(self) -> dict[datetime, list[Record]]:
        """The records, by slot."""
        files = sorted((self.stack.config.home / "data" / "records").rglob("*.parquet"))
        records = [from_parquet(path.read_bytes()) for path in files]
        return {datetime.fromisoformat(each[0]["slot"]): each for each in records}


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    home = tmp_path_factory.mktemp("outage")
    start = datetime.now(UTC).replace(microsecond=0) + LEAD
    schedule = Schedule(to_us(start), to_us(start + 3.5 * SPACING), 14 * SPACING // timedelta(microseconds=1), 14)
    window = {"start": start.isoformat(), "end": (start + 3.5 * SPACING).isoformat(), "batches_per_period": 14}
    study = {
        "window": window | {"period": f"PT{14 * SPACING.seconds}S"},
        "llms": [{"model": "groq/llama3-70b-8192"}],
        "industries": ["retail"],
    }
    make_home(home, {STUDY: study})
    with ExitStack() as stage:
        database = stage.enter_context(postgres())
        connections = stage.enter_context(doubles(Log(), share=0, seed=0))
        stack = Stack(home, QUICK | connections | settings(database={"sql_alchemy_conn": database.url}))
        api = stage.enter_context(running(stack))
        api.wait_for_dag(DAG)
        api.request("PATCH", f"/dags/{DAG}", json={"is_paused": False})
        outage = Outage(stack, api, schedule)
        outage.wait_for_runs(1, "running", "success")
        stack.processes.take_down("scheduler")
        assert list(outage.runs()) == [start], "only the first slot may have begun"
        yield outage


@pytest.fixture(scope="module")
def rehearsed() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, PROJECT / "benchmarks" / "rehearse.py", "--slots", "4", "--pause-sec", "4", "--once"]
    return subprocess.run(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


class TestAShortRehearsal:
    def test_loses_and_doubles_nothing(self, rehearsed: subprocess.CompletedProcess[str]):
        assert rehearsed.stdout.splitlines()[-1] == "320 of 320 records, 0 duplicates, 0 lost", rehearsed.stdout
        assert rehearsed.returncode == 0

    def test_meets_every_kind_of_fault(self, rehearsed: subprocess.CompletedProcess[str]):
        for harm in (
            "kill -9 of measure",
            "kill -9 of validate_and_load",
            "kill -9 of the scheduler",
            "Postgres stopped",
        ):
            assert harm in rehearsed.stdout
        assert re.search(r"storage: [1-9]\d* of \d+ requests failed", rehearsed.stdout)

    def test_records_the_failures_that_the_providers_served(self, rehearsed: subprocess.CompletedProcess[str]):
        assert re.search(r"[1-9]\d* recorded failures, 0 differ from the doubles' own log", rehearsed.stdout)


class TestSlotsMissedWhileTheSchedulerIsDown:
    def test_are_named_and_filled_by_the_printed_command(self, outage: Outage):
        first, *missed = outage.schedule
        time.sleep(max(0.0, (missed[-1] + outage.schedule.grace - datetime.now(UTC)).total_seconds() + 1))

        code, report = outage.status()
        assert _states(report, "missed") == missed
        assert code == 1

        outage.wait_until_nothing_is_planned()
        outage.stack.processes.start_process("scheduler")
        outage.wait_for_runs(1, "success")
        assert list(outage.runs()) == [first], "what was missed is left to the backfill"

        code, report = outage.status()
        assert _states(report, "missed") == missed
        ((command,),) = [step["commands"] for step in report["to_do"]]
        done = outage.stack.run(command)
        assert done.returncode == 0, done.stderr
        outage.wait_for_runs(4, "success")

        assert {slot: run["run_type"] for slot, run in outage.runs().items()} == {
            first: "scheduled",
            **dict.fromkeys(missed, "backfill"),
        }
        records = outage.records()
        assert {slot: {record["run_type"] for record in each} for slot, each in records.items()} == {
            first: {"scheduled"},
            **{slot: {"backfill"} for slot in missed},
        }
        assert all(len(each) == 10 for each in records.values())
        for slot in missed:
            assert all(record["late_sec"] > outage.schedule.grace.total_seconds() for record in records[slot])
        code, report = outage.status()
        assert (code, report["to_do"]) == (0, [])


def _states(report: dict[str, Any], state: str) -> list[datetime]:
    return [datetime.fromisoformat(slot["due"]) for slot in report["slots"] if slot["state"] == state]
