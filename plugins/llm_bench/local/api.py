"""Airflow's REST API, as far as a run needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from llm_bench.errors import SetupError
from llm_bench.records import utc_text

TIMEOUT_SEC = 30
"""How long a reply may take."""
DATABASE_PATIENCE_SEC = 30
"""How long a request is repeated that Airflow's database refuses: one of SQLite serves a single writer at a time."""


class AirflowAPI:
    """A logged-in client.

    :param url: e.g. ``http://127.0.0.1:8080``.
    :param check: raises when Airflow is no longer whole; called with every request, so that nobody waits in vain.
    """

    def __init__(self, url: str, user: str, password: str, check: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self.user = user
        self.password = password
        self.check = check
        self._http = httpx.Client(base_url=f"{url}/api/v2", timeout=TIMEOUT_SEC)
        token = self.request("POST", f"{url}/auth/token", json={"username": user, "password": password})
        self._http.headers["authorization"] = f"Bearer {token['access_token']}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A reply, whatever its status.

        :raises SetupError: there is none.
        """
        try:
            return self._http.request(method, path, **options)
        except httpx.TimeoutException as fault:
            raise SetupError(
                f"Airflow at {self.url} didn't answer {method} {path} within {TIMEOUT_SEC} s.",
                "The machine may be too busy: end what else uses it, and run the command again.",
            ) from fault
        except httpx.TransportError as fault:
            raise SetupError(
                f"Airflow at {self.url} can't be reached: {fault}.",
                "It has ended, or is overloaded: see the logs in .airflow/logs, and run the command again.",
            ) from fault

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of a reply.

        :raises SetupError: Airflow refused, in its own words, or doesn't answer.
        """
        reply = self._reply(method, path, **options)
        if reply.is_error:
            raise SetupError(f"Airflow refused {method} {path} (HTTP {reply.status_code}): {reply.text[:500]}", "")
        return reply.json()

    def _reply(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A reply, after the database was too busy for as long as it may be."""
        deadline = time.monotonic() + DATABASE_PATIENCE_SEC
        while True:
            self.check()
            reply = self._send(method, path, **options)
            refused = reply.status_code == 500 and "Database error" in reply.text  # Airflow has undone what it began
            if not refused or time.monotonic() > deadline:
                return reply
            time.sleep(0.5)

    def wait_for_dag(self, dag_id: str, patience_sec: float = 120) -> None:
        """Waits until Airflow can run a DAG.

        :raises SetupError: it has an import error, or isn't there in time.
        """
        deadline = time.monotonic() + patience_sec
        while self._send("GET", f"/dags/{dag_id}/details").status_code == 404:
            errors = self.request("GET", "/importErrors")["import_errors"]
            if errors:  # perhaps another study's: this one may still be on its way
                deadline = min(deadline, time.monotonic() + 10)
            if time.monotonic() > deadline:
                causes = "\n".join(error["stack_trace"] for error in errors) or "It isn't there."
                raise SetupError(f"Airflow can't load the DAG {dag_id}. {causes}", "")
            time.sleep(0.5)

    def trigger(self, dag_id: str) -> str:
        """Starts a run now; the id of the run."""
        now = utc_text(datetime.now(UTC))
        once = {"logical_date": now, "dag_run_id": f"manual__{now}"}  # so that a repeated request starts no second run
        return str(self.request("POST", f"/dags/{dag_id}/dagRuns", json=once)["dag_run_id"])

    @contextmanager
    def unpaused(self, dag_id: str) -> Iterator[None]:
        """Lets runs of a DAG go; afterwards it is paused again if it was, so that a trial starts no schedule."""
        was_paused = self.request("GET", f"/dags/{dag_id}")["is_paused"]
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        try:
            yield
        finally:
            if was_paused:
                self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """A run, as Airflow reports it."""
        return dict(self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}"))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        tasks: list[dict[str, Any]] = []
        while True:
            page = self.request(
                "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100, "offset": len(tasks)}
            )
            tasks += page["task_instances"]
            if len(tasks) >= page["total_entries"] or not page["task_instances"]:
                return tasks

    def errors(self, task: dict[str, Any]) -> list[str]:
        """The errors in the log of a task instance's last attempt."""
        log = self.request(
            "GET",
            f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/"
            f"{max(task['try_number'], 1)}",
            params={"map_index": task["map_index"], "full_content": True},
            headers={"accept": "application/json"},
        )
        errors = []
        for line in log["content"]:
            if isinstance(line, dict):
                errors += [str(error["exc_value"]) for error in line.get("error_detail") or ()]
        return errors
