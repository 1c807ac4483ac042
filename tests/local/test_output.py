"""What a process of Airflow's writes while the disk of its log is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
WRITES = """
import os, sys
from llm_bench.local.output import without_what_has_no_room
if sys.argv[1:]:
    without_what_has_no_room()
import structlog
log = structlog.BytesLoggerFactory()()  # as Airflow's
for number in range(100):
    log.info(b"x" * 1000)
    print("y", file=sys.stderr, flush=True)
if os.fork() == 0:
    log.info(b"of a worker")
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def written(to: Path, *arguments: str) -> int:
    with to.open("wb") as output:
        command = [sys.executable, "-c", WRITES, *arguments]
        return subprocess.run(command, stdout=output, stderr=output, check=False).returncode


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
class TestAFullDisk:
    def test_ends_a_process_that_writes_as_usual(self):
        assert written(FULL) != 0

    def test_does_not_end_one_whose_output_may_lose_lines(self):
        assert written(FULL, "lossy") == 0

    def test_that_has_room_gets_every_line_in_its_order(self, tmp_path: Path):
        assert written(tmp_path / "log", "lossy") == 0
        assert (tmp_path / "log").read_bytes() == (b"x" * 1000 + b"\ny\n") * 100 + b"of a worker\n"
