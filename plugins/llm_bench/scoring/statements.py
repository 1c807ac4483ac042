"""What a sentence states, as far as it can be compared with another: words, figures, years, names, direction. Pure."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import groupby, product
from typing import Any, NamedTuple

import numpy as np

from llm_bench.scoring.lexicon import lexicon
from llm_bench.scoring.numbers import Figure, is_unit, located

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
"""Nearness of so much is added to what tells names apart, so that hardly anything decides nothing."""
SHARP = 1.7
"""Names are exchanged for sure where the balance of what tells them apart is 1 / SHARP of it crosswise."""
NAMES, PLACES = 100, 30
"""So many names of an answer are looked at, and so many places of each: more would take minutes."""


def left(differing: float) -> float:
    """What is left of a likeness where two sentences differ, wholly (1) or in part."""
    return 1 - (1 - LEFT) * min(max(differing, 0), 1)


def stems(text: str) -> frozenset[str]:
    """The beginnings by which the words of a text are known."""
    return frozenset(word.lower()[:STEM] for word in _WORD.findall(text))


class Mark(NamedTuple):
    """A figure or a name of a sentence, and what it stands with.

    :param what: of a name the stems of its words, those that follow each other with a capital being one name.
    :param near: the stem of each other word of the sentence → how near it stands, in ]0, 1].
    :param years: the year that stands nearest, or several.
    :param turns: the same of what goes up (1) or down (-1).
    :param trust: how far a figure is known to count what the sentence says it counts, in ]0, 1].
    """

    what: Any
    near: Mapping[str, float]
    years: frozenset[int] = frozenset()
    turns: frozenset[int] = frozenset()
    trust: float = 1.0

    def shared(self, other: Mark) -> float:
        """The sum, over the words, of the smaller of the two nearnesses; -GAP of different years or directions."""
        if any(ours and theirs and ours.isdisjoint(theirs) for ours, theirs in zip(self[2:4], other[2:4], strict=True)):
            return -GAP
        return sum(min(close, self.near[word]) for word, close in other.near.items() if word in self.near)

    def nearer(self, other: Mark) -> dict[str, float]:
        """How much nearer each word is to this one than to the other."""
        words = (self.near.keys() | other.near.keys()) - self.what - other.what
        return {word: self.near.get(word, 0.0) - other.near.get(word, 0.0) for word in words}


Place = tuple[int, Mark]
"""The group of a statement, and a name in it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What can be compared of a sentence.

    :param figures: years apart; where it is held against others, those that the question hasn't.
    :param years: the years in it, or those that are meant.
    :param named: its names.
    :param names: the stems of its capitalised words, but for the first.
    :param words: the stems of all its words.
    :param content: the stems of those that say what it is about.
    :param rising: how many of its words go up less how many go down ("rose", "highest", "fewer", "didn't fall").
    :param sums_up: whether it names a sum of figures.
    :param denied: the stems of the words that a negation stands before, as "expired" in "has not expired".
    :param vector: its meaning, of length 1, shape (d,).
    :param place: the stems of the words that it can be found by: its own, those around it and the question's.
    :param kept: what is left of it where its names stand with each other's words, in ]0, 1].
    """

    text: str
    figures: tuple[Mark, ...] = ()
    years: frozenset[int] = frozenset()
    named: tuple[Mark, ...] = ()
    names: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    content: frozenset[str] = frozenset()
    rising: int = 0
    sums_up: bool = False
    denied: frozenset[str] = frozenset()
    vector: np.ndarray = field(default_factory=partial(np.zeros, 0))
    place: frozenset[str] = frozenset()
    kept: float = 1.0

    def opposes(self, other: Statement) -> bool:
        """Whether the two go different ways, or one denies what the other says."""
        denied = (self.denied & other.words - other.denied) | (other.denied & self.words - self.denied)
        return bool(denied) or self.rising * other.rising < 0

    def left(self, other: Statement) -> float:
        """What is left of its likeness with another: where direction, year or names differ, or are exchanged."""
        another_year = bool(self.years and other.years and self.years.isdisjoint(other.years))
        missing = len(self.names - other.place) / max(len(self.names), 1)
        return self.kept * other.kept * left(self.opposes(other)) * left(another_year) * left(missing)


@lru_cache(maxsize=20_000)
def features(text: str, language: str = "en") -> Statement:
    """What a sentence states by itself."""
    known = _WORDS[language]
    numbers, years = located(text, language=language)
    words = [(word[0].lower(), word.start()) for word in _WORD.finditer(text)]
    content = [
        (word[:STEM], at) for word, at in words if len(word) > 2 and word[0].isalpha() and word not in known["idle"]
    ]
    plain = re.findall(r"[^\W\d_]+", text.lower().replace("’", "'").replace("n't", " not"))
    denied = frozenset(_denied(plain, known))
    signs = {word: sign for sign, kind in ((1, "+"), (-1, "-")) for word in known[kind]}
    turns = [(-signs[word] if word[:STEM] in denied else signs[word], at) for word, at in words if word in signs]
    date = any(figure.unit == "date" for figure, _ in numbers)  # "May" is no name then
    capitals = [name for name in _NAME.finditer(text) if not is_unit(name[0], language=language, date=date)]
    names = {(name[0].lower()[:STEM], name.start()) for name in capitals}
    groups = [
        (frozenset(word for word, at in names.intersection(content) if name.start() <= at < name.end()), name.start())
        for name in _NAMES.finditer(text)
    ]
    places = _Places(text)
    return Statement(
        text,
        figures=tuple(
            Mark(figure, places.near(at, content), places.nearest(at, years), places.nearest(at, turns))
            for figure, at in numbers
        ),
        years=frozenset(year for year, _ in years),
        named=tuple(Mark(name, places.near(at, content)) for name, at in groups[:NAMES] if name),
        names=frozenset(name for name, at in names if at),
        words=stems(text),
        content=frozenset(word for word, _ in content),
        rising=sum(sign for sign, _ in turns),
        sums_up=not known["sum"].isdisjoint(plain),
        denied=denied,
    )


class _Places:
    """How near to each other places of a text are."""

    def __init__(self, text: str) -> None:
        self._is_row = _ROW.fullmatch(text) is not None
        self._joints = [joint.start() for joint in re.finditer(r";\s" if self._is_row else _JOINT, text)]

    def near(self, at: int, others: Iterable[tuple[Any, int]]) -> dict[Any, float]:
        """What stands elsewhere → how near it is, at the nearest of its places."""
        near = sorted((self._nearness(at, to), what) for what, to in others)
        return {what: value for value, what in near}

    def nearest(self, at: int, others: Iterable[tuple[int, int]]) -> frozenset[int]:
        """What is nearest, or several."""
        near = self.near(at, others)
        return frozenset(what for what, value in near.items() if value == max(near.values()))

    def _nearness(self, at: int, to: int) -> float:
        here, there = bisect(self._joints, at), bisect(self._joints, to)
        if self._is_row:  # the first cell names it
            return 1.0 if there in (0, here) else AROUND
        return float(NEARNESS ** abs(at - to + JOINT * (here - there)))


def _denied(words: Sequence[str], known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for at, word in enumerate(words):
        if word in known["not"]:
            following = (other for other in words[at + 1 :] if other not in known["idle"] | known["not"])
            if denied := next(following, ""):
                yield denied[:STEM]


def state(
    sentence: str,
    vector: np.ndarray,
    question: Statement,
    years: frozenset[int],
    *,
    others: frozenset[int] = frozenset(),
    place: frozenset[str] = frozenset(),
    heading: frozenset[str] = frozenset(),
    context: Evidence | None = None,
    named: Sequence[Mark] = (),
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
    :param named: those of the whole answer, which its own may be exchanged with.
    """
    own = features(sentence, language)
    meant = own.years or (years | others if years else years)
    around = dict.fromkeys(heading, AROUND)
    figures = tuple(
        mark._replace(near={**around, **mark.near}, years=mark.years or meant)
        for mark in own.figures
        if not any(mark.what.agrees(asked.what) for asked in question.figures)
    )
    stated = replace(own, figures=figures, years=meant, vector=vector, place=own.words | place | question.words)
    if context is None:
        return stated
    trusted = tuple(mark._replace(trust=context.trust(mark)) for mark in figures)
    exchanged = context.exchanged(own.named, named or own.named)
    return replace(stated, figures=trusted, kept=left(SHARP * exchanged))


