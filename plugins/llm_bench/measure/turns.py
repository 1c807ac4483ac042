"""What a cell asks, in which order, and what stands before each prompt. Pure but for the digits drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from llm_bench.rag.prompt import unique_line
from llm_bench.records import WARM, CacheProbe, Record, utc_text
from llm_bench.study import Study


class Turn(NamedTuple):
    """One request of a cell.

    :param position: of its question in the cell's order, from 1.
    :param prompt: as ``rag.retrieval.Prompt``.
    :param cache_probe: None where the prompt is asked as it is.
    """

    position: int
    prompt: Mapping[str, Any]
    cache_probe: CacheProbe | None

    @property
    def key(self) -> str:
        """Names it within its cell; a question's id has no ``~``."""
        question_id = str(self.prompt["question_id"])
        return f"{question_id}~{WARM}" if self.cache_probe == WARM else question_id


_PROBES: Mapping[str, tuple[CacheProbe | None, ...]] = {"as_is": (None,), "unique": ("cold",), "both": ("cold", WARM)}


def turns(study: Study, slot: datetime, industry: str, prompts: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """All requests of a cell: the same for each LLM of a slot, and for each attempt.

    :param slot: when the batch is due, aware.
    :param prompts: the industry's, in the order of its question set.
    """
    ordered = list(prompts)
    if study.order == "shuffled":
        seed = hashlib.sha256(f"{study.name}\n{utc_text(slot)}\n{industry}".encode()).digest()
        Random(seed).shuffle(ordered)  # noqa: S311  (nothing is kept secret by it)
    return [Turn(place, prompt, probe) for place, prompt in enumerate(ordered, 1) for probe in _PROBES[study.cache]]


class UniqueLines:
    """The line before each prompt: drawn for a cold request, and the same once more for the warm one after it.

    Lines are drawn, not computed from the slot, so that a question that is asked again in a later attempt has another.

    :param records: of earlier requests of the cell.
    """

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self._lines = {record["question_id"]: record.get("unique_line") for record in records}

    def of(self, turn: Turn) -> str | None:
        """The line of a request; None where the prompt is asked as it is."""
        if turn.cache_probe is None:
            return None
        question_id = str(turn.prompt["question_id"])
        if turn.cache_probe != WARM:
            self._lines[question_id] = unique_line()
        return self._lines[question_id]
