from __future__ import annotations

import errno
import json
import os
from unittest.mock import patch

import pytest

from llm_bench.errors import QuestionSetError, StorageError
from llm_bench.rag import retrieval
from llm_bench.rag.knowledge import load_questions
from llm_bench.rag.prompt import build_messages, context_hash, prompt_hash
from llm_bench.rag.retrieval import retrieve
from llm_bench.study import DEFAULT_EMBEDDING_MODEL as MODEL


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def encodings(monkeypatch, hash_embedder):
    """The calls to the embedding model, which is a fake here."""
    monkeypatch.setattr(retrieval, "Embedder", lambda model: hash_embedder)
    return hash_embedder.calls


class TestPrompts:
    def test_hold_each_question_with_its_best_passages(self, write_project, cache, embedder, monkeypatch):
        monkeypatch.setattr(retrieval, "Embedder", lambda model: embedder)
        loaves, flour = retrieve(write_project(), "bakery", 2, MODEL, cache)
        assert (loaves["question_id"], loaves["question"]) == ("bakery-01", "How many loaves were baked in 2025?")
        assert loaves["passages"][0] == "# Output 2025\n\nIn 2025 the bakery baked 1.2 million loaves."
        assert flour["passages"][0] == "# Prices\n\nFlour costs € 0.62 a kilogram."
        assert flour["documents"][0] == "prices"
        assert len(flour["passages"]) == len(flour["documents"]) == 2

    def test_carry_the_hashes_of_context_and_prompt(self, write_project, cache, encodings):
        prompt = retrieve(write_project(), "bakery", 2, MODEL, cache)[0]
        assert prompt["context_hash"] == context_hash(prompt["passages"])
        assert prompt["prompt_hash"] == prompt_hash(build_messages(prompt["question"], prompt["passages"]))

    def test_are_plain_json(self, write_project, cache, encodings):
        prompts = retrieve(write_project(), "bakery", 2, MODEL, cache)
        assert json.loads(json.dumps(prompts)) == prompts

    def test_hold_all_passages_where_there_are_fewer_than_asked_for(self, write_project, cache, encodings):
        assert [len(prompt["passages"]) for prompt in retrieve(write_project(), "bakery", 50, MODEL, cache)] == [3, 3]

    def test_order_equal_passages_by_document_and_position(self, write_project, cache, encodings):
        documents = dict.fromkeys(["b.md", "a.md", "c.md"], "# Same\n\nText.\n\nText.\n")
        questions = {"industry": "bakery", "questions": [{"id": "q", "text": "What?"}]}
        (prompt,) = retrieve(write_project(questions, documents), "bakery", 6, MODEL, cache)
        assert prompt["documents"] == ["a", "a", "b", "b", "c", "c"]

    def test_need_a_valid_question_set_even_when_cached(self, write_project, cache, encodings):
        include = write_project()
        retrieve(include, "bakery", 2, MODEL, cache)
        (include / "knowledge" / "bakery" / "output.md").unlink()
        with pytest.raises(QuestionSetError, match="no such document"):
            retrieve(include, "bakery", 2, MODEL, cache)


