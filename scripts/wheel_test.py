"""Brings llm-bench to a stranger's Airflow: `make wheel-test`.

Builds the wheel, makes a virtual environment with Airflow, installs the wheel there with pip, has `llm-bench init`
write a project into an empty folder, starts its Airflow, asks it what it knows of llm-bench, and measures a batch.

All of it lies in `.wheel-test/`, which is left where something fails. uv fills the environment with what the wheel's
metadata ask for, as it is faster and keeps its downloads; pip then resolves all of it again and installs the wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".wheel-test"
BIN = FOLDER / "venv" / "bin"
PROJECT = FOLDER / "project"
LOG = FOLDER / "log"
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.{}.txt"
PATIENCE_SEC = 300
BATCH = "records 80/80"
DAGS = {"llm_bench_quickstart", "llm_bench_thesis"}


class NotWholeError(Exception):
    """What isn't as it must be."""


def main() -> int:
    """Runs all of it; the exit status."""
    began = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    PROJECT.mkdir(parents=True)
    try:
        install(build())
        run("llm-bench", "init")
        port = free_port()
        with airflow(port):
            look(f"http://127.0.0.1:{port}")
            measure(port)
    except NotWholeError as error:
        print(f"wheel-test: {error}\nAll output is in {LOG}.", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER)
    say(f"The wheel is whole ({time.monotonic() - began:.0f} s)")
    return 0


def build() -> Path:
    """The wheel."""
    command = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(FOLDER), str(ROOT))
    run(*command)
    (wheel,) = FOLDER.glob("*.whl")
    say(f"Built {wheel.name} ({wheel.stat().st_size // 1024} KB)")
    return wheel


def install(wheel: Path) -> None:
    """Airflow and CPU torch, as a machine may have them; then the wheel."""
    pins = {line.split("==")[0]: line.rstrip("\\ ") for line in read_lock()}
    tested = FOLDER / "tested.txt"
    tested.write_text("\n".join(pins.values()) + "\n")
    airflow = pins["apache-airflow"]
    published = constraints(airflow.split("==")[1])
    say(f"Airflow is installed under {published or 'the pins of requirements.lock: its constraints are out of reach'}")
    run(sys.executable, "-m", "venv", str(FOLDER / "venv"))
    torch = pins["torch"].split(" ")[0]
    try:
        run("python", "-m", "pip", "install", "--no-deps", "--no-index", torch)
    except NotWholeError:
        uv("install", "--no-deps", "--torch-backend", "cpu", torch)
    uv("install", airflow, "--constraint", published or str(tested))
    uv("install", "--compile-bytecode", airflow, str(wheel), "--constraint", str(tested))
    uv("uninstall", "llm-bench")
    say(last_line(run("python", "-m", "pip", "install", airflow, str(wheel), "--constraint", str(tested))))
    say("pip check: " + last_line(run("python", "-m", "pip", "check")))
    say(last_line(run("llm-bench", "--version")))


def read_lock() -> list[str]:
    """The pins of requirements.lock, without their hashes."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and not line.startswith(("#", " "))]


def constraints(version: str) -> str | None:
    """The address of the constraints that Airflow publishes for a version, where it can be reached."""
    url = CONSTRAINTS.format(version, *sys.version_info[:2])
    try:
        with urllib.request.urlopen(url, timeout=10):
            return url
    except OSError:
        return None


@contextmanager
def airflow(port: int) -> Iterator[None]:
    """The project's own Airflow, up and healthy."""
    with LOG.open("ab") as log:
        command = [str(BIN / "llm-bench"), "up", "--port", str(port)]
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_SEC
        while "Ctrl-C stops it" not in LOG.read_text(encoding="utf-8"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotWholeError("Airflow doesn't start")
            time.sleep(1)
        yield
    finally:
        process.terminate()  # and not Ctrl-C's signal, which what a shell starts in the background ignores
        process.wait(120)


def look(url: str) -> None:
    """Asks Airflow over its API for what it knows of llm-bench."""
    password = json.loads((PROJECT / ".airflow" / "passwords.json").read_text(encoding="utf-8"))["admin"]
    login = httpx.post(f"{url}/auth/token", json={"username": "admin", "password": password}, timeout=60)
    with httpx.Client(headers={"authorization": f"Bearer {login.json()['access_token']}"}, timeout=60) as client:

        def names(path: str, listed: str, key: str) -> list[str]:
            reply = client.get(f"{url}{path}").raise_for_status().json()
            return [str(entry[key]) for entry in (reply[listed] if listed else reply)]

        require("DAGs", set(names("/api/v2/dags", "dags", "dag_id")), DAGS)
        require("import errors of DAGs", names("/api/v2/importErrors", "import_errors", "filename"), [])
        plugins = [name for name in names("/api/v2/plugins", "plugins", "name") if name == "llm_bench"]
        require("plugin", plugins, ["llm_bench"])
        require("import errors of plugins", names("/api/v2/plugins/importErrors", "import_errors", "source"), [])
        providers = names("/api/v2/providers", "providers", "package_name")
        require("provider", [name for name in providers if name == "llm-bench"], ["llm-bench"])
        offered = set(names("/ui/connections/hook_meta", "", "connection_type"))
        types = connection_types()
        require("connection types", sorted(offered & set(types)), types)


def connection_types() -> list[str]:
    """The types of connection that the installed package announces."""
    code = (
        "from llm_bench.airflow.provider import get_provider_info as info\n"
        "print(*sorted(entry['connection-type'] for entry in info().get('connection-types', [])))"
    )
    return last_line(run("python", "-c", code)).split()


def measure(port: int) -> None:
    """Has a batch measured."""
    output = run("llm-bench", "run", "quickstart", "--port", str(port))
    if BATCH not in output:
        raise NotWholeError(f"no {BATCH!r}")
    say(BATCH)


def require(what: str, is_now: object, must_be: object) -> None:
    """Compares."""
    if is_now != must_be:
        raise NotWholeError(f"{what}: {is_now}, and not {must_be}")
    say(f"{what}: {is_now or 'none'}")


def uv(command: str, *arguments: str) -> None:
    """Runs `uv pip` on the environment."""
    run(str(Path(sys.executable).with_name("uv")), "pip", command, "--python", str(BIN / "python"), *arguments)


def run(command: str, *arguments: str) -> str:
    """Runs a command of the environment, or one with a path, in the project; what it said."""
    program = command if "/" in command else str(BIN / command)
    line = [program, *arguments]
    done = subprocess.run(line, cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(line)}\n{done.stdout}{done.stderr}\n")
    if done.returncode:
        raise NotWholeError(
            f"{Path(command).name} {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-1000:]}"
        )
    return done.stdout


def environment() -> dict[str, str]:
    """The user's environment, less what would lead to another Airflow, project or Python."""
    elsewhere = ("AIRFLOW_", "LLM_BENCH_", "PYTHON", "VIRTUAL_ENV", "_AIRFLOW")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
    return {"UV_CACHE_DIR": str(ROOT / ".venv" / "cache"), **kept}


def last_line(text: str) -> str:
    """The last line that says something."""
    return ([line for line in text.splitlines() if line.strip()] or [""])[-1][:200]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(text: str) -> None:
    """Prints at once, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
