"""What stands around a figure: it shows whether an answer says the figure of the right thing. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from llm_bench.scoring.numbers import Figure, Figures, located

STEM = 6
"""Letters by which a word is known: "Europe" and "Europeans" are one."""

IDLE = frozenset(
    """a able about according after all almost also an and answer any are around as at be because been before being
    between both but by can context could did do does down each every few for from had has have having here his how i if
    in into is it its just least less longer many may might more most much nearly no not of on once only or other others
    our out over per report same she since so some such than that the their them then there these they this those to
    under until up very was we were what when where whereas which while who whose why will with would you
    your""".split()  # noqa: SIM905
)
"""Words that don't say what a figure counts, or what a negation denies."""
_TOKEN = re.compile(r"[a-z0-9][\w&-]*(?:[.,][0-9]+)*", re.IGNORECASE)
_JOINT = re.compile(r"[;,]|\b(?:and|but|compared|than|after|whereas|while)\b", re.IGNORECASE)
"""Where a sentence passes from one thing to another: "3.9%, after 3.4%", "the stores 62% and the online shop 38%"."""

NEARNESS = 0.8
"""What a word has to do with the figure it stands next to is 1, and by each word between them this much of it."""
JOINT = 5
"""A comma or a conjunction separates like so many words."""
AROUND = 0.3
"""What the words of the heading, and the year that is meant, have at least to do with each figure below it."""
DOUBT = 0.6
"""Nearness of so much is added to both sides, so that one or two shared words don't decide."""


@lru_cache(maxsize=5_000)
def content(text: str, language: str = "en") -> frozenset[str]:
    """The beginnings of the words that say what a text is about, and its years."""
    return frozenset(word for word, _ in _placed(text, language)[0])


@dataclass(frozen=True, slots=True)
class Counted:
    """A figure, and what it counts as far as the words beside it say.

    :param unit: as ``Figure`` has it.
    :param near: the beginning of each word of its sentence → how near it stands, in ]0, 1]; years are words, too.
    """

    figure: Figure
    unit: str
    near: Mapping[str, float]


@lru_cache(maxsize=5_000)  # each takes a kilobyte or more
def counted(sentence: str, language: str = "en") -> tuple[Counted, ...]:
    """The figures of a sentence, in the order of ``features``."""
    words, numbers = _placed(sentence, language)
    return tuple(Counted(figure, unit, _nearness(words, at)) for figure, unit, at in numbers)


def _nearness(words: Sequence[tuple[str, int]], at: int) -> dict[str, float]:
    near: dict[str, float] = {}
    for word, position in words:
        near[word] = max(near.get(word, 0.0), NEARNESS ** max(abs(position - at) - 1, 0))
    return near


def _placed(text: str, language: str) -> tuple[list[tuple[str, int]], list[tuple[Figure, str, int]]]:
    """The words that count and the years, and the figures with their units, each with its position in words."""
    numbers, years = located(text, language=language)
    tokens = [(match[0].lower(), match.start()) for match in _TOKEN.finditer(text)]
    starts = [start for _, start in tokens]
    joints = [match.start() for match in _JOINT.finditer(text)]

    def position(start: int) -> int:
        return bisect_right(starts, start) + JOINT * bisect_left(joints, start)

    words = [
        (word[:STEM], position(start))
        for word, start in tokens
        if len(word) > 2 and word[0].isalpha() and word not in IDLE
    ]
    words += [(str(year), position(start)) for year, start in years]
    return words, [(number.figure, number.figure.unit, position(number.at)) for number in numbers]


class Surroundings:
    """What stands around each figure of the context, to see whether an answer says it of the right thing.

    :param context: its sentences, each with its years and the content of its heading.
    """

    def __init__(self, context: Iterable[tuple[str, frozenset[int], frozenset[str]]], language: str = "en") -> None:
        known = [
            (count, _with(count.near, heading | set(map(str, years))))
            for sentence, years, heading in context
            for count in counted(sentence, language)
        ]
        self._figures = Figures(count.figure for count, _ in known)
        self._units = np.array([count.unit for count, _ in known], str)
        self._columns = {word: i for i, word in enumerate(sorted({word for _, near in known for word in near}))}
        self._near = np.zeros((len(known), len(self._columns)))
        for row, (_, near) in zip(self._near, known, strict=True):
            row[[self._columns[word] for word in near]] = list(near.values())

    def trust(self, claimed: Counted, years: frozenset[int]) -> float:
        """How much more the words by a figure have in common with those by the same figure here than by another.

        Both sides are the sum, over the words, of the smaller of the two nearnesses, and ``DOUBT``. A figure that isn't
        here is trusted: that it is missing is counted elsewhere.

        :param years: the years that its sentence is of.
        :return: 1, or less where the words are rather by another figure of that unit.
        """
        same = self._figures.agree(claimed.figure)
        if not same.any():
            return 1.0
        near = _with(claimed.near, map(str, years))
        known = [word for word in near if word in self._columns]
        columns = self._near[:, [self._columns[word] for word in known]]
        shared = np.minimum(columns, [near[word] for word in known]).sum(axis=1) + DOUBT
        own, rival = shared[same].max(), shared[~same & (self._units == claimed.unit)].max(initial=0.0)
        return float(own / max(own, rival))


def _with(near: Mapping[str, float], around: Iterable[str]) -> dict[str, float]:
    return {**near, **{word: max(near.get(word, 0.0), AROUND) for word in around}}