class Evidence:
    """Statements against which others are held: each one, and each pair of one group, as a fact may take two sentences.

    :param statements: m of them, in any order.
    :param groups: the group of each one; pairs are made within a group, also of a statement with itself.
    """

    def __init__(self, statements: Sequence[Statement], groups: Sequence[int]) -> None:
        self.statements, self.groups = statements, groups
        first, second = np.triu_indices(len(statements))
        together = np.asarray(groups, int)[first] == np.asarray(groups, int)[second]
        self._first, self._second = first[together], second[together]
        self.vectors = np.array([statement.vector for statement in statements], np.float64)
        # A pair's vector is the mean of both, made 1 long; only its length is kept, as there may be a million pairs.
        alike = (self.vectors @ self.vectors.T)[self._first, self._second] if statements else np.zeros(0)
        self._lengths = np.sqrt(np.maximum(2 + 2 * alike, 1e-12))
        self._words = frozenset[str]().union(*(statement.place for statement in statements))
        self._figures = [mark for statement in statements for mark in statement.figures]
        names = frozenset[str]().union(*(statement.names for statement in statements))
        self._named = [
            (group, mark)
            for group, statement in zip(groups, statements, strict=True)
            for mark in statement.named
            if mark.what & names
        ]
        self._sums = _sums(statements, groups)

    def __len__(self) -> int:
        return len(self.statements)

    def of(self, groups: Collection[int]) -> Evidence:
        """What some groups alone say, of which some may not be here."""
        among = [i for i, group in enumerate(self.groups) if group in groups]
        return Evidence([self.statements[i] for i in among], [self.groups[i] for i in among])

    def members(self, which: int) -> tuple[int, ...]:
        """The statements, by their place in ``statements``, of one pair."""
        return tuple(dict.fromkeys((int(self._first[which]), int(self._second[which]))))

    def around(self, middle: int) -> tuple[int, ...]:
        """A statement of a group with the one before and the one after it."""
        window = range(max(middle - 1, 0), min(middle + 2, len(self)))
        return tuple(i for i in window if self.groups[i] == self.groups[middle])

    def cosines(self, statement: Statement) -> np.ndarray:
        """Similarity to each pair, shape (pairs,)."""
        single = self.vectors @ statement.vector.astype(np.float64)
        return (single[self._first] + single[self._second]) / self._lengths

    def holds(self, figure: Figure, *, summed: bool) -> np.ndarray:
        """How far each pair is trusted to hold a figure: 0 where it doesn't, shape (pairs,).

        :param summed: whether it may also be the sum of several.
        """
        sums = self._sums if summed else [()] * len(self)
        single = np.array(
            [
                max((mark.trust for mark in (*statement.figures, *totals) if figure.agrees(mark.what)), default=0.0)
                for statement, totals in zip(self.statements, sums, strict=True)
            ]
        )
        return np.maximum(single[self._first], single[self._second])

    def trust(self, mark: Mark) -> float:
        """How far the words by a figure are those by the same figure here, rather than those by another of its unit.

        A figure that isn't here is trusted: that it is missing is counted elsewhere.

        :return: in [LEFT, 1]; less than 1 where another figure shares more.
        """
        own = [mark.shared(other) for other in self._figures if mark.what.agrees(other.what)]
        rivals = (mark.shared(other) for other in self._figures if mark.what.rivals(other.what))
        return left((max(rivals, default=-GAP) - max(own)) / GAP) if own else 1.0

    def exchanged(self, names: Sequence[Mark], others: Sequence[Mark]) -> float:
        """How far names stand with the words that others stand with here, in [-1, 1[.

        Each two are held against the same two of one group. A word that is nearer to one of them than to the other here
        tells them apart, by how much nearer it is; it may do so in both texts alike, or crosswise.
        """
        found = {name.what: self._like(name) for name in (*names[:NAMES], *others[:NAMES])}
        told = [
            _told(one, two, found[one.what], found[two.what])
            for one in names[:NAMES]
            for two in others[:NAMES]
            if one.what.isdisjoint(two.what)
        ]
        alike, crosswise = sum(told, np.zeros(2))
        return float((crosswise - alike) / (crosswise + alike + FEW))

    def _like(self, name: Mark) -> list[Place]:
        return [place for place in self._named if name.what <= place[1].what or place[1].what <= name.what][:PLACES]

    def left(self, statement: Statement) -> np.ndarray:
        """What is left of the likeness of each pair, of which both must be like it, shape (pairs,)."""
        single = np.array([statement.left(ours) for ours in self.statements])
        return np.minimum(single[self._first], single[self._second])

    def share_of_words(self, wanted: frozenset[str]) -> float:
        """Which share of some words there is anywhere."""
        return len(wanted & self._words) / len(wanted) if wanted else 1.0


