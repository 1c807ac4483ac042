from __future__ import annotations

import numpy as np
import pytest

from llm_bench.rag.kept import encode_once

TEXTS = ["Bread is baked.", "Flour costs € 0.62."]


class Counting:
    """An embedder that counts how often it is asked."""

    def __init__(self, embedder):
        self.identity, self.times, self._embedder = embedder.identity, 0, embedder

    def encode(self, texts):
        self.times += 1
        return self._embedder.encode(texts)


@pytest.fixture
def counting(embedder):
    return Counting(embedder)


def test_the_same_texts_are_encoded_once(counting, tmp_path):
    first, second = (encode_once(counting, TEXTS, tmp_path) for _ in range(2))
    assert counting.times == 1
    assert (first == second).all()
    assert (first == counting.encode(TEXTS)).all()


def test_other_texts_another_order_and_another_model_are_encoded_by_themselves(counting, tmp_path):
    encode_once(counting, TEXTS, tmp_path)
    assert (encode_once(counting, TEXTS[::-1], tmp_path) == counting.encode(TEXTS[::-1])).all()
    assert len(encode_once(counting, TEXTS[:1], tmp_path)) == 1
    counting.identity = "another@1"
    encode_once(counting, TEXTS, tmp_path)
    assert counting.times == 5


def test_batches_that_begin_together_encode_the_same_texts_once(counting, tmp_path, at_once):
    vectors = at_once(lambda: encode_once(counting, TEXTS, tmp_path))
    assert all((each == vectors[0]).all() for each in vectors)
    assert counting.times == 1


def _cut(content):
    return content[: len(content) // 2]


def _turned(content):
    at = content.index(b"NUMPY") + 200
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def _of_objects(content):  # which numpy would unpickle, and so run
    return content.replace(b"'<f4'", b"'|O' ")


@pytest.mark.parametrize("damage", [_cut, _turned, _of_objects, lambda _: b"", lambda _: b"no archive"])
def test_a_damaged_file_is_made_anew(counting, tmp_path, damage):
    expected = encode_once(counting, TEXTS, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert (encode_once(counting, TEXTS, tmp_path) == expected).all()
    assert (counting.times, file.read_bytes()) == (2, whole)


@pytest.mark.parametrize("held", [np.zeros((1, 384), np.float32), np.zeros((2, 384)), np.zeros(2, np.float32)])
def test_what_cannot_be_these_embeddings_is_made_anew(counting, tmp_path, held):
    expected = encode_once(counting, TEXTS, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    np.savez(file, vectors=held)
    assert (encode_once(counting, TEXTS, tmp_path) == expected).all()


def test_where_nothing_can_be_written_nothing_is_kept(counting, tmp_path):
    (tmp_path / "folder").write_text("a file in its place")
    expected = counting.encode(TEXTS)
    assert (encode_once(counting, TEXTS, tmp_path / "folder" / "embeddings") == expected).all()
