"""The figures in a text, and whether two of them say the same. Pure.

"€4.2m", "4.2 million euros" and "EUR 4,200,000" are one figure. "About 18 %", "nearly one in five" and "18.4%" may all
be the same share; "17%" is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

HEDGED = 0.055
"""How far, as a share of itself, a figure may lie from the exact one where it is hedged: "some 14", "almost 40"."""

_SCALES = {
    "hundred": 1e2,
    **dict.fromkeys(("thousand", "k"), 1e3),
    **dict.fromkeys(("million", "mn", "mio", "m"), 1e6),
    **dict.fromkeys(("billion", "bn", "b"), 1e9),
}
_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty"""
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred"
_WORDS = {name: float(number) for number, name in enumerate(_ONES.split())} | {
    name: 10.0 * tens for tens, name in enumerate(_TENS.split(), 3)
}
_WORDS |= {
    f"{tens}{joint}{unit}": _WORDS[tens] + _WORDS[unit]
    for tens in ("twenty", *_TENS.split()[:-1])
    for unit in _ONES.split()[1:10]
    for joint in "- "
}
_SHARES = {"half": 50.0, "third": 100 / 3, "quarter": 25.0, "fifth": 20.0, "tenth": 10.0, "twentieth": 5.0}
_TIMES = {"two": 2, "three": 3, "four": 4, "nine": 9}
_SHARE_TOLERANCE = 0.075
"""Who writes "a third" may mean 31 %."""

_HEDGE = (
    r"(?P<hedge>\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|some|circa|ca\.|close to|over|under|"
    r"above|below|more than|less than|not quite|just)\s+|[~≈]\s*)?"
)
_DIGITS = r"(?:[0-9]{1,3}(?:[,' \u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
_WORD = rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b"
_FIGURE = re.compile(
    rf"(?<![\w.])(?<![0-9],)(?<!(?:19|20)[0-9]{{2}}[/–-]){_HEDGE}(?:(?P<currency>[€$£]|\b(?:eur|usd|gbp))\s*)?"
    rf"(?P<number>{_DIGITS}|{_WORD})"
    rf"(?:[\s\u00a0-]?(?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))})\b)?"
    r"(?P<percent>[\s\u00a0]?(?:%|per ?cent\b))?"
)
_SHARE = re.compile(
    r"(?<!first )(?<!second )(?<!third )(?<!fourth )(?<!last )"  # a part of the year is no share
    rf"\b(?:(?P<times>{'|'.join(_TIMES)})[\s-])?(?P<share>{'|'.join(_SHARES)})s?\b(?=\s+(?:of|the|as)\b|[.,;)])"
)
_BASE = r"(?:100|1,?000|five|ten|twenty|a hundred|a thousand)"
_RATIO = re.compile(
    rf"(?P<part>{_DIGITS}|{_WORD})\s+(?:[a-z]+\s+){{0,2}}(?:in|out of)(?:\s+every)?\s+"
    rf"(?P<whole>{_BASE}|(?<=out of ){_DIGITS})\b"
    rf"|\bout of(?:\s+every)?\s+(?P<whole_first>{_BASE})\b(?:\s+[a-z]+){{0,4}},?\s+(?:[a-z]+\s+){{0,5}}?"
    rf"(?P<part_last>{_DIGITS}|{_WORD})"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a text.

    :param value: in units (not in thousands); a share in percent.
    :param tolerance: how far the exact figure may lie: half a unit of the last digit, or more where it is hedged.
    """

    value: float
    tolerance: float

    def agrees(self, other: Figure) -> bool:
        """Whether one can be the other, or a rounding of it."""
        rounding = 1e-12 * min(self.value, other.value)  # of the machine's own numbers
        return abs(self.value - other.value) <= max(self.tolerance, other.tolerance) + rounding


@dataclass(frozen=True, slots=True)
class Located:
    """A figure in its place.

    :param at: where in the text it begins.
    :param unit: "%" for a share, "€" for any currency before it, "" for all else.
    """

    figure: Figure
    at: int
    unit: str


class Figures:
    """Many figures, each of which is compared with another at once.

    :param figures: n of them.
    """

    def __init__(self, figures: Iterable[Figure]) -> None:
        pairs = np.array([(figure.value, figure.tolerance) for figure in figures], np.float64).reshape(-1, 2)
        self._values, self._tolerances = pairs[:, 0], pairs[:, 1]

    def agree(self, figure: Figure) -> np.ndarray:
        """Which of them agree with it, as ``Figure.agrees`` has it, shape (n,)."""
        rounding = 1e-12 * np.minimum(self._values, figure.value)
        within = np.maximum(self._tolerances, figure.tolerance) + rounding
        return np.asarray(np.abs(self._values - figure.value) <= within)


def figures(text: str) -> tuple[tuple[Figure, ...], frozenset[int]]:
    """The figures in a text, and the years in it, which are no figures.

    Numbers in words ("twelve"), shares ("two thirds of") and ratios ("nine in ten") are figures; "one" isn't.
    """
    numbers, years = located(text)
    return tuple(number.figure for number in numbers), frozenset(year for year, _ in years)


def located(text: str) -> tuple[list[Located], list[tuple[int, int]]]:
    """The same figures and years, in the same order, with the place of each: of a year as a pair of year and place.

    A text with "İ" is one letter longer in lower case, so that places in it may be off by some.
    """
    text = text.lower()  # patterns that ignored case would take "ſix" for "six"
    numbers, years = [], []
    taken: list[tuple[int, int]] = []
    for pattern, read in ((_RATIO, _ratio), (_SHARE, _share)):
        for match in pattern.finditer(text):
            figure = read(match)
            if figure is not None:
                numbers.append(Located(figure, match.start(), "%"))
                taken.append(match.span())
    for match in _FIGURE.finditer(text):
        start, number = match.start("number"), match["number"]
        bare = not (match["scale"] or match["percent"] or match["currency"])
        if any(first <= start < end for first, end in taken) or (bare and number in {"zero", "one"}):
            continue
        if bare and _YEAR.fullmatch(number):
            years.append((int(number), start))
        else:
            unit = "%" if match["percent"] else "€" if match["currency"] else ""
            numbers.append(Located(_written(match), start, unit))
    return numbers, years


def _number(text: str) -> float:
    name = text.removeprefix("a ")
    return 1000.0 if name == "thousand" else _WORDS[name] if name in _WORDS else float(re.sub(r"[^0-9.]", "", text))


def _written(match: re.Match[str]) -> Figure:
    number, scale = match["number"], _SCALES[match["scale"]] if match["scale"] else 1.0
    value = _number(number) * scale
    counted = number in _WORDS and scale == 1  # "twelve" is exact
    tolerance = 0.0 if counted else 10.0 ** -len(number.partition(".")[2]) * scale / 2
    return Figure(value, max(tolerance, HEDGED * value) if match["hedge"] else tolerance)


def _share(match: re.Match[str]) -> Figure:
    value = _SHARES[match["share"]] * _TIMES.get(match["times"] or "", 1)
    return Figure(value, _SHARE_TOLERANCE * value)


def _ratio(match: re.Match[str]) -> Figure | None:
    part, whole = _number(match["part"] or match["part_last"]), _number(match["whole"] or match["whole_first"])
    if part >= whole:
        return None  # "30 people in ten shops"
    value = 100 * part / whole
    return Figure(value, max(HEDGED * value, 50 / whole))
