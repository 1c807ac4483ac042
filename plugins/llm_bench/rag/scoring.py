"""Scores a batch: coverage and groundedness of each answer, with one pass of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from llm_bench.errors import LLMBenchError
from llm_bench.rag.coverage import coverage, groundedness
from llm_bench.rag.knowledge import sentences
from llm_bench.rag.prompt import context_hash

if TYPE_CHECKING:
    from llm_bench.rag.embeddings import Embedder
    from llm_bench.records import Record

_DECIMALS = 6
"""Beyond it the digits depend on the machine and on what else was encoded with a sentence."""


class ContextMismatchError(LLMBenchError):
    """A record can't be scored: the context at hand is not the one that the LLM was given."""


def score(records: Sequence[Record], contexts: Mapping[str, Sequence[str]], embedder: Embedder) -> list[Record]:
    """The records with ``coverage_score``, ``groundedness`` and ``embedding_model`` filled in, as new dicts.

    Both scores are null for a record without success or with a blank answer, which keeps its ``embedding_model``.

    :param contexts: question id → the passages given to the LLM.
    :raises ContextMismatchError: when a record's question has no context here, or another than it was asked with.
    """
    _check_contexts(records, contexts)
    known = {question_id: _sentences(passages) for question_id, passages in contexts.items()}
    answers = [sentences(record["answer"]) if _is_answered(record) else [] for record in records]
    vectors = _encode(records, known, answers, embedder)
    scored = []
    for record, answer in zip(records, answers, strict=True):
        scores: Record = {"coverage_score": None, "groundedness": None}
        if answer:
            context, given = vectors(known[record["question_id"]]), vectors(answer)
            scores = {
                "coverage_score": _rounded(coverage(vectors([record["question"]])[0], context, given)),
                "groundedness": _rounded(groundedness(context, given)),
                "embedding_model": embedder.identity,
            }
        scored.append({**record, **scores})
    return scored


def _is_answered(record: Record) -> bool:
    return bool(record["success"] and record["answer"] and record["answer"].strip())


def _sentences(passages: Sequence[str]) -> list[str]:
    return [sentence for passage in passages for sentence in sentences(passage)]


def _check_contexts(records: Sequence[Record], contexts: Mapping[str, Sequence[str]]) -> None:
    hashes = {question_id: context_hash(passages) for question_id, passages in contexts.items()}
    for record in records:
        expected, found = record["context_hash"], hashes.get(record["question_id"])
        if expected != found:
            raise ContextMismatchError(
                f"{record['llm_model']} was asked {record['question_id']} with the context {expected[:12]}…, but the "
                f"context to score it with is {f'{found[:12]}…' if found else 'missing'}.",
                "Clear the run's prepare task and all after it, so that the questions are asked and scored with the "
                "same context.",
            )


def _encode(
    records: Sequence[Record], known: Mapping[str, list[str]], answers: Sequence[list[str]], embedder: Embedder
) -> Callable[[Sequence[str]], np.ndarray]:
    """Encodes each distinct sentence that is needed once, and looks up the embeddings of some of them, (n, d)."""
    texts: dict[str, None] = {}
    for record, answer in zip(records, answers, strict=True):
        if answer:
            texts |= dict.fromkeys([record["question"], *known[record["question_id"]], *answer])
    vectors = embedder.encode(list(texts)) if texts else np.zeros((0, 0), np.float32)
    row = {text: i for i, text in enumerate(texts)}
    return lambda some: vectors[[row[text] for text in some]]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
