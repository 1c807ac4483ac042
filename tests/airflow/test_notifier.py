from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.sdk.execution_time.callback_supervisor import execute_callback
from hypothesis import given
from hypothesis import strategies as st

from doubles.provider import Provider, Response, stream
from doubles.webhook import Webhook
from llm_bench.airflow import notifier
from llm_bench.airflow.notifier import IncompleteBatch, MissedSlots
from llm_bench.errors import MissingRecordsError
from llm_bench.local.api import AirflowAPI
from llm_bench.schedule import DAY_US, Schedule, to_us
from llm_bench.study import Study

START = datetime(2026, 12, 7, 7, tzinfo=UTC)
SCHEDULE = Schedule(to_us(START), to_us(START) + 4 * DAY_US, DAY_US // 2, 14)
STUDY = {
    "name": "mine",
    "llms": [{"model": "groq/a"}],
    "industries": ["retail"],
    "window": {"start": "2026-12-07T08:00:00+01:00", "end": "2026-12-11T08:00:00+01:00"},
}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """A webhook that the connection ``hook`` leads to."""
    with Webhook() as server:
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps({"conn_type": "http", "host": server.url}))
        yield server


def a_run(slot: datetime, run_type: str = "scheduled") -> SimpleNamespace:
    return SimpleNamespace(dag_id="llm_bench_mine", logical_date=slot, run_after=slot, run_type=run_type)


def context(slot: datetime, before: datetime | None = None, run_type: str = "scheduled", **more: Any) -> Any:
    """The context as a task's callbacks get it; ``before`` is the slot of the run before."""
    previous = SimpleNamespace(logical_date=before) if before else None
    task = SimpleNamespace(get_previous_dagrun=lambda: previous)
    return {"dag_run": a_run(slot, run_type), "ti": task, **more}


class TestAnIncompleteBatch:
    def test_is_told_once_with_what_is_missing_and_what_to_do(self, webhook: Webhook):
        error = MissingRecordsError("10 of 80 records are missing: a · retail (10 of 10).", "Clear the failed tasks.")
        IncompleteBatch(connection="hook")(context(SCHEDULE[1], exception=error))
        assert webhook.texts == [
            "llm_bench_mine: the batch of 2026-12-07 07:51:25 UTC is incomplete. "
            "10 of 80 records are missing: a · retail (10 of 10). Clear the failed tasks."
        ]

    def test_is_told_also_when_its_task_was_killed(self, webhook: Webhook):
        IncompleteBatch(connection="hook")(context(SCHEDULE[1]))
        assert "Its last task was stopped" in webhook.texts[0]


class TestMissedSlots:
    @pytest.fixture
    def notify(self) -> MissedSlots:
        return MissedSlots(connection="hook", schedule=SCHEDULE)

    def test_are_told_by_the_next_run(self, webhook: Webhook, notify: MissedSlots):
        notify(context(SCHEDULE[4], before=SCHEDULE[1]))
        assert webhook.texts == [
            "llm_bench_mine: 2 slots were missed: 2026-12-07 08:42:51 UTC, 2026-12-07 09:34:17 UTC. "
            "`llm-bench status mine` shows how to fill them."
        ]

    def test_are_counted_from_the_first_slot_where_there_was_no_run_before(self, webhook: Webhook, notify: MissedSlots):
        notify(context(SCHEDULE[2]))
        assert "2 slots were missed: 2026-12-07 07:00:00 UTC" in webhook.texts[0]

    def test_are_not_all_named_when_they_are_many(self, webhook: Webhook, notify: MissedSlots):
        notify(context(SCHEDULE[30]))
        assert "30 slots were missed" in webhook.texts[0]
        assert webhook.texts[0].count("UTC") == 10

    def test_are_none_after_the_slot_before(self, webhook: Webhook, notify: MissedSlots):
        notify(context(SCHEDULE[4], before=SCHEDULE[3]))
        assert webhook.texts == []

    def test_are_told_by_a_run_by_hand_too_but_not_by_a_backfill(self, webhook: Webhook, notify: MissedSlots):
        notify(context(SCHEDULE[3], before=SCHEDULE[1], run_type="backfill"))
        assert webhook.texts == []
        notify(context(SCHEDULE[3] + timedelta(minutes=1), before=SCHEDULE[2], run_type="manual"))
        assert "1 slot was missed: 2026-12-07 09:34:17 UTC" in webhook.texts[0]

    @given(st.lists(st.integers(0, 55), min_size=1, unique=True).map(sorted))
    def test_are_each_told_exactly_once_by_the_runs_that_there_are(self, run: list[int]):
        before = [None, *(SCHEDULE[number] for number in run)]
        missed = [
            slot
            for previous, number in zip(before, run, strict=False)
            for slot in notifier.passed(SCHEDULE, previous, SCHEDULE[number])
        ]
        assert missed == [slot for slot in list(SCHEDULE)[: run[-1]] if SCHEDULE.index_at_or_after(slot) not in run]


