from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.analysis.statistics import Answers, differing, similarity
from llm_bench.analysis.statistics.kernels import LONGEST, PIECE, Kernel, equality, hamming, spectrum

KERNELS = [equality, hamming, spectrum]
each = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
TEXTS = st.lists(st.text(max_size=30), min_size=2, max_size=8, unique=True)
ANSWERS = st.integers(1, 7).flatmap(
    lambda slots: st.lists(
        st.lists(st.sampled_from(["", "a", "toys led", "toys led by far", None]), min_size=slots, max_size=slots),
        min_size=1,
        max_size=4,
    )
)


class TestAKernel:
    @each
    @given(texts=TEXTS)
    def test_is_symmetric_and_positive_semidefinite(self, kernel: Kernel, texts: list[str]):
        alike = kernel(texts)
        assert alike.shape == (len(texts), len(texts))
        assert alike == pytest.approx(alike.T, abs=1e-4)
        assert np.linalg.eigvalsh(alike).min() >= -1e-3


class TestTheHammingKernel:
    def test_counts_the_places_with_the_same_character(self):
        alike = hamming(["abcd", "abxd", "ab"])
        assert alike == pytest.approx(np.array([[1, 0.75, 0.5], [0.75, 1, 0.5], [0.5, 0.5, 1]]))

    def test_sees_no_further_than_the_longest_text_that_is_compared(self):
        assert hamming(["a" * LONGEST + "b", "a" * LONGEST]).tolist() == [[1, 1], [1, 1]]

    def test_takes_no_character_for_the_end_of_a_text(self):
        assert hamming(["a\x01\x00", "a"])[0, 1] == pytest.approx(1 / 3)

    def test_takes_lone_surrogates(self):
        assert hamming(["\ud800", "a"]).tolist() == [[1, 0], [0, 1]]


class TestTheSpectrumKernel:
    def test_counts_pieces_that_differ_from_what_texts_have_on_average(self):
        shared, own, other = "a" * PIECE, "b" * PIECE, "c" * PIECE
        alike = spectrum([shared + own, shared + other])
        assert alike[0, 0] == alike[1, 1] == -alike[0, 1]
        assert alike[0, 0] == pytest.approx(PIECE / 2)  # eight pieces of each are its own, and half of that its part

    def test_has_pieces_of_eight_characters(self):
        assert spectrum(["abcdefgh", "zzabcdefgh"]).tolist() == [[0.5, -0.5], [-0.5, 0.5]]

    def test_finds_a_sentence_wherever_it_stands(self):
        sentence = "Home & Kitchen led with € 148.2 million."
        alike = spectrum([sentence, f"According to the context, {sentence}", "Toys came last, as in the year before."])
        assert alike[0, 1] > 0 > max(alike[0, 2], alike[1, 2])

    def test_takes_texts_shorter_than_a_piece(self):
        assert spectrum(["", "a"])[0, 1] < 0


class TestTheSimilarityOfSlots:
    @given(answers=ANSWERS, seed=st.integers(0, 2**16))
    def test_goes_with_the_slots_wherever_they_stand(self, answers: Answers, seed: int):
        order = np.random.default_rng(seed).permutation(len(answers[0]))
        moved = [[row[place] for place in order] for row in answers]
        assert similarity(moved) == pytest.approx(similarity(answers)[order][:, order], abs=1e-6)

    @given(answers=ANSWERS)
    def test_adds_up_to_nothing_and_is_nothing_of_a_slot_with_itself(self, answers: Answers):
        alike = similarity(answers)
        assert alike.diagonal().tolist() == [0] * len(alike)
        assert alike.sum() == pytest.approx(0, abs=1e-6)
        assert alike == pytest.approx(alike.T)

    @given(answers=ANSWERS)
    def test_adds_questions_up(self, answers: Answers):
        assert similarity(answers) == pytest.approx(sum(similarity([row]) for row in answers), abs=1e-9)

    def test_of_slots_without_an_answer_is_nothing(self):
        alike = similarity([["a", None, "b", "a"]])
        assert alike[1].tolist() == [0, 0, 0, 0]
        assert alike[0, 3] > 0 > alike[0, 2]

    @pytest.mark.parametrize("answers", [[], [[]], [["a", "a", None]], [[None, None]], [["a", "b"]]])
    def test_is_nothing_where_there_is_nothing_to_tell_apart(self, answers: Answers):
        alike = similarity(answers)
        assert alike.shape == (len(answers[0]) if answers else 0,) * 2
        assert not alike.any()

    def test_lets_each_question_count_alike(self):
        short, long = ["a", "a", "b", "b"], ["toys led " * 20 + end for end in "aabb"]
        assert similarity([short]) == pytest.approx(similarity([long]))


class TestTheShareThatDiffers:
    def test_is_of_pairs_with_the_reference_slots(self):
        assert differing([["a", "b", "a", "c"]], [0, 1]).tolist() == [1, 1, 0.5, 1]

    def test_leaves_out_what_cant_be_compared(self):
        shares = differing([["a", None, "b"], [None, "c", None]], [0])
        assert np.isnan(shares[:2]).all()
        assert shares[2] == 1

    def test_of_one_text_is_none(self):
        assert differing([["a"] * 4, ["b"] * 4], [0, 1]).tolist() == [0, 0, 0, 0]

    def test_of_nothing_is_nothing(self):
        assert differing([], []).size == 0

    @given(answers=ANSWERS)
    def test_is_what_counting_the_pairs_gives(self, answers: Answers):
        for slot, share in enumerate(differing(answers, [0])):
            pairs = [(row[slot], row[0]) for row in answers if slot and row[slot] is not None and row[0] is not None]
            if pairs:
                assert share == pytest.approx(sum(answer != first for answer, first in pairs) / len(pairs))
            else:
                assert np.isnan(share)
