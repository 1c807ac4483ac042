from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from llm_bench.batch.rescore import rescore
from llm_bench.rag.prompt import build_messages, context_hash, prompt_hash
from llm_bench.records import utc_text
from llm_bench.scoring.score import SCORING_VERSION
from llm_bench.store.base import object_path, to_parquet
from llm_bench.store.contexts import keep_contexts, read_context
from llm_bench.store.file import FileStore

AT = datetime(2026, 12, 12, tzinfo=UTC)
PASSAGES = ["# Revenue\n\nHome & Kitchen generated the highest revenue, € 148.2 million."]
QUESTION = "Which category generates the highest revenue?"
PROMPT = {
    "question_id": "retail-01",
    "question": QUESTION,
    "passages": PASSAGES,
    "documents": ["revenue"],
    "answerable": True,
    "points": ["Home & Kitchen generated the highest revenue, € 148.2 million."],
    "context_hash": context_hash(PASSAGES),
    "prompt_hash": prompt_hash(build_messages(QUESTION, PASSAGES)),
}


class Model:
    """Gives every text the same meaning, so that figures and names decide."""

    identity = "some/model@abc"

    def encode(self, texts):
        import numpy as np

        return np.tile(np.array([[1.0, 0.0]], np.float32), (len(texts), 1))


class Encoder:
    """Supports a quarter of every answer."""

    identity = "some/judge@abc"

    def judged(self, judgement, passages, vectors):
        return replace(judgement, scores={**judgement.scores, "groundedness": 0.25})


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path)


@pytest.fixture
def load(store, make_record):
    def load(*answers: str, slot: datetime = datetime(2026, 12, 7, 7, tzinfo=UTC), prompt=PROMPT) -> None:
        records = [
            make_record(
                0,
                slot=slot,
                record_id=f"{slot:%j%H}-{number}",
                answer=answer,
                question=prompt["question"],
                context_hash=prompt["context_hash"],
                prompt_hash=prompt["prompt_hash"],
            )
            for number, answer in enumerate(answers)
        ]
        store.commit(object_path("records", "thesis", slot), to_parquet(records), 0)

    return load


def scores(store, path):
    return pq.read_table(io.BytesIO(store.read(path)[0])).to_pylist()


class TestScoresByAnotherModel:
    def test_are_kept_beside_the_records_with_where_they_come_from(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("Home & Kitchen, € 148.2 million.", "Toys, € 12 million.")
        before = store.read(store.list("records/")[0])
        (day,) = rescore(store, "thesis", Model(), {}, AT)
        right, wrong = scores(store, day.path)
        assert day.path == "scores/study=thesis/by=some--model--abc/date=2026-12-07.parquet"
        assert right["coverage_score"] > wrong["coverage_score"]
        assert right["embedding_model"] == "some/model@abc"
        assert right["scored_at"] == AT
        assert right["scoring_version"] == SCORING_VERSION
        assert store.read(store.list("records/")[0]) == before

    def test_say_why_an_answer_has_none(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("家居和厨房收入最高。")
        (day,) = rescore(store, "thesis", Model(), {}, AT)
        (row,) = scores(store, day.path)
        assert (row["coverage_score"], row["score_note"]) == (None, "The answer isn't in the letters of English.")

    def test_are_by_the_language_of_the_study(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("Home & Kitchen, € 148.2 million.")
        (day,) = rescore(store, "thesis", Model(), {}, AT, language="fr")
        (row,) = scores(store, day.path)
        assert (row["coverage_score"] is None, row["declined"]) == (False, None)

    def test_stand_by_the_name_of_the_cross_encoder_where_one_judged(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("Home & Kitchen, € 148.2 million.")
        (day,) = rescore(store, "thesis", Model(), {}, AT, encoder=Encoder())
        (scored,) = scores(store, day.path)
        assert day.path == "scores/study=thesis/by=some--judge--abc/date=2026-12-07.parquet"
        assert (scored["embedding_model"], scored["scoring_model"]) == ("some/model@abc", "some/judge@abc")
        assert scored["groundedness"] == 0.25

    def test_stand_in_one_object_for_each_day(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        first = datetime(2026, 12, 7, 7, tzinfo=UTC)
        for slot in (first, first + timedelta(hours=1), first + timedelta(days=1)):
            load("Home & Kitchen, € 148.2 million.", slot=slot)
        days = list(rescore(store, "thesis", Model(), {}, AT))
        assert [day.records for day in days] == [2, 1]
        assert {row["slot"] for row in scores(store, days[1].path)} == {utc_text(first + timedelta(days=1))}

    def test_list_the_contexts_once_for_all_days(self, store, load, monkeypatch):
        keep_contexts(store, "thesis", [PROMPT])
        first = datetime(2026, 12, 7, 7, tzinfo=UTC)
        for slot in (first, first + timedelta(days=1), first + timedelta(days=2)):
            load("Home & Kitchen, € 148.2 million.", slot=slot)
        listed = []
        monkeypatch.setattr(store, "list", lambda prefix, of=store.list: listed.append(prefix) or of(prefix))
        assert len(list(rescore(store, "thesis", Model(), {}, AT))) == 3
        assert listed == ["contexts/study=thesis/"]

    def test_replace_only_earlier_ones_of_the_same_model(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("Home & Kitchen, € 148.2 million.")
        list(rescore(store, "thesis", Model(), {}, AT))
        list(rescore(store, "thesis", Model(), {}, AT + timedelta(days=1)))
        (path,) = store.list("scores/")
        assert [row["scored_at"] for row in scores(store, path)] == [AT + timedelta(days=1)]

    def test_rest_on_the_points_of_today(self, store, load):
        keep_contexts(store, "thesis", [PROMPT])
        load("Home & Kitchen, € 148.2 million.")
        (day,) = rescore(store, "thesis", Model(), {"retail-01": ["Revenue was € 148.2 million; Toys lost 7%."]}, AT)
        assert scores(store, day.path)[0]["coverage_score"] != pytest.approx(1, abs=0.01)

    def test_leave_out_and_name_what_has_no_context(self, store, load):
        load("Home & Kitchen, € 148.2 million.")
        (day,) = rescore(store, "thesis", Model(), {}, AT)
        assert (day.records, day.unscored) == (0, ("retail-01",))


class TestContexts:
    def test_come_back_as_they_were_given(self, store):
        keep_contexts(store, "thesis", [PROMPT])
        assert read_context(store, "thesis", "retail-01", PROMPT["prompt_hash"]) == PROMPT

    def test_are_kept_once(self, store):
        keep_contexts(store, "thesis", [PROMPT])
        (path,) = store.list("contexts/")
        generation = store.read(path)[1]
        keep_contexts(store, "thesis", [PROMPT])
        assert store.read(path)[1] == generation
