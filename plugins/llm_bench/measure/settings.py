"""What an LLM is asked with, in one hash: answers of two hashes weren't measured alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_bench.rag.prompt import canonical_hash
from llm_bench.study import LLM, Deadlines, Generation

Settings = Mapping[str, Any]


def settings_of(llm: LLM, generation: Generation, deadlines: Deadlines, address: str | None) -> Settings:
    """All that a measurement depends on beside the prompt, as JSON values; neither keys nor the connection's headers.

    Limits and prices aren't among it: they change no answer and no time.

    :param generation: the study's.
    :param address: where the request goes, without user, password and query; None where that is of no account.
    """
    return {
        "llm": llm.name,
        "model": llm.model,
        **llm.asked_with(generation).model_dump(mode="json"),
        "parameters": llm.parameters | llm.reasoning,
        **deadlines.model_dump(mode="json"),
        "address": address,
    }


def settings_hash(settings: Settings) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return canonical_hash(dict(settings))


def changes(before: Settings, after: Settings) -> str:
    """What differs, in words: ``temperature 0.0 → 1.0, max_tokens 512 → 64``."""
    names = [*after, *(name for name in before if name not in after)]
    return ", ".join(
        f"{name} {before.get(name)} → {after.get(name)}" for name in names if before.get(name) != after.get(name)
    )
