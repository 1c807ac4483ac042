"""Airflow's own processes"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from doubles.provider import Provider, Response, stream
from fixtures.started import left_over, logged_in, until
from fixtures.trust import Seen
from llm_bench.local.api import AirflowAPI
from llm_bench.local.services import free_port
from llm_bench.local.supervisor import unhealthy

SLOTS, APART_SEC = 8, 75
PATIENCE_SEC = 300
SERVICES = {
    "scheduler": "llm_bench.local.scheduler",
    "api-server": "airflow api_server",
    "dag-processor": "airflow dag-processor",
    "baselines": "llm_bench baselines",
}
"""Service → what its command line holds."""


@dataclass
class Up:
    """`llm-bench up` of a study that is under way."""

    process: subprocess.Popen[bytes]
    api: AirflowAPI
    provider: Provider
    home: Path
    output: Path

    def service(self, name: str) -> psutil.Process:
        """The process of a service."""

        def running() -> psutil.Process | None:
            for child in psutil.Process(self.process.pid).children():
                with suppress(psutil.Error):  # it has just ended
                    if SERVICES[name] in " ".join(child.cmdline()):
                        return child
            return None

        return until(running, PATIENCE_SEC)

    def status(self) -> dict[str, Any]:
        """What `llm-bench status` says."""
        environment = os.environ | {"LLM_BENCH_HOME": str(self.home)}
        command = [sys.executable, "-m", "llm_bench", "status", "watched", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return dict(json.loads(done.stdout))


@pytest.fixture
def up(include: Path, tmp_path: Path) -> Iterator[Up]:
    home = tmp_path / "watched"
    shutil.copytree(include, home / "include")
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=150)
    length = timedelta(seconds=SLOTS * APART_SEC)
    (home / "include" / "studies" / "watched.yaml").write_text(
        "llms: [{model: hosted_vllm/watched}]\nindustries: [retail]\n"
        f"window: {{start: '{start.isoformat()}', end: '{(start + length).isoformat()}', "
        f"period: PT{SLOTS * APART_SEC}S, batches_per_period: {SLOTS}}}\n"
    )
    with Provider(lambda _: Response(stream(token_sec=0.2))) as provider:
        connection = json.dumps({"conn_type": "llm", "host": provider.url, "password": "none"})
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        environment |= {"LLM_BENCH_HOME": str(home), "AIRFLOW_CONN_LLM_HOSTED_VLLM": connection}
        output = home / "up.log"
        command = [sys.executable, "-m", "llm_bench", "up", "--port", str(free_port())]
        with output.open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            api = logged_in(output, process)
            assert api is not None, output.read_text()
            api.request("PATCH", "/dags/llm_bench_watched", json={"is_paused": False})
            yield Up(process, api, provider, home, output)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)
        assert left_over("AIRFLOW_HOME", str(home / ".airflow")) == []


@pytest.mark.trust
class TestServicesOfARunningStudy:
    """Airflow's own processes, under `make up`"""

    @pytest.mark.parametrize(
        ("how", "sign"),
        [("kill -9, as by the kernel for want of memory", signal.SIGKILL), ("SIGTERM", signal.SIGTERM)],
    )
    def test_that_end_come_back_and_no_other_slot_is_missed(self, up: Up, how: str, sign: signal.Signals, seen: Seen):
        """Each of its processes is ended during the study, the scheduler twice, one after another."""
        until(lambda: len(up.provider.asked) >= 3, 600)
        ended = ("scheduler", "api-server", "dag-processor", "baselines", "scheduler")
        for name in ended:
            service = up.service(name)
            service.send_signal(sign)
            until(
                lambda name=name, dead=service.pid: up.service(name).pid != dead and not unhealthy(up.api.url),
                PATIENCE_SEC,
            )
        until(lambda: up.status()["counts"]["to come"] + up.status()["counts"]["running"] == 0, SLOTS * APART_SEC)
        status = up.status()
        batches, missed = status["counts"]["done"] + status["counts"]["late"], status["counts"]["missed"]
        again = len(up.provider.asked) - 10 * batches
        started = up.output.read_text().count("it is started again")
        seen(
            f"{how}: {started} starts for {len(ended)} ends; {batches} of {SLOTS} slots measured, {missed} missed and "
            f"named by `status`; {status['records']} of {10 * batches} records loaded; {again} requests asked again"
        )
        assert batches + missed == SLOTS
        assert missed <= ended.count("scheduler")  # those that were due while there was no scheduler
        assert status["records"] == 10 * batches
        assert again <= len(ended)
        assert started == len(ended)
        assert status["needs_a_hand"] == bool(missed)

    def test_of_which_one_hangs_is_stopped_and_started_again(self, up: Up, seen: Seen):
        """SIGSTOP of the scheduler, which then neither ends nor works."""
        scheduler = up.service("scheduler")
        started = time.monotonic()
        scheduler.send_signal(signal.SIGSTOP)
        until(lambda: up.service("scheduler").pid != scheduler.pid, 600)
        took = time.monotonic() - started
        until(lambda: not unhealthy(up.api.url), PATIENCE_SEC)
        assert "Airflow's scheduler has not worked for 120 s: it is stopped." in up.output.read_text()
        seen(f"it was stopped and started again after {took:.0f} s")


@pytest.mark.trust
class TestAServiceThatCannotStart:
    """Airflow's own processes, under `make up`"""

    def test_ends_the_command_with_an_error_that_names_its_log(self, tmp_path: Path, include: Path, seen: Seen):
        """An `airflow.cfg` that can't be used was put in place of the right one."""
        (tmp_path / "include").symlink_to(include)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        # Whoever sets this variable makes every start of Airflow fail.
        environment |= {"LLM_BENCH_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": "nobody.knows.Executor"}
        command = [sys.executable, "-m", "llm_bench", "up", "--port", str(free_port())]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 1
        assert "times in a row" in done.stderr + done.stdout or "isn't healthy" in done.stderr + done.stdout
        assert left_over("AIRFLOW_HOME", str(tmp_path / ".airflow")) == []
        seen("the command ended with exit code 1 and named the log; nothing was left running")
