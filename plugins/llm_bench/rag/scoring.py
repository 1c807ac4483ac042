"""Scores a batch: coverage and groundedness of each answer, with one model load and one pass of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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
    """The records with ``coverage_score``, ``groundedness`` and ``embedding_model`` filled in; the input stays as it is.

    Both scores are null for a record without success or with a blank answer, which keeps its ``embedding_model``.

    :param contexts: question id → the passages given to the LLM.
    :raises ContextMismatchError: when a record's question has no context here, or another than it was asked with.
    """
    hashes = {question_id: context_hash(passages) for question_id, passages in contexts.items()}
    for record in records:
        _check_context(record, hashes)
    answered = [_is_answered(record) for record in records]
    texts = [
        _Texts(record, contexts[record["question_id"]])
        for record, is_answered in zip(records, answered, strict=True)
        if is_answered
    ]
    return []
