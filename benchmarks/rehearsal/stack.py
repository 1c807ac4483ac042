"""What a rehearsal adds to a stack: a home of its own, settings that find harm soon, and patience."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from llm_bench.errors import SetupError
from llm_bench.local.stack import settings
from rehearsal import PROJECT

PATIENCE_SEC = 120.0
Answer = TypeVar("Answer")


def make_home(folder: Path, studies: Mapping[str, Mapping[str, Any]]) -> None:
    """Fills a folder as the project's own: the shipped questions and documents, and only these studies."""
    shutil.copytree(PROJECT / "include", folder / "include")
    for path in (folder / "include" / "studies").iterdir():
        path.unlink()
    for name, content in studies.items():
        (folder / "include" / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(dict(content)), encoding="utf-8")


QUICK = settings(
    core={"parallelism": 24, "max_active_tasks_per_dag": 24},
    # By default Airflow takes a task for dead 5 minutes after its last sign of life: a tenth of the study's spacing.
    # Here four days are a quarter of an hour. And it rests for a second whenever there is nothing to be done, as it
    # does after each task.
    scheduler={
        "scheduler_idle_sleep_time": 0.25,
        "scheduler_health_check_threshold": 15,
        "orphaned_tasks_check_interval": 10,
        "task_instance_heartbeat_timeout": 30,
        "task_instance_heartbeat_timeout_detection_interval": 5,
    },
)
"""Settings under which Airflow finds out soon that a process was killed, or that a task has ended."""


def patiently(ask: Callable[[], Answer], patience_sec: float = PATIENCE_SEC) -> Answer:
    """An answer of Airflow's, asked for again while a part of it is down."""
    deadline = time.monotonic() + patience_sec
    while True:
        try:
            return ask()
        except (httpx.HTTPError, SetupError):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
