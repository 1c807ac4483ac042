from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.rag.ranking import bm25, fuse, order

TEXTS = st.lists(st.text(alphabet="ab 1.,%", max_size=20), min_size=1, max_size=8)
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


class TestWords:
    def test_are_scored_as_computed_by_hand(self):
        # k1 = 1.2, b = 0.75, mean length 3, "rye" in 2 of 3: idf = ln(1 + 1.5/2.5) = 0.470004
        # rye bread: 0.470004 · 1 / (1 + 1.2 · (0.25 + 0.75 · 2/3)) = 0.470004 / 1.9
        # rye rye oats flour: 0.470004 · 2 / (2 + 1.2 · (0.25 + 0.75 · 4/3)) = 0.940007 / 3.5
        ((bread, oats, salt),) = bm25(["Rye?"], ["rye bread", "Rye, rye, oats, flour", "salt and water"])
        assert (bread, oats, salt) == (pytest.approx(0.247370, abs=1e-6), pytest.approx(0.268574, abs=1e-6), 0)

    def test_add_up_over_those_that_a_query_holds(self):
        texts = ["rye bread", "rye oats", "salt"]
        (rye,), (bread,), (both,) = ([scores[0]] for scores in bm25(["rye", "bread", "rye bread bread"], texts))
        assert both == pytest.approx(rye + bread)

    @pytest.mark.parametrize(("figure", "other"), [("1.42%", "42 of 1"), ("1,280", "280"), ("CET1", "1 CET")])
    def test_with_figures_are_whole(self, figure: str, other: str):
        ((whole, parts),) = bm25([figure], [f"It was {figure}.", other])
        assert whole > parts == 0

    @pytest.mark.parametrize(("query", "texts"), [("", ["rye"]), ("salt", ["rye"]), ("rye", ["—"])])
    def test_that_are_not_shared_score_nothing(self, query: str, texts: list[str]):
        assert bm25([query], texts) == [[0.0]]

    def test_of_no_queries_or_texts_have_no_scores(self):
        assert bm25([], ["rye"]) == []
        assert bm25(["rye"], []) == [[]]

    @given(TEXTS, TEXTS)
    def test_give_finite_scores_from_zero_on(self, queries, texts):
        scores = bm25(queries, texts)
        assert [len(row) for row in scores] == [len(texts)] * len(queries)
        assert all(0 <= score < math.inf for row in scores for score in row)


class TestFusion:
    def test_adds_reciprocal_ranks(self):
        assert fuse([[0.9, 0.1, 0.5], [7.0, 9.0, 8.0]]) == pytest.approx([1 / 61 + 1 / 63, 1 / 63 + 1 / 61, 2 / 62])

    def test_gives_equal_scores_the_last_rank_of_theirs(self):
        assert fuse([[5.0, 0.0, 0.0]]) == pytest.approx([1 / 61, 1 / 63, 1 / 63])

    def test_by_words_that_no_text_holds_leaves_the_order_by_meaning(self):
        meaning = [0.2, 0.9, 0.5]
        assert order(fuse([meaning, [0.0] * 3])) == order(meaning)

    @given(SCORES)
    def test_of_one_ranking_is_that_ranking(self, scores):
        assert order(fuse([scores])) == order(scores)

    @given(st.data(), SCORES)
    def test_does_not_depend_on_the_order_of_the_texts(self, data, first):
        second = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(first), max_size=len(first)))
        moved = data.draw(st.permutations(range(len(first))))
        fused = fuse([first, second])
        assert fuse([[scores[i] for i in moved] for scores in (first, second)]) == [fused[i] for i in moved]

    @given(SCORES)
    def test_puts_a_text_that_is_first_in_all_rankings_first(self, scores):
        assert max(scores) == scores[order(fuse([scores, scores]))[0]]


def test_order_is_best_first_and_keeps_equal_ones_as_they_come():
    assert order([0.1, 0.9, 0.5, 0.9]) == [1, 3, 2, 0]


class TestTheBorders:
    def test_a_number_is_one_word_with_its_separators(self):
        ((whole, parts),) = bm25(["1,280.5"], ["1,280.5 loaves", "1 280 5"])
        assert whole > parts == 0

    def test_a_longer_text_counts_less_and_a_repetition_less_each_time(self):
        ((short, long, twice),) = bm25(["rye"], ["rye", "rye oats flour salt", "rye rye oats flour"])
        assert short > twice > long > 0
        assert twice < 2 * long

    def test_one_text_is_of_the_mean_length(self):
        assert bm25(["rye"], ["rye oats"]) == [[pytest.approx(math.log(1 + 0.5 / 1.5) / 2.2)]]

    def test_texts_without_words_have_no_length(self):
        assert bm25(["rye"], ["", "rye"])[0] == pytest.approx([0, math.log(2) / (1 + 1.2 * (0.25 + 0.75 * 2))])

    def test_fusion_of_two_rankings_of_ties(self):
        assert fuse([[1.0, 1.0], [0.0, 2.0]]) == pytest.approx([1 / 62 + 1 / 62, 1 / 62 + 1 / 61])
