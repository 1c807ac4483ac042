"""A machine that stands still while a question is open: a laptop that sleeps, a process that is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from doubles.provider import Provider, Response, stream
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.standstill import StandstillError
from llm_bench.study import LLM, Deadlines, Generation

ASKS = """
import json, sys
from llm_bench.errors import LLMBenchError
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.study import LLM, Deadlines, Generation
with LLMClient(
    llm=LLM(model="groq/x"), endpoint=Endpoint("key", sys.argv[1]), generation=Generation(),
    deadlines=Deadlines(connect_sec=1, first_token_sec=1, total_sec=6),
) as client:
    for _ in range(2):
        try:
            reply = client.ask([{"role": "user", "content": "Which category leads?"}])
            print(json.dumps([reply.failure_kind, reply.exchange.delay_sec]), flush=True)
        except LLMBenchError as fault:
            print(json.dumps([type(fault).__name__, str(fault)]), flush=True)
"""
"""Asks two questions and prints what came of each."""


def client(provider: Provider) -> LLMClient:
    return LLMClient(
        llm=LLM(model="groq/x"),
        endpoint=Endpoint("key", provider.url),
        generation=Generation(),
        deadlines=Deadlines(),
    )


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(lambda _: Response(stream("word " * 20, token_sec=0.1))) as server:
        yield server


def outcomes(provider: Provider, stopped_sec: float) -> list[list[object]]:
    """What came of two questions to a process that is stopped while the first is open."""
    command = [sys.executable, "-c", ASKS, provider.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not provider.asked:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(stopped_sec)
        process.send_signal(signal.SIGCONT)
        printed, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in printed.splitlines()]


class TestAProcessThatIsStopped:
    def test_lays_an_open_question_to_the_machine_and_measures_the_next(self, provider: Provider):
        (kind, error), (next_kind, delay) = outcomes(provider, 3)
        assert kind == "StandstillError"
        assert "This machine stood still for " in error
        assert next_kind is None
        assert delay is None or delay < 1

    def test_past_a_deadline_is_no_timeout_of_the_provider(self, provider: Provider):
        (kind, _), (next_kind, _) = outcomes(provider, 8)
        assert (kind, next_kind) == ("StandstillError", None)

    def test_for_a_moment_is_seen_as_a_delay_of_the_client(self, provider: Provider):
        (kind, delay), _ = outcomes(provider, 0.8)
        assert kind is None
        assert isinstance(delay, float)
        assert delay > 0.1


class TestAMachineThatSleeps:
    """CLOCK_MONOTONIC stands still with it, so that the answer seems to have come at once."""

    def test_lays_an_open_question_to_the_machine(self, provider: Provider, monkeypatch: pytest.MonkeyPatch):
        asleep = iter([10.0, 7210.0])
        monkeypatch.setattr("llm_bench.measure.client.asleep_sec", lambda: next(asleep))
        with client(provider) as asking, pytest.raises(StandstillError, match=r"stood still for 7,200 s while groq/x"):
            asking.ask([{"role": "user", "content": "Which category leads?"}])

    def test_between_two_questions_harms_neither(self, provider: Provider, monkeypatch: pytest.MonkeyPatch):
        asleep = iter([10.0, 10.0, 7210.0, 7210.0])
        monkeypatch.setattr("llm_bench.measure.client.asleep_sec", lambda: next(asleep))
        with client(provider) as asking:
            kinds = [asking.ask([{"role": "user", "content": "Which category leads?"}]).failure_kind for _ in range(2)]
        assert kinds == [None, None]
