"""One real Airflow for all tests here: started by ``python -m llm_bench up``, as a user does, in a home of its own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from doubles import gcs, groq
from doubles.faults import Mixed
from doubles.limits import GroqLimits
from doubles.provider import Asked, Provider, Response, Step, stream
from fixtures.started import left_over, logged_in
from llm_bench.local.api import AirflowAPI
from llm_bench.records import Record
from llm_bench.store.base import from_parquet

START = "2026-01-05T08:00:00+01:00"
"""Airflow takes no backfill of the future, so the studies' window is moved to the past, as a user would move it."""

STUDIES = {
    "slow": "llms: [{model: hosted_vllm/slow}]\nindustries: [retail]\n",
    "ended": "llms: [{model: hosted_vllm/ended}]\nindustries: [retail]\n",
    "partial": "llms: [{model: hosted_vllm/good}, {model: together_ai/nobody/has-a-key}]\nindustries: [retail]\n",
    "limited": "llms: [{model: hosted_vllm/limited, requests_per_minute: 30}]\nindustries: [retail, finance]\n",
    "mixed": (
        "llms: [{model: hosted_vllm/mixed}, {model: hosted_vllm/mixed-2}]\nindustries: [retail, finance]\n"
        "deadlines: {connect_sec: 2, first_token_sec: 2, total_sec: 4}\n"
    ),
    "leaky": (
        "llms: [{model: hosted_vllm/good}, {model: hosted_vllm/refused}, {model: hosted_vllm/every-1}, "
        "{model: hosted_vllm/every-2}, {model: hosted_vllm/every-3}, {model: hosted_vllm/every-4}]\n"
        "industries: [retail, finance]\nconcurrency: 12\n"
        "deadlines: {connect_sec: 2, first_token_sec: 2, total_sec: 4}\n"
    ),
    "stopped": "llms: [{model: hosted_vllm/stopped}]\nindustries: [retail]\n",
    "walked": "llms: [{model: mistral/walked}]\nindustries: [retail]\n",
    "bucket": "llms: [{model: hosted_vllm/bucket}]\nindustries: [retail]\nstorage: gs://thesis-data/runs\n",
    "broken": "llms: [{model: groq/a}]\nindustries: [mining]\n",
}


CANARY = "canary-6f1b0c9d-key"
"""The key of the double: it must show nowhere."""


def play(limits: GroqLimits, mixed: Mixed) -> Callable[[Asked], Response]:
    """What the double answers, by the model that is asked."""
    echo = f"the key {CANARY} (Bearer {CANARY}) is not welcome"
    error = {"error": {"message": echo, "type": "server_error", "code": "internal"}}
    json_type = {"content-type": "application/json"}

    def limited(asked: Asked) -> Response:
        prompt = sum(len(message["content"]) for message in asked.content["messages"]) // 4
        requested = prompt + int(asked.content["max_tokens"])
        status, headers = limits.ask(requested)
        if status != 200:
            return Response([json.dumps(error).encode()], status, headers | json_type)

        def answer() -> Iterator[Step]:
            yield from stream("word " * 60)
            limits.answered(requested, prompt + 60)

        return Response(answer(), headers=headers | {"content-type": "text/event-stream"})

    def refused(_: Asked) -> Response:
        return Response([json.dumps(error).encode()], 401, json_type)

    asked_before = itertools.count()

    def stopped(asked: Asked) -> Response:
        """The key is refused once, at the fifth request."""
        return refused(asked) if next(asked_before) == 4 else Response(stream())

    scripts: dict[str, Callable[[Asked], Response]] = {
        **dict.fromkeys(("slow", "ended"), lambda _: Response(stream(token_sec=0.25))),
        "refused": refused,
        "stopped": stopped,
        "limited": limited,
        "mixed": mixed,
        "mixed-2": mixed,
    }
    # One fault after another, each of which tells the key wherever it has words of its own.
    faults = itertools.cycle(groq.FAULTS.values())
    scripts |= {f"every-{number}": lambda asked: next(faults).script(asked) for number in range(1, 5)}
    return lambda asked: scripts.get(asked.model, lambda _: Response(stream()))(asked)


