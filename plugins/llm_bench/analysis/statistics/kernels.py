"""How alike texts are: string kernels, and what they make of a study's answers, slot by slot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from llm_bench.analysis.statistics.sample import Codes, Floats
from llm_bench.method import Method

Kernel = Callable[[Sequence[str]], Floats]
"""Two or more different texts → how alike each two are: a symmetric matrix, in any unit."""
Answers = Sequence[Sequence[str | None]]
"""A row for each question; in it the answer of each slot, None where there is none."""

LONGEST = 1_000
"""Characters of a text that are compared, as many as Gao, Liang and Guestrin take."""
PIECE = 8
"""Characters of a piece."""
_BITS = 12
_BUCKETS = 1 << _BITS
"""That pieces are put into, by their hash."""
_LEAST_SPREAD = 1e-9
"""Below it, comparisons are the same but for how they were rounded."""

LIKENESS = Method(
    "How alike answers are",
    f"Stored answers to the same question are compared between slots, by the pieces of {PIECE} characters that stand "
    "in both, in the manner of a spectrum kernel. "
    f"Of an answer its first {LONGEST:,} characters count. "
    "A piece counts as there or not there, however often it stands in the answer, and what all answers to the question "
    "have counts for nothing. "
    "The comparisons of all questions are added up, each question's in relation to their spread, so that each counts "
    "alike.",
    ("leslie2002",),
)


def equality(texts: Sequence[str]) -> Floats:
    """Whole texts are the same, or they aren't."""
    return np.eye(len(texts))


def hamming(texts: Sequence[str]) -> Floats:
    """The share of places at which two texts have the same character, the shorter ones filled up to the longest.

    The kernel of Gao, Liang and Guestrin, Model Equality Testing: Which Model Is This API Serving?, ICLR 2025.
    """
    codes = [_characters(text) for text in texts]
    places = np.full((len(texts), max(map(len, codes))), -1, np.int32)
    for row, code in zip(places, codes, strict=True):
        row[: len(code)] = code
    return np.array([(places == row).mean(axis=1) for row in places])


def spectrum(texts: Sequence[str]) -> Floats:
    """How many pieces of eight characters two texts share beyond what texts of these do on average.

    The spectrum kernel of Leslie, Eskin and Noble, Pacific Symposium on Biocomputing 2002, of the presence of a piece
    rather than its count, and centred: what all texts have counts for nothing. Pieces are told apart by a hash.
    """
    held = np.zeros((len(texts), _BUCKETS), np.float32)
    for row, text in zip(held, texts, strict=True):
        row[_pieces(text)] = 1
    held -= held.mean(axis=0)
    return (held @ held.T).astype(np.float64)


def _characters(text: str) -> npt.NDArray[np.int32]:
    return np.frombuffer(text[:LONGEST].encode("utf-32-le", "surrogatepass"), np.int32)


def _pieces(text: str) -> Codes:
    code = _characters(text.ljust(PIECE)).astype(np.uint64)
    whole = np.zeros(code.size - PIECE + 1, np.uint64)
    for place in range(PIECE):
        whole = whole * np.uint64(1_000_003) + code[place : place + whole.size]
    return ((whole * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BITS)).astype(np.intp)


def similarity(answers: Answers, kernel: Kernel = spectrum) -> Floats:
    """How alike the answers of each two slots are: a matrix with a row and a column for each slot, 0 on its diagonal.

    Answers are compared with those to the same question alone, and the comparisons of all questions are added up. Of
    each question, what two of its answers have in common on average is taken off before, so that missing answers pull
    nowhere, and its comparisons are set in relation to their spread, so that each question counts alike.
    """
    slots = max((len(row) for row in answers), default=0)
    whole = np.zeros((slots, slots))
    for row in answers:
        there, codes, texts = _coded(row)
        if len(texts) > 1:
            whole[np.ix_(there, there)] += _standardised(kernel(texts)[codes][:, codes])
    return whole


def _standardised(alike: Floats) -> Floats:
    """What two different answers have in common: of mean 0 and spread 1; 0 of each with itself."""
    pairs = len(alike) * (len(alike) - 1)
    np.fill_diagonal(alike, 0)
    alike -= alike.sum() / pairs
    np.fill_diagonal(alike, 0)
    spread = np.sqrt(np.square(alike).sum() / pairs)
    standardised: Floats = alike / spread if spread > _LEAST_SPREAD else np.zeros_like(alike)
    return standardised


def differing(answers: Answers, reference: Sequence[int]) -> Floats:
    """For each slot, the share of its answers that differ from an answer of a reference slot to the same question.

    All pairs of an answer and a reference slot's other answer to its question count alike, so that what the reference
    slots themselves have is the share that differs without any change. NaN where no question is answered in both.

    :param reference: places of slots, such as those of the first day.
    """
    slots = max((len(row) for row in answers), default=0)
    other, pairs = np.zeros(slots), np.zeros(slots)
    chosen = np.zeros(slots, bool)
    chosen[list(reference)] = True
    for row in answers:
        there, codes, texts = _coded(row)
        held = np.bincount(codes[chosen[there]], minlength=len(texts))
        own = chosen[there].astype(np.intp)
        compared = held.sum() - own
        pairs[there] += compared
        other[there] += compared - (held[codes] - own)
    shares: Floats = np.divide(other, pairs, out=np.full(slots, np.nan), where=pairs > 0)
    return shares


def _coded(row: Sequence[str | None]) -> tuple[Codes, Codes, list[str]]:
    """Where there are answers, the number of each one's text, and the texts."""
    numbers: dict[str, int] = {}
    there = [place for place, answer in enumerate(row) if answer is not None]
    codes = [numbers.setdefault(answer, len(numbers)) for answer in row if answer is not None]
    return np.array(there, np.intp), np.array(codes, np.intp), list(numbers)
