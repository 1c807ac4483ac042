"""A bucket that fails: batches are loaded, read by the dashboard and copied, and nothing is lost or stands twice.

The faults are our proxy's before an emulator; and where GCS_TESTBENCH_URL names a running googleapis/storage-testbench,
those that it knows, which are what Google's own clients are tested with.
"""

from __future__ import annotations

import json
import os
import random
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doubles import gcs
from doubles.proxy import Proxy, proxied
from fixtures.batches import SLOT, MakeBatch
from fixtures.trust import Seen
from llm_bench.analysis.cache import Cache
from llm_bench.batch.load import load
from llm_bench.errors import ConflictError, StorageError
from llm_bench.gate.columns import Rows
from llm_bench.gate.validate import Verdict
from llm_bench.store.base import FileStore, Store, from_parquet, object_path
from llm_bench.store.compaction import compact
from llm_bench.store.gcs import RETRY, GCSStore
from llm_bench.store.sync import sync, to_copy
from llm_bench.study import load_study

TESTBENCH = os.environ.get("GCS_TESTBENCH_URL")
SLOTS = [SLOT + timedelta(minutes=51 * number) for number in range(6)]
PASSING = (
    *("unavailable", "lost", "vanished", "reset", "torn upload", "torn download", "hang", "limited"),
    *("timed out", "broken", "bad gateway", "corrupt"),
)
FROM_TESTBENCH = {
    "storage.objects.insert": (
        *("return-408", "return-429", "return-500", "return-502", "return-503", "return-504"),
        "return-reset-connection",
    ),
    "storage.objects.get": (
        *("return-408", "return-429", "return-500", "return-503", "return-reset-connection", "return-broken-stream"),
        "return-broken-stream-after-1K",
    ),
    "storage.objects.list": ("return-429", "return-503", "return-reset-connection"),
}
TRIES = 8
"""Of a task or a person: each is a new attempt, as Airflow makes, at what failed with an error."""


@pytest.fixture(params=["emulator", "testbench"])
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to a bucket ``studies``: to the emulator, or to the testbench."""
    monkeypatch.setattr("llm_bench.store.gcs._TIMEOUT_SEC", 3)
    if request.param == "testbench":
        if TESTBENCH is None:
            pytest.skip("GCS_TESTBENCH_URL names no storage-testbench")
        if not _there(f"{TESTBENCH}/storage/v1/b/studies"):
            gcs.make_bucket(TESTBENCH, "studies")
        with proxied(TESTBENCH) as wire:
            yield wire
    else:
        with gcs.serving() as url, proxied(url) as wire:
            yield wire


def _there(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()
    except urllib.error.HTTPError:
        return False
    return True


@pytest.fixture
def bucket(wire: Proxy, monkeypatch: pytest.MonkeyPatch) -> Callable[[], GCSStore]:
    """Makes stores of one prefix of the bucket, as each task does."""
    gcs.connect(wire.url, monkeypatch)
    prefix = uuid.uuid4().hex
    quick = RETRY.with_delay(initial=0.001, maximum=0.01).with_timeout(4)
    return lambda: GCSStore("studies", prefix, quick)


@pytest.fixture
def seen(seen: Seen, request: pytest.FixtureRequest) -> Seen:
    """Says before which bucket it was seen."""
    before = {"emulator": "an emulator", "testbench": "googleapis/storage-testbench"}[
        request.node.callspec.params["wire"]
    ]
    return lambda saw: seen(f"before {before}: {saw}")


class Weather:
    """Faults on the wire, by chance; how many there were."""

    def __init__(self, wire: Proxy, seed: int) -> None:
        self.wire = wire
        self.dice = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self._told: dict[str, list[str]] = {}

    def bad(self, likely: float, *others: str) -> None:
        """From now on a share of all requests meets a fault."""
        if TESTBENCH is not None and self.wire.host in TESTBENCH:
            self._instruct()
            return

        def choose(_method: str, _path: str) -> Any:
            if self.dice.random() >= likely:
                return None
            fault = self.dice.choice((*PASSING, *others))
            self.faults[fault] += 1
            return fault

        self.wire.choose = choose

    def _instruct(self) -> None:
        """Has the testbench fail the next requests of each kind, in an order of its own."""
        self.good()
        self._told = {kind: self.dice.sample(known, 3) for kind, known in FROM_TESTBENCH.items()}
        self.wire.headers[_TEST] = _ask("retry_test", {"instructions": self._told, "transport": "HTTP"})["id"]

    def good(self) -> None:
        """From now on no request meets a fault; the testbench is asked which it made of those that it was told."""
        self.wire.choose = lambda _method, _path: None
        if test := self.wire.headers.pop(_TEST, None):
            left = _ask(f"retry_test/{test}")["instructions"]
            for kind, told in self._told.items():
                self.faults.update(told[: len(told) - len(left.get(kind, []))])


_TEST = "x-retry-test-id"


def _ask(path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the testbench replies."""
    body = json.dumps(content).encode() if content else None
    with urllib.request.urlopen(
        urllib.request.Request(f"{TESTBENCH}/{path}", body, {"content-type": "application/json"})
    ) as reply:
        return dict(json.load(reply))


