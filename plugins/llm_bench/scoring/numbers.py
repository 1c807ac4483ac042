"""The figures in a text, with their units, and whether two of them say the same. Pure.

"€4.2m", "4.2 million euros" and "EUR 4,200,000" are one figure; "$4.2m" is another. "About 18 %", "nearly one in five",
"18.4%" and "0.184" may all be the same share; "17%" isn't.

text2num reads numbers in words, the rest is here and in numbers.yaml, as no library reads a whole sentence well enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from text_to_num import Token, alpha2digit, find_numbers

from llm_bench.scoring.lexicon import lexicon

HEDGED = 0.055
"""How far, as a share of itself, a figure may lie from the exact one where it is hedged: "some 14", "almost 40"."""
SHARE_TOLERANCE = 0.075
"""Who writes "a third" may mean 31 %."""
HEAD_CHARACTERS = 60
"""How far before a number the head of its column is looked for: "Revenue (EUR m): 4.2"."""

_WORDS = lexicon("numbers")
_KINDS = {unit: (factor, kind) for kind, units in _WORDS["measures"].items() for unit, factor in units.items()}

_IN_WORDS = "\ue000"
"""What a number is marked with that the text has in words."""
_YEAR = re.compile(_WORDS["parts"]["year"])
_SMALL = (f"{_IN_WORDS}0", f"{_IN_WORDS}1")
_PARTS = ("scale", "currency", "unit")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a text.

    :param value: in units (not in thousands); a share in percent.
    :param tolerance: how far the exact figure may lie: half a unit of the last digit, or more where it is hedged.
    :param unit: "%", a currency's code (ISO 4217), a unit as the CLDR names it ("kilogram", "minute"), "percentage
        point", or "" where the text doesn't say.
    """

    value: float
    tolerance: float
    unit: str = ""

    def agrees(self, other: Figure) -> bool:
        """Whether one can be the other, a rounding of it, or the same in another unit (48 minutes, 0.8 hours).

        Of different kinds of units none agree; an unknown unit may be any. 0.125 may be 12.5 %.
        """
        return bool(Figures([self]).agree(other)[0])


class Located(NamedTuple):
    """A figure in its place.

    :param at: where in the text it begins.
    """

    figure: Figure
    at: int


class Figures:
    """Many figures, each of which is compared with another at once.

    :param figures: n of them.
    """

    def __init__(self, figures: Iterable[Figure]) -> None:
        rows = [(figure.value, figure.tolerance, *_KINDS.get(figure.unit, (1.0, figure.unit))) for figure in figures]
        self._values, self._tolerances, self._factors = np.array([row[:3] for row in rows], float).reshape(-1, 3).T
        self._kinds = np.array([row[3] for row in rows], str)

    def agree(self, figure: Figure) -> np.ndarray:
        """Which of them agree with it, as ``Figure.agrees`` has it, shape (n,)."""
        factor, kind = _KINDS.get(figure.unit, (1.0, figure.unit))
        known = (self._kinds != "") & bool(kind)
        same = self._near(figure, np.where(known, self._factors, 1.0), np.where(known, factor, 1.0))
        same &= ~known | (self._kinds == kind)
        if kind == "%":
            same |= (self._kinds == "") & (self._values < 1) & self._near(figure, 100.0, 1.0)
        elif not kind and figure.value < 1:
            same |= (self._kinds == "%") & self._near(figure, 1.0, 100.0)
        return same

    def _near(self, figure: Figure, times: np.ndarray | float, others: np.ndarray | float) -> np.ndarray:
        values, value = self._values * times, figure.value * others
        rounding = 1e-12 * np.minimum(values, value)  # of the machine's own numbers
        within = np.maximum(self._tolerances * times, figure.tolerance * others) + rounding
        return np.asarray(np.abs(values - value) <= within)


def figures(text: str, *, language: str = "en") -> tuple[tuple[Figure, ...], frozenset[int]]:
    """The figures in a text, and the years in it, which are no figures; nor are days, months and times of day.

    Numbers in words ("twelve"), shares ("two thirds of") and ratios ("nine in ten") are figures; "one" isn't.

    :param language: ISO 639-1: "1.200" is more than a thousand in "de".
    """
    numbers, years = located(text, language=language)
    return tuple(number.figure for number in numbers), frozenset(year for year, _ in years)