def _told(one: Mark, two: Mark, ours: Sequence[Place], theirs: Sequence[Place]) -> np.ndarray:
    """How much tells two names apart alike there, and how much crosswise: where they stand most alike."""
    told = list[np.ndarray]()
    for (group, first), (where, second) in product(ours, theirs):
        if group == where:
            said, there = one.nearer(two), first.nearer(second)
            both = [(said[word], there[word]) for word in said.keys() & there.keys()]
            ways = (sum(min(abs(a), abs(b)) for a, b in both if a * b * way > 0) for way in (1, -1))
            told.append(np.array([*ways]))
    return max(told, key=lambda each: each[0] - each[1], default=np.zeros(2))


def _sums(statements: Sequence[Statement], groups: Sequence[int]) -> list[tuple[Mark, ...]]:
    """For each row of a table, or sentence of figures alike, the sums of the columns, and how many rows there are."""

    def alike(i: int) -> tuple[int, tuple[str, ...]]:
        return groups[i], tuple(mark.what.unit for mark in statements[i].figures)

    totals: list[tuple[Mark, ...]] = [()] * len(statements)
    for (_, units), run in groupby(range(len(statements)), key=alike):
        rows = list(run)
        columns = zip(*([mark.what.value for mark in statements[i].figures] for i in rows), strict=True)
        sums = [Figure(sum(column), 0.0, unit) for column, unit in zip(columns, units, strict=True)]
        if len(rows) > 1 and sums:
            of_all = tuple(Mark(figure, {}) for figure in (*sums, Figure(len(rows), 0.0, "count")))
            totals[rows[0] : rows[-1] + 1] = [of_all] * len(rows)
    return totals
