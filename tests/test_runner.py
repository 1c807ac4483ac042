"""pytest runs the tests with and without what `make test` uses to run two at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
class TestPytest:
    def test_runs_without_xdist(self, project: Path):
        command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-q"]
        done = subprocess.run(
            [*command, "tests/measure/test_timing.py"], cwd=project, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed" in done.stdout
