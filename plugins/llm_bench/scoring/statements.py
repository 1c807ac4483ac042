"""What a sentence states, as far as it can be compared with another: words, figures, years, names, direction. Pure."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, compress, groupby
from typing import Any, NamedTuple

import numpy as np

from llm_bench.scoring.lexicon import lexicon
from llm_bench.scoring.numbers import Figure, Figures, is_unit, located

_WORDS = {
    language: {kind: frozenset(words.split()) for kind, words in kinds.items()}
    for language, kinds in lexicon("words").items()
}
_NAME = re.compile(r"(?<![.\w&-])[A-ZÄÖÜ][\w&-]+")
_NAMES = re.compile(rf"{_NAME.pattern}(?:\s[A-ZÄÖÜ][\w&-]+)*")
_WORD = re.compile(r"[\w&-]+")
_JOINT = re.compile(
    r"[;,](?=\s)|\b(?:and|but|compared|than|after|whereas|while|und|aber|als|nach|während)\b", re.IGNORECASE
)
"""Where a sentence passes from one thing to another: "3.9%, after 3.4%", "the stores 62% and the online shop 38%"."""
_ROW = re.compile(r"[^;]+(?:;\s[^:;]+:\s[^;]+)+")
"""A table's row, as ``sentences`` has it: "Segment: Retail; 2023: 310; 2024: 342."."""

STEM = 6
"""Letters by which a word is known: "Europe" and "Europeans" are one."""
LISTED = 12
"""A sentence of more figures is a list: among all their differences many would agree by chance."""
NEARNESS = 0.98
"""What a word has to do with the figure it stands next to is 1, and by each letter between them this much of it."""
JOINT = 30
"""A comma or a conjunction separates like so many letters."""
AROUND = 0.3
"""What the words of the heading, and those of other cells of its row, have to do with a figure."""
LEFT = 0.2
"""What is left of a likeness, or of the trust in a figure, where two sentences differ wholly."""
GAP = 1.0
"""A figure isn't trusted where another one has so much more of the words beside it: one word right beside both."""
FEW = 0.5
"""Nearness of so much is added to what tells two names apart, so that hardly anything decides nothing."""
SHARP = 1.7
"""Two names are exchanged for sure where the balance of what tells them apart is 1 / SHARP of it crosswise."""
MARKS, PLACES = 100, 30
"""So many names and directions of an answer are looked at, and so many places of each: more would take minutes."""


def left(differing: np.ndarray | float) -> np.ndarray:
    """What is left of a likeness where two sentences differ, wholly (1) or in part."""
    return 1 - (1 - LEFT) * np.clip(differing, 0, 1)


def stem(word: str) -> str:
    """The beginning by which a word is known."""
    return word.lower()[:STEM]


class Mark(NamedTuple):
    """A name or a direction of a sentence, and what it stands with.

    :param key: the stems of the name's words; "+" or "-".
    :param near: the stem of each other word of the sentence → how near it stands, in ]0, 1].
    """

    kind: str
    key: frozenset[str]
    near: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Features:
    """What can be compared of a text, but for its meaning.

    :param figures: its figures, years apart.
    :param near: for each of them the stem of each word of the text → how near it stands, in ]0, 1].
    :param dated: for each of them the year that stands nearest.
    :param marks: its names, capitalised words that follow each other being one, and its words that go up or down.
    :param years: the years in it.
    :param names: the stems of its capitalised words, but for a sentence's first.
    :param words: the stems of all its words.
    :param content: the stems of those that say what it is about.
    :param rising: how many of its words go up less how many go down ("rose", "highest", "fewer").
    :param computes: whether any word goes up or down, or names a difference or a sum.
    :param denied: the stems of the words that a negation stands before, as "expired" in "has not expired"; for a word
        that goes up or down also "+" or "-".
    """

    figures: tuple[Figure, ...]
    near: tuple[Mapping[str, float], ...]
    dated: tuple[frozenset[int], ...]
    marks: tuple[Mark, ...]
    years: frozenset[int]
    names: frozenset[str]
    words: frozenset[str]
    content: frozenset[str]
    rising: int
    computes: bool
    denied: frozenset[str]


