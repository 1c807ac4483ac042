"""Which passages an answer cites, and what it says without the citations. Pure.

The prompt numbers its passages from 1 ("[1] …"), so that answers cite them: "[1]", "(see passage 2)", "According to
[1], …", "Quelle 3". A citation is of 1 to 99, so that "[2024]" is none, and may be of a passage that isn't there. "(1)"
by itself is taken for the item of a list, and "m²" for a power; each raised digit is a citation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_NUMBER = r"[1-9][0-9]?(?![0-9%]|[.,][0-9])"
_JOINT = r"\s*(?:,\s*(?:and|und)\b|[,;/&–-]|(?:and|und|to|bis)\b)\s*"
_BEFORE = r"(?:(?:see|cf\.|siehe|vgl\.|sources?:|quellen?:)\s*)?"
_KIND = r"(?:passages?|excerpts?|contexts?|sources?|docs?|documents?|refs?|passagen?|quellen?|dokumente?|abschnitte?)\b"
_LIST = rf"(?:{_KIND}\W{{0,2}})?{_NUMBER}(?:{_JOINT}(?:{_KIND}\s*)?{_NUMBER})*"
_BRACKET = rf"[\[【]\s*\^?{_BEFORE}{_LIST}(?:†[^】]*)?\s*[\]】](?:\(\S+?\))?"
_ASIDE = rf"\({_BEFORE}(?:{_BRACKET}|{_KIND}:?\s*(?:{_BRACKET}|{_LIST}))\)"
_RAISED = r"(?:(?<=[^\W\d_]{3})|(?<=[\s.,;:!?)%\"”’¹²³⁴-⁹⁰]))[¹²³⁴-⁹]⁰?(?![a-zA-Z0-9])"
_MARK = rf"(?:(?i:{_ASIDE}|{_BRACKET})|{_RAISED})"
# "They source 20 percent" and "in this context 3 stores" are no citations.
_NAMED = (
    r"(?:\b[Tt]he )?(?:\b(?:context|given|provided) )?\b(?:[Pp]assage[ns]?|[Ee]xcerpts?|(?<=to )contexts?|"
    rf"(?:Context|Source|Document|Dokument|Quelle)[nse]?)\s+(?:no\. |nr\. |#)?"
    rf"(?:(?i:{_BRACKET})|\(?{_NUMBER}\)?(?:{_JOINT}\(?{_NUMBER}\)?)*)"
)
_CITATION = re.compile(rf"{_NAMED}(?:{_JOINT}(?:{_NAMED}|{_MARK}))*|{_MARK}(?:(?:{_JOINT}|\s*){_MARK})*")
_BEHIND = re.compile(rf"(?P<stop>[.!?])(?P<marks>(?:[ \t]*{_MARK})+)(?=\s+[^\sa-z]|\s*$)", re.MULTILINE)
"""Citations behind a full stop: they belong to the sentence before it."""
_RANGE = re.compile(rf"({_NUMBER})(?:\s*(?:[–-]|\b(?:to|bis)\b)\s*({_NUMBER}))?")
_NO_NUMBERS = re.compile(r"†[^】]*|(?<=\])\(\S+?\)")
_DIGITS = {ord(raised): plain for raised, plain in zip("¹²³⁴⁵⁶⁷⁸⁹", map("{} ".format, range(1, 10)), strict=True)}

_NEEDED = re.compile(r"(?:^|\b(?:to|on|in|by|of|from|with|per|and|laut|gemäß|nach|aus|von)\s)\W*$", re.IGNORECASE)
"""What stands before a citation that the sentence can't do without."""
_LEAD = re.compile(
    r"(?i)(?:according to|based on|as (?:\w+ )?(?:in|by)|from|in|laut|gemäß|nach) the passage\b(?: of [^,]{1,30})?,?\s*"
    r"|the passage(?:: | (?:also )?(?:states?|says?|notes?|reports?|shows?|mentions?|besagt|zeigt),? (?:that|dass) )"
)
_ONLY_CITES = re.compile(r"\W*(?:(?:sources?|references?|citations?|quellen?|the passage)\W*)*", re.IGNORECASE)


Part = tuple[str, frozenset[int]]
"""A sentence of an answer without its citations, and the passages that it cites."""


def cited(sentence: str) -> frozenset[int]:
    """The numbers of the passages that a sentence cites, as the prompt numbers them, from 1 to 99."""
    marks = " ".join(match[0] for match in _CITATION.finditer(sentence))
    ranges = _RANGE.findall(_NO_NUMBERS.sub("", marks).translate(_DIGITS).replace(" ⁰", "0"))
    return frozenset(number for first, last in ranges for number in range(int(first), int(last or first) + 1))


def without_citations(text: str) -> str:
    """The text without what cites; where a sentence can't do without the passage, it is "the passage"."""

    def instead(match: re.Match[str]) -> str:
        subject = match.start() > 0 or re.match(r"\s+[a-zäöü]", text[match.end() :])
        needed = _NEEDED.search(text[: match.start()]) and subject
        return "the passage" if needed or match[0][0].isalpha() else ""

    freed = _CITATION.sub(instead, text)
    freed = re.sub(r"[ \t]+(?=[.,;:!?)])|(?<=[ \t])[ \t]+", "", freed.replace("()", "")).strip()
    freed = _LEAD.sub("", freed, count=1) if _LEAD.match(freed) else freed
    freed = "" if _ONLY_CITES.fullmatch(freed) else freed
    return freed if freed == text else freed[:1].upper() + freed[1:]


def cut(text: str, sentences: Callable[[str], Iterable[str]]) -> list[Part]:
    """The sentences of an answer without its citations, each with the passages that it cites.

    A sentence that does nothing but cite ("Source: [2]") cites for the one before it.

    :param sentences: cuts a text.
    """
    parts: list[Part] = []
    for sentence in sentences(_BEHIND.sub(r" \g<marks>\g<stop>", text)):
        freed, passages = without_citations(sentence), cited(sentence)
        if freed:
            parts.append((freed, passages))
        elif parts:
            parts[-1] = (parts[-1][0], parts[-1][1] | passages)
    return parts
