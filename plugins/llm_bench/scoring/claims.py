"""What a sentence of an answer does: it claims something, declines, or is polite. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from llm_bench.method import Method

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
