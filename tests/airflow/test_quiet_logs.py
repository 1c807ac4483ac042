"""A task that measures writes nothing to stderr, which Airflow would show as errors, and logs no error."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doubles.provider import Provider, Response, stream
from fixtures.measuring import DOUBLES, UNKNOWN
from llm_bench.measure.client import Endpoint, LLMClient
from llm_bench.measure.library import quiet_litellm
from llm_bench.study import LLM, Deadlines, Generation

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def measured() -> subprocess.CompletedProcess[str]:
    """A process that has measured a cell of each wire format."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "plugins")])}
    return subprocess.run(
        [sys.executable, "-m", "fixtures.measuring"], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
class TestATaskThatMeasures:
    def test_succeeds_with_each_format(self, measured):
        kinds = json.loads(measured.stdout.splitlines()[-1])
        assert kinds == {model: [None, None] for model in DOUBLES} | {UNKNOWN: kinds[UNKNOWN]}

    def test_writes_nothing_to_stderr(self, measured):
        assert measured.stderr == ""

    def test_logs_no_error_even_where_litellm_has_one(self, measured):
        assert [line for line in measured.stdout.splitlines() if "[error" in line or "[critical" in line] == []

    def test_logs_a_line_for_each_answer_and_none_of_litellms(self, measured):
        lines = [line for line in measured.stdout.splitlines() if " · retail " in line]
        assert len(lines) == 2 * (len(DOUBLES) + 1)
        assert "LiteLLM completion()" not in measured.stdout


def test_litellms_warnings_and_errors_reach_the_log_as_warnings(caplog: pytest.LogCaptureFixture):
    quiet_litellm()
    logging.getLogger("LiteLLM").error("a stream is odd")
    logging.getLogger("LiteLLM").warning("a key is about to expire")
    logging.getLogger("LiteLLM").info("a request is made")
    logged = [(record.levelname, record.message) for record in caplog.records if record.name == "LiteLLM"]
    assert logged == [("WARNING", "a stream is odd"), ("WARNING", "a key is about to expire")]


def test_what_passes_over_the_wire_is_in_no_log_even_at_debug(caplog: pytest.LogCaptureFixture):
    """A provider may repeat a key in a header, and httpcore writes all of them."""
    caplog.set_level(logging.DEBUG)
    endpoint = {"api_key": "canary-of-a-header", "source": "connection a"}
    told = {"content-type": "text/event-stream", "x-request-id": "canary-of-a-header"}
    with Provider(lambda _: Response(stream(), headers=told)) as provider:
        client = LLMClient(
            llm=LLM(model="hosted_vllm/a"),
            endpoint=Endpoint(api_base=provider.url, **endpoint),
            generation=Generation(),
            deadlines=Deadlines(),
        )
        with client:
            client.ask([{"role": "user", "content": "Which category leads?"}])
    assert "canary-of-a-header" not in caplog.text
