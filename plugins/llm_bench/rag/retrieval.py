"""The contexts of an industry's questions: the passages nearest in meaning, computed once and then kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from llm_bench.files import locked, replacing, storage_errors
from llm_bench.rag.embeddings import Embedder, model_identity
from llm_bench.rag.knowledge import Passage, Question, load_documents, load_questions, passages
from llm_bench.rag.prompt import build_messages, canonical_hash, context_hash, prompt_hash

RETRIEVAL_VERSION = 1
"""Raise it when the ranking changes."""

_DECIMALS = 6
"""Similarities that agree this far are a tie: a last digit, which differs between machines, decides nothing."""


class Prompt(TypedDict):
    """A question with its context, as plain JSON values.

    ``passages`` come best first; ``documents`` holds the slug of each one's document.
    """

    question_id: str
    question: str
    passages: list[str]
    documents: list[str]
    answerable: bool
    context_hash: str
    prompt_hash: str


def retrieve(include: Path, industry: str, top_k: int, embedding_model: str, cache: Path) -> list[Prompt]:
    """The prompts of an industry's questions, in the order of the set.

    :param include: the folder that holds ``questions/`` and ``knowledge/``.
    :param top_k: passages for each question; all of them where there are fewer.
    :param cache: folder of earlier results, one file for each distinct input; a damaged one is made anew.
    :raises QuestionSetError: when questions or documents can't be used.
    :raises EmbeddingModelError: when the model can't be loaded.
    :raises StorageError: when the cache can't be written.
    """
    pieces = [passage for document in load_documents(include, industry) for passage in passages(document)]
    questions = load_questions(include, industry)
    file = cache / f"{_key(questions, pieces, top_k, model_identity(embedding_model))}.json"
    kept = _read(file, questions)
    if kept is not None:
        return kept
    prompts = _retrieve(questions, pieces, top_k, Embedder(embedding_model))
    _write(file, prompts)
    return prompts


def _key(questions: Sequence[Question], pieces: Sequence[Passage], top_k: int, identity: str) -> str:
    """SHA-256 of all that the prompts depend on; how documents are cut shows in the passages."""
    return canonical_hash(
        {
            "version": RETRIEVAL_VERSION,
            "questions": [[question.id, question.text] for question in questions],
            "passages": [[piece.document, piece.text] for piece in pieces],
            "top_k": top_k,
            "model": identity,
            "template": build_messages("question", ["first passage", "second passage"]),
        }
    )


def _retrieve(questions: Sequence[Question], pieces: Sequence[Passage], top_k: int, embedder: Embedder) -> list[Prompt]:
    vectors = embedder.encode([*(question.text for question in questions), *(piece.text for piece in pieces)])
    asked, offered = vectors[: len(questions)], vectors[len(questions) :]
    similarities = (asked @ offered.T).astype(float).round(_DECIMALS).tolist()
    prompts = []
    for question, similar in zip(questions, similarities, strict=True):
        # The sort is stable and passages come by slug and position, which therefore break a tie.
        ranking = sorted(range(len(pieces)), key=similar.__getitem__, reverse=True)
        prompts.append(_prompt(question, [pieces[i] for i in ranking[:top_k]]))
    return prompts


def _prompt(question: Question, found: Sequence[Passage]) -> Prompt:
    texts = [passage.text for passage in found]
    return Prompt(
        question_id=question.id,
        question=question.text,
        passages=texts,
        documents=[passage.document for passage in found],
        answerable=question.answerable,
        context_hash=context_hash(texts),
        prompt_hash=prompt_hash(build_messages(question.text, texts)),
    )


def _read(file: Path, questions: Sequence[Question]) -> list[Prompt] | None:
    """What the file holds, or None when there is none or it is damaged."""
    try:
        kept: Any = json.loads(file.read_text(encoding="utf-8"))
        rebuilt = [
            _prompt(question, [Passage(*pair) for pair in zip(prompt["documents"], prompt["passages"], strict=True)])
            for question, prompt in zip(questions, kept, strict=True)
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return rebuilt if rebuilt == kept else None


def _write(file: Path, prompts: Sequence[Prompt]) -> None:
    """Writes the file as a whole or not at all; writers at the same time don't meet."""
    with storage_errors(file, "written"), locked(file.parent), replacing(file) as partial:
        partial.write_text(json.dumps(prompts, ensure_ascii=False, indent=1), encoding="utf-8")
