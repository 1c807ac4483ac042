"""The machine"""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from fixtures.machine import PATIENCE_SEC, Machine, running_machine, stop_for
from fixtures.started import until
from fixtures.trust import Seen

pytestmark = pytest.mark.trust

TASKS = ("measure", "score", "validate_and_load")


@pytest.fixture(scope="module")
def machine(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    home = tmp_path_factory.mktemp("machine") / "home"
    home.mkdir()
    with running_machine(include, home) as started:
        if started is None:
            pytest.skip("only root may mount a small disk")
        yield started


class TestATask:
    """A task's process, in the middle of its work"""

    def test_that_is_killed_goes_on_where_it_was(self, machine: Machine, seen: Seen):
        """`kill -9` of the process that measures, of that which scores, and of that which loads, in one batch."""
        run = machine.trigger()
        machine.wait_for_questions(4)
        for task in TASKS:
            machine.process(run, task).kill()
        batch = machine.wait(run)
        seen(str(batch))
        batch.check(again=1)
        assert batch.state == "success"
        assert all(batch.attempts[task] == 2 for task in TASKS)

    def test_that_is_asked_to_end_goes_on_where_it_was(self, machine: Machine, seen: Seen):
        """SIGTERM to each of the three."""
        run = machine.trigger()
        machine.wait_for_questions(4)
        for task in TASKS:
            machine.process(run, task).terminate()
        batch = machine.wait(run)
        seen(str(batch))
        batch.check(again=1)
        assert batch.state == "success"

    def test_without_memory_goes_on_where_it_was(self, machine: Machine, seen: Seen):
        """Each of the three gets no more memory from a moment on (RLIMIT_AS)."""
        run = machine.trigger()
        machine.wait_for_questions(4)
        for task in TASKS:
            machine.process(run, task).rlimit(psutil.RLIMIT_AS, (2**20, 2**20))
        batch = machine.wait(run)
        seen(str(batch))
        batch.check(again=1)
        assert batch.state == "success"


class TestTheDisk:
    """The disk on which all lies: data, Airflow's database and its logs"""

    def test_that_is_full_while_it_measures_loses_nothing(self, machine: Machine, seen: Seen):
        """No byte is free for 30 s while a cell measures."""
        run = machine.trigger()
        machine.wait_for_questions(4)
        with machine.disk.full():
            time.sleep(30)
        batch = machine.wait(run)
        seen(str(batch))
        batch.check(again=batch.attempts["measure"] - 1)
        assert batch.state == "success"

    @pytest.mark.parametrize("task", ["score", "validate_and_load"])
    def test_that_is_full_later_loses_nothing(self, machine: Machine, seen: Seen, task: str):
        """No byte is free for 30 s from the moment on when the answers are scored; again, when they are loaded."""
        run = machine.trigger()
        machine.process(run, task)
        with machine.disk.full():
            time.sleep(30)
        batch = machine.wait(run)
        seen(f"{task}: {batch}")
        batch.check(again=0)
        assert batch.state == "success"

    def test_that_takes_no_more_writes_loses_nothing_and_says_so(self, machine: Machine, seen: Seen):
        """The folder of the data can only be read while a batch is loaded."""
        data = machine.home / "data"
        run = machine.trigger()
        machine.process(run, "score")
        subprocess.run(["mount", "--bind", data, data], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", data], check=True)
            until(lambda: machine.task(run, "validate_and_load")["state"] == "up_for_retry", PATIENCE_SEC)
        finally:
            subprocess.run(["umount", "--lazy", data], check=True)
        batch = machine.wait(run)
        said = machine.logs(run, "validate_and_load")
        seen(f'{batch}; the log said "Read-only file system"')
        batch.check(again=0)
        assert batch.state == "success"
        assert "Read-only file system" in said


class TestTheDatabase:
    """Airflow's own database, SQLite"""

    def test_that_another_process_locks_holds_up_a_batch_and_no_more(self, machine: Machine, seen: Seen):
        """Another process holds `BEGIN EXCLUSIVE` for 30 s while a cell measures."""
        run = machine.trigger()
        machine.wait_for_questions(4)
        path = machine.home / ".airflow" / "airflow.db"
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(30)
            other.execute("ROLLBACK")
        batch = machine.wait(run)
        seen(str(batch))
        batch.check(again=batch.attempts["measure"] - 1)
        assert batch.state == "success"


class TestALaptop:
    """A laptop that sleeps"""

    def test_asleep_in_a_batch_lays_the_open_question_to_itself(self, machine: Machine, seen: Seen):
        """All processes are stopped (SIGSTOP) for 75 s in the middle of a batch, while the provider goes on."""
        run = machine.trigger()
        machine.wait_for_questions(3)
        processes = machine.processes()
        machine.wait_for_questions(machine.asked() + 1)  # it is open now, and its answer takes some seconds
        stop_for(processes, 75)
        batch = machine.wait(run)
        slowest = max(record["latency_sec"] or 0 for record in batch.records)
        seen(f"{batch}; the longest latency recorded is {slowest:.1f} s")
        batch.check(again=1)
        assert batch.state == "success"
        assert slowest < 20
        assert "This machine stood still for " in machine.logs(run, "measure")
