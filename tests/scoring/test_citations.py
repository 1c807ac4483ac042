from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.rag.documents import sentences
from llm_bench.scoring.citations import cited, cut, without_citations


class TestACitation:
    @pytest.mark.parametrize(
        ("sentence", "passages"),
        [
            ("Sales rose by 4% [1].", {1}),
            ("Sales rose by 4% [1, 2].", {1, 2}),
            ("Sales rose by 4% [1, 2 and 5].", {1, 2, 5}),
            ("Sales rose by 4% [1][3].", {1, 3}),
            ("Sales rose by 4% [1], [3].", {1, 3}),
            ("Sales rose by 4% [1–3].", {1, 2, 3}),
            ("Sales rose by 4% ([2]).", {2}),
            ("Sales rose by 4% [^1].", {1}),
            ("Sales rose by 4% 【2†source】.", {2}),
            ("Sales rose by 4% [1](https://example.com/9).", {1}),
            ("Sales rose by 4%.¹", {1}),
            ("Sales rose by 4%.¹²", {1, 2}),
            ("Sales rose by 4%¹⁰.", {10}),
            ("Sales rose by 4% [Passage 1].", {1}),
            ("Sales rose by 4% [Passage 1, Passage 4].", {1, 4}),
            ("Sales rose by 4% (Passage 2).", {2}),
            ("Sales rose by 4% (see passage 3).", {3}),
            ("Sales rose by 4% (Source: [2]).", {2}),
            ("Sales rose by 4% (Sources: 1, 3).", {1, 3}),
            ("Sales rose by 4% [Abschnitt 1].", {1}),
            ("Sales rose by 4% [Quelle 2].", {2}),
            ("Sales rose by 4% (siehe Abschnitt 2).", {2}),
        ],
    )
    def test_is_read_and_taken_out(self, sentence: str, passages: set[int]):
        assert cited(sentence) == passages
        assert without_citations(sentence) == "Sales rose by 4%."

    @pytest.mark.parametrize(
        ("sentence", "passages", "left"),
        [
            ("According to [1], sales rose.", {1}, "Sales rose."),
            ("According to passage 1 of the context, sales rose.", {1}, "Sales rose."),
            ("Based on passages [1] and [3], sales rose.", {1, 3}, "Sales rose."),
            ("As stated in [2], sales rose.", {2}, "Sales rose."),
            ("In [2], sales rose.", {2}, "Sales rose."),
            ("[1] states that sales rose.", {1}, "Sales rose."),
            ("[1] and [2] state that sales rose.", {1, 2}, "Sales rose."),
            ("Passages 1 and 2 say that sales rose.", {1, 2}, "Sales rose."),
            ("Context 1: sales rose.", {1}, "Sales rose."),
            ("Laut Quelle 2 und 3 stieg der Umsatz.", {2, 3}, "Stieg der Umsatz."),
        ],
    )
    def test_goes_with_the_words_that_lead_to_it(self, sentence: str, passages: set[int], left: str):
        assert cited(sentence) == passages
        assert without_citations(sentence) == left

    @pytest.mark.parametrize(
        ("sentence", "left"),
        [
            ("[2] does not mention wages.", "The passage does not mention wages."),
            ("Passage (2) does not say it.", "The passage does not say it."),
            ("This is in line with [2].", "This is in line with the passage."),
        ],
    )
    def test_is_the_passage_where_the_sentence_needs_it(self, sentence: str, left: str):
        assert cited(sentence) == {2}
        assert without_citations(sentence) == left

    @pytest.mark.parametrize(
        "sentence",
        [
            "Sales rose in 2024 [2024].",
            'It was "recieved" [sic].',
            "Sales rose (1) and costs fell (2).",
            "An area of 12 m² and 4 km².",
            "The value is 10².",
            "The rate lies in [0.39, 0.45].",
            "The share [12%] rose.",
            "The company sources 20 percent of its wheat.",
            "In this context 3 shops were closed.",
        ],
    )
    def test_is_not_anything_in_brackets_or_beside_a_number(self, sentence: str):
        assert cited(sentence) == frozenset()
        assert without_citations(sentence) == sentence

    @given(st.text())
    def test_is_of_a_passage_from_1_to_99_in_any_text(self, text: str):
        assert all(1 <= number <= 99 for number in cited(text))
        assert isinstance(without_citations(text), str)

    @given(st.sampled_from(["[7]", "[3, 4]", "(Passage 2)", "[^5]"]), st.text("abc 12%.", max_size=20))
    def test_leaves_no_number_behind(self, mark: str, text: str):
        assert cited(without_citations(f"{text}x {mark}.")) == frozenset()


class TestTheSentencesOfAnAnswer:
    @pytest.mark.parametrize(
        "answer",
        [
            "Sales rose [1]. Costs fell [2][3].",
            "Sales rose. [1] Costs fell. [2][3]",
            "Sales rose.[1] Costs fell.[2][3]",
            "Sales rose.¹ Costs fell.²³",
            "- Sales rose. [1]\n- Costs fell. [2][3]",
            "Sales rose. (Passage 1) Costs fell. (Passages 2, 3)",
        ],
    )
    def test_have_the_citations_before_and_behind_their_full_stops(self, answer: str):
        assert cut(answer, sentences) == [("Sales rose.", {1}), ("Costs fell.", {2, 3})]

    def test_have_the_citations_of_one_that_only_cites(self):
        assert cut("Sales rose [1]. Source: [2]", sentences) == [("Sales rose.", {1, 2})]
        assert cut("Sales rose.[^1]\n\n[^1]: Passage 1", sentences) == [("Sales rose.", {1})]

    def test_are_none_where_it_only_cites(self):
        assert cut("[1]", sentences) == []

    def test_begin_with_a_citation_that_is_their_subject(self):
        assert cut("Sales rose [1]. [2] says so, too.", sentences) == [
            ("Sales rose.", {1}),
            ("The passage says so, too.", {2}),
        ]
