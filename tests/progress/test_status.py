"""``python -m llm_bench status``, as a person runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_bench.local.config import Config
from llm_bench.paths import program
from llm_bench.schedule import Schedule, to_us
from llm_bench.store.base import FileStore

pytestmark = pytest.mark.slow

STUDY = """
llms: [{model: baseline/lead, requests_per_minute: 0.1, requests_per_day: 100}]
industries: [retail]
window: {start: "2026-12-07T08:00:00+01:00", end: "2026-12-11T08:00:00+01:00"}
"""
HOUR_US = 3_600_000_000

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path, include: Path) -> Path:
    """A project's folder with a study that has a window, and one that has none."""
    for name in ("questions", "knowledge"):
        (tmp_path / "include").mkdir(exist_ok=True)
        (tmp_path / "include" / name).symlink_to(include / name)
    (tmp_path / "include" / "studies").mkdir()
    (tmp_path / "include" / "studies" / "mine.yaml").write_text(STUDY)
    (tmp_path / "include" / "studies" / "trial.yaml").write_text("llms: [{model: baseline/lead}]\nindustries: [retail]")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> FileStore:
    return FileStore(folder / "data")


@pytest.fixture
def start() -> datetime:
    """The start of the window: its first day is over, its second begins in 11 hours."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=13)


@pytest.fixture
def slots(start: datetime) -> list[datetime]:
    return list(Schedule(to_us(start), to_us(start + timedelta(days=4)), 12 * HOUR_US, 14))


@pytest.fixture
def command(folder: Path, start: datetime) -> Command:
    """Runs Python with arguments, where no Airflow is known unless one is named."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment = {**kept, "LLM_BENCH_HOME": str(folder), "LLM_BENCH_START": start.isoformat(), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def as_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    return report


