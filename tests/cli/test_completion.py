"""What a shell completes, as argcomplete asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def completed(home: Path):
    """The words that are offered at the end of a line."""

    def complete(line: str) -> set[str]:
        answer = home / "answer"
        environment = {
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
        }
        subprocess.run([Path(sys.executable).with_name("llm-bench")], env=environment, check=False, capture_output=True)
        return {word.strip() for word in answer.read_text().splitlines()}

    return complete


def test_offers_the_commands(completed):
    assert completed("llm-bench re") == {"report", "requeue", "rescore"}


def test_offers_the_studies(completed):
    assert {"mine", "yours"} <= completed("llm-bench status ")


@pytest.mark.parametrize("command", ["report", "export"])
def test_offers_the_llms_and_industries_of_the_study(completed, command):
    assert completed(f"llm-bench {command} mine --llm ") == {"groq/llama3-70b-8192", "groq/moonshotai/kimi-k2-instruct"}
    assert completed(f"llm-bench {command} mine --industry ") == {"retail"}


def test_offers_the_llms_of_all_studies_to_ask(completed):
    assert "groq/llama3-70b-8192" in completed("llm-bench ask ")


def test_offers_the_values_that_an_option_takes(completed):
    assert completed("llm-bench report mine --run-type ") == {"scheduled", "backfill", "manual"}


def test_offers_the_studies_storages_to_copy(completed):
    assert completed("llm-bench sync file") == {"file://data"}