def located(text: str, *, language: str = "en") -> tuple[list[Located], list[tuple[int, int]]]:
    """The same figures and years, in the same order, with the place of each: of a year as a pair of year and place.

    Places may be off by some letters in a text with "İ", "½" or LaTeX.
    """
    return _grammar(language).read(text.lower())  # patterns that ignored case would take "ſix" for "six"


def is_unit(word: str, *, language: str = "en", date: bool = False) -> bool:
    """Whether a word is a unit, a currency or a scale ("EUR", "million"), and so a part of its figure."""
    grammar = _grammar(language)
    return any(word.lower() in known for known in (grammar.units, grammar.scales, grammar.months if date else {}))


class _Grammar:
    """How a language writes figures."""

    def __init__(self, language: str) -> None:
        self.language, words = language, _WORDS["languages"][language]
        self.spelt, self.shares = words["spelt"], words["shares"]
        units = [*_WORDS["units"].items(), *words["units"].items()]
        self.units = {name: unit for unit, names in units for name in names}
        self.months = {name: at for at, names in enumerate(words["months"], 1) for name in names.split()}
        self.idle = frozenset(lexicon("words")[language]["idle"].split())
        self.scales = _WORDS["scales"] | words["scales"] | {"t": 1e12}  # a trillion of money, else a tonne
        large = [name for name, scale in self.scales.items() if scale >= 1e6]
        # Of "a million and one" and "two-thirds" text2num would make one number, of "thousands" 1000.
        self.apart = {"hundreds", "thousands", *large, *self.shares, *(f"{name}s" for name in self.shares)}
        parts = _WORDS["parts"] | words | {"group": re.escape(words["group"]), "shares": _any(self.shares)}
        parts["scale"] = rf"(?P<scale>{_any(self.scales.keys() - {'t'})}|(?(currency)t))"
        parts["unit"] = rf"(?P<unit>{_any(self.units)})"
        parts["currency"] = rf"(?P<currency>{_any(name for name, unit in self.units.items() if unit.isupper())})"
        parts["month"] = f"({_any(self.months)})"
        parts["share"] = words["share"].format(**parts)
        forms = _WORDS["patterns"].items()
        self.patterns = {name: re.compile(form.format(**parts), re.VERBOSE) for name, form in forms}

    def read(self, text: str) -> tuple[list[Located], list[tuple[int, int]]]:
        text = self._in_digits(text)
        numbers: list[Located] = []
        years: list[tuple[int, int]] = []
        for match in self.patterns["dates"].finditer(text):
            text = _without(match, text)
            said = [part for part in match.groups() if part]
            numbers += [Located(day, match.start()) for day in self._days(said)]
            spelt = (part for part in said if len(part) > 2 and part not in self.months)
            years += [(int(part[-2:]) + (1900 if part[-4:-2] == "19" else 2000), match.start()) for part in spelt]
        for name, hedged, rounding in (("ratio", HEDGED, 0.5), ("share", SHARE_TOLERANCE, 0.0)):
            for match in self.patterns[name].finditer(text):
                parts = ("1", *filter(None, match.groups()))[-2:]
                part, whole = ((self._number(str(self.shares.get(part, part))) or (0.0,))[0] for part in parts)
                if part < whole:  # not "30 people in ten shops", "the last four quarters of"
                    tolerance = max(hedged * part, rounding * (whole % 5 == 0))
                    numbers.append(Located(Figure(100 * part / whole, 100 / whole * tolerance, "%"), match.start()))
                    text = _without(match, text)
        written = list(self.patterns["figure"].finditer(text))
        for match, following in zip_longest(written, written[1:]):
            scale, unit = self._measure(text, match, following)
            at, number = match.start("number"), match["number"]
            read = self._number(number, scaled=bool(scale))
            if not (scale or unit) and _YEAR.fullmatch(number):
                years.append((int(number), at))
            elif read and (scale or number not in _SMALL or unit not in ("", "count", *_KINDS)):
                value, tolerance = (part * self.scales.get(scale, 1.0) for part in read)
                tolerance = max(tolerance, HEDGED * value) if match["hedge"] else tolerance
                numbers.append(Located(Figure(value, tolerance, unit), at))
        return numbers, years

    def _days(self, said: Sequence[str]) -> Iterator[Figure]:
        """The days of a date, the 14th of May as 514."""
        months = [self.months[part] for part in said if part in self.months]
        days = [int(part) for part in said if len(part) < 3]
        if days and not months:  # "2019-05-14", "14.5.2019", "5/14/2019"
            day, month = days if len(said[-1]) > 2 else reversed(days)
            months, days = ([month], [day]) if month <= 12 else ([day], [month])
        yield from (Figure(100.0 * month + day, 0.0, "date") for month in months for day in days)

    def _measure(self, text: str, match: re.Match[str], following: re.Match[str] | None) -> tuple[str, str]:
        """A number's scale and unit: its own, or those of its range ("10–12 %") or of its column's head."""
        at, said = match.start("number"), [match]
        if following and not (match["scale"] or match["unit"] or _YEAR.fullmatch(match["number"])):
            said += [following] * bool(self.patterns["range"].fullmatch(text, match.end(), following.start()))
        if not any(part[name] for part in said for name in _PARTS):
            said += filter(None, [self.patterns["head"].search(text, max(0, at - HEAD_CHARACTERS), at)])
        scale, currency, unit = (next((part[name] for part in said if part[name]), "") for name in _PARTS)
        if not (scale or currency or unit or _YEAR.fullmatch(match["number"])):
            counted = self.patterns["counted"].match(text, said[-1].end())
            if counted and counted["what"] not in self.idle:
                return scale, self.units.get(counted["unit"], "count")
        return scale, self.units.get(currency or unit, "")

    def _number(self, text: str, *, scaled: bool = False) -> tuple[float, float] | None:
        """A number and its tolerance; None where it is none, as "3.11.2"."""
        digits = re.sub(_WORDS["parts"]["blank"], "", text.removeprefix(_IN_WORDS))
        digits = re.sub("[.,]", "", digits) if self.patterns["grouped"].fullmatch(digits) else digits
        match = self.patterns["decimal"].fullmatch(digits)
        if match is None:
            return None
        whole, decimals = re.sub("[.,]", "", match[1]), match[2] or ""
        tolerance = 0.5 * 10.0 ** -len(decimals)
        if text[0] == _IN_WORDS and not (decimals or scaled):  # "twelve" is exact, "two thousand" isn't
            tolerance = 0.5 * 10.0 ** (len(whole) - len(whole.rstrip("0"))) if len(whole) > 3 else 0.0
        return float(f"{whole or 0}.{decimals}"), tolerance

    def _in_digits(self, text: str) -> str:
        """The text without LaTeX, and with digits, each marked, at the end of the place of a number in words."""
        text = self.patterns["formula"].sub(r" \1 ", text.replace(_IN_WORDS, " ")).replace("{,}", ",")
        text = re.sub(r"\\[,;: ]", " ", text).replace("\\", "") if "\\" in text else text
        for word, digits in self.spelt.items():
            text = text.replace(word, digits)
        spaced = text.replace("-", " ")
        if alpha2digit(spaced, self.language, threshold=0) == spaced:
            return text
        words = self.patterns["token"].findall(text)
        tokens = [_Word("#" if word in self.apart else word) for word in words]
        for number in reversed(find_numbers(tokens, self.language, threshold=0)):
            if not number.is_ordinal:
                place = slice(number.start, number.end)
                words[place] = [(_IN_WORDS + number.text).rjust(len("".join(words[place])))]
        return "".join(words)


_grammar = cache(_Grammar)
_Word = type("_Word", (str, Token), {"text": str.__str__})  # text2num takes no plain ones


def _without(match: re.Match[str], text: str) -> str:
    return text[: match.start()] + "\0" * len(match[0]) + text[match.end() :]


def _any(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"
