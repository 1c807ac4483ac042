"""How much of its context an answer uses, and how much of the answer its context supports. Pure.

Both rest on one question: how well do some sentences support a statement? Embeddings show whether they speak of the
same thing, but hardly distinguish 3.9 % from 4.9 %, 2024 from 2025, or "rose" from "fell": so figures, years, names and
direction are compared apart, each figure of an answer is trusted as far as the words beside it are those that the
context has beside it, and a sentence without a figure is held to its words. docs/metrics.md explains it with worked
examples; ``make bench-scoring`` shows how well it orders graded answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from llm_bench.method import Method
from llm_bench.scoring.statements import LEFT, Evidence, Statement, left

UNRELATED = 0.2
"""Cosine up to which two sentences have nothing in common: 0.21 is the median between documents of one business."""
SAME = 0.6
"""Cosine from which two sentences say the same, by their words alone."""
SAME_WITH_FIGURE = 0.4
"""Cosine from which they say the same where also a figure agrees: that seldom happens by chance."""
WORDS = 0.3
"""What is taken from the support of a statement without a figure where the other side has none of its words."""
FINE = 0.05
"""The share of the plain cosine in the result, which tells apart what the rest finds alike."""
SHARPNESS = 6
"""Without reference points a context sentence with cosine 0.7 to the question counts 14 times one with 0.45."""
HELD = 0.5
"""From this support on, a context holds a reference point."""

SUPPORT = Method(
    "Support",
    "Answer and context are cut into sentences, and a sentence is compared with each sentence of the other side, and "
    "with each two of one passage, by the cosine of their embeddings: up to "
    f"{UNRELATED} they have nothing in common, and from {SAME} on they say the same. "
    "Figures, years, names and direction are compared apart, and each that differs leaves "
    f"{LEFT} of the likeness. "
    f"Where a figure agrees, a cosine of {SAME_WITH_FIGURE} is enough. "
    "A figure of an answer counts as far as the words beside it stand beside the same figure in the context, and the "
    "year, rather than beside another. "
    "A sentence in which two names, or two directions, stand with each other's words loses most of its support. "
    f"A sentence without a figure loses up to {WORDS} of its support, by the share of its words that the other side "
    "has nowhere. "
    f"The support is the greatest of all, with the greatest plain cosine as {FINE} of it. "
    "No LLM judges another's answers.",
    ("reimers2019",),
)
COVERAGE = Method(
    "Coverage",
    "Coverage is a recall, from 0 to 1: the mean support that the answer gives the question's reference points. "
    f"Those count that the question's context holds, with a support of {HELD} or more. "
    "Where a question can't be answered from the documents, or its context holds no point, there is none.",
)
COVERAGE_WITHOUT_POINTS = Method(
    "Coverage without reference points",
    "For a question without reference points the sentences of its context stand in their place, each weighted by the "
    f"{SHARPNESS}th power of its cosine to the question.",
)
GROUNDEDNESS = Method(
    "Groundedness",
    "Groundedness is a precision, from 0 to 1: the mean support that the context gives what the answer claims, each "
    "sentence weighted by its words. "
    "Sentences that decline or are polite claim nothing, and an answer without a claim has none.",
)


def support(statements: Sequence[Statement], evidence: Evidence) -> np.ndarray:
    """How well the evidence supports each statement, by its sentence or pair of sentences that does so best.

    :return: shape (n,), in [0, 1]; never lower with more evidence; 0 without any.
    """
    return np.array([value for value, _ in supported(statements, evidence)], float)


def supported(statements: Iterable[Statement], evidence: Evidence) -> list[tuple[float, tuple[int, ...]]]:
    """The support of each statement, and which one or two of the evidence's sentences give it most; none without any.

    Of several figures each may have its support elsewhere: those that give the most of all are named.
    """
    return [_supported(statement, evidence) if len(evidence) else (0.0, ()) for statement in statements]


def _supported(statement: Statement, evidence: Evidence) -> tuple[float, tuple[int, ...]]:
    cosines = evidence.cosines(statement)
    turned = evidence.opposes(statement.rising) | evidence.denies(statement)
    same = left(turned) * left(evidence.of_another_year(statement.years) if statement.years else 0)
    same = same * left(1 - evidence.share_of_names(statement.names) if statement.names else 0)
    same = same * evidence.kept() * statement.kept
    alike, agreeing = same * _scaled(cosines, SAME), same * _scaled(cosines, SAME_WITH_FIGURE)
    holds = (evidence.holds(figure, computed=statement.computes) for figure in statement.figures)
    each = [
        trust * np.where(held > 0, held * agreeing, LEFT * alike)
        for trust, held in zip(statement.trust, holds, strict=True)
    ] or [alike]
    held = 1.0 if statement.figures else 1 - WORDS * (1 - evidence.share_of_words(statement.content))
    best = held * sum(float(values.max()) for values in each) / len(each)
    closest = min(max(float(cosines.max()), 0.0), 1.0)
    most = int(np.argmax((1 - FINE) * held * sum(each) / len(each) + FINE * cosines))
    return (1 - FINE) * best + FINE * closest, evidence.members(most)


def _scaled(cosines: np.ndarray, full: float) -> np.ndarray:
    return np.clip((cosines - UNRELATED) / (full - UNRELATED), 0.0, 1.0)


def coverage(held: Iterable[float], stated: Iterable[float]) -> float | None:
    """How much of what the context says in answer to the question the answer states: a soft recall.

    coverage = mean of support(point, answer) over the question's reference points that the context holds

    :param held: the support of each point by the context.
    :param stated: the support of each point by the answer.
    :return: in [0, 1]. None where the context holds none of the points.
    """
    counting = [value for value, supported in zip(stated, held, strict=True) if supported >= HELD]
    return float(np.mean(counting)) if counting else None


def coverage_without_points(question: np.ndarray, context: Sequence[Statement], answer: Evidence) -> float | None:
    """The same for a question without reference points: recall of the context's sentences, by their relevance.

    coverage = Σᵢ wᵢ · support(contextᵢ, answer) / Σᵢ wᵢ, wᵢ = max(0, question · contextᵢ) ** SHARPNESS

    :param question: embedding of the question, shape (d,).
    :return: in [0, 1]; None without a sentence in the context, or where none has a positive weight.
    """
    if not context:
        return None
    cosines = np.array([sentence.vector for sentence in context], np.float64) @ question.astype(np.float64)
    weights = np.clip(cosines, 0.0, 1.0) ** SHARPNESS
    total = float(weights.sum())
    return min(float(weights @ support(context, answer)) / total, 1.0) if total else None


def groundedness(claims: Sequence[tuple[float, int]]) -> float | None:
    """How much of what the answer claims the context supports: a soft precision.

    groundedness = Σⱼ nⱼ · support(claimⱼ, context) / Σⱼ nⱼ

    :param claims: of each its support by the context, and its words, nⱼ.
    :return: in [0, 1]. None without a claim.
    """
    supports, lengths = zip(*claims, strict=True) if claims else ((), ())
    return float(np.average(supports, weights=lengths)) if claims else None
