"""Which sentences of a context an answer takes up, as far as words and figures show. Pure, and without the model.

The scores compare meanings by embeddings, which a web server has no time for. What is marked here is what can be seen
without them: figures that agree and words that are shared. So a paraphrase that was scored may bear no mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llm_bench.rag.documents import headings, sentences
from llm_bench.scoring.citations import without_citations
from llm_bench.scoring.numbers import Figure
from llm_bench.scoring.statements import Features, features

How = Literal["figure", "words"]

SHARED = 0.5
"""The share of a sentence's own words from which an answer's sentence takes it up."""
SHARED_WITH_FIGURE = 0.2
"""The same where also a figure agrees."""
PRECISE = 0.005
"""Which share of itself a figure may lie off to count by itself: 148.2 million, but not 4 or about 50."""
_SHORTEST = 4
"""Letters of a word that says something; "the" and "of" are in every sentence."""
_OF_FIGURES = frozenset(word[:6] for word in ("thousand", "million", "billion", "percent", "euros"))
"""What is a part of its figure: who shares it shares the figure."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence of the context.

    :param how: why it counts as taken up; None where it doesn't.
    """

    text: str
    how: How | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the context.

    :param text: as the LLM got it.
    :param document: it is from; empty where that isn't known.
    """

    text: str
    document: str
    headings: Sequence[str]
    sentences: Sequence[Marked]


def mark(passages: Sequence[str], documents: Sequence[str], question: str, answer: str) -> list[Passage]:
    """The context with what the answer takes up.

    :param documents: where each passage is from; may be shorter.
    """
    stated = [features(without_citations(sentence)) for sentence in sentences(answer)] if answer.strip() else []
    asked = features(question).words
    named = [*documents, *[""] * len(passages)]
    return [
        Passage(
            text,
            document,
            headings(text),
            [Marked(sentence, _how(features(sentence), stated, asked)) for sentence in sentences(text)],
        )
        for text, document in zip(passages, named, strict=False)
    ]


def _is_precise(figure: Figure) -> bool:
    return 0 < figure.tolerance <= PRECISE * figure.value


def _how(sentence: Features, answer: Sequence[Features], asked: frozenset[str]) -> How | None:
    own = {word for word in sentence.words - asked - _OF_FIGURES if len(word) >= _SHORTEST and not word.isdigit()}
    for statement in answer:
        shared = len(own & statement.words) / len(own) if own else 0.0
        agreed = [figure for figure in sentence.figures if any(map(figure.agrees, statement.figures))]
        if agreed and (shared >= SHARED_WITH_FIGURE or any(map(_is_precise, agreed))):
            return "figure"
        if shared >= SHARED and not (sentence.figures and statement.figures):
            return "words"
    return None
