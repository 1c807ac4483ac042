"""What leaves this machine while each provider of LiteLLM's is measured with no key but OpenAI's, and no address.

A child process logs every address that it looks up or connects to. Where the system has them, it runs in a network
namespace without routes, under strace, which sees what no hook of Python's could.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures import leaving

PROGRAM = Path(leaving.__file__)
OPENAI = {"openai", "text-completion-openai"}
LOCAL = {"localhost", "127.0.0.1", "::1"}
SILENT = (
    *("litellm_proxy", "custom_openai", "hosted_vllm", "lm_studio", "sambanova", "github", "chatgpt", "github_copilot"),
    *("azure", "databricks", "gemini", "anthropic", "together_ai", "watsonx", "huggingface"),
)
"""Providers that can't be asked without a key, or without an address."""
MACHINES_OWN = "169.254.169.254"
"""Where a machine in a cloud asks for the cloud's own credentials; no other machine has this address."""
BRIEF = {"AWS_METADATA_SERVICE_TIMEOUT": "1", "GCE_METADATA_TIMEOUT": "1", "GCE_METADATA_DETECT_RETRIES": "1"}
_CONNECTED = re.compile(r'connect\(.*(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")')

Seen = dict[str, Any]


def works(*command: str) -> bool:
    there = shutil.which(command[0]) is not None
    return there and subprocess.run(command, check=False, capture_output=True).returncode == 0


NAMESPACE = ["unshare", "-n"] if works("unshare", "-n", "true") else []


def run(*command: str, providers: tuple[str, ...] = ()) -> list[Seen]:
    """What the program says of each provider."""
    path = os.pathsep.join(str(PROGRAM.parents[2] / name) for name in ("plugins", "tests"))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", **BRIEF}
    done = subprocess.run(
        [*NAMESPACE, *command, sys.executable, str(PROGRAM), *providers],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def every() -> list[Seen]:
    """What was seen of every provider."""
    return run()


@pytest.mark.slow
@pytest.mark.skipif(not NAMESPACE, reason="a network namespace takes the system's leave, and a real one is no test's")
class TestWithNoKeyButOpenAIs:
    def test_nearly_all_of_litellms_providers_are_tried(self, every: list[Seen]):
        assert len(every) > 100
        assert {"groq", "azure", "anthropic", "hosted_vllm", "litellm_proxy", "sambanova", "github"} <= {
            seen["provider"] for seen in every
        }

    def test_that_key_goes_to_openai_alone(self, every: list[Seen]):
        got = {(seen["provider"], sent["host"]) for seen in every for sent in seen["sent"] if sent["key"]}
        assert got == {(name, "api.openai.com") for name in OPENAI}

    def test_openai_is_asked_for_openais_models_alone(self, every: list[Seen]):
        asked = {seen["provider"] for seen in every if any("openai.com" in host for host in seen["attempts"])}
        assert asked == OPENAI

    def test_each_connects_to_one_host_at_most_and_that_its_own(self, every: list[Seen]):
        for seen in every:
            hosts = {"local" if host in LOCAL else host for host in seen["attempts"]} - {MACHINES_OWN}
            assert len(hosts) <= 1, seen
            assert hosts - {"local"} <= {sent["host"] for sent in seen["sent"]}, seen

    def test_one_without_a_key_is_an_error_or_a_record_and_no_crash(self, every: list[Seen]):
        outcomes = {outcome.partition(":")[0] for seen in every for outcome in seen["outcomes"]}
        assert outcomes == {"CredentialsError", "RequestError", "record"}

    @pytest.mark.skipif(not works("strace", "-V"), reason="there is no strace")
    def test_the_system_is_asked_for_no_connection_beside_those(self, tmp_path: Path):
        log = tmp_path / "strace"
        tried = run("strace", "-f", "-qq", "-e", "trace=connect", "-o", str(log), providers=SILENT)
        assert [seen["provider"] for seen in tried] == list(SILENT)
        assert _CONNECTED.findall(log.read_text()) == []
