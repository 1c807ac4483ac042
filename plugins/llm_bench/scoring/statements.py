"""What a sentence states, as far as it can be compared with another: words, figures, years, names, direction. Pure."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, compress

import numpy as np

from llm_bench.scoring.lexicon import lexicon
from llm_bench.scoring.numbers import Figure, Figures, is_unit, located

_WORDS = lexicon("words")
_UP, _DOWN, _NOT, _DIFFERENCE, _IDLE = (
    frozenset(_WORDS[name].split()) for name in ("up", "down", "not", "difference", "idle")
)
_NAME = re.compile(r"(?<![.\w&-])[A-Z][\w&-]+")
_WORD = re.compile(r"[\w&-]+")
_JOINT = re.compile(r"[;,](?=\s)|\b(?:and|but|compared|than|after|whereas|while)\b", re.IGNORECASE)
"""Where a sentence passes from one thing to another: "3.9%, after 3.4%", "the stores 62% and the online shop 38%"."""

STEM = 6
"""Letters by which a word is known: "Europe" and "Europeans" are one."""
LISTED = 12
"""A sentence of more figures is a list: among all their differences many would agree by chance."""
NEARNESS = 0.98
"""What a word has to do with the figure it stands next to is 1, and by each letter between them this much of it."""
JOINT = 30
"""A comma or a conjunction separates like so many letters."""
AROUND = 0.3
"""What the words of the heading, and the year that is meant, have at least to do with each figure below it."""
DOUBT = 0.6
"""Nearness of so much is added to both sides, so that one or two shared words don't decide."""


def stem(word: str) -> str:
    """The beginning by which a word is known."""
    return word.lower()[:STEM]


@dataclass(frozen=True, slots=True)
class Features:
    """What can be compared of a text, but for its meaning.

    :param figures: its figures, years apart.
    :param near: for each of them the stem of each word of the text, and each year → how near it stands, in ]0, 1].
    :param years: the years in it.
    :param names: the stems of its capitalised words, but for a sentence's first.
    :param words: the stems of all its words.
    :param content: the stems of those that say what it is about.
    :param rising: how many of its words go up less how many go down ("rose", "highest", "fewer").
    :param compares: whether any word goes up or down, or names a difference.
    :param denied: the stems of the words that a negation stands before, as "expired" in "has not expired"; for a word
        that goes up or down also "+" or "-".
    """

    figures: tuple[Figure, ...]
    near: tuple[Mapping[str, float], ...]
    years: frozenset[int]
    names: frozenset[str]
    words: frozenset[str]
    content: frozenset[str]
    rising: int
    compares: bool
    denied: frozenset[str]


@lru_cache(maxsize=20_000)
def features(text: str, language: str = "en") -> Features:
    """The features of a sentence."""
    numbers, years = located(text, language=language)
    stems = [(stem(word[0]), word.start()) for word in _WORD.finditer(text) if _says(word[0])]
    joints = [joint.start() for joint in _JOINT.finditer(text)]
    placed = [
        (word, at + JOINT * bisect(joints, at)) for word, at in [*stems, *((str(year), at) for year, at in years)]
    ]
    plain = re.findall(r"[a-z]+", text.lower().replace("’", "'").replace("n't", " not"))
    directions = [(word in _UP) - (word in _DOWN) for word in plain]
    return Features(
        figures=tuple(number.figure for number in numbers),
        near=tuple(_near(placed, number.at + JOINT * bisect(joints, number.at)) for number in numbers),
        years=frozenset(year for year, _ in years),
        names=frozenset(stem(name[0]) for name in _NAME.finditer(text, 1) if not is_unit(name[0], language=language)),
        words=frozenset(map(stem, _WORD.findall(text))),
        content=frozenset(word for word, _ in stems),
        rising=sum(directions),
        compares=any(directions) or not _DIFFERENCE.isdisjoint(plain),
        denied=frozenset(_denied(plain)),
    )


def _says(word: str) -> bool:
    return len(word) > 2 and word[0].isalpha() and word.lower() not in _IDLE