def until_done(work: Callable[[], Any]) -> tuple[Any, list[StorageError]]:
    """What work came to, and the errors of the attempts before."""
    errors: list[StorageError] = []
    for _ in range(TRIES):
        try:
            return work(), errors
        except StorageError as error:
            errors.append(error)
    raise AssertionError([str(error) for error in errors])


def ids(store: Store) -> Counter[str]:
    """The ids of all records in a store, each with how often it stands there."""
    return Counter(
        record["record_id"]
        for path in store.list("records/")
        for record in from_parquet((store.read(path) or (b"",))[0])
    )


@pytest.fixture
def batches(make_batch: MakeBatch) -> dict[datetime, list[Any]]:
    return {slot: make_batch(slot=slot) for slot in SLOTS}


@pytest.fixture
def wanted(batches: dict[datetime, list[Any]]) -> Counter[str]:
    return Counter(record["record_id"] for batch in batches.values() for record in batch)


Batches = dict[datetime, list[Any]]
Open = Callable[[], GCSStore]


def load_all(bucket: Open, batches: Batches, weather: Weather | None = None) -> list[StorageError]:
    """Loads every batch as its task does, again after an error; those errors."""
    errors = []
    for slot, batch in batches.items():
        if weather:
            weather.bad(0.3)
        verdict = Verdict(Rows.of(batch), [], {"success": True})
        errors += until_done(lambda slot=slot, verdict=verdict: load(bucket(), "thesis", slot, verdict))[1]
    if weather:
        weather.good()
    return errors


def named(errors: list[StorageError]) -> bool:
    """Whether each says which bucket, and what to do."""
    return all("gs://studies" in error.cause and error.fix for error in errors)


@pytest.fixture
def filled(bucket: Open, batches: Batches, wanted: Counter[str]) -> Counter[str]:
    """The ids of the records that the bucket holds."""
    load_all(bucket, batches)
    return wanted


@pytest.fixture
def looked_at(
    bucket: Open, include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Counter[str]]:
    """What the dashboard's copy of the records holds, made anew each time."""
    monkeypatch.setattr("llm_bench.analysis.cache.open_store", lambda *_: bucket())
    study = load_study(include / "studies" / "thesis.yaml")

    def look() -> Counter[str]:
        records = Cache(tmp_path / uuid.uuid4().hex).records(study)
        return Counter(row["record_id"] for row in records.rows("SELECT record_id FROM records"))

    return look


