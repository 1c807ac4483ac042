"""What a sentence states, as far as it can be compared with another: words, figures, years, names, direction. Pure."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from itertools import combinations, compress, groupby

import numpy as np

from llm_bench.scoring.lexicon import lexicon
from llm_bench.scoring.numbers import Figure, Figures, is_unit, located

_LEXICON = {
    language: {name: frozenset(words.split()) for name, words in kinds.items()}
    for language, kinds in lexicon("words").items()
}
_NAME = re.compile(r"(?<![.\w&-])[A-ZÄÖÜ][\w&-]+(?:\s[A-ZÄÖÜ][\w&-]+)*")
_WORD = re.compile(r"[\w&-]+")
_JOINT = re.compile(
    r"[;,](?=\s)|\b(?:and|but|compared|than|after|whereas|while|und|aber|als|nach|während)\b", re.IGNORECASE
)
"""Where a sentence passes from one thing to another: "3.9%, after 3.4%", "the stores 62% and the online shop 38%"."""
_CAP = re.compile(r"(?<![.\w&-])[A-ZÄÖÜ][\w&-]+")
_ROW = re.compile(r"[^;]+(?:;\s[^:;]+:\s[^;]+)+")

STEM = 6
"""Letters by which a word is known: "Europe" and "Europeans" are one."""
LISTED = 12
"""A sentence of more figures is a list: among all their differences many would agree by chance."""
NEARNESS = 0.98
"""What a word has to do with the figure it stands next to is 1, and by each letter between them this much of it."""
JOINT = 30
"""A comma or a conjunction separates like so many letters."""
AROUND = 0.3
"""What the words of the heading have at least to do with each figure below it."""
YEAR = 1.0
MEANT = 0.3
GAP = 1.0
COMPETE = 0.0
NAMES = True
TURNS = True
ROWS = True
RATIO = False
DOUBT = 0.6
DENY = 1.0
HARD = True
FEW = 0.1
SHARP = 1.3
SENTENCE = False
MGAP = 1.0
SLACK = 0.0
PEERS = True
SUMS = True
BOTH = True


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
    dates: tuple[frozenset[int], ...]
    marks: tuple[Mark, ...]
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
    known = _LEXICON[language]
    numbers, years = located(text, language=language)
    words = [(word[0], word.start()) for word in _WORD.finditer(text)]
    stems = [(stem(word), at) for word, at in words if _says(word, known["idle"])]
    plain = re.findall(r"[^\W\d_]+", text.lower().replace("’", "'").replace("n't", " not"))
    signs = [
        (sign, at) for word, at in words for sign in "+-" if word.lower() in known[sign]
    ]
    dated = any(number.figure.unit == "date" for number in numbers)
    groups = []
    for name in _NAME.finditer(text):
        key = frozenset(
            stem(word) for word in name[0].split()
            if _says(word, known["idle"]) and not is_unit(word, language=language, dated=dated)
        )
        if key:
            groups.append((key, name.start()))
    around = _Around(text, stems, years, [number.at for number in numbers])
    return Features(
        figures=tuple(number.figure for number in numbers),
        near=tuple(around.near(number.at) for number in numbers),
        dates=tuple(around.years(number.at) for number in numbers),
        marks=tuple(
            [Mark("name", key, around.near(at, key)) for key, at in groups] * NAMES
            + [Mark("turn", frozenset(sign), around.near(at, {w for w, p in stems if p == at})) for sign, at in signs] * TURNS
        ),
        years=frozenset(year for year, _ in years),
        names=frozenset(stem(name[0]) for name in _CAP.finditer(text, 1) if not is_unit(name[0], language=language, dated=dated)),
        words=frozenset(stem(word) for word, _ in words),
        content=frozenset(word for word, _ in stems),
        rising=sum(1 if sign == "+" else -1 for sign, _ in signs),
        compares=bool(signs) or not known["computed"].isdisjoint(plain),
        denied=frozenset(_denied(plain, known)),
    )


class Mark(NamedTuple):
    kind: str
    key: frozenset[str]
    near: Mapping[str, float]


class _Around:
    def __init__(self, text, stems, years, anchors):
        self._joints = [joint.start() for joint in _JOINT.finditer(text)]
        self._row = ROWS and _ROW.fullmatch(text) is not None
        self._stems, self._years = stems, years
        self._cells = [0] + [m.start() for m in re.finditer(r";\s", text)] if self._row else [0]
        self._title = max(text.find(" – "), 0) if self._row else 0
        self._anchors = anchors

    def _far(self, at, to):
        if self._row:
            mine, other = bisect(self._cells, at), bisect(self._cells, to)
            if to < self._title:
                return AROUND
            return 1.0 if other in (1, mine) else 0.1
        a, b = at + JOINT * bisect(self._joints, at), to + JOINT * bisect(self._joints, to)
        return NEARNESS ** abs(a - b)

    def near(self, at, apart=()):
        near = {}
        for word, to in self._stems:
            if word not in apart:
                value = self._far(at, to)
                if COMPETE and not self._row and self._anchors:
                    value *= (value / max(value, *(self._far(a, to) for a in self._anchors))) ** COMPETE
                near[word] = max(near.get(word, 0.0), value)
        return near

    def years(self, at):
        far = [(self._far(at, to), year) for year, to in self._years]
        return frozenset(year for close, year in far if close == max(far)[0])


def _says(word: str, idle) -> bool:
    return len(word) > 2 and word[0].isalpha() and word.lower() not in idle


def _denied(words: Sequence[str], known) -> Iterator[str]:
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
    """

    vector: np.ndarray
    place: frozenset[str]
    trust: tuple[float, ...]
    bound: float


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
    peers: Sequence[Mark] = (),
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
    around = dict.fromkeys(heading, AROUND)
    meant = own.years or (years | others if years else years)
    news = [
        (figure, {**around, **near}, dated or meant)
        for figure, near, dated in zip(own.figures, own.near, own.dates, strict=True)
        if not any(map(figure.agrees, question.figures))
    ]
    return Statement(
        figures=tuple(figure for figure, _, _ in news),
        near=tuple(near for _, near, _ in news),
        dates=tuple(dates for _, _, dates in news),
        marks=own.marks,
        years=meant,
        names=own.names,
        words=own.words,
        content=own.content,
        rising=own.rising,
        compares=own.compares,
        denied=own.denied,
        vector=vector,
        place=own.words | place | question.words,
        trust=tuple(context.trust(*figure) if context else 1.0 for figure in news),
        bound=context.bound(own.marks, peers) if context else 1.0,
    )


