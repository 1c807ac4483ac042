"""``llm-bench check``: how its outcome is shown; tests/preflight holds what it finds."""

from __future__ import annotations

import pytest

from llm_bench.cli.console import Waiting
from llm_bench.errors import StorageError
from llm_bench.paths import program
from llm_bench.planning.plan import Plan
from llm_bench.preflight import Check
from planning.made import account, plan

GOOD, BAD = Check("questions", True, "10 retail"), Check("groq/x", False, "It is gone.", "Name another.")
UNKNOWN = Check("anthropic/y", None, "whether it is served can't be told before it is asked")

pytestmark = pytest.mark.usefixtures("undone")


def no_plan(*_: object) -> Plan:
    raise StorageError("The store can't be read.", "Look at it.")


@pytest.fixture
def outcome(command, monkeypatch: pytest.MonkeyPatch):
    """Exit code and last lines of a check that came to these outcomes."""

    def run(*checks: Check, options: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        monkeypatch.setattr("llm_bench.preflight.preflight", lambda *_, ask, waiting: list(checks))
        monkeypatch.setattr("llm_bench.planning.making.make", no_plan)
        said = command("check", "mine", *options)
        lines = [" ".join(line.split()) for line in said.out.splitlines()[1:]]
        return said.code, [line for line in lines if not line.startswith("No plan: ")]

    return run


def test_ends_with_the_plan(command, monkeypatch):
    monkeypatch.setattr("llm_bench.preflight.preflight", lambda *_, ask, waiting: [GOOD])
    monkeypatch.setattr("llm_bench.planning.making.make", lambda *_: plan(accounts=(account(),)))
    lines = command("check", "mine").out.splitlines()
    assert "37 questions a day will be refused" in " ".join(lines)
    assert lines[-1] == "Ready"


def test_says_why_there_is_no_plan(command, monkeypatch):
    monkeypatch.setattr("llm_bench.preflight.preflight", lambda *_, ask, waiting: [GOOD])
    monkeypatch.setattr("llm_bench.planning.making.make", no_plan)
    assert "No plan: The store can't be read." in command("check", "mine").out


@pytest.mark.parametrize("name", ["questions", "embedding model", "storage"])
def test_has_no_plan_where_what_it_is_made_of_fails(command, monkeypatch, name):
    monkeypatch.setattr("llm_bench.preflight.preflight", lambda *_, ask, waiting: [Check(name, False, "It fails.")])
    monkeypatch.setattr("llm_bench.planning.making.make", no_plan)
    assert "No plan" not in command("check", "mine").out


def test_marks_advice_of_what_passed(outcome):
    note = Check("upstream", True, "a router chooses", "Name the server.")
    assert outcome(note) == (0, ["! upstream a router chooses", "→ Name the server.", "Ready"])


def test_is_ready_where_all_was_looked_at_and_well(outcome):
    assert outcome(GOOD) == (0, ["✓ questions 10 retail", "Ready"])


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
    assert (code, lines[-2:]) == (1, ["→ Name another.", "1 of 3 checks failed"])


class TestWhatIsWaitedFor:
    def test_stands_below_with_the_seconds_since(self, monkeypatch: pytest.MonkeyPatch):
        now = [100.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        waiting = Waiting()
        waiting.wait_for("embedding model")
        assert str(waiting.__rich__()) == "embedding model"
        now[0] += 4.0
        assert str(waiting.__rich__()) == "embedding model 4 s"


class TestOfABusyMachine:
    @pytest.fixture(autouse=True)
    def long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("llm_bench.cli.console.LONG_SEC", 0.0)
        monkeypatch.setattr("os.cpu_count", lambda: 2)

    @pytest.mark.parametrize(("load", "said"), [(8.2, ["slow: this machine is busy (load 8 on 2 cores)"]), (1.9, [])])
    def test_says_that_it_is_the_machine_where_it_is(self, outcome, monkeypatch, load: float, said: list[str]):
        monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
        assert outcome(GOOD)[1] == ["✓ questions 10 retail", *said, "Ready"]
