"""How much of its context an answer uses, and how much of the answer its context supports. Pure.

Embeddings are rows of length 1, so that a product is a cosine. A cosine counts from ``FLOOR`` on:
similarity(a, b) = clip((a·b − FLOOR) / (1 − FLOOR), 0, 1). Sentences that have only their subject in common are not
unlike for an embedding model, and would otherwise add up to a score for an answer that says nothing of the context.
"""

from __future__ import annotations

import numpy as np

FLOOR = 0.3
SHARPNESS = 3


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Similarity of each row of a to each row of b, in [0, 1]."""
    cosine = a.astype(np.float64) @ b.astype(np.float64).T
    return np.clip((cosine - FLOOR) / (1 - FLOOR), 0.0, 1.0)


def coverage(question: np.ndarray, context: np.ndarray, answer: np.ndarray) -> float | None:
    """How much of what the context says about the question the answer uses: a weighted soft recall.

    coverage = Σᵢ wᵢ · maxⱼ similarity(contextᵢ, answerⱼ) / Σᵢ wᵢ, wᵢ = max(0, question · contextᵢ) ** SHARPNESS

    A context holds a few sentences that answer the question among many that don't. The power makes those few count
    most; weights in proportion to the cosine would ask the answer to retell the rest.

    :param question: embedding of the question, shape (d,).
    :param context: embeddings of the context's sentences, shape (n, d), in any order.
    :param answer: embeddings of the answer's sentences, shape (m, d), in any order.
    :return: in [0, 1]; 1 for the context itself, 0 without a sentence in the answer. None where nothing could be
        covered: no sentence in the context, or none with a positive weight.
    """
    weights = np.clip(context.astype(np.float64) @ question.astype(np.float64), 0.0, 1.0) ** SHARPNESS
    total = float(weights.sum())
    if total == 0:
        return None
    best = _similarity(context, answer).max(axis=1, initial=0.0)
    return min(float(weights @ best) / total, 1.0)


def groundedness(context: np.ndarray, answer: np.ndarray) -> float | None:
    """How much of the answer the context supports: a soft precision.

    groundedness = mean over the answer's sentences j of maxᵢ similarity(contextᵢ, answerⱼ)

    :param context: embeddings of the context's sentences, shape (n, d), in any order.
    :param answer: embeddings of the answer's sentences, shape (m, d), in any order.
    :return: in [0, 1]; 0 without a sentence in the context. None without a sentence in the answer.
    """
    if not len(answer):
        return None
    return float(_similarity(answer, context).max(axis=1, initial=0.0).mean())
