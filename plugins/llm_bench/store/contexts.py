"""The contexts that a study's LLMs were given, each kept once: without them no answer can be looked into later."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llm_bench.errors import StorageError
from llm_bench.store.base import Store

Prompt = dict[str, Any]
"""A question with its context, as ``rag.retrieval.Prompt``."""


def keep_contexts(store: Store, study: str, prompts: Iterable[Prompt]) -> None:
    """Put the prompts in the store, one object each, named by what the LLM saw.

    :raises StorageError: the store can't be read or written.
    """
    there = set(store.list(f"contexts/study={study}/"))
    for prompt in prompts:
        path = context_path(study, prompt["question_id"], prompt["prompt_hash"])
        if path not in there:
            store.commit(path, json.dumps(prompt, ensure_ascii=False, sort_keys=True, indent=1).encode(), 0)


def context_path(study: str, question_id: str, prompt_hash: str) -> str:
    """The path of a record's context."""
    return f"contexts/study={study}/{question_id}/{prompt_hash}.json"


def read_context(store: Store, study: str, question_id: str, prompt_hash: str) -> Prompt:
    """The prompt that a record was asked with.

    :raises StorageError: it isn't there, or can't be read.
    """
    path = context_path(study, question_id, prompt_hash)
    held = store.read(path)
    if held is None:
        raise StorageError(
            f"The context of {question_id} is missing: there is no {path}.",
            "Copy the study's contexts/ back (llm-bench sync), or leave the slot out.",
        )
    try:
        prompt: Prompt = json.loads(held[0])
    except (ValueError, RecursionError) as fault:
        raise StorageError(f"{path} is damaged: {fault}.", "Put it back from a copy.") from None
    return prompt