@lru_cache(maxsize=20_000)
def features(text: str, language: str = "en") -> Features:
    """The features of a sentence."""
    known = _WORDS[language]
    numbers, years = located(text, language=language)
    words = [(word[0], word.start()) for word in _WORD.finditer(text)]
    stems = [(stem(word), at) for word, at in words if _says(word, known["idle"])]
    plain = re.findall(r"[^\W\d_]+", text.lower().replace("’", "'").replace("n't", " not"))
    turns = [(sign, word, at) for word, at in words for sign in "+-" if word.lower() in known[sign]]
    date = any(number.figure.unit == "date" for number in numbers)  # "May" is no name then
    capitals = [match for match in _NAME.finditer(text) if not is_unit(match[0], language=language, date=date)]
    named = frozenset(match.start() for match in capitals)
    places = _Places(text, stems, years)
    groups = [
        (frozenset(word for word, at in stems if at in named and match.start() <= at < match.end()), match.start())
        for match in _NAMES.finditer(text)
    ]
    return Features(
        figures=tuple(number.figure for number in numbers),
        near=tuple(places.near(number.at) for number in numbers),
        dated=tuple(places.years(number.at) for number in numbers),
        marks=(
            *(Mark("name", key, places.near(at, key)) for key, at in groups[:MARKS] if key),
            *(Mark("turn", frozenset(sign), places.near(at, {stem(word)})) for sign, word, at in turns[:MARKS]),
        ),
        years=frozenset(year for year, _ in years),
        names=frozenset(stem(match[0]) for match in capitals if match.start()),
        words=frozenset(stem(word) for word, _ in words),
        content=frozenset(word for word, _ in stems),
        rising=sum(1 if sign == "+" else -1 for sign, _, _ in turns),
        computes=bool(turns) or not known["computed"].isdisjoint(plain),
        denied=frozenset(_denied(plain, known)),
    )


def _says(word: str, idle: frozenset[str]) -> bool:
    return len(word) > 2 and word[0].isalpha() and word.lower() not in idle


class _Places:
    """Where the words and years of a text stand."""

    def __init__(self, text: str, words: Sequence[tuple[str, int]], years: Sequence[tuple[int, int]]) -> None:
        self._words, self._years = words, years
        self._joints = [joint.start() for joint in _JOINT.finditer(text)]
        self._cells = [cell.start() for cell in re.finditer(r";\s", text)] if _ROW.fullmatch(text) else []

    def near(self, at: int, apart: Collection[str] = ()) -> dict[str, float]:
        """The stem of each word → how near a place it stands, at the nearest of its own places."""
        near = sorted((self._nearness(at, to), word) for word, to in self._words if word not in apart)
        return {word: value for value, word in near}

    def years(self, at: int) -> frozenset[int]:
        """The year that stands nearest to a place, or several."""
        values = [self._nearness(at, to) for _, to in self._years]
        return frozenset(year for (year, _), value in zip(self._years, values, strict=True) if value == max(values))

    def _nearness(self, at: int, to: int) -> float:
        if self._cells:  # the first cell names the row
            return 1.0 if bisect(self._cells, to) in (0, bisect(self._cells, at)) else AROUND
        return float(NEARNESS ** abs(at - to + JOINT * (bisect(self._joints, at) - bisect(self._joints, to))))


