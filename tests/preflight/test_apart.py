"""A job in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from llm_bench.errors import LLMBenchError
from llm_bench.preflight.checks import Check, apart


def test_gives_what_it_made():
    assert apart(lambda: [Check("model", True, "loaded")])() == [Check("model", True, "loaded")]


def test_runs_in_another_process():
    assert apart(os.getpid)() != os.getpid()


def test_that_is_killed_is_an_error_that_says_by_what():
    with pytest.raises(LLMBenchError, match="ended by itself, with -9") as error:
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL))()
    assert "enough memory" in error.value.fix


def test_is_left_alone_by_ctrl_c():
    assert apart(lambda: os.kill(os.getpid(), signal.SIGINT) or "went on")() == "went on"


def test_ends_with_the_command_that_started_it():
    code = "import time; from llm_bench.preflight.checks import apart; apart(lambda: time.sleep(600)); print('over')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("over\n", "")