class TestCache:
    def test_saves_the_second_encoding(self, write_project, cache, encodings):
        first, second = (retrieve(write_project(), "bakery", 2, MODEL, cache) for _ in range(2))
        assert first == second
        assert len(encodings) == 1

    def test_hit_loads_neither_numpy_nor_torch(self, write_project, cache, encodings, run_python):
        include = write_project()
        retrieve(include, "bakery", 2, MODEL, cache)
        loaded = run_python(
            "from pathlib import Path; from llm_bench.rag.retrieval import retrieve; "
            f"retrieve(Path({str(include)!r}), 'bakery', 2, {MODEL!r}, Path({str(cache)!r}))"
        )
        assert not loaded & {"numpy", "torch", "sentence_transformers", "transformers"}

    def test_holds_one_whole_file_for_each_input(self, write_project, cache, encodings):
        retrieve(write_project(), "bakery", 2, MODEL, cache)
        retrieve(write_project(), "bakery", 3, MODEL, cache)
        assert [file.suffix for file in cache.glob("[!.]*")] == [".json", ".json"]

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(
                {"questions": {"industry": "bakery", "questions": [{"id": "q", "text": "Why?"}]}}, id="question"
            ),
            pytest.param({"documents": {"prices.md": "# Prices\n\nFlour costs € 0.63.\n"}}, id="document"),
        ],
    )
    def test_misses_when_the_input_changed(self, write_project, cache, encodings, change):
        retrieve(write_project(), "bakery", 2, MODEL, cache)
        retrieve(write_project(**change), "bakery", 2, MODEL, cache)
        assert len(encodings) == 2

    @pytest.mark.parametrize(
        "method",
        [
            pytest.param({"RETRIEVAL_VERSION": -1}, id="version"),
            pytest.param({"model_identity": lambda model: "other@1"}, id="model"),
            pytest.param({"build_messages": lambda question, passages: [{"content": question}]}, id="template"),
        ],
    )
    def test_misses_when_the_method_changed(self, write_project, cache, encodings, method):
        retrieve(write_project(), "bakery", 2, MODEL, cache)
        with patch.multiple(retrieval, **method):
            retrieve(write_project(), "bakery", 2, MODEL, cache)
        assert len(encodings) == 2

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda text: "", id="empty"),
            pytest.param(lambda text: text[: len(text) // 2], id="half"),
            pytest.param(lambda text: "null", id="null"),
            pytest.param(lambda text: "[]", id="no prompts"),
            pytest.param(lambda text: text.replace("1.2 million", "2.1 million"), id="changed passage"),
            pytest.param(lambda text: text.replace("documents", "files"), id="renamed key"),
            pytest.param(lambda text: text.replace('"question_id"', '"more": 1, "question_id"'), id="further key"),
            pytest.param(lambda text: json.dumps([1, 2]), id="numbers"),
        ],
    )
    def test_is_made_anew_when_damaged(self, write_project, cache, encodings, damage):
        intact = retrieve(write_project(), "bakery", 3, MODEL, cache)
        (file,) = cache.glob("[!.]*")
        text = file.read_text(encoding="utf-8")
        file.write_text(damage(text), encoding="utf-8")
        assert retrieve(write_project(), "bakery", 3, MODEL, cache) == intact
        assert file.read_text(encoding="utf-8") == text

    def test_leaves_nothing_half_written_on_a_full_disk(self, write_project, cache, encodings, monkeypatch):
        def full_disk(*args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("pathlib.Path.replace", full_disk)
        with pytest.raises(StorageError, match=r"No space left on device\. Free some space"):
            retrieve(write_project(), "bakery", 2, MODEL, cache)
        assert list(cache.glob("[!.]*")) == []


@pytest.fixture(scope="module")
def found(embedder, shipped, tmp_path_factory):
    """Question id → (slugs of its reference documents, slugs found in the top 4)."""
    with patch.object(retrieval, "Embedder", lambda model: embedder):
        return {
            question.id: ({point.document for point in question.points}, set(prompt["documents"]))
            for industry in ("retail", "finance")
            for question, prompt in zip(
                load_questions(shipped, industry),
                retrieve(shipped, industry, 4, MODEL, tmp_path_factory.mktemp("cache")),
                strict=True,
            )
        }


class TestWithTheShippedKnowledge:
    """The real model finds what the questions were written for."""

    def test_every_question_gets_a_reference_document(self, found):
        assert [name for name, (expected, documents) in found.items() if not expected & documents] == []

    def test_nearly_all_reference_documents_are_found(self, found):
        hits = sum(len(expected & documents) for expected, documents in found.values())
        assert hits / sum(len(expected) for expected, _ in found.values()) >= 0.95  # 27 of 27 when written
