"""What goes wrong in a rehearsal beside the providers: processes are killed, the database and the storage fail."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psutil

from doubles.proxy import Fault as StorageFault
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import Postgres, Redis
from llm_bench.local.stack import Stack
from rehearsal.disk import FULL_SEC, Disk
from rehearsal.stack import patiently

STORAGE_FAULTS: tuple[StorageFault, ...] = (
    *("unavailable", "lost", "vanished", "reset", "torn upload", "torn download", "hang", "limited"),
)
"""Those that pass: the others are mistakes of the user's."""
KINDS = {
    "measure": 62,
    "validate_and_load": 12,
    "scheduler": 7,
    "api-server": 4,
    "dag-processor": 3,
    "database": 5,
    "redis": 3,
    "disk": 4,
}
"""What is harmed, and how often of 100 times: tasks, Airflow's processes, and what all of them need."""
SERVICES = ("scheduler", "api-server", "dag-processor")
KILLS = 0.77
"""For each batch, however fast the machine is: 43 in 56, as some of the last come too late. Full disks don't count."""
TWICE = "disk"
"""What is harmed a second time before chance begins."""


class Harm:
    """Harms an Airflow at random moments.

    :param pause_sec: mean time between two, at least.
    :param once: each kind once, and no more.
    :param kinds: what is harmed, and how often of 100 times.
    """

    def __init__(
        self,
        stack: Stack,
        database: Postgres,
        api: AirflowAPI,
        dag_id: str,
        *,
        redis: Redis,
        disk: Disk | None,
        pause_sec: float,
        once: bool,
        seed: int,
        say: Callable[[str], None],
        kinds: Mapping[str, int] = KINDS,
    ) -> None:
        self.done: Counter[str] = Counter()
        """Kind → how often it was done."""
        self._stack = stack
        self._database = database
        self._redis = redis
        self._disk = disk
        self._api = api
        self._dag_id = dag_id
        self._pause_sec = pause_sec
        self._once = once
        self._random = random.Random(f"{seed}/harm")
        self._say = say
        self._kinds = kinds
        others = [kind for kind in kinds if kind != "validate_and_load" and (disk or kind != "disk")]
        others += [TWICE] if TWICE in others and not once else []
        self._first = ["validate_and_load", *self._random.sample(others, len(others))]  # the rarest moment first

    @property
    def kills(self) -> int:
        """How many processes were ended at once: by kill -9, Postgres by its own way to leave everything as it is."""
        return self.done.total() - self.done["disk"]

    def due(self, ended: int) -> bool:
        """Whether there has been too little harm for so many batches that have ended."""
        return self._once or self.kills < KILLS * (ended + 1)

    def pause(self) -> float:
        """Seconds until the next harm, at least."""
        return self._random.uniform(0.5, 1.5) * self._pause_sec

    def again(self) -> bool:
        """Does the next harm: each kind once first, then by chance; whether there was something to be harmed."""
        by_chance = [] if self._once else self._random.choices(list(self._kinds), list(self._kinds.values()))
        for kind in self._first or by_chance:
            harmed = self._do(kind)
            if harmed:
                self.done[kind] += 1
                if kind in self._first:
                    self._first.remove(kind)
                self._say(harmed)
                return True
        return False

    def _do(self, kind: str) -> str | None:
        if kind in SERVICES:
            return f"kill -9 of the {kind}, process {self._stack.processes.kill(kind)}"
        if kind == "database":
            self._database.stop()
            self._database.start()
            return "Postgres stopped at once and started again"
        if kind == "redis":
            self._redis.stop()
            self._redis.start()
            return "Redis stopped at once and started again, empty"
        if kind == "disk":
            if self._disk is None:
                return None
            self._disk.fill()
            return f"the disk was full for {FULL_SEC:.0f} s"
        return self._kill_task(kind)

    def _kill_task(self, task_id: str) -> str | None:
        """Kills the process of a running task instance; None where there is none."""
        running = self._running(task_id)
        self._random.shuffle(running)
        for task in running:
            if _kill(task):
                cell = f" ({task['rendered_map_index'] or task['map_index']})" if task["map_index"] >= 0 else ""
                return f"kill -9 of {task_id}{cell} of {task['dag_run_id']}, attempt {task['try_number']}"
        return None

    def _running(self, task_id: str) -> list[dict[str, Any]]:
        asked = {"state": "running", "limit": 100}
        path = f"/dags/{self._dag_id}/dagRuns/~/taskInstances"
        tasks = patiently(lambda: self._api.request("GET", path, params=asked))["task_instances"]
        return [task for task in tasks if task["task_id"] == task_id]


def _kill(task: dict[str, Any]) -> bool:
    """Whether the process of a task instance was there to be killed."""
    with suppress(psutil.Error, ProcessLookupError):
        if task["pid"] and task["id"] in " ".join(psutil.Process(task["pid"]).cmdline()):
            os.kill(task["pid"], signal.SIGKILL)
            return True
    return False


def storage_faults(*, share: float, seed: int) -> Callable[[str, str], StorageFault | None]:
    """What the proxy before the bucket does to a share of the requests."""
    drawn = random.Random(f"{seed}/storage")
    return lambda _method, _path: drawn.choice(STORAGE_FAULTS) if drawn.random() < share else None