class TestALateBatch:
    """Called as the scheduler calls it when a deadline has passed: from its path, with the run as JSON."""

    @pytest.fixture
    def miss(self) -> Callable[..., tuple[bool, str | None]]:
        def call(**changes: Any) -> tuple[bool, str | None]:
            deadline = notifier.deadline(Study.model_validate(STUDY | {"alerts": {"connection": "hook"}}))
            assert deadline is not None
            run = {"dag_id": "llm_bench_mine", "logical_date": "2026-12-07T07:51:25.714285Z", "run_type": "scheduled"}
            given = {**deadline.callback.kwargs, "context": {"dag_run": run | {"state": "running"} | changes}}
            done: tuple[bool, str | None] = execute_callback(
                deadline.callback.path, given, "", None, structlog.get_logger()
            )
            return done

        return call

    def test_is_told_while_it_runs(self, webhook: Webhook, miss: Any):
        assert miss() == (True, None)
        assert webhook.texts == [
            "llm_bench_mine: the batch of 2026-12-07 07:51:25 UTC is still running after the time that lies between "
            "two batches. The next one starts beside it; see the run in Airflow's UI."
        ]

    @pytest.mark.parametrize("changes", [{"state": "failed"}, {"state": "success"}, {"run_type": "backfill"}])
    def test_is_not_told_when_it_has_ended_or_a_person_started_it(self, webhook: Webhook, miss: Any, changes: Any):
        assert miss(**changes) == (True, None)
        assert webhook.texts == []

    def test_has_its_deadline_when_the_next_one_of_its_period_is_due(self):
        deadline = notifier.deadline(Study.model_validate(STUDY | {"alerts": {"connection": "hook"}}))
        assert deadline is not None
        assert deadline.interval == timedelta(hours=12) / 14
        assert deadline.callback.path == "llm_bench.airflow.notifier.LateBatch"


