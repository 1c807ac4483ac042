"""What is to be done first: what keeps the slots to come from being measured; and what isn't as planned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llm_bench.progress.facts import facts
from llm_bench.progress.overview import Airflow, Overview
from llm_bench.progress.states import Batch, Run, account
from llm_bench.progress.steps import steps
from llm_bench.study import Study

START = datetime(2026, 12, 7, 8, tzinfo=UTC)
SUNDAY = START - timedelta(seconds=95)
STUDY = Study.model_validate(
    {
        "name": "mine",
        "llms": [{"model": "baseline/lead"}],
        "industries": ["retail"],
        "window": {"start": START.isoformat(), "end": (START + timedelta(days=4)).isoformat()},
    }
)


def airflow(*, alive: bool = True, paused: bool | None = False) -> Airflow:
    return Airflow(alive, paused, {}, STUDY.window.schedule if STUDY.window else None, "http://127.0.0.1:8080")


def at(now: datetime, known: Airflow | None, *measured: datetime, state: str | None = None) -> Overview:
    """The study at a moment, with whole batches of some slots, whose runs Airflow has in a state."""
    assert STUDY.window is not None
    batches = {slot: Batch(slot, "run", "scheduled", 10, 0, 2.0, 30.0) for slot in measured}
    runs = {slot: Run("run", state) for slot in measured} if state else {}
    slots = account(STUDY.window.schedule, now, expected=10, measured=batches, quarantined={}, runs=runs)
    return Overview(STUDY, now, 10, slots, batches, [], known)


def said(overview: Overview) -> list[str]:
    return [words.partition(":")[0] for words, _ in steps(overview, Path("/there/.airflow"))]


class TestBeforeTheFirstSlot:
    def test_a_dag_that_is_off_is_to_be_switched_on(self):
        ((words, commands),) = steps(at(SUNDAY, airflow(paused=True)), Path("/there/.airflow"))
        assert words == (
            "The DAG llm_bench_mine is off. Switch it on, or the first slot (Mon 07 Dec 08:00:00) won't be measured "
            "(in the UI: Dags, the switch beside its name):"
        )
        assert commands[0].startswith("AIRFLOW_HOME=/there/.airflow ")
        assert commands[0].endswith("airflow dags unpause --yes llm_bench_mine")

    def test_an_airflow_that_is_down_is_to_be_started_and_then_the_dag_to_be_switched_on(self):
        down, off = said(at(SUNDAY, airflow(alive=False, paused=True)))
        assert down.startswith("Airflow isn't running. Start it, or the first slot (Mon 07 Dec 08")
        assert off.startswith("The DAG llm_bench_mine is off.")

    def test_both_are_named_where_the_dag_was_never_seen(self):
        (down,) = said(at(SUNDAY, airflow(alive=False, paused=None)))
        assert down.startswith("Airflow isn't running. Start it and switch the DAG llm_bench_mine on, or the first")

    def test_an_airflow_that_never_saw_the_dag_is_to_be_started_again(self):
        (unseen,) = said(at(SUNDAY, airflow(paused=None)))
        assert unseen.startswith("Airflow hasn't seen the DAG llm_bench_mine yet. Start it again, or the first slot")

    def test_nothing_is_to_be_done_where_it_runs_with_the_dag_on(self):
        assert said(at(SUNDAY, airflow())) == []

    def test_an_airflow_that_is_not_known_is_to_be_started(self):
        assert said(at(SUNDAY, None))[0].startswith("No Airflow is known here. Start it and switch")


class TestWhileTheStudyRuns:
    @pytest.mark.parametrize(("minutes", "which"), [(4, "first slot (Mon 07 Dec 08"), (6, "next slot (Mon 07 Dec 08")])
    def test_a_slot_is_lost_when_its_grace_is_over(self, minutes: int, which: str):
        off, *_ = said(at(START + timedelta(minutes=minutes), airflow(paused=True)))
        assert f"or the {which}" in off

    def test_an_airflow_elsewhere_is_seen_by_its_batches(self):
        assert said(at(START + timedelta(minutes=6), None, START)) == []

    def test_nothing_is_to_be_switched_on_after_the_last_slot(self):
        assert STUDY.window is not None
        slots = list(STUDY.window.schedule)
        assert said(at(slots[-1] + timedelta(hours=1), airflow(paused=True), *slots)) == []


class TestARunThatFailed:
    @pytest.mark.parametrize(("state", "named"), [("failed", ["1 (Mon 07 Dec 08:00:00)"]), ("success", [])])
    def test_is_named_where_all_records_are_there_and_asks_for_nothing(self, state: str, named: list[str]):
        whole = at(START + timedelta(minutes=6), airflow(), START, state=state)
        words = [words for name, words in facts(whole, STUDY.window) if name == "Run failed"]
        assert [text.partition(", though all records are there")[0] for text in words] == named
        assert said(whole) == []
