"""What a sentence states, as far as it can be compared with another: figures, years, names, direction. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, compress

import numpy as np

from llm_bench.method import Method
from llm_bench.scoring.numbers import Figure, Figures, figures
from llm_bench.scoring.surroundings import IDLE, STEM, Surroundings, counted

_UP = frozenset(
    """rise rises rose risen rising increase increases increased increasing grow grows grew grown growing growth higher
    highest more most largest larger biggest bigger above exceeded exceeds gained gains gain faster fastest longest
    longer best better up improved improves improvement overtook ahead led top strongest stronger climbed
    majority""".split()  # noqa: SIM905  (a list of so many words can't be read)
)
_DOWN = frozenset(
    """fall falls fell fallen falling decrease decreases decreased decreasing decline declines declined declining drop
    drops dropped shrink shrinks shrank shrunk lower lowest less least fewer fewest smallest smaller below lost loses
    loss slower slowest shortest shorter worst worse down worsened weakest weaker behind minority reduced reduces
    reduction halved""".split()  # noqa: SIM905
)
_NOT = frozenset(
    ("not", "no", "never", "without", "neither", "nor", "none", "cannot", "except", "unless", "nobody", "nothing")
)

_DIFFERENCE = frozenset(("gap", "difference", "points"))

_NAME = re.compile(r"(?<![.\w&-])[A-Z][\w&-]+")
_WORD = re.compile(r"[\w&-]+")

LISTED = 12
"""A sentence of more figures is a list: among all their differences many would agree by chance."""

_SOURCE = (
    r"(?:(?:contexts?|passages?|documents?|excerpts?)(?: \[?[0-9]+\]?)?|"
    r"(?:the|this|provided|given|available) (?:information|materials?|text|sources?|data|reports?))"
)
_LACK = r"(?:not|no|none|neither|nor|cannot|unable|nothing|\w+n['’]t)"
_TELL = (
    r"(?:states?|stated|mention(?:ed|s)?|specif(?:y|ied|ies)|provided?|provides|reported|disclosed?|given?|gives|"
    r"find|found|tell|determined?|answer(?:ed)?|says?|contain(?:ed|s)?|included?|includes|enough|sufficient)"
)
_WITHIN = r"[^.;,:]"
"""The subject and its verb stand in one clause: "According to the context, sales did not rise" declines nothing."""
_DECLINING = re.compile(
    rf"\b{_SOURCE}\b{_WITHIN}{{0,25}}?\b{_LACK}\b{_WITHIN}{{0,30}}?\b{_TELL}\b"  # the context does not state …
    rf"|\b{_SOURCE} (?:\w+ )?(?:lacks?|omits?|(?:is|are) silent)\b"
    rf"|\b(?:context|passages?|documents?|text) (?:\w+ )?{_TELL} (?:neither|nothing|no)\b"  # contains no …
    r"|\b(?:it|they) (?:contains?|mentions?|says?|states?) (?:neither|nothing)\b"
    r"|\b(?:can(?:not|['’]t| not)|could(?: not|n['’]t)) be (?:\w+ly )?(?:determined|answered|found|told)\b"
    rf"|\b{_SOURCE}\b{_WITHIN}{{0,25}}?\b(?:(?:only|merely|just) {_TELL}|{_TELL} (?:only|merely|just))\b"
    rf"|\b{_LACK}\b[^.;]{{0,60}}?\b(?:in|from|by|within|of) (?:(?:the|these) )?(?:\w+ )?{_SOURCE}\b"  # not in the …
    rf"|\b(?:no|none|neither)\b(?: of)?(?: the| these)? {_SOURCE}\b{_WITHIN}{{0,25}}?\b{_TELL}\b"
    rf"|\b(?:I|we) (?:\w+ )?{_LACK}\b[^.;]{{0,40}}?\b(?:{_TELL}|know)\b"  # I can't tell
    rf"|\b(?:(?:is|are|was|were) (?:not|neither|nowhere)|(?:is|are|was|were)n['’]t) (?:\w+ly )?{_TELL}\b"
    r"|\b(?:information|figures?|numbers?|data|details?|answer|this|that)\b[^.;,:]{0,30}?"
    r"\b(?:is|are)(?: not|n['’]t) (?:\w+ly )?available\b"
    r"|\bthere (?:is|are) no (?:information|mention|figures?|details?|indication|data (?:on|about|for|in))\b"
    rf"|^(?:{_LACK} (?:{_TELL}|available|known)|unknown|unanswerable|n/a|no (?:answer|data|information))\W*$",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"(?:sure|thanks|thank you|certainly|of course|happy to|i'd be|i hope|hope this|let me|let us|great question)\b|"
    r"(?:here (?:is|are)|according to|based on|in summary)\b.*:$",
    re.IGNORECASE,
)
_ASSENT = re.compile(r"(?:sure|certainly|of course)\b\W*", re.IGNORECASE)
"""What a claim may begin with: "Sure, sales rose"."""

DECLINED = Method(
    "Declined",
    "An answer declines where a sentence of it has one of a fixed list of English turns which say that the context "
    "lacks what was asked, or a part of it.",
)


@lru_cache(maxsize=50_000)
def declines(sentence: str) -> bool:
    """Whether a sentence says that the context lacks what was asked."""
    return _DECLINING.search(sentence) is not None


def claims(sentence: str, *, figure: bool = False) -> bool:
    """Whether a sentence says something of its subject: it doesn't decline and is no politeness.

    :param figure: whether it holds a figure that the question hasn't. Then it claims something where it declines, too:
        "Only the figure of 2024 is given: 4.2 million."
    """
    claim = _ASSENT.sub("", sentence, count=1) if _ASSENT.match(sentence) else sentence
    return (figure or not declines(claim)) and _REMARK.match(claim) is None and len(_WORD.findall(claim)) > 1


@dataclass(frozen=True, slots=True)
class Features:
    """What can be compared of a text, but for its meaning.

    :param figures: its figures, years apart.
    :param years: the years in it.
    :param names: the beginnings of its capitalised words, but for a sentence's first.
    :param words: the beginnings of all its words, in lower case.
    :param rising: how many of its words go up less how many go down ("rose", "highest", "fewer").
    :param compares: whether any word goes up or down, or names a difference.
    :param denied: the beginnings of the words that a negation stands before, as "expired" in "has not expired"; for a
        word that goes up or down also "+" or "-".
    """

    figures: tuple[Figure, ...]
    years: frozenset[int]
    names: frozenset[str]
    words: frozenset[str]
    rising: int
    compares: bool
    denied: frozenset[str]


@lru_cache(maxsize=50_000)
def features(text: str) -> Features:
    """The features of a sentence."""
    numbers, years = figures(text)
    plain = text.lower().replace("’", "'").replace("n't", " not")
    words = re.findall(r"[a-z]+", plain)
    directions = [(word in _UP) - (word in _DOWN) for word in words]
    return Features(
        figures=numbers,
        years=years,
        names=frozenset(match[0].lower()[:STEM] for match in _NAME.finditer(text) if match.start() > 0),
        words=frozenset(word.lower()[:STEM] for word in _WORD.findall(text)),
        rising=sum(directions),
        compares=any(directions) or not _DIFFERENCE.isdisjoint(words),
        denied=frozenset(_denied(words)),
    )


def _denied(words: Sequence[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        if word in _NOT:
            following = (other for other in words[at + 1 :] if other not in IDLE and other not in _NOT)
            if denied := next(following, ""):
                yield denied[:STEM]
                if denied in _UP:
                    yield "+"
                if denied in _DOWN:
                    yield "-"


@dataclass(frozen=True, slots=True)
class Statement(Features):
    """A sentence to compare, with those of its figures and names that the question hasn't.

    :param vector: its meaning, of length 1, shape (d,).
    :param trust: how far each of its figures is known to count what the sentence says it counts, in ]0, 1].
    :param place: the beginnings of the words among which names are looked for: its own and those around it.
    """

    vector: np.ndarray
    trust: tuple[float, ...]
    place: frozenset[str]


def state(
    sentence: str,
    vector: np.ndarray,
    question: Features,
    years: frozenset[int],
    *,
    others: frozenset[int] = frozenset(),
    place: frozenset[str] = frozenset(),
    label: frozenset[str] = frozenset(),
    surroundings: Surroundings | None = None,
) -> Statement:
    """A sentence as a statement.

    :param vector: its embedding, shape (d,).
    :param question: its features: what the question says already is no news.
    :param years: the years that are meant where the sentence has none.
    :param others: years that may be meant then, too.
    :param place: the beginnings of the words of its passage, the heading included.
    :param label: the same of what its paragraph is labelled with: it counts like names.
    :param surroundings: of the context's figures; without them each figure is trusted.
    """
    own = features(sentence)
    meant = own.years or years
    news = [not any(map(figure.agrees, question.figures)) for figure in own.figures]
    figures = tuple(compress(own.figures, news))
    counts = compress(counted(sentence), news) if figures and surroundings else ()
    return Statement(
        figures=figures,
        years=own.years or (years | others if years else years),
        names=own.names - question.words | label,
        words=own.words,
        rising=own.rising,
        compares=own.compares,
        denied=own.denied,
        vector=vector,
        trust=tuple(surroundings.trust(count, meant) for count in counts) if surroundings else (1.0,) * len(figures),
        place=own.words | place,
    )


class Evidence:
    """Statements against which others are held: each one, and each pair of one group, as a fact may take two sentences.

    :param statements: m of them, in any order.
    :param groups: the group of each one; pairs are made within a group.
    """

    def __init__(self, statements: Sequence[Statement], groups: Sequence[int]) -> None:
        self._statements = statements
        first, second = np.triu_indices(len(statements), 1)
        together = np.asarray(groups, int)[first] == np.asarray(groups, int)[second]
        self._first, self._second = first[together], second[together]
        self._vectors = np.array([statement.vector for statement in statements], np.float64)
        # A pair's vector is the mean of both, made 1 long; only its length is kept, as there may be a million pairs.
        alike = (self._vectors @ self._vectors.T)[self._first, self._second] if statements else np.zeros(0)
        self._lengths = np.sqrt(np.maximum(2 + 2 * alike, 1e-12))
        self.has_figures = self._any(bool(statement.figures) for statement in statements)
        self.has_years = self._any(bool(statement.years) for statement in statements)
        owned = [(i, *pair) for i, by in enumerate(statements) for pair in zip(by.figures, by.trust, strict=True)]
        self._figures = Figures(figure for _, figure, _ in owned)
        self._owners = np.array([owner for owner, _, _ in owned], int)
        self._trust = np.array([trust for _, _, trust in owned], float)
        between = [(i, gap) for i, statement in enumerate(statements) for gap in _differences(statement.figures)]
        self._differences = Figures(gap for _, gap in between)
        self._between = np.array([owner for owner, _ in between], int)

    def __len__(self) -> int:
        return len(self._statements)

    def members(self, at: int) -> tuple[int, ...]:
        """Which statements make up one place of the arrays below: one, or the two of a pair."""
        pair = at - len(self)
        return (at,) if pair < 0 else (int(self._first[pair]), int(self._second[pair]))

    def _any(self, values: Iterable[object]) -> np.ndarray:
        """The values of each statement, then of each pair, in which either will do; also for rows of shape (m, k)."""
        single = np.array(list(values), bool)
        return np.concatenate([single, single[self._first] | single[self._second]])

    def cosines(self, statement: Statement) -> np.ndarray:
        """Similarity to each statement, then to each pair, shape (m + pairs,)."""
        single = self._vectors @ statement.vector.astype(np.float64)
        return np.concatenate([single, (single[self._first] + single[self._second]) / self._lengths])

    def holds(self, figure: Figure, *, difference: bool) -> np.ndarray:
        """How far each one is trusted to hold a figure: 0 where it doesn't, shape (m + pairs,).

        :param difference: whether it may also be the difference of two figures of one sentence.
        """
        single = np.zeros(len(self._statements))
        same = self._figures.agree(figure)
        np.maximum.at(single, self._owners[same], self._trust[same])
        if difference:
            single[self._between[self._differences.agree(figure)]] = 1.0
        return np.concatenate([single, np.maximum(single[self._first], single[self._second])])

    def share_of_names(self, wanted: frozenset[str]) -> np.ndarray:
        """Which share of some names each one holds, or has around it, shape (m + pairs,)."""
        held = self._any([name in statement.place for name in wanted] for statement in self._statements)
        return np.asarray(held.mean(axis=1))

    def opposes(self, rising: int) -> np.ndarray:
        """Whether each one goes the other way, shape (m + pairs,)."""
        return self._any(statement.rising * rising < 0 for statement in self._statements)

    def denies(self, statement: Statement) -> np.ndarray:
        """Whether only one of the two is negated, and the other has what is denied, shape (m + pairs,)."""
        if statement.denied:
            has = self._any(_has(ours, statement.denied) for ours in self._statements)
            return np.asarray(has & ~self._any(bool(ours.denied) for ours in self._statements))
        return self._any(_has(statement, ours.denied) for ours in self._statements)

    def shares_a_year(self, years: frozenset[int]) -> np.ndarray:
        """Whether each one is of one of those years, shape (m + pairs,)."""
        return self._any(bool(statement.years & years) for statement in self._statements)


def _has(statement: Statement, denied: frozenset[str]) -> bool:
    sign = "+" if statement.rising > 0 else "-" if statement.rising < 0 else ""
    return bool(denied) and (sign in denied or not denied.isdisjoint(statement.words))


def _differences(figures: Sequence[Figure]) -> Iterator[Figure]:
    for first, second in combinations(figures, 2) if len(figures) <= LISTED else ():
        if first.value != second.value:
            yield Figure(abs(first.value - second.value), 0.0)