class TestWithoutAnAirflow:
    """Judged from the store and the clock."""

    @pytest.fixture
    def measured(self, store: FileStore, slots: list[datetime], fill: Any) -> None:
        """Slots 3 to 5 are missed, 7 is late, 9 incomplete, 10 holds failures and took longer than its spacing."""
        for number in (0, 1, 5, 7, 9, 10, 11, 12, 13):
            changes: dict[str, Any] = {}
            if number == 7:
                changes = {"late_sec": 4000.0, "run_type": "backfill"}
            if number == 9:
                changes = {"failure_kind": "rate_limited", "success": False, "latency_sec": 4000.0}
            fill(store, "mine", slots[number], cost_usd=0.01, suspect="busy", **changes)
        fill(store, "mine", slots[8], records=7)

    def test_tells_what_became_of_each_slot(self, command: Command, measured: None, slots: list[datetime]):
        done = command("llm_bench", "status", "mine", "--json")
        report = as_json(done)
        assert done.returncode == 1
        assert report["counts"] == {
            "done": 8, "late": 1, "incomplete": 1, "running": 0, "missed": 4, "to come": 42
        }  # fmt: skip
        assert [slot["number"] for slot in report["slots"] if slot["state"] == "missed"] == [3, 4, 5, 7]
        assert datetime.fromisoformat(report["next_slot"]) == slots[14]
        assert (report["records"], report["records_expected"]) == (97, 560)
        assert (report["suspect"], report["failures"]) == (90, {"baseline/lead": {"rate_limited": 10}})
        assert report["start_lag"] == {"median_sec": 2.0, "max_sec": 2.0}
        assert report["airflow"] is None

    def test_tells_the_pace_and_the_cost(self, command: Command, measured: None, slots: list[datetime]):
        report = as_json(command("llm_bench", "status", "mine", "--json"))
        assert report["pace"]["spacing_sec"] == pytest.approx(3085.714286)
        assert report["pace"]["least_sec"] == {"baseline/lead": 5400.0}
        assert [datetime.fromisoformat(batch["slot"]) for batch in report["pace"]["overlong"]] == [slots[9]]
        assert report["cost"]["usd"] == pytest.approx(0.9)
        assert (report["cost"]["known"], report["cost"]["unknown"]) == (90, 7)
        assert report["cost"]["at_the_end_usd"] == pytest.approx(0.9 + 463 * 0.01)

    def test_shows_a_row_for_each_period_and_what_to_do(self, command: Command, measured: None, start: datetime):
        done = command("llm_bench", "status", "mine")
        rows = re.findall(r"^\w{3} \d\d \w{3} \d\d:\d\d  (.*?) *$", done.stdout, re.MULTILINE)
        assert rows == ["✓ ✓ ✗ ✗ ✗ ✓ ✗ ◷ ◐ ✓ ✓ ✓ ✓ ✓", *[" ".join("·" * 14)] * 3]
        assert "moved by LLM_BENCH_START, the file says Mon 07 Dec 2026, 08:00 UTC+01:00" in done.stdout
        assert "4 slots were missed: 3 (" in done.stdout
        assert done.stdout.count("airflow backfill create --dag-id llm_bench_mine") == 2
        assert done.stdout.count("airflow tasks clear llm_bench_mine") == 1
        assert "requests_per_minute leave a batch no less than 90.0 min" in done.stdout
        assert "a day asks 140 questions, and its requests_per_day are 100: the others won't be sent" in done.stdout
        assert re.search(r"the batch of slot .* took 66\.\d min, longer than the spacing of 51\.4 min", done.stdout)

    def test_says_before_the_first_slot_that_there_is_no_airflow_to_measure_it(self, command: Command):
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        done = command("llm_bench", "status", "mine", LLM_BENCH_START=later)
        assert done.returncode == 1
        assert "→ No Airflow is known here. Start it and switch the DAG llm_bench_mine on, or the first" in done.stdout
        assert done.stdout.splitlines()[-1].strip() == f"{program('llm-bench')} up"

    def test_needs_no_hand_where_whole_batches_come(
        self, command: Command, store: FileStore, slots: list[datetime], fill: Any
    ):
        for slot in slots[:14]:
            fill(store, "mine", slot)
        done = command("llm_bench", "status", "mine")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Nothing needs a hand.")

    def test_shows_the_batches_of_a_study_without_a_window(self, command: Command, store: FileStore, fill: Any):
        fill(store, "trial", datetime(2026, 12, 1, 9, 30, tzinfo=UTC))
        done = command("llm_bench", "status", "trial")
        assert done.returncode == 0
        assert "none: batches run when they are triggered" in done.stdout
        assert re.search(r"Batch +Tue 01 Dec 2026, 09:30 UTC: 10/10, 0 failed", done.stdout)

    def test_documents_its_exit_code(self, command: Command):
        text = " ".join(command("llm_bench", "status", "--help").stdout.split())
        assert "Exit code: 0, all is as planned; 1, something needs a hand" in text


MAKE_RUNS = """
import json, sys
from datetime import datetime
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
with create_session() as session:
    dag = SerializedDagModel.get_dag("llm_bench_mine", session=session)
    for slot, state in json.load(sys.stdin).items():
        due = datetime.fromisoformat(slot)
        run = dag.create_dagrun(
            run_id=f"run-{slot}", logical_date=due, data_interval=(due, due), run_after=due, state=state,
            run_type=DagRunType.SCHEDULED, triggered_by=DagRunTriggeredByType.TIMETABLE, session=session,
        )
        for task in run.get_task_instances(session=session):
            task.state = state
"""
"""Makes runs with their tasks: slot → state, as JSON on stdin."""

READ_RUNS = """
import json
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
with create_session() as session:
    runs = session.query(DagRun)
    print(json.dumps([[run.logical_date.isoformat(), str(run.run_type), str(run.state)] for run in runs]))
"""


