from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.knowledge import QUESTIONS, HashEmbedder
from llm_bench.errors import QuestionSetError, StorageError
from llm_bench.rag import retrieval
from llm_bench.rag.prompt import build_messages, context_hash, messages_of, parse_messages, prompt_hash
from llm_bench.rag.questions import load_questions
from llm_bench.rag.retrieval import count_tokens, retrieve
from llm_bench.scoring.score import ContextMismatchError, score
from llm_bench.study import Retrieval
from llm_bench.templates import Template


def _unanswerable():
    """The bakery's questions, of which the second can no longer be answered."""
    first, second = QUESTIONS["questions"]
    return {"industry": "bakery", "questions": [first, {**second, "answerable": False}]}


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
        loaves, flour = retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        assert (loaves["question_id"], loaves["question"]) == ("bakery-01", "How many loaves were baked in 2025?")
        assert loaves["passages"][0] == "# Output 2025\n\nIn 2025 the bakery baked 1.2 million loaves."
        assert flour["passages"][0] == "# Prices\n\nFlour costs € 0.62 a kilogram."
        assert flour["documents"][0] == "prices"
        assert len(flour["passages"]) == len(flour["documents"]) == 2

    def test_carry_the_hashes_of_context_and_prompt(self, write_project, cache, encodings):
        prompt = retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)[0]
        assert prompt["context_hash"] == context_hash(prompt["passages"])
        assert prompt["prompt_hash"] == prompt_hash(build_messages(prompt["question"], prompt["passages"]))

    def test_are_plain_json(self, write_project, cache, encodings):
        prompts = retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        assert json.loads(json.dumps(prompts)) == prompts

    def test_hold_all_passages_where_there_are_fewer_than_asked_for(self, write_project, cache, encodings):
        prompts = retrieve(write_project(), "bakery", Retrieval(top_k=50), cache)
        assert [len(prompt["passages"]) for prompt in prompts] == [3, 3]

    def test_order_equal_passages_by_document_and_position(self, write_project, cache, encodings):
        documents = dict.fromkeys(["b.md", "a.md", "c.md"], "# Same\n\nText.\n\nText.\n")
        questions = {"industry": "bakery", "questions": [{"id": "q", "text": "What?"}]}
        (prompt,) = retrieve(write_project(questions, documents), "bakery", Retrieval(top_k=6), cache)
        assert prompt["documents"] == ["a", "a", "b", "b", "c", "c"]

    def test_do_not_depend_on_the_order_in_which_files_were_written(self, write_project, tmp_path, encodings):
        documents = {f"{name}.md": f"# {name}\n\nBread and {name}.\n\nLess {name}.\n" for name in "dbca"}
        questions = {"industry": "bakery", "questions": [{"id": "q", "text": "Which bread is a?"}]}
        prompts = []
        for i, names in enumerate((sorted(documents), sorted(documents, reverse=True))):
            include = write_project(questions, {name: documents[name] for name in names})
            prompts.append(retrieve(include, "bakery", Retrieval(top_k=8), tmp_path / str(i)))
            shutil.rmtree(include)
        assert prompts[0] == prompts[1]

    def test_find_a_figures_passage_by_its_words_where_meaning_says_nothing(self, write_project, cache, encodings):
        documents = {f"{i}.md": f"# Report\n\nArticle {i} sold {i}.5 times.\n" for i in range(20)}
        questions = {"industry": "bakery", "questions": [{"id": "q", "text": "Which article sold 13.5 times?"}]}
        (prompt,) = retrieve(write_project(questions, documents), "bakery", Retrieval(top_k=3), cache)
        assert "13" in prompt["documents"]

    def test_tell_whether_their_question_can_be_answered(self, write_project, cache, encodings):
        asked = [{"id": "q", "text": "How many?"}, {"id": "r", "text": "Why?", "answerable": False}]
        include = write_project({"industry": "bakery", "questions": asked})
        assert [p["answerable"] for p in retrieve(include, "bakery", Retrieval(), cache)] == [True, False]

    def test_need_a_valid_question_set_even_when_cached(self, write_project, cache, encodings):
        include = write_project()
        retrieve(include, "bakery", Retrieval(top_k=2), cache)
        (include / "knowledge" / "bakery" / "output.md").unlink()
        with pytest.raises(QuestionSetError, match="no such document"):
            retrieve(include, "bakery", Retrieval(top_k=2), cache)


