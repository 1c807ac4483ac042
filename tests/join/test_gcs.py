"""The store on Google Cloud Storage, against an emulator that honours preconditions, at times behind a faulty wire."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from doubles import gcs
from llm_bench.errors import ConflictError, StorageError
from llm_bench.join.exports import export
from llm_bench.join.load import load
from llm_bench.join.quality import Verdict
from llm_bench.join.store import from_parquet, object_path, open_store

pytestmark = pytest.mark.slow

SLOT = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
PATH = "records/study=thesis/date=2026-12-07/20261207T075125.714285Z.parquet"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture
def connected(server, monkeypatch):
    gcs.connect(server, monkeypatch)


@pytest.fixture
def url(request):
    """A prefix of each test's own."""
    return f"gs://studies/{request.node.name}"


@pytest.fixture
def store(connected, url, tmp_path):
    return open_store(url, tmp_path)


class TestObjects:
    def test_are_absent_at_first(self, store):
        assert store.read(PATH) is None
        assert store.list("records/") == []

    def test_are_read_with_their_generation(self, store):
        generation = store.commit(PATH, b"one", 0)
        assert store.read(PATH) == (b"one", generation)

    def test_are_listed_by_their_path_in_the_store(self, store):
        for path in ("records/b", "records/a", "quarantine/a"):
            store.commit(path, b"x", 0)
        assert store.list("records/") == ["records/a", "records/b"]

    def test_lie_under_the_prefix_of_the_bucket(self, store, url, tmp_path):
        store.commit("records/a", b"x", 0)
        folder = url.removeprefix("gs://studies/")
        assert f"{folder}/records/a" in open_store("gs://studies", tmp_path).list("")


class TestCommit:
    def test_replaces_the_generation_that_was_read(self, store):
        first = store.commit(PATH, b"one", 0)
        second = store.commit(PATH, b"two", first)
        assert second != first
        assert store.read(PATH) == (b"two", second)

    @pytest.mark.parametrize("expected", [0, 17])
    def test_refuses_to_replace_any_other(self, store, expected):
        store.commit(PATH, b"one", 0)
        with pytest.raises(ConflictError, match=f"Another writer replaced gs://studies/.*/{PATH}"):
            store.commit(PATH, b"two", expected)
        assert store.read(PATH)[0] == b"one"

    def test_of_what_is_there_already_changes_nothing(self, store):
        generation = store.commit(PATH, b"one", 0)
        assert store.commit(PATH, b"one", 0) == generation
        assert store.read(PATH) == (b"one", generation)

    def test_by_many_at_once_has_exactly_one_winner(self, store):
        def commit(number: int) -> bool:
            try:
                return bool(store.commit(PATH, b"from %d" % number, 0))
            except ConflictError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(commit, range(8))) == 1

    def test_into_a_missing_bucket_names_it(self, connected, tmp_path):
        with pytest.raises(StorageError, match=r"There is no bucket nowhere\. Create it"):
            open_store("gs://nowhere/prefix", tmp_path).commit(PATH, b"one", 0)


class TestConnection:
    @pytest.mark.parametrize("extra", ['{"key_path": "/nowhere.json"}', '{"keyfile_dict": "{nonsense"}'])
    def test_without_usable_credentials_is_named(self, connected, monkeypatch, tmp_path, extra):
        connection = f'{{"conn_type": "google_cloud_platform", "extra": {extra}}}'
        monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", connection)
        with pytest.raises(StorageError, match="Give Airflow's connection google_cloud_default credentials"):
            open_store("gs://studies", tmp_path)

    def test_to_an_address_where_nobody_answers_is_told(self, connected, monkeypatch, tmp_path):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{gcs.free_port()}")
        store = open_store("gs://studies", tmp_path)
        # The client would try for two minutes.
        monkeypatch.setattr("google.cloud.storage.retry.DEFAULT_RETRY._timeout", 0.0)
        with pytest.raises(StorageError, match="gs://studies can't be reached"):
            store.read(PATH)


class _FaultyWire(BaseHTTPRequestHandler):
    """Passes requests on to ``server``; ``fault`` says what befalls the first upload."""

    server: _Wire  # type: ignore[assignment]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        befallen = self.command == "POST" and self.server.take_fault()
        if befallen == "unavailable":
            return self._reply(503, b"")
        status, answer = self._ask(body)
        if befallen == "lost":
            self.close_connection = True  # the object is there, but nobody hears of it
            return None
        return self._reply(status, answer)

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        request = urllib.request.Request(
            self.server.target + self.path, data=body or None, headers=headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request) as reply:
                self.passed = dict(reply.headers)
                return reply.status, reply.read()
        except urllib.error.HTTPError as refusal:
            self.passed = dict(refusal.headers)
            return refusal.code, refusal.read()

    def _reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        for name, value in getattr(self, "passed", {}).items():
            if name.lower().startswith("x-goog-") or name.lower() == "content-type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _pass_on  # noqa: N815

    def log_message(self, *_args: object) -> None:
        pass


class _Wire(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: str, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), _FaultyWire)
        self.target = target
        self.faults = [fault]
        self.uploads = 0

    def take_fault(self) -> str | None:
        self.uploads += 1
        return self.faults.pop() if self.faults else None


@pytest.fixture
def wire(server, fault, connected, monkeypatch) -> Iterator[_Wire]:
    with _Wire(server, fault) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{proxy.server_port}")
        yield proxy
        proxy.shutdown()
        thread.join()


class TestFaultyWire:
    @pytest.mark.parametrize("fault", ["unavailable", "lost"])
    def test_does_not_keep_a_commit_from_its_one_object(self, wire, url, tmp_path):
        store = open_store(url, tmp_path)
        generation = store.commit(PATH, b"one", 0)
        assert wire.uploads == 2
        assert store.read(PATH) == (b"one", generation)


class TestBatch:
    def test_is_loaded_once_and_exported(self, store, tmp_path, make_batch):
        verdict = Verdict(make_batch(), [], {"success": True})
        loaded = load(store, "thesis", SLOT, verdict)
        before = store.read(loaded.path)
        assert load(store, "thesis", SLOT, verdict) == loaded
        assert store.read(loaded.path) == before
        assert store.list("records/") == [object_path("records", "thesis", SLOT)]
        assert from_parquet(before[0]) == make_batch()
        assert export(store, tmp_path) == 80
