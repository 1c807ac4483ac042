"""Cells on several machines, which share one Redis: here each is a process with a folder of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from doubles.clock import NOW
from llm_bench.errors import SetupError
from llm_bench.local.servers import redis_server
from llm_bench.measure.accounts import PACING_VARIABLE, RedisAccount, open_account
from llm_bench.measure.ledger import Moment
from llm_bench.measure.limits import SENT_WITHIN_SEC, Closed, Rates, Tokens
from llm_bench.measure.notices import Notice
from llm_bench.measure.pacing import Pacer

SMALL = Tokens(1, 0)
FIVE_A_MINUTE = Rates(requests_per_minute=5)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with redis_server() as server:
            url = server.url
            yield url
    except SetupError as fault:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(fault))


@pytest.fixture
def shared(server: str, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    monkeypatch.setenv(PACING_VARIABLE, server)
    client = redis.Redis.from_url(server)
    client.flushdb()
    return client


class Waits(Exception):  # noqa: N818  (it ends a try, and is no error)
    """A request may not go yet."""


def stop(_seconds: float) -> None:
    raise Waits


def tried(folder: Path, count: int) -> int:
    """How many of so many requests may go at once."""
    pacer = Pacer(open_account(folder, "groq/a"), FIVE_A_MINUTE, sleep=stop)
    gone = 0
    for _ in range(count):
        try:
            pacer.wait(SMALL)
        except Waits:
            continue
        gone += 1
    return gone


def host(url: str, folder: Path, start: multiprocessing.synchronize.Barrier, gone: multiprocessing.Queue[int]) -> None:
    os.environ[PACING_VARIABLE] = url
    start.wait()
    gone.put(tried(folder, 5))


class TestTwoHosts:
    def test_stay_together_under_the_limit(self, server: str, shared: redis.Redis, tmp_path: Path):
        context = multiprocessing.get_context("spawn")
        start, gone = context.Barrier(2), context.Queue()
        hosts = [
            context.Process(target=host, args=(server, tmp_path / name, start, gone)) for name in ("here", "there")
        ]
        for process in hosts:
            process.start()
        assert gone.get() + gone.get() == 5
        for process in hosts:
            process.join()
        assert list(tmp_path.iterdir()) == [], "no host kept an account of its own"

    def test_share_nothing_with_another_llm(self, shared: redis.Redis, tmp_path: Path):
        assert tried(tmp_path, 9) == 5
        Pacer(open_account(tmp_path, "groq/b"), FIVE_A_MINUTE, sleep=stop).wait(SMALL)

    def test_agree_however_far_their_clocks_are_apart(self, shared: redis.Redis):
        looks = [Moment("here", 100.0, NOW), Moment("there", 7e6, NOW - 3600), Moment("", 0.0, NOW + 86400)]
        hosts = [RedisAccount(shared, "groq/a", look=lambda seen=seen: seen) for seen in looks]  # type: ignore[misc]
        waits = [
            account.change(lambda ledger: ledger.limits.reserve(ledger.now, SMALL, FIVE_A_MINUTE))
            for account in hosts * 2
        ]
        assert waits[:5] == [0] * 5
        assert 0 < waits[5] <= 60 + SENT_WITHIN_SEC

    def test_both_know_of_a_limit_of_a_day_that_one_met(self, shared: redis.Redis):
        here, there = (RedisAccount(shared, "groq/a") for _ in range(2))
        day = Notice(refused=True, hold_sec=86400)
        here.change(lambda ledger: ledger.limits.learn(ledger.now, ledger.now, day))
        closed = there.change(lambda ledger: ledger.limits.closed(ledger.now, SMALL, FIVE_A_MINUTE))
        assert isinstance(closed, Closed)

    def test_leave_nothing_in_redis_for_ever(self, shared: redis.Redis, tmp_path: Path):
        tried(tmp_path, 1)
        assert 0 < shared.ttl("llm-bench:pacing:groq/a") <= 2 * 86400


class TestARedisThatFails:
    def test_while_a_cell_measures_leaves_it_its_own_machines_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        with redis_server() as server:
            url = server.url
            monkeypatch.setenv(PACING_VARIABLE, url)
            pacer = Pacer(open_account(tmp_path, "groq/a"), FIVE_A_MINUTE, sleep=stop)
            pacer.wait(SMALL)
            assert not list(tmp_path.iterdir())
        for _ in range(5):
            pacer.wait(SMALL)
        with pytest.raises(Waits):
            pacer.wait(SMALL)
        assert caplog.text.count("can't be used") == 1

    def test_by_its_password_says_so_without_it(
        self, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        monkeypatch.setenv(PACING_VARIABLE, "redis://:wr0ng@" + server.rpartition("@")[2])
        assert tried(tmp_path, 9) == 5
        assert "AuthenticationError" in caplog.text
        assert "wr0ng" not in caplog.text