class Evidence:
    """Statements against which others are held: each one, and each pair of one group, as a fact may take two sentences.

    :param statements: m of them, in any order.
    :param groups: the group of each one; pairs are made within a group.
    """

    def __init__(self, statements: Sequence[Statement], groups: Sequence[int]) -> None:
        self.statements = statements
        self._groups = groups
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
        self._trust = np.array([trust for statement in statements for trust in statement.trust], float)
        names = frozenset[str]().union(*(statement.names for statement in statements))
        self._marks = [
            (i, mark) for i, statement in enumerate(statements) for mark in statement.marks
            if mark.kind != "name" or mark.key & names
        ]
        self._by_stem = {}
        for i, mark in self._marks:
            for part in mark.key:
                self._by_stem.setdefault((mark.kind, part), []).append((i, mark))
        self._near = [near for statement in statements for near in statement.near]
        self._dates = [dates for statement in statements for dates in statement.dates]
        computed = [*_differences(statements), *_sums(statements, groups)]
        self._computed = Figures(figure for _, figure in computed)
        self._from = np.array([owner for owner, _ in computed], int)

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
        if difference and len(self._from):
            single[self._from[self._computed.agree(figure)]] = 1.0
        return np.concatenate([single, np.maximum(single[self._first], single[self._second])])

    def trust(self, figure: Figure, near: Mapping[str, float], dates: frozenset[int]) -> float:
        same = self._figures.agree(figure)
        if not same.any():
            return 1.0
        fits = np.array([not dates or not other or not dates.isdisjoint(other) for other in self._dates], bool)
        shared = np.array([_shared(near, other) for other in self._near]) - ~fits
        rivals = same | (self._units == figure.unit.replace("count", "")) & fits
        if HARD and not (same & fits).any() and (rivals & fits).any():
            return 0.2
        return float(1 - 0.8 * min(1.0, (shared[rivals].max() - shared[same].max()) / GAP))

    def bound(self, marks, peers) -> float:
        left = 1.0
        for kind in ("name", "turn"):
            mine, others = ([mark for mark in of if mark.kind == kind] for of in (marks, peers if PEERS else marks))
            straight, crossed = 0.0, 0.0
            for one in mine:
                for two in others:
                    if not one.key & two.key:
                        plus, minus = self._crossed(one, two)
                        straight, crossed = straight + plus, crossed + minus
            left *= 1 - 0.8 * np.clip(SHARP * (crossed - straight) / (crossed + straight + FEW), 0, 1)
        return float(left)

    def _crossed(self, one, two):
        best = (0.0, 0.0)
        firsts, seconds = self._like(one), self._like(two)
        for i, ours in firsts:
            for j, other in seconds:
                if i == j if SENTENCE else self._groups[i] == self._groups[j]:
                    total = [0.0, 0.0]
                    for word in (one.near.keys() | two.near.keys()) & (ours.near.keys() | other.near.keys()) - one.key - two.key:
                        said = one.near.get(word, 0) - two.near.get(word, 0)
                        there = ours.near.get(word, 0) - other.near.get(word, 0)
                        total[said * there < 0] += min(abs(said), abs(there))
                    if best == (0.0, 0.0) or total[0] - total[1] > best[0] - best[1]:
                        best = tuple(total)
        return best

    def _like(self, mark):
        found = [(i, other) for stem in mark.key for i, other in self._by_stem.get((mark.kind, stem), ())]
        return [(i, other) for i, other in found if _same(mark.key, other.key)]

    def bounds(self, statement=None) -> np.ndarray:
        single = np.array([s.bound for s in self.statements], float)
        return np.concatenate([single, np.minimum(single[self._first], single[self._second])])

    def _most(self, single):
        return np.concatenate([single, np.maximum(single[self._first], single[self._second])])

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


