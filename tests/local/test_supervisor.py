"""What keeps the processes of an Airflow running, with real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fixtures.started import until
from llm_bench.errors import SetupError
from llm_bench.local import supervisor
from llm_bench.local.supervisor import Supervisor

SLEEPING = [sys.executable, "-c", "import time; time.sleep(600)"]
ENDING = [sys.executable, "-c", "raise SystemExit(3)"]
WITH_A_CHILD = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)",
]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]

Start = Callable[..., Supervisor]


PATIENCE_SEC = 60


@pytest.fixture
def said() -> list[str]:
    """What the supervisor said."""
    return []


@pytest.fixture
def start(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a supervisor, whose patience is short."""
    monkeypatch.setattr(supervisor, "ASKED_EVERY_SEC", 0.05)
    monkeypatch.setattr(supervisor, "HANGING_SEC", 0.3)
    monkeypatch.setattr(supervisor, "STARTING_SEC", 0.0)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_SEC", 0.1)
    started: list[Supervisor] = []

    def start(commands: dict[str, list[str]], unhealthy: Callable[[], set[str]] = set) -> Supervisor:
        started.append(Supervisor(commands, {}, tmp_path, said.append, unhealthy))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


class TestAProcessThatEnds:
    def test_is_started_again_which_is_said(self, start: Start, said: list[str], tmp_path: Path):
        watched = start({"scheduler": SLEEPING})
        killed = watched.kill("scheduler")
        until(lambda: watched.restarts["scheduler"] == 1 and watched.is_up("scheduler"), PATIENCE_SEC)
        assert not psutil.pid_exists(killed)
        assert said == [
            f"Airflow's scheduler ended with exit code -9: it is started again. Its log: {tmp_path}/scheduler.log"
        ]

    def test_takes_with_it_what_it_started(self, start: Start, tmp_path: Path):
        watched = start({"scheduler": WITH_A_CHILD})
        log = tmp_path / "scheduler.log"
        until(lambda: log.read_text().strip(), PATIENCE_SEC)
        child = psutil.Process(int(log.read_text()))
        watched.kill("scheduler")
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, PATIENCE_SEC)

    def test_again_and_again_is_given_up_with_an_error_that_names_its_log(self, start: Start, tmp_path: Path):
        watched = start({"scheduler": ENDING, "api-server": SLEEPING})
        with pytest.raises(SetupError) as caught:
            watched.wait()
        assert caught.value.cause == "Airflow's scheduler ended with exit code 3, 6 times in a row."
        assert caught.value.fix == f"See the end of {tmp_path}/scheduler.log."
        assert watched.restarts["scheduler"] == 5

    def test_on_a_full_disk_is_started_again_for_as_long_as_it_takes(
        self, start: Start, said: list[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(supervisor, "FULL_BYTES", 2**80)
        watched = start({"scheduler": ENDING})
        until(lambda: watched.restarts["scheduler"] > supervisor.MOST_STARTS + 1, PATIENCE_SEC)
        watched.check()
        assert said[0].endswith("scheduler.log. The disk is full: free some space.")

    def test_leaves_the_others_alone(self, start: Start):
        watched = start({"scheduler": SLEEPING, "api-server": SLEEPING})
        watched.kill("scheduler")
        until(lambda: watched.restarts["scheduler"], PATIENCE_SEC)
        assert watched.restarts["api-server"] == 0


class TestAClockThatIsSetBack:
    def test_has_the_next_runs_planned_anew(self, start: Start, said: list[str], monkeypatch: pytest.MonkeyPatch):
        asked: list[None] = []
        watched = start({"scheduler": SLEEPING, "dag-processor": SLEEPING}, lambda: asked.append(None) or set())
        until(lambda: asked, PATIENCE_SEC)
        right = time.time
        monkeypatch.setattr(supervisor.time, "time", lambda: right() - 3600)
        until(lambda: watched.restarts["dag-processor"], PATIENCE_SEC)
        assert said[0] == "The clock was set back by 3,600 s: Airflow's dag-processor is stopped, to plan anew."
        assert watched.restarts == {"dag-processor": 1}


class TestAProcessThatHangs:
    def test_is_stopped_and_started_again(self, start: Start, said: list[str]):
        hanging = {"scheduler"}
        watched = start({"scheduler": STUBBORN}, lambda: hanging)
        until(lambda: watched.restarts["scheduler"], PATIENCE_SEC)
        hanging.clear()
        until(lambda: watched.is_up("scheduler"), PATIENCE_SEC)
        assert said[0] == "Airflow's scheduler has not worked for 0 s: it is stopped."

    def test_is_left_alone_while_it_may_still_start(self, start: Start, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(supervisor, "STARTING_SEC", 600.0)
        asked: list[None] = []
        watched = start({"scheduler": SLEEPING}, lambda: asked.append(None) or {"scheduler"})
        until(lambda: len(asked) > 20, PATIENCE_SEC)
        assert watched.restarts["scheduler"] == 0

    def test_for_a_moment_only_is_left_alone(self, start: Start):
        answers = iter([{"scheduler"}, set()] * 20)
        asked: list[None] = []

        def alternating() -> set[str]:
            asked.append(None)
            return next(answers, set())

        watched = start({"scheduler": SLEEPING}, alternating)
        until(lambda: len(asked) > 40, PATIENCE_SEC)
        assert watched.restarts["scheduler"] == 0


class TestAProcessThatWasTakenDown:
    def test_stays_down_until_it_is_started(self, start: Start):
        watched = start({"scheduler": SLEEPING})
        watched.take_down("scheduler")
        time.sleep(1.5)
        assert not watched.is_up("scheduler")
        watched.start_process("scheduler")
        assert watched.is_up("scheduler")
        assert watched.restarts["scheduler"] == 0


def test_an_airflow_without_an_api_server_has_an_unhealthy_api_server():
    assert supervisor.unhealthy("http://127.0.0.1:9") == {"api-server"}


def test_all_processes_end_with_their_supervisor(start: Start):
    watched = start({"a": STUBBORN, "b": SLEEPING})
    mine = [process.pid for process in psutil.Process().children()]
    assert len(mine) == 2
    subprocess.run(["true"], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "PATIENCE_SEC", 0.5)
        watched.stop()
    assert not any(psutil.pid_exists(pid) for pid in mine)
