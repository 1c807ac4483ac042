"""Starts and stops the processes of the local Airflow."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import psutil

from llm_bench.errors import SetupError
from llm_bench.local.api import AirflowAPI
from llm_bench.local.config import Config
from llm_bench.local.supervisor import STARTING_SEC, Say, Supervisor, unhealthy
from llm_bench.paths import home, shipped

LEAST_DISK_BYTES = 500 * 1024 * 1024


@contextlib.contextmanager
def running_airflow(port: int, say: Say) -> Iterator[AirflowAPI]:
    """A healthy Airflow: the one that is up already, or a new one that is stopped at the end.

    :param port: where to listen on 127.0.0.1, for a new one.
    :param say: called with each step.
    :raises SetupError: it can't be started.
    """
    airflow_home = home() / ".airflow"
    airflow_home.mkdir(exist_ok=True)
    with (airflow_home / "running").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            config = Config(home(), int(json.loads(lock.read())["port"]))
            say(f"Airflow is up already at {config.url}")
            yield healthy(config, say)
            return
        config = Config(home(), port)
        _check_machine(config)
        lock.truncate(0)
        lock.write(json.dumps({"port": port, "pid": os.getpid()}))
        lock.flush()
        with _supervised(config, say) as supervisor:
            yield healthy(config, say, supervisor.check)


def _check_machine(config: Config) -> None:
    _stop_leftovers(config)
    check_port(
        config.port,
        f"Stop that program, or choose another port: --port {config.port + 1} (of make: PORT={config.port + 1})",
    )
    free = shutil.disk_usage(config.home).free
    if free < LEAST_DISK_BYTES:
        raise SetupError(
            f"The disk is nearly full: {free // 2**20} MB are free at {config.home}, "
            f"{LEAST_DISK_BYTES // 2**20} MB are needed.",
            "Free some space and start again.",
        )


def check_port(port: int, fix: str) -> None:
    """Refuses a port that another program listens on.

    :raises SetupError: it is taken; what to do is ``fix``.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SetupError(f"Port {port} is taken by another program.", fix) from None


def _stop_leftovers(config: Config) -> None:
    """Stops what an earlier start left running when it was killed: it holds the port and the database."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = process.environ().get("AIRFLOW_HOME") == str(config.airflow_home)
            command = " ".join(process.cmdline())
            if ours and process.pid != os.getpid() and ("airflow" in command or "llm_bench.local" in command):
                process.kill()


@contextlib.contextmanager
def _supervised(config: Config, say: Say) -> Iterator[Supervisor]:
    config.write(config.home if (config.home / "dags").is_dir() else shipped())
    logs = config.airflow_home / "logs"
    logs.mkdir(exist_ok=True)
    endpoint = free_port()
    environment = config.environment() | {
        "AIRFLOW_CONN_LLM_BASELINE": json.dumps({"conn_type": "llm", "host": f"http://127.0.0.1:{endpoint}/v1"})
    }
    say("Starting Airflow (database)")
    _migrate(config, environment, logs)
    airflow = [sys.executable, "-m", "airflow"]
    commands = {
        "api-server": [*airflow, "api-server"],
        "scheduler": [sys.executable, "-m", "llm_bench.local.scheduler"],
        "dag-processor": [*airflow, "dag-processor"],
        "baselines": [sys.executable, "-m", "llm_bench", "baselines", "--port", str(endpoint)],
    }
    say(f"Starting Airflow ({', '.join(commands)}); logs are in {logs}")
    supervisor = Supervisor(commands, environment, logs, say, lambda: unhealthy(config.url))
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.stop()


def _migrate(config: Config, environment: dict[str, str], logs: Path) -> None:
    stamp = config.airflow_home / "migrated"
    installed = version("apache-airflow")
    if stamp.exists() and stamp.read_text() == installed and (config.airflow_home / "airflow.db").exists():
        return
    log = logs / "migrate.log"
    with log.open("ab") as file:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"], env=environment, stdout=file, stderr=file, check=False
        )
    if done.returncode:
        raise SetupError("Airflow's database can't be set up.", f"See the end of {log}.")
    stamp.write_text(installed)


def healthy(config: Config, say: Say, check: Callable[[], None] = lambda: None) -> AirflowAPI:
    """Waits until Airflow is up; a client of its API.

    :param check: raises what nobody can help; called meanwhile, and with every request of the client.
    :raises SetupError: Airflow isn't healthy in time.
    """
    deadline = time.monotonic() + STARTING_SEC
    while time.monotonic() < deadline:
        check()
        with contextlib.suppress(SetupError, OSError, ValueError, KeyError):
            if not unhealthy(config.url):
                say("Airflow is healthy")
                return AirflowAPI(config.url, "admin", _password(config), check)
        time.sleep(0.5)
    raise SetupError(
        f"Airflow isn't healthy after {STARTING_SEC:.0f} s.", f"See the logs in {config.airflow_home}/logs."
    )


def _password(config: Config) -> str:
    return str(json.loads(config.passwords.read_text(encoding="utf-8"))["admin"])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
