"""Keeps the processes of an Airflow running: one that ends or hangs is started again, and that is said.

systemd and Docker see whether a process ends, not whether Airflow's scheduler still works; so this asks Airflow's own
health, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from llm_bench.errors import SetupError

STABLE_SEC = 30.0
"""A process that ends sooner than this after its start didn't start."""
MOST_STARTS = 6
"""So many starts in a row that came to nothing are the last."""
LONGEST_PAUSE_SEC = 30.0
STARTING_SEC = 180.0
"""How long a process may take to be healthy; it takes about 20 s on two cores."""
HANGING_SEC = 120.0
"""How long a process must have been unhealthy to be hanging: a busy machine delays Airflow's heartbeats, too."""
ASKED_EVERY_SEC = 10.0
PLANNER = "dag-processor"
"""Plans a DAG's next run whenever it reads its file: by the clock, when it was last read."""
SET_BACK_SEC = 60.0
"""By how much a clock must be set back for what was planned by it to be planned anew."""
FULL_BYTES = 32 * 2**20
"""With less room than this on its disk, no process of Airflow lasts."""
PATIENCE_SEC = 15.0
"""How long a process may take to end when it is asked to."""

Say = Callable[[str], None]


def unhealthy(url: str) -> set[str]:
    """The processes of an Airflow that don't work, as its health says.

    :param url: of its API server, which is one of them where it doesn't answer.
    """
    try:
        health = httpx.get(f"{url}/api/v2/monitor/health", timeout=ASKED_EVERY_SEC).json()
        parts = {"scheduler": health["scheduler"], "dag-processor": health["dag_processor"]}
        return {name for name, part in parts.items() if part["status"] != "healthy"}
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return {"api-server"}


@dataclass
class _Running:
    """A process that was started.

    :param fruitless: starts in a row, this one included, of which none lasted.
    """

    process: subprocess.Popen[bytes]
    fruitless: int
    since: float = field(default_factory=time.monotonic)
    unhealthy_since: float | None = None

    @property
    def age(self) -> float:
        return time.monotonic() - self.since


