"""``llm-bench plan``: what is printed, and what it ends in; tests/planning holds the numbers."""

from __future__ import annotations

import json

import pytest

from llm_bench.planning import making
from llm_bench.planning.asked import Prompted

pytestmark = pytest.mark.usefixtures("undone")


@pytest.fixture(autouse=True)
def stated_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [Prompted("retail", f"hash-{number}", 500, 400, 2400) for number in range(10)]
    monkeypatch.setattr(making, "prompted", lambda *_: prompts)


@pytest.fixture
def limited(home):
    """The study mine with a limit that no day fits under."""
    (home / "include" / "studies" / "mine.yaml").write_text(
        "llms: [{model: groq/llama3-70b-8192, requests_per_day: 100}]\nindustries: [retail]\n"
        "window: {start: '2100-12-07T08:00:00+01:00', end: '2100-12-11T08:00:00+01:00'}\n"
    )


def test_shows_each_llm_and_ends_well_where_all_fits(command):
    said = command("plan", "mine")
    assert (said.code, said.err) == (0, "")
    assert "groq/llama3-70b-8192" in said.out
    assert "20 requests, about 12,880 tokens" in said.out.replace("\u202f", " ")


def test_names_what_is_refused_and_ends_with_1(command, limited):
    said = command("plan", "mine")
    assert said.code == 1
    assert "140 requests and about" in said.out
    assert "40 questions a day will be refused" in said.out


def test_prints_json(command, limited):
    said = command("plan", "mine", "--json")
    content = json.loads(said.out)
    assert (said.code, content["study"], content["batches_to_come"]) == (1, "mine", 56)
    assert content["accounts"][0]["refused"] == 40


def test_goes_by_a_pilot(command):
    assert command("plan", "mine", "--pilot", "yours").code == 0


def test_of_a_pilot_that_is_not_there_lists_those_that_are(command):
    said = command("plan", "mine", "--pilot", "trial")
    assert said.code == 2
    assert "Known: mine, yours" in said.err
