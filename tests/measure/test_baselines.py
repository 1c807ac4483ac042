from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.measure.baselines import BASELINES

SENTENCES = ["Revenue rose.", "Toys fell by 3%.", "Kitchen revenue was highest.", "Costs rose.", "Staff is stable."]


class TestBaselines:
    def test_lead_takes_the_first_sentences(self):
        assert BASELINES["lead"]("Which?", SENTENCES) == SENTENCES[:3]

    def test_overlap_takes_the_sentences_with_the_questions_words_in_order(self):
        chosen = BASELINES["overlap"]("Was kitchen revenue highest?", SENTENCES)
        assert chosen == [SENTENCES[0], SENTENCES[1], SENTENCES[2]]

    def test_random_draws_the_same_each_time_but_not_for_each_question(self):
        questions = [f"Question {n}?" for n in range(20)]
        drawn = [BASELINES["random"](question, SENTENCES) for question in questions]
        assert drawn == [BASELINES["random"](question, SENTENCES) for question in questions]
        assert len({tuple(sentences) for sentences in drawn}) > 1

    def test_full_takes_all(self):
        assert BASELINES["full"]("Which?", SENTENCES) == SENTENCES

    @pytest.mark.parametrize("name", BASELINES)
    @given(sentences=st.lists(st.text()), question=st.text())
    def test_each_answers_with_sentences_of_the_context_in_their_order(
        self, name: str, sentences: list[str], question: str
    ):
        chosen = BASELINES[name](question, sentences)
        rest = iter(sentences)
        assert all(sentence in rest for sentence in chosen)


class TestTheLengthOfAnAnswer:
    @pytest.mark.parametrize("name", ["lead", "overlap", "random"])
    def test_is_three_sentences(self, name: str):
        assert len(BASELINES[name]("Which?", SENTENCES)) == 3

    def test_of_overlap_counts_each_word_once_whatever_its_case(self):
        sentences = ["Toys toys toys.", "Was it?", "Kitchen REVENUE.", "No.", "Revenue of toys."]
        assert BASELINES["overlap"]("Kitchen revenue, toys?", sentences) == [sentences[0], sentences[2], sentences[4]]