def _near(placed: Sequence[tuple[str, int]], at: int) -> dict[str, float]:
    # The nearest of the same words comes last, and stays.
    return {word: NEARNESS ** abs(place - at) for word, place in sorted(placed, key=lambda word: -abs(word[1] - at))}


def _denied(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        if word in _NOT:
            following = (other for other in words[at + 1 :] if other not in _IDLE | _NOT)
            if denied := next(following, ""):
                yield stem(denied)
                yield from ("+",) * (denied in _UP) + ("-",) * (denied in _DOWN)


@dataclass(frozen=True, slots=True)
class Statement(Features):
    """A sentence to compare, with those of its figures that the question hasn't.

    :param vector: its meaning, of length 1, shape (d,).
    :param place: the stems of the words that it can be found by: its own, those around it and the question's.
    :param trust: how far each of its figures is known to count what the sentence says it counts, in ]0, 1].
    """

    vector: np.ndarray
    place: frozenset[str]
    trust: tuple[float, ...]


def state(
    sentence: str,
    vector: np.ndarray,
    question: Features,
    years: frozenset[int],
    *,
    others: frozenset[int] = frozenset(),
    place: frozenset[str] = frozenset(),
    heading: frozenset[str] = frozenset(),
    context: Evidence | None = None,
    language: str = "en",
) -> Statement:
    """A sentence as a statement.

    :param vector: its embedding, shape (d,).
    :param question: its features: a figure that the question says already is no news.
    :param years: the years that are meant where the sentence has none.
    :param others: years that may be meant then, too.
    :param place: the stems of the words of its passage, the heading included.
    :param heading: those of the heading that say what it is about.
    :param context: what its figures are looked up in; without it each is trusted.
    """
    own = features(sentence, language)
    around = dict.fromkeys([*heading, *map(str, own.years or years)], AROUND)
    news = [
        (figure, {**around, **near})
        for figure, near in zip(own.figures, own.near, strict=True)
        if not any(map(figure.agrees, question.figures))
    ]
    return Statement(
        figures=tuple(figure for figure, _ in news),
        near=tuple(near for _, near in news),
        years=own.years or (years | others if years else years),
        names=own.names,
        words=own.words,
        content=own.content,
        rising=own.rising,
        compares=own.compares,
        denied=own.denied,
        vector=vector,
        place=own.words | place | question.words,
        trust=tuple(context.trust(*figure) if context else 1.0 for figure in news),
    )


class Evidence:
    """Statements against which others are held: each one, and each pair of one group, as a fact may take two sentences.

    :param statements: m of them, in any order.
    :param groups: the group of each one; pairs are made within a group.
    """

    def __init__(self, statements: Sequence[Statement], groups: Sequence[int]) -> None:
        self.statements = statements
        first, second = np.triu_indices(len(statements), 1)
        together = np.asarray(groups, int)[first] == np.asarray(groups, int)[second]
        self._first, self._second = first[together], second[together]
        self._vectors = np.array([statement.vector for statement in statements], np.float64)
        # A pair's vector is the mean of both, made 1 long; only its length is kept, as there may be a million pairs.
        alike = (self._vectors @ self._vectors.T)[self._first, self._second] if statements else np.zeros(0)
        self._lengths = np.sqrt(np.maximum(2 + 2 * alike, 1e-12))
        self._rising = np.array([statement.rising for statement in statements], int)
        self._words = frozenset[str]().union(*(statement.place for statement in statements))
        owned = [(i, figure) for i, statement in enumerate(statements) for figure in statement.figures]
        self._owners = np.array([owner for owner, _ in owned], int)
        self._figures = Figures(figure for _, figure in owned)
        self._units = np.array([figure.unit for _, figure in owned], str)
        self._trust = np.array([trust for statement in statements for trust in statement.trust], float)
        self._near = [near for statement in statements for near in statement.near]
        between = [(i, gap) for i, statement in enumerate(statements) for gap in _differences(statement.figures)]
        self._differences = Figures(gap for _, gap in between)
        self._between = np.array([owner for owner, _ in between], int)

    def __len__(self) -> int:
        return len(self.statements)

    def members(self, which: int) -> tuple[int, ...]:
        """The statements, by their place in ``statements``, of one single or pair."""
        pair = which - len(self)
        return (which,) if pair < 0 else (int(self._first[pair]), int(self._second[pair]))

    def _any(self, values: Iterable[object]) -> np.ndarray:
        """The values of each statement, then of each pair, in which either will do; also for rows of shape (m, k)."""
        single = np.array(values if isinstance(values, np.ndarray) else list(values), bool)
        return np.concatenate([single, single[self._first] | single[self._second]])

    def cosines(self, statement: Statement) -> np.ndarray:
        """Similarity to each statement, then to each pair, shape (m + pairs,)."""
        single = self._vectors @ statement.vector.astype(np.float64)
        return np.concatenate([single, (single[self._first] + single[self._second]) / self._lengths])

    def holds(self, figure: Figure, *, difference: bool) -> np.ndarray:
        """How far each one is trusted to hold a figure: 0 where it doesn't, shape (m + pairs,).

        :param difference: whether it may also be the difference of two figures of one sentence.
        """
        single = np.zeros(len(self.statements))
        same = self._figures.agree(figure)
        np.maximum.at(single, self._owners[same], self._trust[same])
        if difference and len(self._between):
            single[self._between[self._differences.agree(figure)]] = 1.0
        return np.concatenate([single, np.maximum(single[self._first], single[self._second])])

    def trust(self, figure: Figure, near: Mapping[str, float]) -> float:
        """How much more the words by a figure have in common with those by the same figure here than by another.

        Both sides are the sum, over the words, of the smaller of the two nearnesses, and ``DOUBT``. A figure that isn't
        here is trusted: that it is missing is counted elsewhere.

        :return: 1, or less where the words are rather by another figure of that unit.
        """
        same = self._figures.agree(figure)
        if not same.any():
            return 1.0
        rivals = same | (self._units == figure.unit)
        shared = np.array(
            [
                DOUBT + sum(min(close, near[word]) for word, close in other.items() if word in near)
                for other in compress(self._near, rivals)
            ]
        )
        return float(shared[same[rivals]].max() / shared.max())

    def share_of_words(self, wanted: frozenset[str]) -> float:
        """Which share of some words there is anywhere."""
        return len(wanted & self._words) / len(wanted) if wanted else 1.0

    def share_of_names(self, wanted: frozenset[str]) -> np.ndarray:
        """Which share of some names each one holds, or has around it, shape (m + pairs,)."""
        held = self._any([name in statement.place for name in wanted] for statement in self.statements)
        return np.asarray(held.mean(axis=1))

    def opposes(self, rising: int) -> np.ndarray:
        """Whether each one goes the other way, shape (m + pairs,)."""
        return self._any(self._rising * rising < 0)

    def denies(self, statement: Statement) -> np.ndarray:
        """Whether only one of the two is negated, and the other has what is denied, shape (m + pairs,)."""
        if statement.denied:
            has = self._any(_has(ours, statement.denied) for ours in self.statements)
            return np.asarray(has & ~self._any(bool(ours.denied) for ours in self.statements))
        return self._any(_has(statement, ours.denied) for ours in self.statements)

    def of_another_year(self, years: frozenset[int]) -> np.ndarray:
        """Whether each one is of years, and of none of those, shape (m + pairs,)."""
        dated = self._any(bool(statement.years) for statement in self.statements)
        return np.asarray(dated & ~self._any(bool(statement.years & years) for statement in self.statements))


def _has(statement: Statement, denied: frozenset[str]) -> bool:
    sign = "+" if statement.rising > 0 else "-" if statement.rising < 0 else ""
    return bool(denied) and (sign in denied or not denied.isdisjoint(statement.words))


def _differences(figures: Sequence[Figure]) -> Iterator[Figure]:
    for first, second in combinations(figures, 2) if len(figures) <= LISTED else ():
        if first.value != second.value:
            yield Figure(abs(first.value - second.value), 0.0, first.unit)
