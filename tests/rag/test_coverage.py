from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from llm_bench.rag.coverage import FLOOR, coverage, groundedness
from llm_bench.rag.knowledge import load_documents, load_questions, sentences

DIMENSIONS = 5
NONE = np.zeros((0, DIMENSIONS))


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.where(length > 1e-6, rows / np.maximum(length, 1e-6), np.eye(DIMENSIONS)[0])


def embeddings(least: int = 0, most: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Rows of length 1."""
    return st.integers(least, most).flatmap(
        lambda n: arrays(np.float32, (n, DIMENSIONS), elements=st.floats(-1, 1, width=32)).map(_unit)
    )


QUESTION = embeddings(1, 1).map(lambda rows: rows[0])


def towards(cosine: float) -> np.ndarray:
    """A unit vector that has this cosine with the first axis."""
    return np.array([cosine, np.sqrt(1 - cosine**2), 0, 0, 0])


AXIS = np.eye(DIMENSIONS)


class TestCoverage:
    @given(QUESTION, embeddings(), embeddings())
    def test_lies_between_0_and_1_or_has_no_meaning(self, question, context, answer):
        covered = coverage(question, context, answer)
        assert covered is None or 0 <= covered <= 1

    @given(QUESTION, embeddings(1))
    def test_of_the_context_itself_is_1(self, question, context):
        covered = coverage(question, context, context)
        assert covered is None or covered == pytest.approx(1, abs=1e-5)

    @given(QUESTION, embeddings(), embeddings(), embeddings(1, 1))
    def test_never_falls_with_another_sentence(self, question, context, answer, sentence):
        before, after = coverage(question, context, answer), coverage(question, context, np.vstack([answer, sentence]))
        assert (before is None) == (after is None)
        assert before is None or after >= before - 1e-9

    @given(QUESTION, embeddings(), embeddings(), st.randoms())
    def test_does_not_depend_on_the_order_of_sentences(self, question, context, answer, random):
        some, other = list(range(len(context))), list(range(len(answer)))
        random.shuffle(some)
        random.shuffle(other)
        assert coverage(question, context[some], answer[other]) == pytest.approx(coverage(question, context, answer))

    @given(QUESTION, embeddings(1))
    def test_without_a_sentence_in_the_answer_is_0(self, question, context):
        assert coverage(question, context, NONE) in {0, None}

    @given(QUESTION, embeddings())
    def test_of_an_empty_context_has_no_meaning(self, question, answer):
        assert coverage(question, NONE, answer) is None

    def test_of_a_context_that_says_nothing_of_the_question_has_no_meaning(self):
        assert coverage(AXIS[0], AXIS[1:3], AXIS[1:3]) is None

    def test_counts_cosines_from_the_floor_on(self):
        covered = [coverage(AXIS[0], AXIS[:1], towards(cosine)[None]) for cosine in (FLOOR, (1 + FLOOR) / 2, 1.0)]
        assert covered == pytest.approx([0, 0.5, 1])

    def test_weighs_a_sentence_by_its_relevance_to_the_question(self):
        relevant, beside = towards(0.9), np.array([0.45, 0, np.sqrt(1 - 0.45**2), 0, 0])
        context = np.array([relevant, beside])
        assert coverage(AXIS[0], context, relevant[None]) > 0.98
        assert coverage(AXIS[0], context, beside[None]) < 0.4


class TestGroundedness:
    @given(embeddings(), embeddings(1))
    def test_lies_between_0_and_1(self, context, answer):
        assert 0 <= groundedness(context, answer) <= 1

    @given(embeddings(1))
    def test_of_the_context_itself_is_1(self, context):
        assert groundedness(context, context) == pytest.approx(1, abs=1e-5)

    @given(embeddings(), embeddings(1), embeddings(1, 1))
    def test_never_falls_with_a_larger_context(self, context, answer, sentence):
        assert groundedness(np.vstack([context, sentence]), answer) >= groundedness(context, answer) - 1e-9

    @given(embeddings())
    def test_of_no_answer_has_no_meaning(self, context):
        assert groundedness(context, NONE) is None

    @given(embeddings(1))
    def test_on_no_context_is_0(self, answer):
        assert groundedness(NONE, answer) == 0

    def test_is_the_mean_over_the_answers_sentences(self):
        assert groundedness(AXIS[:1], AXIS[:2]) == pytest.approx(0.5)


@pytest.fixture(scope="module", params=["retail", "finance"])
def scores(request, embedder, shipped):
    """Question by question: scores of (its reference points, the first of them, those of the next question)."""
    questions = load_questions(shipped, request.param)
    stated = {document.slug: sentences(document.text) for document in load_documents(shipped, request.param)}
    texts = [
        *(sentence for told in stated.values() for sentence in told),
        *(text for question in questions for text in (question.text, *(point.text for point in question.points))),
    ]
    embedding = dict(zip(texts, embedder.encode(texts), strict=True))

    def of(question, answer):
        slugs = dict.fromkeys(point.document for point in question.points)
        context = np.array([embedding[sentence] for slug in slugs for sentence in stated[slug]])
        answer = np.array([embedding[sentence] for sentence in answer])
        return coverage(embedding[question.text], context, answer), groundedness(context, answer)

    return [
        (
            of(question, [point.text for point in question.points]),
            of(question, [point.text for point in question.points[:1]]),
            of(question, [point.text for point in other.points]),
        )
        for question, other in zip(questions, (*questions[1:], questions[0]), strict=True)
    ]


class TestWithTheShippedQuestions:
    """The real model: do the scores mean what they say?"""

    def test_the_right_answer_covers_more_than_an_answer_to_another_question(self, scores):
        assert all(right[0] > off_topic[0] + 0.1 for right, _, off_topic in scores)

    def test_the_right_answer_is_better_grounded_than_an_answer_to_another_question(self, scores):
        assert all(right[1] > off_topic[1] + 0.1 for right, _, off_topic in scores)

    def test_the_whole_answer_covers_no_less_than_its_first_fact(self, scores):
        assert all(right[0] >= part[0] for right, part, _ in scores)

    def test_the_right_answer_is_well_grounded(self, scores):
        assert np.mean([right[1] for right, _, _ in scores]) > 0.7
