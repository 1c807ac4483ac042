from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from doubles import groq
from llm_bench.records import SEED_NAMES, utc_text
from llm_bench.schedule import Schedule, to_us

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def seen(airflow: Any) -> dict[str, Any]:
    """What the command printed, and the cells that the REST API showed while it ran."""
    with subprocess.Popen(
        [sys.executable, "-m", "llm_bench", "run"],
        env=airflow.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        cells: dict[int, Any] = {}
        while process.poll() is None:
            runs = airflow.api.request("GET", "/dags/llm_bench_quickstart/dagRuns")["dag_runs"]
            for run in runs:
                for task in airflow.tasks("quickstart", run["dag_run_id"], "measure"):
                    if task["state"] == "running":
                        cells[task["map_index"]] = task
            time.sleep(0.3)
        assert process.stdout is not None
        return {"text": process.stdout.read(), "code": process.returncode, "cells": cells}


class TestABatchByOneCommand:
    """``python -m llm_bench run``, which ``make run`` calls."""

    def test_is_complete_and_says_so(self, seen: dict[str, Any]):
        assert "records 80/80" in seen["text"], seen["text"]
        assert seen["code"] == 0

    def test_says_how_long_airflow_and_the_batch_took(self, seen: dict[str, Any]):
        assert re.search(r"Airflow was ready after \d+ s, the batch took \d+ s", seen["text"])

    def test_leaves_the_dag_paused_as_it_was(self, airflow: Any, seen: dict[str, Any]):
        assert airflow.api.request("GET", "/dags/llm_bench_quickstart")["is_paused"]

    def test_sums_up_each_llm(self, seen: dict[str, Any]):
        for name in ("lead", "overlap", "random", "full"):
            assert any(line.split()[:1] == [name] and "20/20" in line for line in seen["text"].splitlines())

    def test_says_whether_the_times_were_ever_calibrated(self, seen: dict[str, Any]):
        assert re.search(r"not calibrated; \S*llm-bench calibrate quickstart", seen["text"])

    def test_shows_eight_mapped_cells_by_name_while_it_runs(self, seen: dict[str, Any]):
        names = {task["rendered_map_index"] for task in seen["cells"].values()} - {None}
        assert set(seen["cells"]) == set(range(8))
        assert names <= {f"{llm} · {industry}" for llm in ("lead", "overlap", "random", "full")
                         for industry in ("retail", "finance")}  # fmt: skip
        assert "lead · retail" in names

    def test_measures_each_provider_in_its_own_pool(self, seen: dict[str, Any]):
        assert {task["pool"] for task in seen["cells"].values()} == {"llm_bench_quickstart_baseline"}

    def test_leaves_one_object_and_a_csv_with_the_seeds_columns_first(self, airflow: Any, seen: dict[str, Any]):
        assert len(airflow.objects("quickstart")) == 1
        with (airflow.home / "data" / "batch_eval_metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0])[:11] == SEED_NAMES
        assert sum(row["study"] == "quickstart" for row in rows) == 80

    def test_leaves_the_same_as_json(self, airflow: Any, seen: dict[str, Any]):
        rows = json.loads((airflow.home / "data" / "batch_eval_metrics.json").read_text())
        assert sum(row["study"] == "quickstart" for row in rows) == 80

    def test_scores_every_answer(self, airflow: Any, seen: dict[str, Any]):
        records = airflow.records("quickstart")
        assert all(0 <= record["groundedness"] <= 1 for record in records)
        assert all(0 <= record["coverage_score"] <= 1 for record in records if record["answerable"])
        whole = [record for record in records if record["llm_model"] == "full" and record["answerable"]]
        assert min(record["coverage_score"] for record in whole) > 0.8

    def test_gives_no_coverage_to_questions_without_an_answer(self, airflow: Any, seen: dict[str, Any]):
        unanswerable = [record for record in airflow.records("quickstart") if not record["answerable"]]
        assert {record["question_id"] for record in unanswerable} == {"retail-04", "finance-05"}
        assert all(record["coverage_score"] is None for record in unanswerable)

    def test_empties_the_task_state_store(self, airflow: Any, seen: dict[str, Any]):
        run = airflow.api.request("GET", "/dags/llm_bench_quickstart/dagRuns")["dag_runs"][0]
        assert _state(airflow, "quickstart", run["dag_run_id"]) == []

    def test_again_gives_a_second_slot(self, airflow: Any, seen: dict[str, Any]):
        airflow.run("quickstart")
        assert len(airflow.objects("quickstart")) == 2
        assert len(airflow.records("quickstart")) == 160
        assert len({record["record_id"] for record in airflow.records("quickstart")}) == 160

    def test_loaded_a_second_time_stays_one_object_of_80_records(self, airflow: Any, seen: dict[str, Any]):
        run = airflow.api.request("GET", "/dags/llm_bench_quickstart/dagRuns")["dag_runs"][0]["dag_run_id"]
        before = airflow.objects("quickstart")
        clear = {"dry_run": False, "task_ids": ["validate_and_load"], "dag_run_id": run, "only_failed": False}
        airflow.api.request("POST", "/dags/llm_bench_quickstart/clearTaskInstances", json=clear)
        assert airflow.wait("quickstart", run) == "success"
        assert airflow.objects("quickstart") == before
        assert len(airflow.records("quickstart")) == 80 * len(before)


def _state(airflow: Any, study: str, run_id: str) -> list[Any]:
    """What the task state store holds of a run's cells."""
    states = []
    for task in airflow.tasks(study, run_id, "measure"):
        page = airflow.api.request(
            "GET",
            f"/dags/llm_bench_{study}/dagRuns/{run_id}/taskInstances/measure/state-store",
            params={"map_index": task["map_index"]},
        )
        states += page["task_state_store"]
    return states


class TestAKilledTask:
    def test_asks_only_the_remaining_questions_again(self, airflow: Any):
        asked = airflow.provider.asked

        def asked_three(_tasks: list[dict[str, Any]]) -> bool:
            return sum(request.model == "slow" for request in asked) >= 4  # the fourth is under way: three are kept

        run_id = airflow.run("slow", until=asked_three)
        (task,) = airflow.tasks("slow", run_id, "measure")
        os.kill(_task_process(task), signal.SIGKILL)
        before = sum(request.model == "slow" for request in asked)
        assert airflow.wait("slow", run_id) == "success"
        assert before == 4
        assert sum(request.model == "slow" for request in asked) == 4 + 7
        records = airflow.records("slow")
        assert len(records) == 10
        assert sorted(record["attempt"] for record in records) == [1] * 3 + [2] * 7


def _task_process(task: dict[str, Any]) -> int:
    """The process that runs a task: the deepest one that names it."""
    process = psutil.Process(task["pid"])
    return process.children(recursive=True)[-1].pid if process.children() else process.pid


@pytest.fixture(scope="module")
def keyless(airflow: Any) -> str:
    run_id: str = airflow.run("thesis")
    return run_id


class TestATaskThatEndsBySIGTERM:
    """As when its worker is stopped."""

    def test_goes_on_in_its_retry_and_asks_only_what_is_left(self, airflow: Any):
        asked = airflow.provider.asked

        def asked_three(_tasks: list[dict[str, Any]]) -> bool:
            return sum(request.model == "ended" for request in asked) >= 4

        run_id = airflow.run("ended", until=asked_three)
        (task,) = airflow.tasks("ended", run_id, "measure")
        os.kill(_task_process(task), signal.SIGTERM)
        assert airflow.wait("ended", run_id) == "success"
        assert sum(request.model == "ended" for request in asked) == 4 + 7
        assert sorted(record["attempt"] for record in airflow.records("ended")) == [1] * 3 + [2] * 7


class TestWithoutKeys:
    def test_each_cell_fails_naming_the_connection_and_the_variable(self, airflow: Any, keyless: str):
        cells = airflow.tasks("thesis", keyless, "measure")
        assert [task["state"] for task in cells] == ["failed"] * 8
        assert [task["try_number"] for task in cells] == [1] * 8
        for task in cells:
            provider = "groq" if task["map_index"] < 4 else "openrouter"
            (error,) = airflow.api.errors(task)
            assert f"llm_{provider}" in error
            assert f"{provider.upper()}_API_KEY" in error

    def test_nothing_is_loaded_as_a_providers_failure(self, airflow: Any, keyless: str):
        assert airflow.objects("thesis") == []
        assert airflow.objects("thesis", "quarantine") == []

    def test_the_run_is_red_and_its_last_task_names_what_is_missing(self, airflow: Any, keyless: str):
        assert airflow.api.run("llm_bench_thesis", keyless)["state"] == "failed"
        (join,) = airflow.tasks("thesis", keyless, "validate_and_load")
        (error,) = airflow.api.errors(join)
        assert "80 of 80 records are missing" in error
        assert "kimi-k2-instruct · retail (10 of 10)" in error


@pytest.fixture(scope="module")
def partial(airflow: Any) -> str:
    """A run in which one of two LLMs has no key."""
    run_id: str = airflow.run("partial")
    return run_id


class TestAnIncompleteBatch:
    def test_is_loaded_and_then_fails_naming_the_missing_cells(self, airflow: Any, partial: str):
        assert airflow.api.run("llm_bench_partial", partial)["state"] == "failed"
        assert [record["llm_model"] for record in airflow.records("partial")] == ["good"] * 10
        (join,) = airflow.tasks("partial", partial, "validate_and_load")
        (error,) = airflow.api.errors(join)
        assert "10 of 20 records are missing: has-a-key · retail (10 of 10)" in error

    def test_is_completed_in_the_same_object_once_the_key_is_there_and_the_failed_cell_is_cleared(
        self, airflow: Any, partial: str
    ):
        connection = {"connection_id": "llm_together_ai", "conn_type": "http", "host": airflow.provider.url}
        airflow.api.request("POST", "/connections", json={**connection, "password": airflow.key})
        before = len(airflow.provider.asked)
        clear = {"dry_run": False, "dag_run_id": partial, "only_failed": True}
        airflow.api.request("POST", "/dags/llm_bench_partial/clearTaskInstances", json=clear)
        assert airflow.wait("partial", partial) == "success"
        assert len(airflow.objects("partial")) == 1
        assert (
            sorted(record["llm_model"] for record in airflow.records("partial"))
            == ["good"] * 10 + ["nobody/has-a-key"] * 10
        )
        assert [asked.model for asked in airflow.provider.asked[before:]] == ["nobody/has-a-key"] * 10


@pytest.fixture(scope="module")
def stopped(airflow: Any) -> str:
    """A run whose one cell is stopped at its fifth question, since the key is refused."""
    run_id: str = airflow.run("stopped")
    return run_id


class TestACellThatIsStopped:
    def test_has_its_answers_so_far_scored_and_loaded(self, airflow: Any, stopped: str):
        assert airflow.api.run("llm_bench_stopped", stopped)["state"] == "failed"
        records = airflow.records("stopped")
        assert len(records) == 4
        assert all(record["success"] and record["groundedness"] is not None for record in records)

    def test_is_named_with_what_it_lacks(self, airflow: Any, stopped: str):
        (join,) = airflow.tasks("stopped", stopped, "validate_and_load")
        (error,) = airflow.api.errors(join)
        assert "6 of 10 records are missing: stopped · retail (6 of 10)" in error

    def test_is_completed_when_it_is_cleared_and_nothing_is_loaded_twice(self, airflow: Any, stopped: str):
        before = {record["record_id"]: record["measured_at"] for record in airflow.records("stopped")}
        clear = {"dry_run": False, "dag_run_id": stopped, "only_failed": True}
        airflow.api.request("POST", "/dags/llm_bench_stopped/clearTaskInstances", json=clear)
        assert airflow.wait("stopped", stopped) == "success"
        after = {record["record_id"]: record["measured_at"] for record in airflow.records("stopped")}
        assert len(airflow.records("stopped")) == len(after) == 10
        assert before.items() <= after.items()
        assert sum(asked.model == "stopped" for asked in airflow.provider.asked) == 11


class TestRateLimits:
    """Groq's of the free tier for one LLM, 30 requests and 6,000 tokens a minute, which its two cells share."""

    def test_are_never_hit_by_a_batch(self, airflow: Any):
        """The file tests/measure/test_limits.py shows, on a clock of its own, that it takes about the shortest time."""
        assert airflow.ended("limited") == "success"
        asked = [request for request in airflow.provider.asked if request.model == "limited"]
        assert airflow.limits.refused == 0
        assert len(asked) == 20

    def test_are_waited_for_outside_the_clock_and_the_wait_is_recorded(self, airflow: Any):
        records = sorted(airflow.records("limited"), key=lambda record: record["measured_at"])
        assert any(record["wait_sec"] for record in records)
        for industry in ("retail", "finance"):
            cell = [record for record in records if record["industry"] == industry]
            for before, record in pairwise(cell):
                began = [datetime.fromisoformat(part["measured_at"]) for part in (before, record)]
                between = (began[1] - began[0]).total_seconds()
                # An answer's clock and the wait after it lie one after the other, so neither holds the other.
                assert between > before["latency_sec"] + record["wait_sec"] - 0.01


class TestAProviderThatOftenFails:
    """One question in five meets one of the faults that Groq documents, or that any network has."""

    def test_is_recorded_exactly_as_its_own_log_has_it(self, airflow: Any):
        assert airflow.ended("mixed") == "success"
        recorded = {
            (record["llm_model"], record["question"]): record["failure_kind"] for record in airflow.records("mixed")
        }
        served = {asked: [reply.failure_kind for reply in each] for asked, each in airflow.mixed.log.items()}
        assert len(recorded) == 40
        assert {asked: [kind] for asked, kind in recorded.items()} == served
        assert 3 <= sum(kind is not None for kind in recorded.values()) <= 20

    def test_leaves_no_error_in_the_logs_of_the_tasks_that_measured(self, airflow: Any):
        assert airflow.ended("mixed") == "success"
        folder = airflow.home / ".airflow" / "logs" / "dag_id=llm_bench_mixed"
        logs = [path for path in folder.rglob("attempt=*.log") if "task_id=measure" in str(path)]
        assert len(logs) == 4
        entries = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
        assert [entry for entry in entries if entry["level"] in {"error", "critical"}] == []
        assert [entry for entry in entries if entry.get("logger") == "task.stderr"] == []


class TestTheKey:
    """Also when the provider's own words hold it: in a refusal, and in every fault that Groq documents."""

    def test_shows_nowhere(self, airflow: Any):
        run_id = airflow.run("leaky")
        states = [task["state"] for task in airflow.tasks("leaky", run_id, "measure")]
        assert states == ["success"] * 2 + ["failed"] * 2 + ["success"] * 8
        assert airflow.provider.asked[-1].headers["authorization"] == f"Bearer {airflow.key}"
        records = airflow.records("leaky")
        kinds = {record["failure_kind"] for record in records if record["llm_model"].startswith("every-")}
        assert kinds == {fault.failure_kind for fault in groq.FAULTS.values()}
        assert any("***" in (record["error"] or "") for record in records)
        searched = [path for path in airflow.home.rglob("*") if path.is_file() and not path.is_symlink()]
        assert {"airflow.db", "batch_eval_metrics.csv", "up.log", "scheduler.log"} <= {path.name for path in searched}
        assert any(path.name.startswith("attempt=") for path in searched), "the logs of the tasks"
        assert [path for path in searched if airflow.key.encode() in path.read_bytes()] == []


class TestTheSchedule:
    def test_a_backfill_of_the_window_lists_exactly_its_slots(self, airflow: Any):
        start = datetime.fromisoformat(airflow.start_of_windows)
        schedule = Schedule(to_us(start), to_us(start + timedelta(days=4)), 12 * 3_600_000_000, 14)
        listed = airflow.api.request(
            "POST",
            "/backfills/dry_run",
            json={
                "dag_id": "llm_bench_thesis",
                "from_date": utc_text(start),
                "to_date": utc_text(start + timedelta(days=4)),
                "reprocess_behavior": "none",
            },
        )
        slots = [datetime.fromisoformat(backfill["logical_date"]) for backfill in listed["backfills"]]
        assert len(slots) == 56
        assert slots == list(schedule)

    def test_is_summed_up_in_the_ui(self, airflow: Any):
        dag = airflow.api.request("GET", "/dags/llm_bench_thesis")
        assert dag["timetable_summary"] == "56 batches, 14 per 12 h"
        assert "from 2026-01-05 07:00 to 2026-01-09 07:00 UTC" in dag["timetable_description"]


class TestABrokenStudy:
    def test_is_an_import_error_of_its_own_while_the_others_run(self, airflow: Any):
        (error,) = airflow.api.request("GET", "/importErrors")["import_errors"]
        assert "broken.yaml has 1 mistake" in error["stack_trace"]
        assert "no question set and knowledge base for mining; allowed: finance, retail" in error["stack_trace"]
        dags = {dag["dag_id"] for dag in airflow.api.request("GET", "/dags")["dags"]}
        assert dags == {
            f"llm_bench_{name}"
            for name in (
                "quickstart",
                "thesis",
                "slow",
                "partial",
                "limited",
                "leaky",
                "mixed",
                "bucket",
                "walked",
                "stopped",
                "ended",
            )
        }


def test_the_key_file_is_for_its_owner_alone(airflow: Any):
    assert (Path(airflow.home) / ".airflow" / "airflow.cfg").stat().st_mode & 0o077 == 0
