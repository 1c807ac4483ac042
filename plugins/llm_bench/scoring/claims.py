"""What a sentence of an answer does: it claims something, declines, or is polite. Pure.

The turns are English and German; both are looked for in any answer, as an LLM may decline in either.
"""

from __future__ import annotations

import re
from functools import lru_cache

from llm_bench.method import Method
from llm_bench.scoring.citations import Part

_WORD = re.compile(r"[\w&-]+")

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
    rf"(?i)\b{_SOURCE}\b{_WITHIN}{{0,25}}?\b{_LACK}\b{_WITHIN}{{0,30}}?\b{_TELL}\b"  # the context does not state …
    rf"|\b{_SOURCE} (?:\w+ )?(?:lacks?|omits?|(?:is|are) silent)\b"
    rf"|\b(?:context|passages?|documents?|text) (?:\w+ )?{_TELL} (?:neither|nothing|no)\b"  # contains no …
    r"|\b(?:it|they) (?:contains?|mentions?|says?|states?) (?:neither|nothing)\b"
    r"|\b(?:can(?:not|['’]t| not)|could(?: not|n['’]t)) be (?:\w+ly )?(?:determined|answered|found|told)\b"
    rf"|\b{_SOURCE}\b{_WITHIN}{{0,25}}?\b(?:(?:only|merely|just) {_TELL}|{_TELL} (?:only|merely|just))\b"
    rf"|\b{_LACK}\b[^.;,]{{0,60}}?\b(?:in|from|by|within|of) (?:(?:the|these) )?(?:\w+ )?{_SOURCE}\b"  # not in the …
    rf"|\b(?:no|none|neither)\b(?: of)?(?: the| these)? {_SOURCE}\b{_WITHIN}{{0,25}}?\b{_TELL}\b"
    rf"|\b(?:I|we) (?:\w+ )?{_LACK}\b[^.;]{{0,40}}?\b(?:{_TELL}|know)\b"  # I can't tell
    r"|\b(?:(?:is|are|was|were) (?:not|neither|nowhere)|(?:is|are|was|were)n['’]t) (?:\w+ly )?"
    rf"(?!includ|contain){_TELL}\b"
    r"|\b(?:information|figures?|numbers?|data|details?|answer|this|that)\b[^.;,:]{0,30}?"
    r"\b(?:is|are)(?: not|n['’]t) (?:\w+ly )?available\b"
    r"|\bthere (?:is|are) no (?:information|mention|figures?|details?|indication|data (?:on|about|for|in))\b"
    rf"|^(?:{_LACK} (?:{_TELL}|available|known)|unknown|unanswerable|n/a|no (?:answer|data|information))\W*$"
    rf"|\b(?:unable|not possible|impossible) to {_TELL}\b{_WITHIN}{{0,60}}?\b{_SOURCE}\b"  # … from given passages
    # A refusal says nothing of the context, and yet doesn't answer.
    r"|\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    rf"|\b(?:sorry|apologi[sz]e|I|we)\b{_WITHIN}{{0,40}}?\b{_LACK}\b{_WITHIN}{{0,20}}?"
    r"\b(?:help|assist|comply|browse|access|discuss|(?:fulfil+|do) (?:that|this))\b"
)
_QUELLE = (
    r"(?<!laut )(?<!laut de[mnr] )(?<!gemäß de[mnr] )(?<!nach de[mnr] )"
    r"(?:kontext|passage|abschnitt|dokument|text|textstelle|quelle|unterlage|auszug)e?[ns]?"
)
_ANGABE = r"angaben?|informationen|hinweise?|daten|auskunft|aufschluss|antwort|aussagen?|zahl(?:en)?"
_GIBT = r"(?:enth[äa]lt|gibt|geb|lieg|mach|nenn|sag|steh|find|gefund|reich|liefer|vorhand|verfügbar|bekannt)\w*"
_GENANNT = r"(?:genannt|erwähn|angegeb|beantwort|bestimmen|ermitt|entnehm|ableit|hervor|ersichtlich|weiterhelf)\w*"
_DEUTSCH = re.compile(
    rf"(?i)(?:^|[.;,:])(?={_WITHIN}*\b(?:nichts?|kein(?:e[nrms]?)?|weder|nirgends|nur|lediglich)\b)"
    rf"(?:{_WITHIN}*\b(?:{_GENANNT}|ich weiß|weiß ich)\b|(?={_WITHIN}*\b{_GIBT}){_WITHIN}*\b(?:{_QUELLE}|{_ANGABE})\b)"
    rf"|\b(?:{_QUELLE})\b{_WITHIN}{{0,30}}\b(?:schweigt|fehl(?:t|en))\b"
    r"|\bals (?:KI|künstliche intelligenz|sprachmodell)\b|^(?:keine? angaben?|(?:nicht |un)bekannt|k\. ?a\.)\W*$"
)
_REMARK = re.compile(
    r"(?i)(?:sure|thanks|thank you|certainly|of course|happy to|i'd be|i hope|hope this|let me|let us|great question|"
    r"i apologi[sz]e for|gern|natürlich|selbstverständlich|vielen dank|ich hoffe)\b|"
    r"(?:here (?:is|are)|according to|based on|in summary|hier (?:ist|sind)|laut|zusammengefasst)\b.*:$"
)
_ASSENT = re.compile(
    r"(?i)(?:sure|certainly|of course|natürlich|gerne?|i(?:['’]m| am) sorry|i apologi[sz]e(?! for))\b\W*(?:but\b\W*)?"
)
"""What a claim may begin with: "Sure, sales rose"; "I'm sorry, but sales fell"."""
_REASONING = re.compile(r"(?is)\A(?:(?!<think).)*</think(?:ing)?>|<(think(?:ing)?|reasoning)>.*?(?:</\1>|\Z)")
_BARE = re.compile(r"(?i)(?:yes|no|ja|nein)\W*")
SHORT = 3
"""Words of an answer that has a meaning only with its question: "Linz.", "4.2 million euros."."""

DECLINED = Method(
    "Declined",
    "An answer declines where a sentence of it has one of a fixed list of English and German turns which say that the "
    "context lacks what was asked, or a part of it, or which refuse to answer.",
)


@lru_cache(maxsize=50_000)
def declines(sentence: str) -> bool:
    """Whether a sentence says that the context lacks what was asked."""
    return _DECLINING.search(sentence) is not None or _DEUTSCH.search(sentence) is not None


def claims(sentence: str, *, figure: bool = False) -> bool:
    """Whether a sentence says something of its subject: it doesn't decline and is no politeness.

    :param figure: whether it holds a figure that the question hasn't. Then it claims something where it declines, too:
        "Only the figure of 2024 is given: 4.2 million."
    """
    claim = _ASSENT.sub("", sentence, count=1) if _ASSENT.match(sentence) else sentence
    return (
        not claim.endswith("?")
        and (figure or not declines(claim))
        and _REMARK.match(claim) is None
        and len(_WORD.findall(claim)) > 1
    )


def without_reasoning(text: str) -> str:
    """The text without reasoning that stands in it between tags, of which one may lack."""
    return _REASONING.sub("", text)


def in_full(parts: list[Part], question: str) -> list[Part]:
    """The sentences of an answer; one that is alone and too short to mean anything by itself, behind its question.

    A bare yes or no is left out: what it claims can't be compared.
    """
    text, cited = parts[0] if len(parts) == 1 else ("", frozenset[int]())
    if not 0 < len(text.split()) <= SHORT or declines(text) or _REMARK.match(text):
        return parts
    return [] if _BARE.fullmatch(text) else [(f"{question} {text}", cited)]