def _same(one, other):
    return one <= other or other <= one


def _shared(near, other):
    return sum(min(close, near[word]) for word, close in other.items() if word in near)


def _trust(near, others, same):
    shared = np.array([_shared(near, other) for other in others])
    most, ours = shared.max(), shared[same].max()
    if RATIO:
        return float((DOUBT + ours) / (DOUBT + most))
    return float(1 - 0.8 * min(1.0, (most - ours) / GAP))


def _has(statement: Statement, denied: frozenset[str]) -> bool:
    sign = "+" if statement.rising > 0 else "-" if statement.rising < 0 else ""
    return bool(denied) and (sign in denied or not denied.isdisjoint(statement.words))


def _differences(statements: Sequence[Statement]) -> Iterator[tuple[int, Figure]]:
    for i, statement in enumerate(statements):
        for first, second in combinations(statement.figures, 2) if len(statement.figures) <= LISTED else ():
            if first.value != second.value:
                yield i, Figure(abs(first.value - second.value), 0.0, first.unit)


def _sums(statements: Sequence[Statement], groups: Sequence[int]) -> Iterator[tuple[int, Figure]]:
    """Of each column of a table, or of sentences that follow each other with as many figures of the same units."""
    def alike(i: int) -> object:
        return groups[i], [figure.unit for figure in statements[i].figures]

    for (_, units), run in groupby(range(len(statements)), key=alike):
        rows = list(run)
        if SUMS and len(rows) > 1 and units:
            columns = zip(*(statements[i].figures for i in rows))
            for figure in [Figure(len(rows), 0.0, "count"), *(Figure(sum(f.value for f in column), 0.0, column[0].unit) for column in columns)]:
                yield from ((i, figure) for i in rows)