class TestCache:
    def test_saves_the_second_encoding(self, write_project, cache, encodings):
        first, second = (retrieve(write_project(), "bakery", Retrieval(top_k=2), cache) for _ in range(2))
        assert first == second
        assert len(encodings) == 1

    def test_is_filled_once_by_batches_that_begin_together(self, write_project, cache, encodings, at_once):
        include = write_project()
        first, *others = at_once(lambda: retrieve(include, "bakery", Retrieval(top_k=2), cache))
        assert others == [first] * len(others)
        assert len(encodings) == 1

    def test_hit_loads_neither_numpy_nor_torch(self, write_project, cache, encodings, run_python):
        include = write_project()
        retrieve(include, "bakery", Retrieval(top_k=2), cache)
        loaded = run_python(
            "from pathlib import Path; from llm_bench.rag.retrieval import retrieve; "
            f"from llm_bench.study import Retrieval; retrieve(Path({str(include)!r}), 'bakery', Retrieval(top_k=2), "
            f"Path({str(cache)!r}))"
        )
        assert not loaded & {"numpy", "torch", "sentence_transformers", "transformers"}

    def test_holds_one_whole_file_for_each_input(self, write_project, cache, encodings):
        retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        retrieve(write_project(), "bakery", Retrieval(top_k=3), cache)
        assert [file.suffix for file in cache.glob("[!.]*")] == [".json", ".json"]

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(
                {"questions": {"industry": "bakery", "questions": [{"id": "q", "text": "Why?"}]}}, id="question"
            ),
            pytest.param({"documents": {"prices.md": "# Prices\n\nFlour costs € 0.63.\n"}}, id="document"),
            pytest.param({"questions": _unanswerable()}, id="answerable"),
        ],
    )
    def test_misses_when_the_input_changed(self, write_project, cache, encodings, change):
        retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        retrieve(write_project(**change), "bakery", Retrieval(top_k=2), cache)
        assert len(encodings) == 2

    @pytest.mark.parametrize("setting", [{"top_k": 3}, {"max_context_tokens": 1000}])
    def test_misses_when_a_setting_changed(self, write_project, cache, encodings, setting):
        retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        retrieve(write_project(), "bakery", Retrieval(**{"top_k": 2, **setting}), cache)
        assert len(encodings) == 2

    @pytest.mark.parametrize(
        "method",
        [
            pytest.param({"RETRIEVAL_VERSION": -1}, id="version"),
            pytest.param({"model_identity": lambda model: "other@1"}, id="model"),
            pytest.param({"RANK_CONSTANT": 1}, id="fusion"),
            pytest.param({"K1": 2.0}, id="ranking by words"),
            pytest.param({"LIKELY_PASSAGES": 10}, id="passages compared by meaning"),
            pytest.param(
                {"build_messages": lambda question, passages, template: [{"content": question}]}, id="template"
            ),
        ],
    )
    def test_misses_when_the_method_changed(self, write_project, cache, encodings, method):
        retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        with patch.multiple(retrieval, **method):
            retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
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
        intact = retrieve(write_project(), "bakery", Retrieval(top_k=3), cache)
        (file,) = cache.glob("[!.]*")
        text = file.read_text(encoding="utf-8")
        file.write_text(damage(text), encoding="utf-8")
        assert retrieve(write_project(), "bakery", Retrieval(top_k=3), cache) == intact
        assert file.read_text(encoding="utf-8") == text

    def test_leaves_nothing_half_written_on_a_full_disk(self, write_project, cache, encodings, monkeypatch):
        def full_disk(*args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("pathlib.Path.replace", full_disk)
        with pytest.raises(StorageError, match=r"No space left on device\. Free some space"):
            retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)
        assert list(cache.glob("[!.]*")) == []


TEXT = st.text(alphabet="ab1 .|-\n", min_size=1, max_size=300).filter(str.strip)