class TestTheWebhook:
    def test_is_given_the_password_as_a_bearer_token(self, webhook: Webhook, monkeypatch: pytest.MonkeyPatch):
        connection = {"conn_type": "http", "host": webhook.url, "password": "canary-token"}
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(connection))
        notifier.post("hook", "Hello")
        ((path, headers, content),) = webhook.got
        assert (path, headers["authorization"]) == ("/services/T0/B0/secret", "Bearer canary-token")
        assert content == {"text": "Hello"}

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_that_refuses_stops_nothing_and_its_address_stays_out_of_the_log(
        self, webhook: Webhook, status: int, capsys: pytest.CaptureFixture[str]
    ):
        webhook.status = status
        IncompleteBatch(connection="hook")(context(SCHEDULE[1]))
        output = capsys.readouterr().out
        assert f"The alert wasn't sent (connection hook): HTTP {status}" in output
        assert "secret" not in output

    def test_that_cant_be_reached_stops_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:9/secret"}))
        IncompleteBatch(connection="hook")(context(SCHEDULE[1]))
        assert "The alert wasn't sent (connection hook): ConnectError" in capsys.readouterr().out

    def test_that_hangs_is_given_up(
        self, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        webhook.delay_sec = 0.5
        monkeypatch.setattr(notifier, "TIMEOUT_SEC", 0.1)
        IncompleteBatch(connection="hook")(context(SCHEDULE[1]))
        assert "ReadTimeout" in capsys.readouterr().out

    def test_whose_connection_is_missing_stops_nothing(self, capsys: pytest.CaptureFixture[str]):
        IncompleteBatch(connection="nowhere")(context(SCHEDULE[1]))
        assert "The alert wasn't sent (connection nowhere)" in capsys.readouterr().out


class TestTheSetting:
    def test_left_out_tells_nobody(self):
        study = Study.model_validate(STUDY)
        assert (notifier.incomplete_batch(study), notifier.missed_slots(study), notifier.deadline(study)) == (
            [],
            [],
            None,
        )

    def test_without_a_window_tells_of_incomplete_batches_alone(self):
        study = Study.model_validate({**STUDY, "window": None, "alerts": {"connection": "hook"}})
        assert [type(alert) for alert in notifier.incomplete_batch(study)] == [IncompleteBatch]
        assert (notifier.missed_slots(study), notifier.deadline(study)) == ([], None)

    def test_holds_no_address(self):
        with pytest.raises(ValueError, match=r"alerts\.connection"):
            # pragma: allowlist nextline secret
            Study.model_validate({**STUDY, "alerts": {"connection": "https://hooks.slack.com/services/T0/B0/secret"}})


WATCHED = """
llms: [{model: hosted_vllm/slow}, {model: together_ai/nobody/has-a-key}]
industries: [retail]
alerts: {connection: hook}
window: {start: "2026-01-01T00:00:00Z", end: "2026-01-01T01:00:00Z", period: PT1H, batches_per_period: 120}
"""
"""A slot every 30 s. Its batches take longer, and lack the records of an LLM without a key."""


@pytest.mark.airflow
class TestInAnAirflow:
    @pytest.fixture
    def home(self, tmp_path: Path, include: Path) -> Path:
        shutil.copytree(include, tmp_path / "include")
        for study in (tmp_path / "include" / "studies").glob("*.yaml"):
            study.unlink()
        (tmp_path / "include" / "studies" / "watched.yaml").write_text(WATCHED)
        return tmp_path

    @pytest.fixture
    def airflow(self, home: Path, webhook: Webhook) -> Iterator[AirflowAPI]:
        """An Airflow with a study of which ten minutes of the window are over."""
        with Provider(lambda _: Response(stream(token_sec=1.5))) as provider, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
                "LLM_BENCH_HOME": str(home),
                "LLM_BENCH_START": (datetime.now(UTC) - timedelta(minutes=10)).isoformat(),
                "AIRFLOW_CONN_LLM_HOSTED_VLLM": json.dumps({"conn_type": "http", "host": provider.url}),
                "AIRFLOW_CONN_HOOK": json.dumps({"conn_type": "http", "host": webhook.url}),
            }
            with subprocess.Popen(
                [sys.executable, "-m", "llm_bench", "up", "--port", str(port)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                try:
                    assert process.stdout is not None
                    printed = (
                        re.search(r"Airflow: (\S+)\s+user (\S+), password (\S+)", line) for line in process.stdout
                    )
                    yield AirflowAPI(*next(match for match in printed if match).groups())
                finally:
                    process.send_signal(signal.SIGINT)

    def test_each_thing_that_needs_a_hand_is_told_and_no_batch_is_held_up(
        self, airflow: AirflowAPI, webhook: Webhook, home: Path
    ):
        airflow.wait_for_dag("llm_bench_watched")
        airflow.request("PATCH", "/dags/llm_bench_watched", json={"is_paused": False})
        wanted = ("missed: ", "is still running after the time", "is incomplete. 10 of 20")
        missed, late, incomplete = wanted
        alerts: dict[str, list[str]] = {}
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and not all(alerts.get(what) for what in wanted):
            time.sleep(0.5)
            alerts = {what: [text for text in webhook.texts if what in text] for what in wanted}
        runs = airflow.request("GET", "/dags/llm_bench_watched/dagRuns")["dag_runs"]
        assert all(alerts.values()), (webhook.texts, runs)
        assert [bool(re.search(r" \d\d slots were missed: ", text)) for text in alerts[missed]] == [True]
        assert len(set(alerts[late])) == len(alerts[late])
        assert len(set(alerts[incomplete])) == len(alerts[incomplete]), "once a batch"
        assert sum(run["start_date"] is not None for run in runs) > 1, "the next one began beside it"
        logs = [path for path in (home / ".airflow" / "logs").rglob("*.log") if path.is_file()]
        assert [path for path in logs if "/services/T0/B0/secret" in path.read_text(errors="replace")] == []
