"""What a sentence of an answer does: it claims something, declines, or is polite. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from llm_bench.method import Method
from llm_bench.scoring.citations import Part
from llm_bench.scoring.lexicon import patterns

_WORD = re.compile(r"[\w&-]+")
_TURNS = patterns("claims")

SHORT = 3
"""Words of an answer that has a meaning only with its question: "Linz.", "4.2 million euros."."""

DECLINED = Method(
    "Declined",
    "An answer declines where a sentence of it has one of a fixed list of English and German turns which say that the "
    "context lacks what was asked, or a part of it, or which refuse to answer.",
)


@lru_cache(maxsize=50_000)
def declines(sentence: str) -> bool:
    """Whether a sentence says that the context lacks what was asked."""
    return _TURNS["declining"].search(sentence) is not None


def claims(sentence: str, *, figure: bool = False) -> bool:
    """Whether a sentence says something of its subject: it doesn't decline and is no politeness.

    :param figure: whether it holds a figure that the question hasn't. Then it claims something where it declines, too:
        "Only the figure of 2024 is given: 4.2 million."
    """
    claim = _TURNS["assent"].sub("", sentence, count=1) if _TURNS["assent"].match(sentence) else sentence
    return (
        not claim.endswith("?")
        and (figure or not declines(claim))
        and _TURNS["remark"].match(claim) is None
        and len(_WORD.findall(claim)) > 1
    )


def without_reasoning(text: str) -> str:
    """The text without reasoning that stands in it between tags, of which one may lack."""
    return _TURNS["reasoning"].sub("", text)


def in_full(parts: list[Part], question: str) -> list[Part]:
    """The sentences of an answer; one that is alone and too short to mean anything by itself, behind its question.

    A bare yes or no is left out: what it claims can't be compared.
    """
    text, cited = parts[0] if len(parts) == 1 else ("", frozenset[int]())
    if not 0 < len(text.split()) <= SHORT or declines(text) or _TURNS["remark"].match(text):
        return parts
    return [] if _TURNS["bare"].fullmatch(text) else [(f"{question} {text}", cited)]
