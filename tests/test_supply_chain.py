"""What comes from elsewhere and what must not get out: packages, secrets, and data that could be code."""

from __future__ import annotations

import configparser
import importlib
import json
import os
import pickle
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llm_bench.local.config import Config
from project_scripts import load

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


AUDIT = load(ROOT / "scripts" / "audit.py")


def made_up(prefix: str, size: int) -> str:
    """A key of nobody's, in pieces, so that it stands in no file of this repository."""
    return prefix + "aB3dE5gH7jK9"[: size % 12] + "aB3dE5gH7jK9" * (size // 12)


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Path]:
    """A repository that holds a file."""

    def repository(text: str, name: str = "settings.py") -> Path:
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
        (tmp_path / ".gitignore").write_text(".env\n")
        (tmp_path / name).write_text(text)
        return tmp_path

    return repository


class TestTheSearchForSecrets:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("study.yaml", "description: ask with " + made_up("gsk_", 52)),
            ("notes.md", "The key is " + made_up("sk-or-v1-", 64)),
            ("run.sh", "curl -H 'Authorization: Bearer " + made_up("sk-ant-", 40) + "'"),
            ("account.json", json.dumps({"private_key": "-----BEGIN " + "PRIVATE KEY-----\nMIIE"})),
            ("airflow.cfg", "fernet_secret = " + made_up("", 44)),
            ("test_x.py", "url = 'postgresql://airflow:" + made_up("", 12) + "@db/airflow'"),
            ("aws.ini", "id = " + "AKIA" + "Q3Z7M1X9P5K2W8B4"),
        ],
    )
    def test_finds_a_planted_key_and_says_where_but_not_what(
        self, repository: Any, capsys: pytest.CaptureFixture[str], name: str, text: str
    ):
        folder = repository(f"first: line\n{text}\n", name)
        (place,) = {line.rpartition(":")[0] for line in AUDIT.secrets(folder)}
        assert place == f"{name}:2"
        assert "aB3dE5gH7jK9" not in "".join(AUDIT.secrets(folder))

    def test_leaves_alone_what_git_ignores(self, repository: Any):
        assert list(AUDIT.secrets(repository("GROQ_API_KEY=" + made_up("gsk_", 52), ".env"))) == []

    def test_leaves_alone_what_only_stands_for_a_secret(self, repository: Any):
        text = "password = 'gsk_…'\nurl = 'postgresql://airflow:PASSWORD@postgres/airflow'\ntoken = 'canary-1'\n"
        assert list(AUDIT.secrets(repository(text))) == []

    def test_leaves_alone_a_line_that_says_so(self, repository: Any):
        key = made_up("gsk_", 52)
        folder = repository(f"a = '{key}'  # pragma: allowlist secret\nb = '{key}'\n")
        assert {line.rpartition(":")[0] for line in AUDIT.secrets(folder)} == {"settings.py:2"}

    def test_fails_the_audit(self, repository: Any, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("OSV_URL", "http://127.0.0.1:9")
        assert AUDIT.main([str(repository("password = '" + made_up("gsk_", 52) + "'"))]) == 1


LOCKED = "good==1.0 \\\n    --hash=sha256:00\nbad==2.0 ; python_version < '4' \\\n    --hash=sha256:01\n"


@contextmanager
def service(vulnerable: set[str]) -> Iterator[str]:
    """The URL of a service that speaks OSV's language and knows of these packages' vulnerabilities."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = asked["package"]["name"]
            ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}]
            package = {"name": name, "ecosystem": "PyPI"}
            known = {"vulns": [{"id": f"PYSEC-{name}", "affected": [{"package": package, "ranges": ranges}]}]}
            body = json.dumps(known if name in vulnerable else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


@pytest.mark.slow
class TestTheAuditOfPackages:
    @pytest.fixture
    def audited(
        self, repository: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[[str], tuple[int, str]]:
        """Exit status and last words."""

        def audited(url: str) -> tuple[int, str]:
            monkeypatch.setenv("OSV_URL", url)
            status = AUDIT.main([str(repository(LOCKED, "requirements.lock"))])
            return status, capsys.readouterr().out.partition("vulnerabilities of packages: ")[2]

        return audited

    def test_names_what_is_vulnerable_and_fails(self, audited: Any):
        with service({"django", "bad"}) as url:
            assert audited(url) == (1, "1\n  bad 2.0: PYSEC-bad; fixed in 2.1\n")

    @pytest.mark.parametrize(("days", "status"), [(1, 0), (0, 0), (-1, 1)])
    def test_lives_with_what_is_accepted_until_its_last_day(
        self, audited: Any, monkeypatch: pytest.MonkeyPatch, days: int, status: int
    ):
        until = datetime.now(UTC).date() + timedelta(days=days)
        monkeypatch.setattr(AUDIT, "ACCEPTED", {"PYSEC-bad": AUDIT.Accepted(until, "it isn't called")})
        with service({"django", "bad"}) as url:
            words = f"1\n  bad 2.0: PYSEC-bad; fixed in 2.1; accepted until {until}: it isn't called\n"
            assert audited(url) == (status, words)

    def test_accepts_nothing_for_longer_than_half_a_year(self):
        last = datetime.now(UTC).date() + timedelta(days=183)
        assert all(accepted.until <= last and accepted.why for accepted in AUDIT.ACCEPTED.values())

    def test_says_that_nothing_is_known(self, audited: Any):
        with service({"django"}) as url:
            assert audited(url) == (0, "none known\n")

    def test_does_not_take_ignorance_for_innocence(self, audited: Any):
        with service(set()) as url:
            status, output = audited(url)
        assert status == 0
        assert output.startswith("not audited: the service finds nothing wrong with django==1.2")

    def test_says_when_nobody_answers(self, audited: Any):
        status, output = audited("http://127.0.0.1:9/v1/query")
        assert status == 0
        assert output.startswith("not audited: ")
        assert "Connection refused" in output


def locked() -> set[tuple[str, str]]:
    """Packages with their versions; a package may have one for each Python."""
    return set(re.findall(r"^([\w.-]+)==([^ ;]+)", LOCK, re.MULTILINE))


class TestTheLock:
    def test_pins_each_package_to_a_version_and_its_files_hashes(self):
        entries = [entry for entry in re.split(r"\n(?=\S)", LOCK.strip()) if not entry.startswith("#")]
        pinned = re.compile(r"[\w.-]+==\S+( ; [^\\]+)?( \\\n +--hash=sha256:[0-9a-f]{64})+")
        assert len(entries) == len(locked()) > 300
        assert [entry for entry in entries if not pinned.fullmatch(entry)] == []

    def test_holds_none_of_the_releases_that_were_tampered_with(self):
        (version,) = {version for name, version in locked() if name == "litellm"}
        assert version not in {"1.82.7", "1.82.8"}

    def test_holds_every_direct_requirement_at_its_version(self):
        direct = re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
        assert len(direct) > 30
        assert set(direct) <= locked()


@pytest.mark.slow
class TestTheBillOfMaterials:
    def test_names_every_locked_package_with_its_hashes_and_nothing_that_changes_by_itself(self, tmp_path: Path):
        path = tmp_path / "sbom.json"
        command = ["make", "--no-print-directory", "-o", "setup", "sbom", f"OUT={path}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        bill = json.loads(path.read_text(encoding="utf-8"))
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        assert bill["metadata"]["component"]["name"] == "llm-bench"
        assert {(component["name"], component["version"]) for component in bill["components"]} == locked()
        assert all(component["externalReferences"][0]["hashes"] for component in bill["components"])
        assert {"serialNumber", "timestamp"} & {*bill, *bill["metadata"]} == set()


class Marker:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The XCom backend of the local Airflow, with its settings."""
    config = Config(tmp_path, 8080)
    config.write(ROOT)
    written = configparser.ConfigParser(interpolation=None)
    written.read(config.airflow_home / "airflow.cfg")
    for name, value in written["common.io"].items():
        monkeypatch.setenv(f"AIRFLOW__COMMON_IO__{name.upper()}", value)
    module, _, name = written["core"]["xcom_backend"].rpartition(".")
    backend = importlib.import_module(module)
    for cached in (backend._get_base_path, backend._get_threshold, backend._get_compression):
        cached.cache_clear()
    return getattr(backend, name)


class Stored:
    """An XCom as the metadata database gives it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class TestWhatCrossesTasks:
    """Written by a task, a worker or whoever else can write there: read as data, it runs nothing."""

    def test_goes_by_the_same_backend_in_the_containers(self, backend: Any):
        (set_there,) = re.findall(r"AIRFLOW__CORE__XCOM_BACKEND=(\S+)", (ROOT / "Dockerfile").read_text())
        assert set_there == f"{backend.__module__}.{backend.__name__}"

    def test_is_json_also_in_a_file(self, backend: Any, tmp_path: Path):
        value = {"records": ["x" * 100_000]}
        stored = backend.serialize_value(value, key="records", task_id="t", dag_id="d", run_id="r", map_index=-1)
        (file,) = [path for path in (tmp_path / ".airflow" / "xcom").rglob("*") if path.is_file()]
        assert json.loads(file.read_text()) == value
        assert backend.deserialize_value(Stored(stored)) == value

    def test_can_not_be_what_only_a_pickle_holds(self, backend: Any, tmp_path: Path):
        with pytest.raises(TypeError, match="not JSON serializable"):
            backend.serialize_value(Marker(tmp_path / "run"), key="k", task_id="t", dag_id="d", run_id="r")

    def test_is_not_unpickled(self, backend: Any, tmp_path: Path):
        marker = tmp_path / "run"
        file = tmp_path / ".airflow" / "xcom" / "planted.json"
        file.parent.mkdir()
        file.write_bytes(pickle.dumps(Marker(marker)))
        address = backend.serialize_value(f"file://{file}")
        assert backend.deserialize_value(Stored(address)) == f"file://{file}"
        assert not marker.exists()
        pickle.loads(file.read_bytes())
        assert marker.exists(), "the planted file does harm where something unpickles it"

    def test_names_no_class_to_be_made(self, backend: Any):
        planted = {"__classname__": "subprocess.Popen", "__version__": 1, "__data__": {"args": ["true"]}}
        with pytest.raises(ImportError, match="not found in allow list"):
            backend.deserialize_value(Stored(planted))

    def test_is_taken_by_a_celery_worker_as_json_alone(self):
        from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

        assert DEFAULT_CELERY_CONFIG["accept_content"] == ["json"]


class TestTheLocalAirflow:
    def test_keeps_its_secrets_logs_and_database_from_others(self, tmp_path: Path):
        before = os.umask(0o022)
        try:
            config = Config(tmp_path, 8080)
            config.write(ROOT)
        finally:
            os.umask(before)
        # Airflow writes the login's password to a file of its own, and to the log.
        assert config.airflow_home.stat().st_mode & 0o077 == 0
        assert (config.airflow_home / "airflow.cfg").stat().st_mode & 0o077 == 0
