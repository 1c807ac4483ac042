"""Whatever befalls requests, disks and writers: exactly the right objects are in the store in the end.

A seed gives the faults of a schedule (``LLM_BENCH_TEST_SEED=17`` repeats schedule 17); how threads interleave stays the
machine's.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from doubles import gcs
from doubles.proxy import FAULTS, Proxy, proxied
from llm_bench.errors import ConflictError, StorageError
from llm_bench.store.base import FileStore, Store
from llm_bench.store.gcs import RETRY, GCSStore

pytestmark = pytest.mark.slow

PATH = "records/study=thesis/date=2026-12-07/20261207T075125.714285Z.parquet"
SCHEDULES = 500
"""For each of the two stores."""
QUICK = RETRY.with_delay(initial=0.001, maximum=0.004).with_timeout(0.05)
WRITERS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gcs.serving() as url:
        yield url


@pytest.fixture
def connect(server, monkeypatch) -> Callable[..., GCSStore]:
    """A store whose requests go to ``url``."""

    def open_at(url: str, prefix: str, retry: Any = QUICK) -> GCSStore:
        gcs.connect(url, monkeypatch)
        return GCSStore("studies", prefix, retry)

    return open_at


class Success(NamedTuple):
    """What a writer was answered.

    :param replaced: generation that it replaced; None where it found its content there.
    """

    writer: int
    path: str
    replaced: int | None
    generation: int


class Plan(NamedTuple):
    """A schedule: what each writer loads into each slot, and how likely a request meets a fault."""

    contents: dict[str, list[bytes]]
    likely: float
    tries: int


def plan(seed: int) -> Plan:
    dice = random.Random(seed)
    writers = dice.randint(1, WRITERS)
    paths = [f"records/study=s{seed}/date=2026-12-07/{number}.parquet" for number in range(dice.randint(1, 3))]
    contents = {
        path: [b"%d:%d:" % (seed, writer) + dice.randbytes(dice.choice((0, 100, 30_000))) for writer in range(writers)]
        for path in paths
    }
    return Plan(contents, dice.choice((0.1, 0.3, 0.6)), dice.randint(1, 5))


def put(store: Store, writer: int, path: str, content: bytes, tries: int) -> Success | None:
    """Loads as a task does: whatever is wrong, it looks again and repeats."""
    for _ in range(tries):
        try:
            current = store.read(path)
            if current is not None and current[0] == content:
                return Success(writer, path, None, current[1])
            replaced = current[1] if current else 0
            return Success(writer, path, replaced, store.commit(path, content, replaced))
        except StorageError:
            continue
    return None


def check(
    seed: int, stores: list[Any], clean: Store, faults: Callable[[int, random.Random | None, float], None]
) -> None:
    """Runs a schedule and looks at what it left, while and after all went wrong."""
    contents, likely, tries = plan(seed)
    writers = len(next(iter(contents.values())))

    def write(writer: int) -> list[Success]:
        faults(writer, random.Random(f"{seed}/{writer}"), likely)
        try:
            outcomes = [put(stores[writer], writer, path, contents[path][writer], tries) for path in contents]
        finally:
            faults(writer, None, 0)
        return [success for success in outcomes if success]

    with ThreadPoolExecutor(writers) as pool:
        successes = [success for written in pool.map(write, range(writers)) for success in written]
    _check_successes(successes, contents, clean)
    for writer in range(writers):
        for path in contents:
            assert put(clean, writer, path, contents[path][writer], 1)
    study = next(iter(contents)).split("date=")[0]
    assert {path: clean.read(path)[0] for path in clean.list(study)} == {p: c[-1] for p, c in contents.items()}


def _check_successes(successes: list[Success], contents: dict[str, list[bytes]], clean: Store) -> None:
    study = next(iter(contents)).split("date=")[0]
    there = {path: clean.read(path) for path in clean.list(study)}
    assert set(there) <= set(contents), "an object that nobody wrote"
    for path, whole in contents.items():
        of_path = [success for success in successes if success.path == path]
        assert path in there or not of_path, "a success without its object"
        if path not in there:
            continue
        content, generation = there[path]
        assert content in whole, "not one of the whole contents"
        last = max(of_path, key=lambda success: success.generation, default=None)
        if last and last.generation == generation:
            assert content == whole[last.writer], "another content than the last success put there"
        assert not last or last.generation <= generation, "an older object than the last success put there"
        replaced = Counter(
            generation
            for generation, _ in {(success.replaced, success.writer) for success in of_path}
            if generation is not None
        )
        assert all(count == 1 for count in replaced.values()), "two replaced the same generation"


def seeds() -> list[int]:
    only = os.environ.get("LLM_BENCH_TEST_SEED")
    return [int(only)] if only else list(range(SCHEDULES))


def run_all(check_seed: Callable[[int], None]) -> None:
    for seed in seeds():
        try:
            check_seed(seed)
        except Exception as fault:
            raise AssertionError(f"schedule {seed} (LLM_BENCH_TEST_SEED={seed} repeats it): {fault!r}") from fault


class TestAnyScheduleOfFaults:
    def test_of_the_network_leaves_exactly_the_right_objects(self, server, connect):
        with ExitStack() as stack:
            wires = [stack.enter_context(proxied(server)) for _ in range(WRITERS)]
            stores = [connect(wire.url, "faults") for wire in wires]

            def faults(writer: int, dice: random.Random | None, likely: float) -> None:
                def choose(_method: str, _path: str) -> Any:
                    return dice.choice(FAULTS) if dice and dice.random() < likely else None

                wires[writer].choose = choose

            clean = connect(server, "faults")
            run_all(lambda seed: check(seed, stores, clean, faults))
            if "LLM_BENCH_TEST_SEED" not in os.environ:
                met = {fault for wire in wires for _, fault in wire.requests}
                assert met == {*FAULTS, None}

    def test_of_the_disk_leaves_exactly_the_right_objects(self, tmp_path, disk):
        stores = [FileStore(tmp_path / "data") for _ in range(WRITERS)]
        run_all(lambda seed: check(seed, stores, stores[0], disk))
        left = [path for path in (tmp_path / "data").rglob(".*") if path.name != ".lock"]
        assert left == []


@pytest.fixture
def disk(monkeypatch) -> Callable[[int, random.Random | None, float], None]:
    """A disk that fails the calling thread's operations: before they are done, after, or (a write) half-way."""
    own = threading.local()

    def fail() -> None:
        code = own.dice.choice((errno.ENOSPC, errno.EIO))
        raise OSError(code, os.strerror(code))

    def break_now() -> bool:
        return getattr(own, "dice", None) is not None and own.dice.random() < own.likely

    def breakable(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def operation(*args: Any, **named: Any) -> Any:
            if not break_now():
                return real(*args, **named)
            if name == "write_bytes":
                real(args[0], args[1][: len(args[1]) // 2])
            elif own.dice.random() < 0.5:
                real(*args, **named)
            return fail()

        monkeypatch.setattr(owner, name, operation)

    for owner, name in ((Path, "write_bytes"), (Path, "replace"), (os, "fsync"), (os, "utime")):
        breakable(owner, name)

    def faults(_writer: int, dice: random.Random | None, likely: float) -> None:
        own.dice, own.likely = dice, likely / 4  # four operations a write

    return faults


class TestEachFaultOfTheNetwork:
    @pytest.fixture
    def wire(self, server) -> Iterator[Proxy]:
        with proxied(server) as proxy:
            yield proxy

    @pytest.fixture
    def store(self, wire, connect, request):
        return connect(wire.url, request.node.name, RETRY.with_delay(initial=0.001, maximum=0.004).with_timeout(5))

    @pytest.mark.parametrize(
        "fault",
        [
            *("unavailable", "lost", "vanished", "reset", "torn upload", "torn download", "hang", "limited"),
            *("timed out", "broken", "bad gateway"),
        ],
    )
    def test_that_passes_is_overcome_by_a_commit(self, wire, store, fault):
        wire.script(fault, methods=("POST",))
        generation = store.commit(PATH, b"content" * 1000, 0)
        assert store.read(PATH) == (b"content" * 1000, generation)

    @pytest.mark.parametrize(
        "fault",
        [
            *("unavailable", "lost", "vanished", "reset", "torn download", "hang", "limited"),
            *("timed out", "broken", "bad gateway", "corrupt", "stall"),
        ],
    )
    def test_that_passes_is_overcome_by_a_read(self, wire, store, fault, monkeypatch):
        monkeypatch.setattr("llm_bench.store.gcs._TIMEOUT_SEC", 2)  # a stall ends with the client's patience
        generation = store.commit(PATH, b"content" * 1000, 0)
        wire.script(fault)
        assert store.read(PATH) == (b"content" * 1000, generation)
        wire.script(fault)
        assert store.list("records/") == [PATH]

    @pytest.mark.parametrize("fault", ["unavailable", "lost", "vanished", "reset", "torn download", "hang", "limited"])
    def test_that_passes_is_overcome_by_a_removal(self, wire, store, fault):
        generation = store.commit(PATH, b"one", 0)
        wire.script(fault, methods=("DELETE",))
        store.delete(PATH, generation)
        assert store.list("") == []

    def test_expired_credentials_are_named(self, wire, store):
        wire.script("expired")
        with pytest.raises(StorageError, match="Give Airflow's connection google_cloud_default credentials"):
            store.commit(PATH, b"one", 0)

    def test_a_read_cut_while_the_object_is_replaced_gives_the_new_one(self, server, wire, connect, request):
        other = connect(server, request.node.name)
        first = other.commit(PATH, b"one" * 100_000, 0)
        store = connect(wire.url, request.node.name)

        def cut_and_replace(method: str, _path: str) -> Any:
            if len(wire.requests) == 1:
                other.commit(PATH, b"two" * 100_000, first)
            return "torn download" if not wire.requests else None

        wire.choose = cut_and_replace
        assert store.read(PATH)[0] == b"two" * 100_000

    @pytest.mark.parametrize("fault", ["unavailable", "reset", "torn upload", "torn download", "limited", "broken"])
    def test_that_lasts_is_an_error_in_the_end(self, server, wire, connect, request, fault):
        store = connect(wire.url, request.node.name)
        wire.choose = lambda _method, _path: fault
        for attempt in (lambda: store.read(PATH), lambda: store.commit(PATH, b"one" * 99, 0), lambda: store.list("")):
            with pytest.raises(StorageError, match="gs://studies can't be reached"):
                attempt()
        wire.script()
        assert store.list("") in ([], [PATH])


def _write_on(root: Path, seed: int) -> None:
    store = FileStore(root)
    for number in range(10_000):
        current = store.read(PATH)
        store.commit(PATH, _content(seed, number), current[1] if current else 0)


def _content(seed: int, number: int) -> bytes:
    return b"%d:%d;" % (seed, number) * 20_000


class TestAKilledWriter:
    def test_leaves_a_whole_object_and_a_free_lock(self, tmp_path):
        dice = random.Random(7)
        store = FileStore(tmp_path / "data")
        context = multiprocessing.get_context("fork")
        last = 0
        for seed in range(60):
            writer = context.Process(target=_write_on, args=(store.root, seed))
            writer.start()
            time.sleep(dice.uniform(0.0, 0.06))
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
            stored = store.read(PATH)
            if stored is None or stored[1] == last:  # killed before it had written anything
                continue
            writer_number, _, number = stored[0].partition(b";")[0].partition(b":")
            assert stored[0] == _content(int(writer_number), int(number))
            assert stored[1] > last
            assert store.list("") == [PATH]
            last = store.commit(PATH, b"after %d" % seed, stored[1])
        assert last > 0

    def test_leaves_a_lock_file_that_stops_nobody(self, tmp_path):
        (tmp_path / ".lock").write_text("stale")
        (tmp_path / ".lock").chmod(0o444)
        FileStore(tmp_path).commit(PATH, b"one", 0)

    def test_leaves_a_part_that_no_reader_sees(self, tmp_path):
        store = FileStore(tmp_path)
        generation = store.commit(PATH, b"one", 0)
        (tmp_path / PATH).with_name(".partial").write_bytes(b"half of something long")
        assert store.entries("") == store.entries(PATH)
        with pytest.raises(ConflictError):
            store.commit(PATH, b"two", 0)
        store.commit(PATH, b"two", generation)
        assert store.read(PATH)[0] == b"two"
        assert not (tmp_path / PATH).with_name(".partial").exists()
