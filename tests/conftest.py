"""Shared by all tests: the checkout's own files, and an Airflow home of the tests' own."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

pytest_plugins = [
    "fixtures.batches",
    "fixtures.knowledge",
    "fixtures.running",
    "fixtures.serving",
    "fixtures.stored",
    "fixtures.trust",
]

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
settings.register_profile(
    "unit", settings.get_profile("llm-bench"), max_examples=25
)  # `make unit`: most of a bug's chance
settings.load_profile("llm-bench")


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def include(project: Path) -> Path:
    """The shipped studies, questions and knowledge."""
    return project / "include"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Called by pytest-xdist, where it is used: tests of a file stay together, and so do those of tests/live.

    They share what takes long to start. (xdist's own groups, of xdist 3.8, aren't seen by pytest 9.2.)
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return "tests/live" if path.startswith("tests/live/") else path

    return ByFile(config, log)