@pytest.fixture
def airflow(folder: Path, project: Path, command: Command) -> Callable[[str, Any], str]:
    """Runs code with Airflow's models in the database of a local Airflow that knows the DAG and isn't running."""
    Config(folder, 8080).write(project)
    home = {"AIRFLOW_HOME": str(folder / ".airflow")}
    for arguments in (("db", "migrate"), ("dags", "reserialize")):
        done = command("airflow", *arguments, **home)
        assert done.returncode == 0, done.stderr

    def run(code: str, given: Any = None) -> str:
        environment = {**os.environ, **home, "LLM_BENCH_HOME": str(folder), "_AIRFLOW_PROCESS_CONTEXT": "server"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


class TestWithAnAirflow:
    """An Airflow that isn't running has its metadata database all the same."""

    def test_prints_the_commands_that_do_exactly_what_is_left(
        self, airflow: Any, command: Command, store: FileStore, slots: list[datetime], fill: Any
    ):
        whole = (0, 4, 6, 8, 9, 10, 11, 12, 13)
        for number in whole:
            fill(store, "mine", slots[number])
        states = dict.fromkeys(whole, "success") | {5: "failed", 7: "running", 8: "failed"}
        airflow(MAKE_RUNS, {slots[number].isoformat(): state for number, state in states.items()})

        report = as_json(command("llm_bench", "status", "mine", "--json"))
        assert report["airflow"] == {"alive": False, "paused": True}
        by_state = {state: [slots.index(datetime.fromisoformat(slot["due"])) for slot in report["slots"]
                            if slot["state"] == state] for state in report["counts"]}  # fmt: skip
        assert (by_state["missed"], by_state["incomplete"], by_state["running"]) == ([1, 2, 3], [5], [7])
        assert [slots.index(datetime.fromisoformat(slot["due"])) for slot in report["slots"]
                if slot["run_state"] == "failed"] == [5, 8]  # fmt: skip
        down, off, missed, incomplete = report["to_do"]
        assert "Airflow isn't running" in down["what"]
        assert "is off. Switch it on, or the next slot" in off["what"]
        assert f"http://127.0.0.1:8080/dags/llm_bench_mine/runs/run-{slots[5].isoformat()}" in incomplete["what"]

        for line in (*missed["commands"], *incomplete["commands"]):
            ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, ran.stderr
        runs = json.loads(airflow(READ_RUNS).splitlines()[-1])
        backfilled = [datetime.fromisoformat(slot) for slot, kind, _ in runs if kind == "backfill"]
        cleared = [
            datetime.fromisoformat(slot) for slot, kind, state in runs if (kind, state) == ("scheduled", "queued")
        ]
        assert (sorted(backfilled), cleared) == (slots[1:4], [slots[5]])
        after = as_json(command("llm_bench", "status", "mine", "--json"))["counts"]
        assert after == {"done": 9, "late": 0, "incomplete": 0, "running": 5, "missed": 0, "to come": 42}

    def test_says_that_airflow_runs_another_window(self, airflow: Any, command: Command, start: datetime):
        done = command("llm_bench", "status", "mine", LLM_BENCH_START="2099-01-01T08:00:00Z")
        assert done.returncode == 1
        assert f"LLM_BENCH_START={start.isoformat()} {program('llm-bench')} status mine" in done.stdout


class TestBeforeTheFirstSlotOfADagThatIsOff:
    @pytest.fixture
    def start(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)

    def test_its_switch_is_what_is_to_be_done_and_the_command_switches_it(
        self, airflow: Any, command: Command, slots: list[datetime]
    ):
        done = command("llm_bench", "status", "mine", "--json")
        report = as_json(done)
        assert done.returncode == 1
        down, off = report["to_do"]
        assert f"or the first slot ({slots[0]:%a %d %b %H:%M:%S}) won't be measured" in off["what"]
        assert "Airflow isn't running. Start it, or the first slot" in down["what"]

        (line,) = off["commands"]
        ran = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        (left,) = as_json(command("llm_bench", "status", "mine", "--json"))["to_do"]
        assert left == down
