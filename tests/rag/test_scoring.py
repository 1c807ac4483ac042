from __future__ import annotations

import copy

import pytest

from llm_bench.rag.prompt import context_hash
from llm_bench.rag.scoring import ContextMismatchError, score

CONTEXTS = {
    "q1": ["# Output 2025\n\nThe bakery baked 1.2 million loaves. Most of them were rye."],
    "q2": ["# Prices\n\nFlour costs € 0.62 a kilogram.", "# Prices\n\nSalt costs € 0.20."],
}


def record(question_id: str = "q1", answer: str | None = "The bakery baked 1.2 million loaves.", **changes):
    """A record as it comes from measuring; the fields that scoring needs."""
    return {
        "question_id": question_id,
        "question": {"q1": "How many loaves were baked?", "q2": "What does flour cost?"}[question_id],
        "llm_model": "llama3-70b-8192",
        "success": True,
        "answer": answer,
        "context_hash": context_hash(CONTEXTS[question_id]),
        "coverage_score": None,
        "groundedness": None,
        "embedding_model": "planned",
        **changes,
    }


class TestScores:
    def test_are_filled_in_with_the_model_that_gave_them(self, hash_embedder):
        (scored,) = score([record()], CONTEXTS, hash_embedder)
        assert 0 < scored["coverage_score"] < 1
        assert scored["groundedness"] == 1
        assert scored["embedding_model"] == "hash@1"

    def test_are_plain_numbers(self, hash_embedder):
        (scored,) = score([record()], CONTEXTS, hash_embedder)
        assert {type(scored[name]) for name in ("coverage_score", "groundedness")} == {float}

    def test_of_the_context_itself_are_1(self, hash_embedder):
        whole = "The bakery baked 1.2 million loaves. Most of them were rye."
        (scored,) = score([record(answer=whole)], CONTEXTS, hash_embedder)
        assert (scored["coverage_score"], scored["groundedness"]) == (1, 1)

    @pytest.mark.parametrize(
        "unanswered",
        [
            pytest.param({"success": False, "answer": None}, id="failure"),
            pytest.param({"success": False, "answer": "The bakery"}, id="failure after some text"),
            pytest.param({"answer": " \n"}, id="blank answer"),
            pytest.param({"answer": None}, id="no answer"),
        ],
    )
    def test_are_null_without_an_answer(self, hash_embedder, unanswered):
        (scored,) = score([record(**unanswered, coverage_score=0.5, groundedness=0.5)], CONTEXTS, hash_embedder)
        assert (scored["coverage_score"], scored["groundedness"]) == (None, None)
        assert scored["embedding_model"] == "planned"

    def test_leave_the_given_records_as_they_are(self, hash_embedder):
        given = [record(), record("q2", None, success=False)]
        before = copy.deepcopy(given)
        score(given, CONTEXTS, hash_embedder)
        assert given == before

    def test_come_in_the_order_of_the_records_with_all_their_fields(self, hash_embedder):
        scored = score([record("q2"), record("q1", None), record("q1")], CONTEXTS, hash_embedder)
        assert [one["question_id"] for one in scored] == ["q2", "q1", "q1"]
        assert all(one.keys() == record().keys() for one in scored)

    def test_do_not_depend_on_the_rest_of_the_batch(self, hash_embedder):
        alone = score([record("q2")], CONTEXTS, hash_embedder)
        assert score([record("q1"), record("q2")], CONTEXTS, hash_embedder)[1:] == alone


class TestEncoding:
    def test_takes_each_distinct_sentence_once_in_one_call(self, hash_embedder):
        score(
            [record(), record("q2"), record(), record("q2", "Flour costs € 0.62 a kilogram.")], CONTEXTS, hash_embedder
        )
        (texts,) = hash_embedder.calls
        assert sorted(texts) == [
            "Flour costs € 0.62 a kilogram.",
            "How many loaves were baked?",
            "Most of them were rye.",
            "Salt costs € 0.20.",
            "The bakery baked 1.2 million loaves.",
            "What does flour cost?",
        ]

    def test_is_left_out_when_nothing_was_answered(self, hash_embedder):
        score([record(answer=None)], CONTEXTS, hash_embedder)
        assert score([], {}, hash_embedder) == []
        assert hash_embedder.calls == []


class TestContextsThatDontMatch:
    @pytest.mark.parametrize("success", [True, False])
    def test_another_context_is_refused(self, hash_embedder, success):
        changed = {**CONTEXTS, "q1": ["# Output 2025\n\nThe bakery baked 9 loaves."]}
        with pytest.raises(ContextMismatchError, match=r"llama3-70b-8192 was asked q1 .* Clear the run's prepare task"):
            score([record("q2"), record("q1", success=success)], changed, hash_embedder)

    def test_a_missing_context_is_refused(self, hash_embedder):
        with pytest.raises(ContextMismatchError, match="is missing"):
            score([record()], {"q2": CONTEXTS["q2"]}, hash_embedder)


class TestWithTheRealModel:
    def test_right_beats_half_right_beats_off_topic(self, embedder):
        answers = [
            "1.2 million loaves were baked in total. Rye made up most of them.",
            "It baked 1.2 million loaves.",
            "The CET1 ratio was 14.7%.",
        ]
        scored = score([record(answer=answer) for answer in answers], CONTEXTS, embedder)
        right, half, off = (one["coverage_score"] for one in scored)
        assert right > half > off
        assert scored[0]["groundedness"] > 0.6
        assert scored[2]["groundedness"] < 0.1
