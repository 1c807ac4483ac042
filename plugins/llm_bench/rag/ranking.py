"""How well texts answer a query by its words, and one score of several. Pure."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

K1, B = 1.2, 0.75
"""BM25's usual parameters: how soon a word's repetition counts no more, and how much a text's length counts."""

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion, as Cormack, Clarke and Büttcher chose it (SIGIR 2009)."""

_WORD = re.compile(r"[^\W_]+(?:(?<=[0-9])[.,][0-9]+)*")


def bm25(queries: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
    """Okapi BM25 of each text for each query: m scores for each of n queries, from 0 (no word in common) on.

    score = Σ over the query's words w of idf(w) · f / (f + K1 · (1 − B + B · length / mean length)), where f is how
    often w stands in the text, and idf(w) = ln(1 + (m − n(w) + ½) / (n(w) + ½)), with n(w) the texts that hold w: as in
    Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with Lucene's idf, which is never negative.
    Words are compared without regard to case; a number is one word ("1.42").
    """
    counts = [Counter(_words(text)) for text in texts]
    lengths = [count.total() for count in counts]
    mean = sum(lengths) / max(len(lengths), 1) or 1.0
    damping = [K1 * (1 - B + B * length / mean) for length in lengths]
    holders = Counter(word for count in counts for word in count)
    idf = {word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in holders.items()}
    # A query's words are summed in its order: a sum in the order of a set would differ between processes.
    asked = [[word for word in dict.fromkeys(_words(query)) if word in idf] for query in queries]
    wanted = {word for words in asked for word in words}
    places: dict[str, list[int]] = {word: [] for word in wanted}
    for i, count in enumerate(counts):
        for word in wanted & count.keys():
            places[word].append(i)
    scores = [[0.0] * len(texts) for _ in queries]
    for row, words in zip(scores, asked, strict=True):
        for word in words:
            for i in places[word]:
                row[i] += idf[word] * counts[i][word] / (counts[i][word] + damping[i])
    return scores


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def fuse(rankings: Sequence[Sequence[float]]) -> list[float]:
    """One score for each of m texts of several, by reciprocal rank fusion: Σ 1 / (RANK_CONSTANT + rank).

    Texts of the same score share the last rank of theirs: their order decides nothing, and all those without a word in
    common are last.

    :param rankings: scores of the same m texts, higher is better; their scales don't matter.
    """
    fused = [0.0] * len(rankings[0])
    for scores in rankings:
        ascending = sorted(scores)
        for i, score in enumerate(scores):
            rank = len(ascending) - bisect_left(ascending, score)
            fused[i] += 1 / (RANK_CONSTANT + rank)
    return fused


def order(scores: Sequence[float]) -> list[int]:
    """The positions of m scores, best first; equal ones as they come."""
    return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