class Supervisor:
    """Starts processes, and starts each again that ends or hangs.

    :param commands: what to run, by name.
    :param environment: of all of them.
    :param logs: the folder in which each writes ``<name>.log``.
    :param say: called with each process that is started again.
    :param find_unhealthy: the names of those that don't work.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
        logs: Path,
        say: Say,
        find_unhealthy: Callable[[], Collection[str]],
    ) -> None:
        self.restarts: Counter[str] = Counter()
        """Process → how often it was started again."""
        self._commands = commands
        self._environment = environment
        self._logs = logs
        self._say = say
        self._find_unhealthy = find_unhealthy
        self._running: dict[str, _Running] = {}
        self._due: dict[str, tuple[float, int]] = {}
        """Process that ended → when it starts again, and how many starts in a row that will be."""
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._fault: SetupError | None = None
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch_ends, self._watch_health)]

    def start(self) -> None:
        """Starts all of them, and begins to watch."""
        for name in self._commands:
            self.start_process(name)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stops all of them, with all that they started."""
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        with self._lock:
            stop([running.process for running in self._running.values()])
            self._running.clear()

    def check(self) -> None:
        """Raises what nobody can help.

        :raises SetupError: a process ends again and again.
        """
        if self._fault:
            raise self._fault

    def wait(self) -> None:
        """Waits for as long as all goes well.

        :raises SetupError: a process ends again and again.
        """
        while not self._over.wait(1):
            pass
        self.check()

    def start_process(self, name: str, fruitless: int = 1) -> None:
        """Starts one process, which was never started or was taken down."""
        with self._lock, (self._logs / f"{name}.log").open("ab") as log:
            # A session of its own: Ctrl-C comes to us alone, and we stop them in order.
            process = subprocess.Popen(
                self._commands[name], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
            self._running[name] = _Running(process, fruitless)

    def take_down(self, name: str) -> None:
        """Stops one process, which isn't started again by itself."""
        with self._lock:
            self._due.pop(name, None)
            if name in self._running:
                stop([self._running.pop(name).process])

    def kill(self, name: str) -> int:
        """Kills one process, as ``kill -9`` does; its id."""
        with self._lock:
            os.kill(pid := self.pid(name), signal.SIGKILL)
        return pid

    def pid(self, name: str) -> int:
        """The id of one process that runs."""
        with self._lock:
            return self._running[name].process.pid

    def is_up(self, name: str) -> bool:
        with self._lock:
            return name in self._running and self._running[name].process.poll() is None

    def _watch_ends(self) -> None:
        while not self._over.wait(0.5):
            with self._lock:
                for name in [name for name, running in self._running.items() if running.process.poll() is not None]:
                    self._note_end(name, self._running.pop(name))
                for name in [name for name, (moment, _) in self._due.items() if time.monotonic() >= moment]:
                    self.start_process(name, self._due.pop(name)[1])
                    self.restarts[name] += 1

    def _note_end(self, name: str, ended: _Running) -> None:
        """Says when a process that ended starts again: the oftener in a row it ends at once, the later."""
        _end_session(ended.process.pid)
        how = f"Airflow's {name} ended with exit code {ended.process.returncode}"
        fruitless = ended.fruitless + 1 if ended.age < STABLE_SEC else 1
        full = shutil.disk_usage(self._logs).free < FULL_BYTES
        if full:
            fruitless = min(fruitless, MOST_STARTS)  # it works again as soon as there is room
        if fruitless > MOST_STARTS:
            self._fault = SetupError(
                f"Airflow's {name} ended with exit code {ended.process.returncode}, {MOST_STARTS} times in a row.",
                f"See the end of {self._log(name)}.",
            )
            self._over.set()
            return
        pause = min(2.0 ** (fruitless - 2), LONGEST_PAUSE_SEC) if fruitless > 1 else 0.0
        self._due[name] = time.monotonic() + pause, fruitless
        self._say(
            f"{how}: it is started again. Its log: {self._log(name)}"
            + (". The disk is full: free some space." if full else "")
        )

    def _watch_health(self) -> None:
        clock = time.time() - time.monotonic()
        while not self._over.wait(ASKED_EVERY_SEC):
            before, clock = clock, time.time() - time.monotonic()
            if before - clock > SET_BACK_SEC:
                self._plan_anew(before - clock)
            names = self._find_unhealthy()
            with self._lock:
                for name, running in self._running.items():
                    self._note(name, running, healthy=name not in names)

    def _plan_anew(self, seconds: float) -> None:
        """Starts the planner again: else the next run would be the one after the moment that the clock had shown."""
        with self._lock:
            if PLANNER in self._running:
                self._say(f"The clock was set back by {seconds:,.0f} s: Airflow's {PLANNER} is stopped, to plan anew.")
                _end_session(self._running[PLANNER].process.pid)

    def _note(self, name: str, running: _Running, *, healthy: bool) -> None:
        """Ends a process that has been unhealthy for too long; then it is started again as any that ends."""
        if healthy or running.age < STARTING_SEC:
            running.unhealthy_since = None
            return
        now = time.monotonic()
        running.unhealthy_since = running.unhealthy_since or now
        if now - running.unhealthy_since >= HANGING_SEC:
            self._say(f"Airflow's {name} has not worked for {HANGING_SEC:.0f} s: it is stopped.")
            _end_session(running.process.pid)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stops processes that lead sessions of their own, with all that they started."""
    for sign, patience in ((signal.SIGTERM, PATIENCE_SEC), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
    for process in processes:
        _end_session(process.pid)


def _end_session(leader: int) -> None:
    """Kills a process and what it left running, as the end of a container or of a systemd unit does."""
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader:
                process.kill()
