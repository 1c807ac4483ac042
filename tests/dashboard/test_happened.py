"""The signs above charts along time: what they say is what the calendar and the status say."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis.studies import fill_study, thesis
from dashboard.conftest import thesis_slots
from llm_bench.store.base import from_parquet, object_path, open_store, to_parquet

SLOTS = 4
LLAMA = "groq/llama3-70b-8192"


@dataclass
class Edited:
    """A study whose batches can be changed."""

    home: Path
    slots: list

    def change(self, number: int, change) -> None:
        """Changes the records of a slot; None takes one out."""
        store, path = open_store("file://data", self.home), object_path("records", "thesis", self.slots[number])
        content, generation = store.read(path)
        records = [changed for record in from_parquet(content) if (changed := change(dict(record))) is not None]
        store.commit(path, to_parquet(records), generation)

    def noted(self, number: int, due: int) -> None:
        """Stores what the gate noted of a slot."""
        path = object_path("validations", "thesis", self.slots[number], "json")
        open_store("file://data", self.home).commit(path, json.dumps({"due": due}).encode(), 0)


@pytest.fixture
def study(include, tmp_path, monkeypatch) -> Edited:
    home = tmp_path / "home"
    shutil.copytree(include, home / "include")
    monkeypatch.setenv("LLM_BENCH_HOME", str(home))
    slots = thesis_slots(include)[:SLOTS]
    fill_study(open_store("file://data", home), thesis(include), include, slots=slots)
    return Edited(home, slots)


@pytest.fixture
def signs(visitor):
    """What the signs above a chart of a page say, and of which kind each is."""

    def read(page="latency", figure="over-time") -> list[tuple[str, str]]:
        reply = visitor("VIEWER").get(f"/llm-bench/thesis/{page}")
        assert reply.status_code == 200
        spec = json.loads(re.search(rf'id="{figure}-spec">(.*?)</script>', reply.text, re.DOTALL)[1])
        layers = [layer for layer in spec.get("layer", []) if layer.get("name", "").startswith("events-")]
        rows = spec.get("datasets", {})
        held = [(layer["name"], layer["data"].get("values") or rows[layer["data"]["name"]]) for layer in layers]
        return [(name.removeprefix("events-"), row["what"]) for name, values in held for row in values]

    return read


def calendar(visitor) -> list[str]:
    """The states of the measured slots, as the calendar has them."""
    text = visitor("VIEWER").get("/llm-bench/thesis/overview").text
    return re.findall(r'<span class="unseen">Slot \d+, [^<]*: ([\w ]+)</span>', text)[:SLOTS]


def late(record):
    return record | {"late_sec": record["late_sec"] + 4 * 3600, "run_type": "backfill"}


class TestTheSigns:
    def test_are_none_of_a_study_that_went_as_planned(self, study, signs):
        assert signs() == []

    def test_say_where_an_llm_is_asked_with_other_settings(self, study, signs):
        study.change(3, lambda record: record | {"settings_hash": "b" * 64} if record["llm"] == LLAMA else record)
        assert signs() == [("edited", f"other settings: {LLAMA}")]

    def test_say_where_questions_are_others(self, study, signs):
        study.change(3, lambda record: record | {"prompt_hash": record["prompt_hash"][::-1]})
        assert signs() == [("edited", "other questions or contexts")]

    def test_name_the_llms_of_the_view_alone(self, study, signs):
        study.change(3, lambda record: record | {"settings_hash": "b" * 64})
        assert signs(f"latency?llm={LLAMA}") == [("edited", f"other settings: {LLAMA}")]

    def test_say_nothing_of_an_incomplete_batch(self, study, signs):
        study.change(3, lambda record: None if record["llm"] == LLAMA else record)
        assert signs() == []

    def test_stand_over_every_chart_along_time(self, study, signs):
        study.change(2, late)
        study.change(3, lambda record: record | {"response_model": "another"})
        study.change(1, lambda record: record | {"response_model": "one"})
        for page, figure in (
            ("latency", "over-time"),
            ("throughput", "over-time"),
            ("coverage", "over-time"),
            ("success", "rate-over-time"),
            ("identity", "answers-over-time"),
            ("identity", "changes"),
        ):
            assert ("late", "backfill, measured late") in signs(page, figure), (page, figure)


class TestTheCalendar:
    def test_says_the_same_of_a_slot_that_was_late(self, study, signs, visitor):
        study.change(2, late)
        assert calendar(visitor) == ["done", "done", "late", "done"]
        assert signs() == [("late", "backfill, measured late")]

    def test_says_the_same_where_fewer_questions_were_due_then(self, study, signs, visitor):
        """A batch that was whole by what it was asked then, and that would be incomplete today."""
        study.change(1, lambda record: None if record["question_id"].endswith("01") else late(record))
        assert calendar(visitor)[1] == "incomplete"
        assert signs() == []
        content = open_store("file://data", study.home).read(object_path("records", "thesis", study.slots[1]))[0]
        study.noted(1, len(from_parquet(content)))
        assert calendar(visitor)[1] == "late"
        assert ("late", "backfill, measured late") in signs()