class TestContexts:
    """Real tokens of the real tokenizer; the embeddings are a fake's."""

    def test_hold_as_many_passages_as_fit(self, write_project, cache, encodings):
        sentence = "The bakery sold 30.5% more bread at € 4.2 m. " * 4  # 4 · 17 tokens and a heading's
        documents = {f"{name}.md": f"# Sales\n\n{sentence}\n" for name in "abcdef"}
        questions = {"industry": "bakery", "questions": [{"id": "q", "text": "What?"}]}
        (prompt,) = retrieve(
            write_project(questions, documents), "bakery", Retrieval(top_k=6, max_context_tokens=250), cache
        )
        length = count_tokens(prompt["passages"][0])
        assert len(prompt["passages"]) == 250 // length < 6

    def test_the_asked_the_hashed_and_the_scored_agree(self, write_project, cache, encodings, hash_embedder):
        long = "# Sales\n\n" + "The bakery sold 30.5% more bread at € 4.2 m. " * 12
        asked = {"industry": "bakery", "questions": [{"id": "q", "text": "What?"}]}
        include = write_project(asked, {"sales.md": long})
        (prompt,) = retrieve(include, "bakery", Retrieval(max_context_tokens=100), cache)
        question, seen = parse_messages(build_messages(prompt["question"], prompt["passages"]))
        assert len(seen) == 1
        assert seen[0].endswith("at € 4.2 m.")
        assert long.startswith(seen[0])
        assert count_tokens(seen[0]) <= 100
        assert (question, context_hash(seen)) == (prompt["question"], prompt["context_hash"])
        record = {
            "llm_model": "m",
            "question_id": "q",
            "question": "What?",
            "success": False,
            "answer": None,
            "context_hash": context_hash(seen),
            "embedding_model": "planned",
        }
        (scored,) = score([record], {"q": prompt}, hash_embedder)
        assert scored["context_hash"] == prompt["context_hash"]
        with pytest.raises(ContextMismatchError):
            score([record], {"q": {**prompt, "passages": [long]}}, hash_embedder)

    @given(st.lists(TEXT, min_size=1, max_size=4), st.integers(1, 6), st.sampled_from([100, 150, 1200]))
    @settings(max_examples=30, deadline=None)
    def test_keep_to_the_budget_and_come_again_from_the_cache(self, texts, top_k, budget):
        with tempfile.TemporaryDirectory() as folder, patch.object(retrieval, "Embedder", lambda model: HashEmbedder()):
            include, cache = Path(folder) / "include", Path(folder) / "cache"
            (include / "knowledge" / "bakery").mkdir(parents=True)
            (include / "questions").mkdir()
            (include / "questions" / "bakery.yaml").write_text("industry: bakery\nquestions: [{id: q, text: 'a 1?'}]")
            for i, text in enumerate(texts):
                (include / "knowledge" / "bakery" / f"{i}.md").write_text(f"# Title\n\nText.\n\n{text}", "utf-8")
            asked = Retrieval(top_k=top_k, max_context_tokens=budget)
            made, kept = (retrieve(include, "bakery", asked, cache) for _ in range(2))
        assert made == kept
        (prompt,) = made
        total = sum(count_tokens(passage) for passage in prompt["passages"])
        assert total <= budget or len(prompt["passages"]) == 1
        assert 1 <= len(prompt["passages"]) <= top_k


class TestTokens:
    def test_are_those_of_the_default_models_wordpiece(self):
        # revenue came to € 148 . 2 million .
        assert count_tokens("Revenue came to € 148.2 million.") == 9

    def test_are_all_counted_in_a_text_longer_than_the_model_takes(self):
        assert count_tokens("bread " * 3000) == 3000

    def test_are_counted_without_torch(self, run_python):
        loaded = run_python("from llm_bench.rag.retrieval import count_tokens; count_tokens('bread')")
        assert not loaded & {"numpy", "torch", "sentence_transformers", "transformers"}


@pytest.fixture(scope="module")
def prompts(embedder, shipped, tmp_path_factory):
    """Id → question and prompt of every shipped question that can be answered."""
    with patch.object(retrieval, "Embedder", lambda model: embedder):
        return {
            question.id: (question, prompt)
            for industry in ("retail", "finance")
            for question, prompt in zip(
                load_questions(shipped, industry),
                retrieve(shipped, industry, Retrieval(), tmp_path_factory.mktemp("cache")),
                strict=True,
            )
            if question.answerable
        }


class TestWithTheShippedKnowledge:
    """The real model finds what the questions were written for."""

    def test_every_reference_document_is_found(self, prompts):
        missing = {
            name: {point.document for point in question.points} - set(prompt["documents"])
            for name, (question, prompt) in prompts.items()
        }
        assert {name: documents for name, documents in missing.items() if documents} == {}

    def test_no_default_context_is_cut(self, prompts):
        assert {len(prompt["passages"]) for _, prompt in prompts.values()} == {Retrieval().top_k}


CONVERTED = Path(__file__).resolve().parents[2] / "benchmarks" / "converted"


