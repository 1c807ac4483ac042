"""The clock"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from doubles.provider import Provider, Response, stream
from fixtures.machine import QUICK, up
from fixtures.set_clock import SetClock
from fixtures.started import until
from fixtures.trust import Seen
from llm_bench.errors import SetupError
from llm_bench.local.api import AirflowAPI
from llm_bench.records import Record
from llm_bench.store.base import from_parquet
from llm_bench.study import load_study

pytestmark = pytest.mark.trust

PATIENCE_SEC = 480
BEFORE = timedelta(seconds=8)
"""How long before a slot the clock is set."""
WINDOWS = {
    "spring": "start: '2027-03-28T00:00:00+01:00', end: '2027-03-28T06:00:00+02:00', period: PT5H",
    "autumn": "start: '2027-10-31T00:00:00+02:00', end: '2027-10-31T04:00:00+01:00', period: PT5H",
    "stepped": "start: '2027-12-06T08:00:00+01:00', end: '2027-12-09T08:00:00+01:00', period: PT12H",
}
"""In Berlin the clock goes from 02:00 to 03:00 in the first, and from 03:00 to 02:00 in the second."""


@dataclass
class Clock:
    """An Airflow whose time of day is set by a file."""

    api: AirflowAPI
    provider: Provider
    home: Path
    of: SetClock

    def set(self, moment: datetime) -> None:
        """Sets it; it goes on from there."""
        self.of.set(moment)
        self._log_in()

    def step(self, by: timedelta) -> None:
        self.of.step(by)
        self._log_in()

    def slots(self, study: str) -> list[datetime]:
        window = load_study(self.home / "include" / "studies" / f"{study}.yaml", self.home / "include").window
        assert window is not None
        return list(window.schedule)

    def switch_on(self, study: str) -> None:
        self.api.wait_for_dag(f"llm_bench_{study}")
        self.api.request("PATCH", f"/dags/llm_bench_{study}", json={"is_paused": False})

    def runs(self, study: str) -> list[dict[str, Any]]:
        with suppress(SetupError, httpx.HTTPError):
            path = f"/dags/llm_bench_{study}/dagRuns"
            return list(self.api.request("GET", path, params={"limit": 100})["dag_runs"])
        return []

    def wait_for_run(self, study: str, slot: datetime) -> None:
        """Waits until the batch of a slot has begun."""
        until(lambda: slot in {_slot(run) for run in self.runs(study)}, PATIENCE_SEC)

    def wait_for_end(self, study: str, slot: datetime) -> None:
        ended = {"success", "failed"}
        until(
            lambda: any(_slot(run) == slot and run["state"] in ended for run in self.runs(study)),
            PATIENCE_SEC,
        )

    def records(self, study: str) -> list[Record]:
        paths = (self.home / "data" / "records" / f"study={study}").rglob("*.parquet")
        return [record for path in paths for record in from_parquet(path.read_bytes())]

    def states(self, study: str) -> dict[datetime, str]:
        """What `llm-bench status` says of each slot."""
        command = [sys.executable, "-m", "llm_bench", "status", study, "--json"]
        environment = os.environ | {"LLM_BENCH_HOME": str(self.home)} | self.of.environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return {datetime.fromisoformat(slot["due"]): slot["state"] for slot in json.loads(done.stdout)["slots"]}

    def _log_in(self) -> None:
        """A login is valid for a day of that clock."""

        def logged_in() -> bool:
            with suppress(SetupError, httpx.HTTPError):
                self.api = AirflowAPI(self.api.url, self.api.user, self.api.password)
                return True
            return False

        until(logged_in, 60)


def _slot(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["logical_date"])


def three(llms: int, industries: list[str], window: str, batches: int, periods: int) -> str:
    models = ", ".join(f"{{model: hosted_vllm/{number}}}" for number in range(llms))
    window = f"{window}, batches_per_period: {batches}, periods_per_day: {periods}"
    return f"llms: [{models}]\nindustries: [{', '.join(industries)}]\nwindow: {{{window}}}\nconcurrency: 9\n"


def add_industry(include: Path, name: str) -> None:
    """One like the retail that is shipped."""
    text = (include / "questions" / "retail.yaml").read_text()
    (include / "questions" / f"{name}.yaml").write_text(text.replace("retail", name))
    shutil.copytree(include / "knowledge" / "retail", include / "knowledge" / name)


@pytest.fixture(scope="module")
def clock(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clock]:
    if not SetClock.can_be_had():
        pytest.skip("another time of day needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("clock")
    of = SetClock(folder, datetime(2027, 3, 27, 22, 30, tzinfo=UTC))
    shutil.copytree(include, folder / "include")
    add_industry(folder / "include", "grocery")
    industries = ["retail", "finance", "grocery"]
    studies = {name: three(3, industries, WINDOWS[name], 7, 1) for name in ("spring", "autumn")}
    studies["stepped"] = three(1, ["retail"], WINDOWS["stepped"], 12, 2)
    berlin = {"TZ": "Europe/Berlin", "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin"}
    home = folder / "home"
    home.mkdir()
    with up(folder / "include", home, studies, QUICK | berlin | of.environment) as (api, provider):
        yield Clock(api, provider, home, of)


class TestAChangeOfTheClocks:
    """Summer time begins and ends (Europe/Berlin), on the real scheduler"""

    @pytest.mark.parametrize("study", ["spring", "autumn"])
    def test_starts_each_slot_once(self, clock: Clock, seen: Seen, study: str):
        """7 batches in 5 h of 3 LLMs in 3 industries over the change, in spring and in autumn, time zone not UTC."""
        slots = clock.slots(study)[:7]
        clock.provider.script = lambda _: Response(stream())
        clock.set(slots[0] - timedelta(minutes=2))
        clock.switch_on(study)
        for slot in slots:
            clock.set(slot - BEFORE)
            clock.wait_for_run(study, slot)
            clock.wait_for_end(study, slot)
        started = Counter(_slot(run) for run in clock.runs(study))
        records = clock.records(study)
        late = max(record["late_sec"] for record in records)
        seen(
            f"{study}: {len(started)} of {len(slots)} slots started, each once; {len(records)} of {len(slots) * 90} "
            f"records, the last question {late:.0f} s after its slot"
        )
        assert started == Counter(slots)
        assert len({record["record_id"] for record in records}) == len(records) == 7 * 90
        assert min(record["late_sec"] for record in records) >= 0
        clock.api.request("PATCH", f"/dags/llm_bench_{study}", json={"is_paused": True})


class TestAClockThatIsStepped:
    """The clock is stepped while a batch measures"""

    def test_starts_no_slot_twice_and_names_those_that_it_leapt_over(self, clock: Clock, seen: Seen):
        """+1 h, −1 h, +1 day and −1 day in the middle of a batch, each put right afterwards."""
        slots, asked_before = clock.slots("stepped"), len(clock.provider.asked)
        clock.provider.script = lambda _: Response(stream("word " * 10, token_sec=0.1))
        clock.set(slots[0] - timedelta(minutes=2))
        clock.switch_on("stepped")
        measured = []
        for number, by in enumerate((1, -1, 24, -24)):
            slot = slots[3 + 6 * number]
            clock.set(slot - BEFORE)
            asked = len(clock.provider.asked)
            until(lambda asked=asked: len(clock.provider.asked) >= asked + 4, PATIENCE_SEC)
            clock.step(timedelta(hours=by, minutes=10))
            time.sleep(30)
            clock.step(-timedelta(hours=by, minutes=10))
            clock.wait_for_end("stepped", slot)
            measured.append(slot)
        clock.set(slots[30] - BEFORE)
        clock.wait_for_run("stepped", slots[30])
        clock.wait_for_end("stepped", slots[30])
        started = Counter(_slot(run) for run in clock.runs("stepped"))
        records = clock.records("stepped")
        due = [slot for slot in slots if slot <= slots[30]]
        states = clock.states("stepped")
        missed = {slot for slot in due if states[slot] == "missed"}
        whole = {_slot(run) for run in clock.runs("stepped") if run["state"] == "success"}
        unsound = {slot for slot in due if states[slot] not in {"missed", "done", "late"}}
        seen(
            f"{len(started)} of {len(due)} slots started, each once; the other {len(missed)} are missed, as `status` "
            f"says; {len(records)} of {10 * len(started)} records, {len(unsound)} batches to be cleared, as it says; "
            f"{len(clock.provider.asked) - asked_before} requests"
        )
        assert max(started.values()) == 1
        assert set(started) >= {*measured, slots[30]}
        assert missed == set(due) - set(started)
        assert unsound == set(started) - whole
        assert len({record["record_id"] for record in records}) == len(records) == 10 * len(whole)
