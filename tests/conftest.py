"""Shared by all tests: the checkout's own files, and an Airflow home of the tests' own."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

# Airflow reads its home when it is first imported, so this can't wait for a fixture.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="llm-bench-tests-")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(PROJECT / "plugins")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
for name in [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("LLM_BENCH_")]:
    del os.environ[name]  # a key of the developer's must not reach a test

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test judges by the clock: these machines are shared.
settings.register_profile("llm-bench", deadline=None)
settings.load_profile("llm-bench")


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def include(project: Path) -> Path:
    """The shipped studies, questions and knowledge."""
    return project / "include"


@pytest.hookimpl(tryfirst=True)  # xdist's own hook reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run two at a time, those of a file stay together, and so do those of the folder airflow."""
    for item in items:
        shared = item.path.parent.name == "airflow"
        item.add_marker(pytest.mark.xdist_group("airflow" if shared else str(item.path)))
