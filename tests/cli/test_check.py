"""``llm-bench check``: how its outcome is shown; tests/preflight holds what it finds."""

from __future__ import annotations

import pytest

from llm_bench.paths import program
from llm_bench.preflight import Check

GOOD, BAD = Check("questions", True, "10 retail"), Check("groq/x", False, "It is gone.", "Name another.")
UNKNOWN = Check("anthropic/y", None, "whether it is served can't be told before it is asked")

pytestmark = pytest.mark.usefixtures("undone")


@pytest.fixture
def outcome(command, monkeypatch: pytest.MonkeyPatch):
    """Exit code and last lines of a check that came to these outcomes."""

    def run(*checks: Check, options: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        monkeypatch.setattr("llm_bench.preflight.preflight", lambda *_, ask: list(checks))
        said = command("check", "mine", *options)
        return said.code, [line.rstrip() for line in said.out.splitlines()[1:]]

    return run


def test_is_ready_where_all_was_looked_at_and_well(outcome):
    assert outcome(GOOD) == (0, ["✓  questions  10 retail", "Ready"])


def test_is_not_ready_where_something_was_not_looked_at(outcome):
    code, lines = outcome(GOOD, UNKNOWN)
    assert code == 0
    assert lines[-2:] == [
        "Nothing stands against it; not found out: anthropic/y",
        f"→ {program('llm-bench')} check mine --ask finds it out by a short request",
    ]


def test_names_no_request_that_was_made(outcome):
    assert outcome(UNKNOWN, options=("--ask",))[1][-1] == "Nothing stands against it; not found out: anthropic/y"


def test_counts_what_failed_and_says_what_to_do(outcome):
    code, lines = outcome(GOOD, UNKNOWN, BAD)
    assert (code, lines[-2:]) == (1, ["   → Name another.", "1 of 3 checks failed"])