@pytest.mark.trust
class TestABucketThatFails:
    """A bucket behind a wire on which a third of all requests fail"""

    def test_has_every_batch_once(self, bucket: Open, wire: Proxy, batches: Batches, wanted: Counter[str], seen: Seen):
        """Six batches are loaded: answers of 408, 429 and 5xx, lost, torn, reset and damaged."""
        weather = Weather(wire, 1)
        errors = load_all(bucket, batches, weather)
        assert ids(bucket()) == wanted
        assert named(errors)
        seen(
            f"all {sum(wanted.values())} records are there, none twice, after {sum(weather.faults.values())} faults of "
            f"{len(weather.faults)} kinds; {len(errors)} attempts ended in an error that names the bucket"
        )

    def test_is_read_by_the_dashboard(
        self, bucket: Open, wire: Proxy, filled: Counter[str], looked_at: Callable[[], Counter[str]], seen: Seen
    ):
        """The dashboard's copy is made anew ten times."""
        weather, errors = Weather(wire, 2), []
        for _ in range(10):
            weather.bad(0.3)
            records, failed = until_done(looked_at)
            assert records == filled
            errors += failed
        weather.good()
        assert named(errors)
        seen(
            f"each copy had all {sum(filled.values())} records, none twice, after {sum(weather.faults.values())} "
            f"faults; {len(errors)} looks ended in an error that names the bucket"
        )

    def test_is_copied_by_sync_both_ways(
        self, bucket: Open, wire: Proxy, filled: Counter[str], tmp_path: Path, seen: Seen
    ):
        """`sync` from the bucket to a folder and from a folder to the bucket, each again until it ends."""
        weather, folder = Weather(wire, 3), FileStore(tmp_path / "copy")

        def copy(source: Callable[[], Store], dest: Callable[[], Store]) -> list[str]:
            weather.bad(0.3)
            store = source()
            return [outcome for _, outcome in sync(store, dest(), to_copy(store))]

        _, errors = until_done(lambda: copy(bucket, lambda: folder))
        weather.good()
        assert ids(folder) == filled
        other = lambda: GCSStore("studies", f"other-{tmp_path.name}", bucket()._retry)  # noqa: E731
        _, more = until_done(lambda: copy(lambda: folder, other))
        weather.good()
        assert ids(other()) == filled
        assert named([error for error in errors + more if not isinstance(error, ConflictError)])
        seen(
            f"both copies had all {sum(filled.values())} records after {sum(weather.faults.values())} faults; "
            f"{len(errors + more)} attempts ended in an error, and none copied anew what was there"
        )

    def test_is_compacted_without_a_loss(self, bucket: Open, wire: Proxy, filled: Counter[str], seen: Seen):
        """The slots of the day are put into one object, again until it is done."""
        weather = Weather(wire, 4)

        def work() -> Any:
            weather.bad(0.3)
            return compact(bucket(), "thesis", SLOT + timedelta(days=3))

        until_done(work)
        weather.good()
        assert ids(bucket()) == filled
        seen(
            f"all {sum(filled.values())} records stand in {len(bucket().list('records/'))} object, none twice, after "
            f"{sum(weather.faults.values())} faults"
        )

    def test_whose_token_expires_names_it_and_goes_on_with_a_new_one(
        self, bucket: Open, wire: Proxy, batches: Batches, wanted: Counter[str], seen: Seen
    ):
        """In the middle of each batch's load, every request is refused with 401, until the task is tried again."""
        errors = []
        for slot, batch in batches.items():
            verdict = Verdict(Rows.of(batch), [], {"success": True})
            left = [None] * 3
            wire.choose = lambda _method, _path, left=left: left.pop() if left else "expired"
            with pytest.raises(StorageError, match="gs://studies can't be used") as refused:
                load(bucket(), "thesis", slot, verdict)
            errors.append(refused.value)
            wire.script()
            load(bucket(), "thesis", slot, verdict)
        assert ids(bucket()) == wanted
        assert all("google_cloud_default" in error.fix for error in errors)
        seen(f"each load named the credentials and the connection; then all {sum(wanted.values())} records were there")

    def test_holds_a_large_object_whole_or_not_at_all(self, bucket: Open, wire: Proxy, seen: Seen):
        """Four objects of 20 MB, each sent in several requests: torn, lost, damaged, and against another writer."""
        weather = Weather(wire, 5)
        for number in range(4):
            content, path = random.Random(number).randbytes(20_000_000), object_path("records", "thesis", SLOTS[number])
            weather.bad(0.5)
            generation, _ = until_done(lambda: bucket().commit(path, content, _generation(bucket(), path)))  # noqa: B023
            weather.good()
            assert bucket().read(path) == (content, generation)
            with pytest.raises(ConflictError):
                bucket().commit(path, content[::-1], 0)
            assert bucket().read(path) == (content, generation)
        faults = sum(weather.faults.values())
        assert faults
        seen(f"each was there whole after {faults} faults in all; another writer was refused (412)")

    def test_that_stalls_is_waited_for_as_long_as_was_said(
        self, bucket: Open, wire: Proxy, batches: Batches, seen: Seen
    ):
        """Each reply stops half-way and stays open."""
        load_all(bucket, batches)
        wire.choose = lambda _method, _path: "stall"
        path = object_path("records", "thesis", SLOT)
        with pytest.raises(StorageError, match="can't be reached"):
            bucket().read(path)
        wire.script("stall")
        assert bucket().read(path) is not None
        seen("the read ended with an error that names the bucket; where one reply alone stalled, with the object")


def _generation(store: Store, path: str) -> int:
    held = store.read(path)
    return held[1] if held else 0
