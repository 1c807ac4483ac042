"""The environment of the real servers, ``.bench/servers``, and their processes."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = PROJECT / "benchmarks" / "servers-requirements.txt"
SERVERS = PROJECT / ".bench" / "servers"
PYTHON = SERVERS / "venv" / "bin" / "python"
ACCELERATE = SERVERS / "accelerate"
"""What transformers' server needs beside the project's own packages, in a folder of its own."""
STARTED_SEC = 180.0


def set_up() -> None:
    """Installs the servers, unless they are there as the requirements have them."""
    stamp, wanted = SERVERS / "stamp", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(SERVERS, ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    run(*uv, "venv", "--python", sys.executable, str(SERVERS / "venv"))
    install = [*uv, "pip", "install", "--no-deps"]
    run(*install, "--python", str(PYTHON), "-r", str(REQUIREMENTS))
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("accelerate==")]
    run(*install, "--target", str(ACCELERATE), *lines)
    stamp.write_text(wanted)


def run(*command: str) -> None:
    """One step of the set-up."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(folder: Path, *command: str, port: int, ready: str, **environment: str) -> Iterator[str]:
    """The address of a server, while its process runs.

    :param folder: for its log.
    :param ready: the path that answers 200 once it serves.
    """
    url, log = f"http://127.0.0.1:{port}", folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            wait(url + ready, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once an address answers 200."""
    end = time.monotonic() + STARTED_SEC
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} doesn't answer: {log.read_text()[-3000:]}")
