"""What a comparison of two LLMs comes to, and in which words. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from llm_bench.analysis.doubts import doubt_in_words
from llm_bench.analysis.noise import LEVEL, magnitude
from llm_bench.analysis.statistics import success
from llm_bench.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_bench.analysis.queries.shapes import Comparison
    from llm_bench.analysis.statistics import Interval

Verdict = Literal["more", "less", "no difference that matters", "can't tell"]
"""Of the first of the two: more seconds, tokens/s, dollars, points of score."""

WITHIN_NOISE = "within the noise"
"""Why there is no verdict, though p is low: the difference is no larger than that of two measurements of one LLM."""
VERDICTS = Method(
    "Verdicts",
    "No difference that matters: the whole interval of 95 % lies within the smallest difference that the study says "
    f"matters to it. Slower, faster, dearer, cheaper, higher, lower: p, corrected, is below {LEVEL}, and the "
    "difference is larger than the noise floor, where there is one. All else can't be told from these data; it "
    "doesn't mean that the two are alike.",
)

_OF_PAIRS = {success.NO_FAILURES: "can't tell: neither failed", WITHIN_NOISE: "can't tell: within the noise"}
"""Reasons that two LLMs have otherwise than one, in words."""


class Ruling(NamedTuple):
    """A verdict, and why there is none, where it isn't only that too little was measured."""

    verdict: Verdict
    reason: str | None = None


def verdict(
    size: Interval | None, p: float | None, *, is_ratio: bool, interest: float | None, noise: float | None = None
) -> Ruling:
    """Says what a size comes to.

    :param size: a ratio, first to second, or a difference, first − second.
    :param p: corrected.
    :param interest: the smallest size that matters: a ratio above 1, or a difference above 0.
    :param noise: the noise floor, as ``interest``.
    """
    if size is None or size.estimate is None:
        return Ruling("can't tell")
    if size.low is None or size.high is None:
        return Ruling("can't tell", size.doubt)
    if interest is not None and all(_within(end, interest, is_ratio=is_ratio) for end in (size.low, size.high)):
        return Ruling("no difference that matters")
    if p is None or p >= LEVEL:
        return Ruling("can't tell")
    if noise is not None and magnitude(size.estimate, is_ratio=is_ratio) <= noise:
        return Ruling("can't tell", WITHIN_NOISE)
    return Ruling("more" if size.estimate > is_ratio else "less")


def _within(end: float, interest: float, *, is_ratio: bool) -> bool:
    return math.isfinite(end) and (end > 0 or not is_ratio) and magnitude(end, is_ratio=is_ratio) <= interest


class Words(NamedTuple):
    """How a metric's differences are said.

    :param more: of the larger one.
    :param less: of the smaller one.
    :param size: of ratios: how many times as what.
    :param more_is_better: the larger one is the better one.
    """

    more: str
    less: str
    size: str = ""
    more_is_better: bool = True


_LONG = Words("slower", "faster", "long", more_is_better=False)
_HIGH = Words("higher", "lower", "much")
_WORDS = {
    **dict.fromkeys(("latency_sec", "ttft_sec", "first_answer_sec"), _LONG),
    "throughput_tps": Words("faster", "slower", "fast"),
    "cost_usd": Words("dearer", "cheaper", "dear", more_is_better=False),
}


def words_of(metric: str) -> Words:
    """The words of a metric."""
    return _WORDS.get(metric, _HIGH)


def words(metric: str, verdict: Verdict) -> str:
    """A verdict as it is said of the first LLM: "slower", "dearer", "lower"."""
    of = words_of(metric)
    return {"more": of.more, "less": of.less}.get(verdict, verdict)


def said(pair: Comparison) -> str:
    """A comparison's verdict in words, with what keeps it from being one."""
    if not pair.n:
        return "can't tell: no pair has both numbers"
    if pair.reason is None:
        return words(pair.metric, pair.verdict)
    return _OF_PAIRS.get(pair.reason) or doubt_in_words(pair.reason, pair.size.clusters if pair.size else 0)


def differ(pair: Comparison) -> bool:
    """Whether the verdict is that the two differ."""
    return pair.verdict in ("more", "less")


def turned(pair: Comparison) -> Comparison:
    """The same comparison, seen from the second of the two."""
    verdicts: dict[Verdict, Verdict] = {"more": "less", "less": "more"}
    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        size=_turned(pair.size, is_ratio=pair.is_ratio),
        these=_turned(pair.these, is_ratio=pair.is_ratio),
        won=None if pair.won is None else _mapped(pair.won, lambda share: 1 - share),
        verdict=verdicts.get(pair.verdict, pair.verdict),
    )


def facing(pairs: Sequence[Comparison], metric: str, llm: str | None = None) -> list[Comparison]:
    """The pairs of a metric; those of one LLM alone, where one is given, as the first of each; and those of twins."""
    of_metric = [pair for pair in pairs if pair.metric == metric]
    if llm is None:
        return of_metric
    shown = [pair for pair in of_metric if llm in (pair.first, pair.second) or pair.twins]
    return [turned(pair) if pair.second == llm else pair for pair in shown]


def _turned(size: Interval | None, *, is_ratio: bool) -> Interval | None:
    if size is None:
        return None
    return _mapped(size, (lambda ratio: 1 / ratio if ratio else math.inf) if is_ratio else (lambda apart: -apart))


def _mapped(size: Interval, way: Callable[[float], float]) -> Interval:
    """An interval whose ends change places."""
    estimate, low, high = (None if end is None else way(end) for end in (size.estimate, size.high, size.low))
    return replace(size, estimate=estimate, low=low, high=high)


def untested(pair: Comparison) -> bool:
    """Whether nothing was tested, and nothing can be said without a test."""
    return pair.p is None and pair.verdict == "can't tell"


def better(pair: Comparison) -> str | None:
    """The better one of the two; None where they don't differ, or it can't be told."""
    if not differ(pair):
        return None
    return pair.first if (pair.verdict == "more") == words_of(pair.metric).more_is_better else pair.second
