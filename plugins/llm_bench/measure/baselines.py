"""Extractive baselines: "LLMs" that answer with sentences of the context. Pure.

They need no key, and they tell what a coverage score is worth: ``random`` is a floor, ``full`` the ceiling. As they
quote word for word they are fully grounded, and a short answer in its own words may well cover less than ``lead``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

LENGTH = 3
"""Sentences in an answer, but for ``full``."""

_WORD = re.compile(r"\w+")


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def lead(_question: str, sentences: Sequence[str]) -> list[str]:
    """The first sentences, the classic baseline of summarisation."""
    return list(sentences[:LENGTH])


def overlap(question: str, sentences: Sequence[str]) -> list[str]:
    """The sentences that share most words with the question, in their order."""
    asked = _words(question)
    best = sorted(range(len(sentences)), key=lambda i: (-len(asked & _words(sentences[i])), i))[:LENGTH]
    return [sentences[i] for i in sorted(best)]


def random(question: str, sentences: Sequence[str]) -> list[str]:
    """Sentences drawn by a hash of question and sentence: arbitrary, but the same each time."""

    def lot(i: int) -> bytes:
        return hashlib.sha256(f"{question}\n{sentences[i]}".encode()).digest()

    return [sentences[i] for i in sorted(sorted(range(len(sentences)), key=lot)[:LENGTH])]


def full(_question: str, sentences: Sequence[str]) -> list[str]:
    """The whole context."""
    return list(sentences)


BASELINES: dict[str, Callable[[str, Sequence[str]], list[str]]] = {
    "lead": lead,
    "overlap": overlap,
    "random": random,
    "full": full,
}
"""Name, as in ``baseline/<name>`` → (question, the context's sentences) → the answer's sentences."""