@dataclass
class Airflow:
    """The REST API, the home of the project, and the double of a provider with its limits and faults."""

    api: AirflowAPI
    home: Path
    environment: dict[str, str]
    provider: Provider
    limits: GroqLimits
    mixed: Mixed
    google: dict[str, str]
    started: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the double: it must show nowhere."""
        return CANARY

    @property
    def start_of_windows(self) -> str:
        """The start of every window, ISO 8601."""
        return START

    def make_bucket(self, name: str) -> None:
        gcs.make_bucket(self.google["STORAGE_EMULATOR_HOST"], name)

    def run(self, study: str, *, until: Callable[[list[dict[str, Any]]], bool] | None = None) -> str:
        """Triggers a batch and waits for its end, or until its tasks satisfy a condition; the run's id."""
        with self.api.unpaused(f"llm_bench_{study}"):
            run_id = self.api.trigger(f"llm_bench_{study}")
            self.wait(study, run_id, until)
        return run_id

    def start(self, study: str) -> None:
        """Triggers a batch that mostly waits, so that the tests of others needn't wait for it."""
        self.api.request("PATCH", f"/dags/llm_bench_{study}", json={"is_paused": False})
        self.started[study] = self.api.trigger(f"llm_bench_{study}")

    def ended(self, study: str) -> str:
        """Waits for a batch that was started; its state."""
        return self.wait(study, self.started[study])

    def wait(self, study: str, run_id: str, until: Callable[[list[dict[str, Any]]], bool] | None = None) -> str:
        deadline = time.monotonic() + 240
        dag_id = f"llm_bench_{study}"
        self.api.request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        while time.monotonic() < deadline:
            state = self.api.run(dag_id, run_id)["state"]
            if until and until(self.api.tasks(dag_id, run_id)):
                return str(state)
            if state in {"success", "failed"}:
                assert until is None, f"{study} ended before the condition was seen"
                return str(state)
            time.sleep(0.2)
        raise AssertionError(f"{study} isn't done: {self.api.tasks(dag_id, run_id)}")

    def tasks(self, study: str, run_id: str, task_id: str) -> list[dict[str, Any]]:
        tasks = [task for task in self.api.tasks(f"llm_bench_{study}", run_id) if task["task_id"] == task_id]
        return sorted(tasks, key=lambda task: task["map_index"])

    def objects(self, study: str, kind: str = "records") -> list[Path]:
        return sorted((self.home / "data" / kind / f"study={study}").rglob("*.parquet"))

    def records(self, study: str) -> list[Record]:
        return [record for path in self.objects(study) for record in from_parquet(path.read_bytes())]


@pytest.fixture(scope="session")
def airflow(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home = tmp_path_factory.mktemp("project")
    shutil.copytree(include, home / "include")
    for name, text in STUDIES.items():
        (home / "include" / "studies" / f"{name}.yaml").write_text(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Provider() as provider, gcs.serving() as google:
        limits = GroqLimits(30, 6_000)
        mixed = Mixed(groq.good, groq.FAULTS, share=0.2, seed=20261207)
        provider.script = play(limits, mixed)
        provider.models, provider.key = ["walked"], CANARY
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
            "LLM_BENCH_HOME": str(home),
            "LLM_BENCH_START": START,
            "AIRFLOW_CONN_LLM_HOSTED_VLLM": json.dumps({"conn_type": "http", "host": provider.url, "password": CANARY}),
            **gcs.settings(google),
        }
        output = home / "up.log"
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "llm_bench", "up", "--port", str(port)], env=environment, stdout=log, stderr=log
            )
        try:
            api = logged_in(output, process)
            assert api is not None, f"Airflow isn't up: {output.read_text()}"
            airflow = Airflow(api, home, environment, provider, limits, mixed, gcs.settings(google))
            for study in ("limited", "mixed"):
                airflow.api.wait_for_dag(f"llm_bench_{study}")
                airflow.start(study)
            yield airflow
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        assert (code, left_over("AIRFLOW_HOME", str(home / ".airflow"))) == (0, []), "Ctrl-C must stop all of it"
