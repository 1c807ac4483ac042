"""Which passages an answer cites, and what it says without the citations. Pure.

The prompt numbers its passages from 1 ("[1] …"), so that answers cite them: "[1]", "(see passage 2)", "According to
[1], …", "Quelle 3". A citation is of 1 to 99, so that "[2024]" is none, and may be of a passage that isn't there. "(1)"
by itself is taken for the item of a list, and "m²" for a power; each raised digit is a citation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from llm_bench.scoring.lexicon import patterns

_PATTERNS = patterns("citations")
_DIGITS = {ord(raised): plain for raised, plain in zip("¹²³⁴⁵⁶⁷⁸⁹", map("{} ".format, range(1, 10)), strict=True)}

Part = tuple[str, frozenset[int]]
"""A sentence of an answer without its citations, and the passages that it cites."""


def cited(sentence: str) -> frozenset[int]:
    """The numbers of the passages that a sentence cites, as the prompt numbers them, from 1 to 99."""
    marks = " ".join(match[0] for match in _PATTERNS["citation"].finditer(sentence))
    ranges = _PATTERNS["range"].findall(_PATTERNS["no_numbers"].sub("", marks).translate(_DIGITS).replace(" ⁰", "0"))
    return frozenset(number for first, last in ranges for number in range(int(first), int(last or first) + 1))


def without_citations(text: str) -> str:
    """The text without what cites; where a sentence can't do without the passage, it is "the passage"."""

    def instead(match: re.Match[str]) -> str:
        subject = match.start() > 0 or re.match(r"\s+[a-zäöü]", text[match.end() :])
        needed = _PATTERNS["needed"].search(text[: match.start()]) and subject
        return "the passage" if needed or match[0][0].isalpha() else ""

    freed = _PATTERNS["citation"].sub(instead, text)
    freed = re.sub(r"[ \t]+(?=[.,;:!?)])|(?<=[ \t])[ \t]+", "", freed.replace("()", "")).strip()
    freed = _PATTERNS["lead"].sub("", freed, count=1) if _PATTERNS["lead"].match(freed) else freed
    freed = "" if _PATTERNS["only_cites"].fullmatch(freed) else freed
    return freed if freed == text else freed[:1].upper() + freed[1:]


def cut(text: str, sentences: Callable[[str], Iterable[str]]) -> list[Part]:
    """The sentences of an answer without its citations, each with the passages that it cites.

    A sentence that does nothing but cite ("Source: [2]") cites for the one before it.

    :param sentences: cuts a text.
    """
    parts: list[Part] = []
    for sentence in sentences(_PATTERNS["behind"].sub(r" \g<marks>\g<stop>", text)):
        freed, passages = without_citations(sentence), cited(sentence)
        if freed:
            parts.append((freed, passages))
        elif parts:
            parts[-1] = (parts[-1][0], parts[-1][1] | passages)
    return parts