class TestWithDocumentsThatAreNotMarkdown:
    """A PDF of ten pages, a DOCX, a page, a CSV and an XLSX, with the real model: benchmarks/converted."""

    @pytest.fixture(scope="class")
    @classmethod
    def prompts(cls, embedder, tmp_path_factory):
        """Question and prompt of every question that can be answered."""
        with patch.object(retrieval, "Embedder", lambda model: embedder):
            prompts = retrieve(CONVERTED, "clinics", Retrieval(), tmp_path_factory.mktemp("cache"))
        return [pair for pair in zip(load_questions(CONVERTED, "clinics"), prompts, strict=True) if pair[0].answerable]

    @pytest.mark.parametrize("document", ["annual-report-2025", "purchasing-manual", "energy", "wards", "budget-2026"])
    def test_the_numbers_of_nine_tenths_of_the_answers_are_found(self, prompts, document: str):
        own = [(question, prompt) for question, prompt in prompts if question.points[0].document == document]
        assert len(own) >= 2
        assert sum(self._is_answered(*pair) for pair in own) / len(own) >= 0.9

    def test_their_passages_come_back_from_the_messages_to_the_letter(self, prompts):
        for _, prompt in prompts:
            assert parse_messages(messages_of(prompt)) == (prompt["question"], prompt["passages"])

    def _is_answered(self, question, prompt) -> bool:
        """Whether the first four passages hold every number of the points, in the right document."""
        of = zip(prompt["documents"], prompt["passages"], strict=True)
        text = " ".join(passage for slug, passage in list(of)[:4] if slug == question.points[0].document)
        numbers = [number for point in question.points for number in re.findall(r"[0-9]+(?:[.,][0-9]+)*", point.text)]
        return set(numbers) <= set(re.findall(r"[0-9]+(?:[.,][0-9]+)*", text))

    def test_a_change_of_the_content_alone_makes_the_contexts_anew(self, write_project, cache, encodings):
        for price in ("0.62", "0.63"):
            documents = {"prices.csv": f"Flour,Price\nrye,{price}\n", "output.md": "# Output\n\nMuch.\n"}
            prompts = retrieve(write_project(documents=documents), "bakery", Retrieval(), cache)
            assert any(price in passage for passage in prompts[1]["passages"])

    def test_one_that_cannot_be_converted_is_named_with_what_is_allowed(self, write_project, cache):
        with pytest.raises(
            QuestionSetError, match=r"prices\.pdf: is no PDF, .*allowed: a file that a PDF viewer opens"
        ):
            retrieve(write_project(documents={"output.md": "Much.", "prices.pdf": "no"}), "bakery", Retrieval(), cache)


class TestOfVeryManyPassages:
    @pytest.fixture
    def include(self, write_project) -> Path:
        text = "\n\n".join(f"Shop {i} sold {i * 7} loaves of rye in 2025." for i in range(40))
        asked = [{"id": f"q{i}", "text": f"How many loaves did shop {i} sell?"} for i in (3, 33)]
        return write_project({"industry": "bakery", "questions": asked}, {"shops.md": f"# Shops\n\n{text}"})

    def test_only_those_that_fit_by_their_words_are_compared_by_meaning(self, include, cache, encodings, monkeypatch):
        monkeypatch.setattr(retrieval, "MANY_PASSAGES", 39)
        monkeypatch.setattr(retrieval, "LIKELY_PASSAGES", 4)
        prompts = retrieve(include, "bakery", Retrieval(top_k=4), cache)
        assert [
            any(f"Shop {i} sold" in passage for passage in prompt["passages"])
            for i, prompt in zip((3, 33), prompts, strict=True)
        ]
        (texts,) = encodings
        assert 2 + 4 <= len(texts) <= 2 + 2 * 4

    def test_a_questions_contexts_depend_on_no_other_question(
        self, include, cache, encodings, monkeypatch, write_project
    ):
        monkeypatch.setattr(retrieval, "MANY_PASSAGES", 39)
        monkeypatch.setattr(retrieval, "LIKELY_PASSAGES", 4)
        both = retrieve(include, "bakery", Retrieval(), cache)
        documents = {"shops.md": (include / "knowledge" / "bakery" / "shops.md").read_bytes()}
        alone = {"industry": "bakery", "questions": [{"id": "q33", "text": "How many loaves did shop 33 sell?"}]}
        assert retrieve(write_project(alone, documents), "bakery", Retrieval(), cache) == both[1:]


class TestATemplateOfTheStudys:
    TEMPLATE = Template(user="{question} {context}")

    def test_is_handed_on_with_the_contexts_and_hashed(self, write_project, cache):
        prompt = retrieve(write_project(), "bakery", Retrieval(top_k=2), cache, self.TEMPLATE)[0]
        assert prompt["prompt_hash"] == prompt_hash(messages_of(prompt))
        assert messages_of(prompt)[0]["content"].startswith("How many loaves were baked in 2025? [1] # Output 2025")

    def test_is_found_again_in_what_was_kept(self, write_project, cache):
        made, kept = (retrieve(write_project(), "bakery", Retrieval(top_k=2), cache, self.TEMPLATE) for _ in range(2))
        assert made == kept

    def test_is_not_named_where_it_is_the_built_in_one(self, write_project, cache):
        assert "template" not in retrieve(write_project(), "bakery", Retrieval(top_k=2), cache)[0]
