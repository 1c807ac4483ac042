"""A whole Airflow on Postgres, each of whose processes is started again when it ends, as systemd or Docker would."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from llm_bench.errors import SetupError
from llm_bench.local.api import AirflowAPI
from llm_bench.local.config import Config
from llm_bench.local.services import free_port, healthy
from llm_bench.local.supervisor import Supervisor, unhealthy

PROJECT = Path(__file__).resolve().parents[3]
"""The folder that holds ``dags/`` and ``plugins/``."""
AIRFLOW = [sys.executable, "-m", "airflow"]
PROCESSES: Mapping[str, Sequence[str]] = {
    "api-server": [*AIRFLOW, "api-server"],
    "scheduler": [sys.executable, "-m", "llm_bench.local.scheduler"],
    "dag-processor": [*AIRFLOW, "dag-processor"],
}
"""What an Airflow with the LocalExecutor consists of."""


def settings(**sections: Mapping[str, object]) -> dict[str, str]:
    """Airflow's settings as environment variables."""
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, options in sections.items()
        for key, value in options.items()
    }


class Stack:
    """The processes of an Airflow.

    :param home: the project's folder, with ``include/``.
    :param environment: of all processes, beside what the project sets by itself.
    :param processes: what to run, by name.
    :param say: called with each step.
    :param port: of the UI and the API; None: a free one.
    """

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str],
        processes: Mapping[str, Sequence[str]] = PROCESSES,
        say: Callable[[str], None] = print,
        port: int | None = None,
    ) -> None:
        self.config = Config(home, port or free_port())
        elsewhere = ("AIRFLOW_", "LLM_BENCH_")  # settings of another Airflow or project
        user = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
        self.environment = {**self.config.environment(user), **environment}
        self.processes = Supervisor(processes, self.environment, self.logs, say, lambda: unhealthy(self.config.url))
        self._say = say

    @property
    def logs(self) -> Path:
        return self.config.airflow_home / "logs"

    def start(self) -> AirflowAPI:
        """Starts all of it and waits until it is healthy.

        :raises SetupError: it can't be started.
        """
        self.config.write(PROJECT)
        self._write_settings()
        self.logs.mkdir(exist_ok=True)
        done = self.command("db", "migrate")
        if done.returncode:
            raise SetupError(f"Airflow's database can't be set up: {done.stderr[-2000:]}", "")
        self.processes.start()
        return healthy(self.config, self._say, self.processes.check)

    def stop(self) -> None:
        """Stops all of it."""
        self.processes.stop()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs an ``airflow`` command."""
        return self.run([*AIRFLOW, *words])

    def run(self, command: Sequence[str] | str) -> subprocess.CompletedProcess[str]:
        """Runs a command beside Airflow, as a user in its shell would."""
        return subprocess.run(
            command,
            env=self.environment,
            cwd=PROJECT,
            shell=isinstance(command, str),
            capture_output=True,
            text=True,
            check=False,
        )

    def _write_settings(self) -> None:
        """Puts the settings of the environment in ``airflow.cfg``: whoever names AIRFLOW_HOME then means this one."""
        path = self.config.airflow_home / "airflow.cfg"
        file = configparser.ConfigParser(interpolation=None)
        file.read(path)
        for name, value in self.environment.items():
            if setting := re.fullmatch(r"AIRFLOW__(DATABASE|CORE|CELERY)__(\w+)", name):
                file.read_dict({setting[1].lower(): {setting[2].lower(): value}})
        with path.open("w", encoding="utf-8") as written:
            file.write(written)


@contextmanager
def running(stack: Stack) -> Iterator[AirflowAPI]:
    """The API of a stack that is stopped at the end."""
    try:
        yield stack.start()
    finally:
        stack.stop()
