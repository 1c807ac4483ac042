"""All LLMs' answers to one question in one slot, beside one another."""

from __future__ import annotations

import re

import pytest

from dashboard.conftest import SLOTS, thesis_slots
from llm_bench.dashboard.beside import _together
from llm_bench.dashboard.highlight import mark
from llm_bench.records import llm_of
from llm_bench.store.base import from_parquet, object_path, open_store

ROOT = "/llm-bench/thesis/records"


@pytest.fixture(scope="module")
def batches(loaded, include):
    """The records of each slot."""
    store = open_store("file://data", loaded)
    slots = thesis_slots(include)[:SLOTS]
    return [from_parquet(store.read(object_path("records", "thesis", slot))[0]) for slot in slots]


@pytest.fixture(scope="module")
def batch(batches):
    return batches[0]


@pytest.fixture
def page(loaded, batch, visitor):
    """The page from a record; its text and its addresses."""

    def see(record) -> str:
        reply = visitor("VIEWER").get(f"{ROOT}/{record['record_id']}/beside")
        assert reply.status_code == 200
        return reply.text

    return see


def answered(batch):
    return next(record for record in batch if record["success"] and record["answer"] and record["coverage_score"])


class TestThePage:
    def test_has_an_answer_of_each_llm_and_leads_to_its_record(self, page, batch):
        record = answered(batch)
        same = [other for other in batch if other["question_id"] == record["question_id"]]
        text = page(record)
        assert len(same) == 4
        assert sorted(re.findall(rf'href="{ROOT}/(\w+)"', text)) == sorted(other["record_id"] for other in same)
        assert text.count('id="answer-') == 4

    def test_is_the_same_from_each_of_them(self, page, batch):
        record = answered(batch)
        other = next(
            other
            for other in batch
            if other["question_id"] == record["question_id"] and llm_of(other) != llm_of(record)
        )
        assert page(record) == page(other)

    def test_says_of_a_failure_how_it_failed(self, page, batches):
        failed = next(record for batch in batches for record in batch if not record["success"])
        assert f"Failed: {failed['failure_kind'].replace('_', ' ')}" in page(failed)

    def test_is_found_from_the_record(self, loaded, batch, visitor):
        record = answered(batch)
        text = visitor("VIEWER").get(f"{ROOT}/{record['record_id']}").text
        assert f'href="{ROOT}/{record["record_id"]}/beside"' in text

    def test_of_a_record_that_is_not_there_says_so(self, loaded, visitor):
        assert visitor("VIEWER").get(f"{ROOT}/gone/beside").status_code == 404


class TestTheContext:
    PASSAGES = ("Stores sold toys worth 4.2 million euros.", "Shrinkage fell.")

    def marked(self, answer: str):
        return mark(self.PASSAGES, ["sales.md", "losses.md"], "What was sold?", answer)

    def test_names_the_llms_that_take_a_sentence_up(self):
        first, second = _together({"a": self.marked("Toys, for 4.2 million euros."), "b": self.marked("No idea.")})
        assert [dict(sentence.by) for sentence in first.sentences] == [{"a": "figure"}]
        assert [dict(sentence.by) for sentence in second.sentences] == [{}]
        assert (second.number, second.passage.document) == (2, "losses.md")

    def test_that_cant_be_read_says_why(self):
        assert _together({"a": "It isn't there.", "b": "It isn't there."}) == "It isn't there."
