"""``python -m llm_bench check``, as a person runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_bench.local.config import Config

pytestmark = pytest.mark.slow

KEY = "canary-key-5d1c"
STUDY = """
llms: [{model: groq/some-model}]
industries: [retail]
window: {start: "2026-12-07T08:00:00+01:00", end: "2026-12-11T08:00:00+01:00"}
"""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path, include: Path) -> Path:
    """A project's folder with one study."""
    for name in ("questions", "knowledge"):
        (tmp_path / "include").mkdir(exist_ok=True)
        (tmp_path / "include" / name).symlink_to(include / name)
    (tmp_path / "include" / "studies").mkdir()
    (tmp_path / "include" / "studies" / "mine.yaml").write_text(f"name: mine{STUDY}")
    return tmp_path


@pytest.fixture
def command(folder: Path) -> Command:
    """Runs Python with arguments, in an environment that has no key but those given."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LLM_BENCH_HOME": str(folder), "LLM_BENCH_START": "2100-01-01T08:00:00Z"}
        environment |= {"COLUMNS": "200", **variables}
        return subprocess.run(
            [sys.executable, "-m", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_is_ready_and_exits_0_with_a_key_that_was_added_in_the_ui(command, folder, project, provider):
    """The local Airflow's database is then asked, and not that of the AIRFLOW_HOME that happens to be set."""
    local = Config(folder, 8080)
    local.write(project)
    airflow = {"AIRFLOW_HOME": str(local.airflow_home)}
    connection = {"conn_type": "http", "host": provider.url, "password": KEY}
    assert command("airflow", "db", "migrate", **airflow).returncode == 0
    added = command("airflow", "connections", "add", "llm_groq", "--conn-json", json.dumps(connection), **airflow)
    assert added.returncode == 0

    done = command("llm_bench", "check", "mine")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Ready")
    assert "accepted (connection llm_groq)" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert provider.asked == []


def test_counts_what_failed_and_exits_1(command, provider):
    connection = {"conn_type": "http", "host": provider.url, "password": f"{KEY}-refused"}
    done = command("llm_bench", "check", "mine", AIRFLOW_CONN_LLM_GROQ=json.dumps(connection))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 of 11 checks failed")
    assert re.search(
        r"✗  groq: key +groq refused the key \(connection llm_groq\): HTTP 401\. *\n +→ Correct", done.stdout
    )
    assert KEY not in done.stdout + done.stderr
    assert done.stderr == ""


def test_of_a_study_that_is_not_there_lists_those_that_are(command):
    done = command("llm_bench", "check", "yours")
    assert done.returncode == 2
    assert "Known: mine" in done.stderr