def _denied(words: Sequence[str], known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for at, word in enumerate(words):
        if word in known["not"]:
            following = (other for other in words[at + 1 :] if other not in known["idle"] | known["not"])
            if denied := next(following, ""):
                yield stem(denied)
                yield from (sign for sign in "+-" if denied in known[sign])


@dataclass(frozen=True, slots=True)
class Statement(Features):
    """A sentence to compare, with those of its figures that the question hasn't.

    :param vector: its meaning, of length 1, shape (d,).
    :param place: the stems of the words that it can be found by: its own, those around it and the question's.
    :param trust: how far each of its figures is known to count what the sentence says it counts, in ]0, 1].
    :param kept: what is left of it where its names, or directions, stand with each other's words, in ]0, 1].
    """

    vector: np.ndarray
    place: frozenset[str]
    trust: tuple[float, ...]
    kept: float


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
    marks: Sequence[Mark] = (),
    language: str = "en",
) -> Statement:
    """A sentence as a statement.

    :param vector: its embedding, shape (d,).
    :param question: its features: a figure that the question says already is no news.
    :param years: the years that are meant where the sentence has none.
    :param others: years that may be meant then, too.
    :param place: the stems of the words of its passage, the heading included.
    :param heading: those of the heading that say what it is about.
    :param context: what its figures and names are looked up in; without it each is trusted.
    :param marks: those of the whole answer, which its own may be exchanged with.
    """
    own = features(sentence, language)
    around = dict.fromkeys(heading, AROUND)
    meant = own.years or (years | others if years else years)
    news = [
        (figure, {**around, **near}, dated or meant)
        for figure, near, dated in zip(own.figures, own.near, own.dated, strict=True)
        if not any(map(figure.agrees, question.figures))
    ]
    known: dict[str, Any] = {name: getattr(own, name) for name in Features.__slots__} | {"years": meant}
    for name, values in zip(("figures", "near", "dated"), zip(*news, strict=True) if news else ((),) * 3, strict=True):
        known[name] = tuple(values)
    return Statement(
        **known,
        vector=vector,
        place=own.words | place | question.words,
        trust=tuple(context.trust(*figure) if context else 1.0 for figure in news),
        kept=float(left(SHARP * context.exchanged(own.marks, marks or own.marks))) if context else 1.0,
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
        self._units = np.array([figure.unit.replace("count", "") for _, figure in owned], str)
        self._kept = np.array([statement.kept for statement in statements], float)
        self._trust = np.array([trust for statement in statements for trust in statement.trust], float)
        named = frozenset[str]().union(*(statement.names for statement in statements))
        self._marks: dict[tuple[str, str], list[tuple[int, Mark]]] = {}
        for group, statement in zip(groups, statements, strict=True):
            for mark in statement.marks:
                for part in mark.key if mark.kind == "turn" or mark.key & named else ():
                    self._marks.setdefault((mark.kind, part), []).append((group, mark))
        self._near = [near for statement in statements for near in statement.near]
        self._dated = [dated for statement in statements for dated in statement.dated]
        computed = [*_differences(statements), *_sums(statements, groups)]
        self._computed = Figures(figure for _, figure in computed)
        self._sources = np.array([owner for owner, _ in computed], int)

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

    def holds(self, figure: Figure, *, computed: bool) -> np.ndarray:
        """How far each one is trusted to hold a figure: 0 where it doesn't, shape (m + pairs,).

        :param computed: whether it may also be the difference of two figures of one sentence, or the sum of several.
        """
        single = np.zeros(len(self.statements))
        same = self._figures.agree(figure)
        np.maximum.at(single, self._owners[same], self._trust[same])
        if computed and len(self._sources):
            single[self._sources[self._computed.agree(figure)]] = 1.0
        return np.concatenate([single, np.maximum(single[self._first], single[self._second])])

    def trust(self, figure: Figure, near: Mapping[str, float], dated: frozenset[int]) -> float:
        """How far the words by a figure are those by the same figure here, rather than those by another of its unit.

        What two figures share is the sum, over the words, of the smaller of the two nearnesses; -GAP where they are of
        different years. A figure that isn't here is trusted: that it is missing is counted elsewhere.

        :return: in [LEFT, 1]; less than 1 where another figure shares more.
        """
        same = self._figures.agree(figure)
        if not same.any():
            return 1.0
        rivals = same | (self._units == figure.unit.replace("count", ""))
        shared = np.array(
            [
                -GAP if dated and years and dated.isdisjoint(years) else _shared(near, other)
                for other, years in compress(zip(self._near, self._dated, strict=True), rivals)
            ]
        )
        return float(left((shared.max() - shared[same[rivals]].max()) / GAP))

    def exchanged(self, marks: Sequence[Mark], others: Sequence[Mark]) -> float:
        """How far names, or directions, stand with the words that others of their kind stand with here, in [-1, 1[.

        Each two of a kind are held against the same two of one group. A word that is nearer to one of them than to the
        other here tells them apart, by how much nearer it is; it may do so in both texts alike, or crosswise.
        """
        tells: dict[str, np.ndarray] = {}
        for one in marks[:MARKS]:
            for two in others[:MARKS]:
                if one.kind == two.kind and one.key.isdisjoint(two.key):
                    tells[one.kind] = tells.get(one.kind, np.zeros(2)) + self._tell(one, two)
        return max(
            (float((crosswise - alike) / (crosswise + alike + FEW)) for alike, crosswise in tells.values()), default=0.0
        )

    def _tell(self, one: Mark, two: Mark) -> np.ndarray:
        """How much tells two marks apart alike here, and how much crosswise: where they stand most alike."""
        return max(
            (
                _telling(one, two, ours.near, other.near)
                for group, ours in self._like(one)
                for where, other in self._like(two)
                if group == where
            ),
            key=lambda told: told[0] - told[1],
            default=np.zeros(2),
        )

    def _like(self, mark: Mark) -> list[tuple[int, Mark]]:
        found = (place for part in mark.key for place in self._marks.get((mark.kind, part), ()))
        return [place for place in found if mark.key <= place[1].key or place[1].key <= mark.key][:PLACES]

    def kept(self) -> np.ndarray:
        """What is left of each one, shape (m + pairs,)."""
        return np.concatenate([self._kept, np.minimum(self._kept[self._first], self._kept[self._second])])

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


def _shared(near: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(min(close, near[word]) for word, close in other.items() if word in near)


def _telling(one: Mark, two: Mark, near: Mapping[str, float], other: Mapping[str, float]) -> np.ndarray:
    told = np.zeros(2)
    for word in (one.near.keys() | two.near.keys()) & (near.keys() | other.keys()) - one.key - two.key:
        said = one.near.get(word, 0.0) - two.near.get(word, 0.0)
        there = near.get(word, 0.0) - other.get(word, 0.0)
        told[int(said * there < 0)] += min(abs(said), abs(there))
    return told


def _has(statement: Statement, denied: frozenset[str]) -> bool:
    sign = "+" if statement.rising > 0 else "-" if statement.rising < 0 else ""
    return bool(denied) and (sign in denied or not denied.isdisjoint(statement.words))


def _differences(statements: Sequence[Statement]) -> Iterator[tuple[int, Figure]]:
    for i, statement in enumerate(statements):
        for first, second in combinations(statement.figures, 2) if len(statement.figures) <= LISTED else ():
            if first.value != second.value:
                yield i, Figure(abs(first.value - second.value), 0.0, first.unit)


def _sums(statements: Sequence[Statement], groups: Sequence[int]) -> Iterator[tuple[int, Figure]]:
    """The sums of a table's columns, or of figures of sentences that are as alike, and how many rows there are."""

    def alike(i: int) -> tuple[int, tuple[str, ...]]:
        return groups[i], tuple(figure.unit for figure in statements[i].figures)

    for (_, units), run in groupby(range(len(statements)), key=alike):
        rows = list(run)
        if len(rows) > 1 and units:
            columns = np.array([[figure.value for figure in statements[i].figures] for i in rows]).sum(axis=0)
            sums = [Figure(float(total), 0.0, unit) for total, unit in zip(columns, units, strict=True)]
            yield from ((i, figure) for figure in (*sums, Figure(len(rows), 0.0, "count")) for i in rows)
