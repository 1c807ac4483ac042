"""A request that something holds beyond its deadlines, in this process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doubles.provider import Provider, Response, stream
from fixtures.cells import Store
from fixtures.holding import environment, operator, run, spins_in_c
from llm_bench.measure import failures, watchdog
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.study import LLM, Deadlines, Generation

TOTAL_SEC = 2.0


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "OVER_SEC", 0.5)
    monkeypatch.setattr(watchdog, "_RING_SEC", 0.1)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(lambda _: Response(stream("Toys lead."))) as server:
        yield server


@pytest.fixture
def client(provider: Provider) -> Iterator[LLMClient]:
    deadlines = Deadlines(connect_sec=5, first_token_sec=TOTAL_SEC, total_sec=TOTAL_SEC)
    endpoint = Endpoint("canary", provider.url)
    with LLMClient(llm=LLM(model="groq/x"), endpoint=endpoint, generation=Generation(), deadlines=deadlines) as asking:
        yield asking


MESSAGES = [{"role": "user", "content": "Question: Which category leads?"}]


def loops() -> None:
    while True:
        pass


def loops_whatever_is_raised() -> None:
    while True:
        try:
            loops()
        except Exception:
            continue


def searches() -> None:
    re.search(r"(a+)+$", "a" * 60 + "b")


def waits() -> None:
    threading.Event().wait()


class TestARequestThatIsHeld:
    @pytest.mark.parametrize("hold", [loops, loops_whatever_is_raised, searches, waits])
    def test_is_ended_and_says_what_held_it_and_the_next_one_is_asked(
        self, client: LLMClient, monkeypatch: pytest.MonkeyPatch, hold: Callable[[], None]
    ):
        with monkeypatch.context() as patch:
            patch.setattr(failures, "failure_kind", lambda **_: hold())
            reply = client.ask(MESSAGES)
        assert reply.failure_kind == "held"
        assert reply.error is not None
        assert reply.error.startswith("not done 0.5 s after total_sec = 2 s, and ended: held by ")
        assert f"{hold.__name__} (measure/test_watchdog.py:" in reply.error
        assert client.ask(MESSAGES).failure_kind is None

    def test_keeps_what_came_of_the_answer(self, client: LLMClient, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(failures, "failure_kind", lambda **_: loops())
        reply = client.ask(MESSAGES)
        assert reply.answer.text == "Toys lead."
        assert (reply.response_tokens, reply.token_source) == (2, "provider")
        assert reply.exchange.sent is not None

    def test_leaves_no_timer_and_the_handler_that_was_there(self, client: LLMClient, monkeypatch: pytest.MonkeyPatch):
        before = signal.getsignal(signal.SIGALRM)
        monkeypatch.setattr(failures, "failure_kind", lambda **_: loops())
        client.ask(MESSAGES)
        assert signal.getsignal(signal.SIGALRM) == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

    def test_leaves_a_timer_that_ran_before_running(self, client: LLMClient):
        handler = signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 100)
        try:
            assert client.ask(MESSAGES).failure_kind is None
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)


class TestARequestInAnotherThread:
    def test_is_asked_without_a_watchdog(self, client: LLMClient):
        replies: list[Any] = []
        thread = threading.Thread(target=lambda: replies.append(client.ask(MESSAGES)))
        thread.start()
        thread.join()
        assert replies[0].failure_kind is None


class TestAProcessThatWasStopped:
    def test_is_not_ended_by_the_time_that_passed_meanwhile(self, client: LLMClient, provider: Provider):
        """The alarm that waited for it is the first one; its own deadline ends the request."""
        with watchdog.watching(client._exchange(MESSAGES)):
            signal.raise_signal(signal.SIGALRM)


class TestWhatNoSignalEnds:
    """Code in C that neither returns nor looks at signals: its process is ended."""

    @pytest.fixture
    def ended(self, provider: Provider, tmp_path: Path) -> tuple[int, Path]:
        """The exit code of an attempt that meets it at the third question, and the project."""
        done = subprocess.run(
            [sys.executable, "-m", "fixtures.holding", provider.url, str(tmp_path)],
            cwd=Path(__file__).parents[1],
            check=False,
            timeout=120,
        )
        return done.returncode, tmp_path

    def test_is_a_record_of_the_next_attempt_which_goes_on(
        self, ended: tuple[int, Path], provider: Provider, monkeypatch: pytest.MonkeyPatch
    ):
        code, home = ended
        assert code == -signal.SIGPROF
        store = Store(json.loads((home / "store.json").read_text()))
        asked = len(provider.asked)
        for name, value in environment(provider.url, home).items():
            monkeypatch.setenv(name, value)
        records = run(operator(), store, attempt=2)
        assert [record["failure_kind"] for record in records] == [None, None, "held", None, None]
        assert [record["attempt"] for record in records] == [1, 1, 1, 2, 2]
        assert spins_in_c.__name__ in records[2]["error"]
        assert len(provider.asked) - asked == 2
        assert list((home / "data" / "held").iterdir()) == []
