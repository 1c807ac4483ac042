"""Airflow's scheduler with what its tasks need imported beforehand."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import runpy, sys
sys.modules[{missing!r}] = None
sys.argv = ["scheduler", "--help"]
runpy.run_module("llm_bench.local.scheduler", run_name="__main__", alter_sys=True)
"""


def started_without(missing: str) -> subprocess.CompletedProcess[str]:
    """The scheduler, asked for its help, where a library isn't installed."""
    command = [sys.executable, "-c", WITHOUT.format(missing=missing)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(("missing", "is_told"), [("redis", False), ("torch", True)])
def test_starts_where_a_library_is_missing_and_says_so_of_those_that_it_came_with(missing: str, is_told: bool) -> None:
    done = started_without(missing)
    assert (done.returncode, "Start a scheduler instance" in done.stdout) == (0, True), done.stderr[-2000:]
    assert ("Each task imports for itself: ModuleNotFoundError" in done.stderr) == is_told
