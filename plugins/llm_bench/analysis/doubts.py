"""Why a number has no interval, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from llm_bench.analysis.format import NO_INTERVAL
from llm_bench.analysis.statistics import LEAST_SLOTS, Interval, declining, length, scopes, success, timeofday

_SLOTS = "slots"
"""Of an interval by slots, which has no doubt of its own."""
_WORDS = {
    _SLOTS: f"no honest interval, e.g. with fewer than {LEAST_SLOTS} slots",
    scopes.FEW_DAYS: f"can't tell beyond these {{n}} days: it takes at least {scopes.LEAST_DAYS}",
    scopes.DAYS_LAST: "can't tell beyond these {n} days: what makes a slot slow may go on into the next day",
    scopes.FEW_QUESTIONS: f"can't tell for questions like these: it takes at least {scopes.LEAST_QUESTIONS}",
    scopes.FEW_BEYOND: "can't tell for questions like these: too few of them lie beyond",
    success.FEW_SLOTS: f"can't tell beyond these {{n}} slots: it takes at least {LEAST_SLOTS}",
    timeofday.FEW_TIMES: f"can't tell by so few times of day: it takes at least {timeofday.LEAST_TIMES}",
    declining.ALL_ALIKE: "can't tell where an LLM always declined, or never: how often it does otherwise wasn't seen",
    length.APART: "can't tell: its answers are hardly ever of this length (outside their "
    f"{length.SEEN[0] * 100:g} to {length.SEEN[1] * 100:g} % range)",
    length.ALIKE: "can't tell: but for those to one question, or of one day, its answers are as long as one another",
    success.NO_FAILURES: "can't tell where it is none or all: how such records come together wasn't seen",
}


def doubts(intervals: Iterable[Interval], bare: Iterable[Interval] = ()) -> list[str]:
    """What "[—]" means among these intervals: a sentence for each reason; one for all where there is no interval.

    :param bare: others, in whose place nothing stands.
    """
    known, others = list(intervals), list(bare)
    if all(interval.low is None for interval in known):
        why = reasons([*known, *others])
        return [f"There are no intervals: {'; '.join(why)}."] if why else []
    why = reasons(known)
    more = [reason for reason in reasons(others) if reason not in why]
    signs = [f"{NO_INTERVAL}: {reason}." for reason in why]
    return [*signs, *([f"Where no interval stands: {'; '.join(more)}."] if more else [])]


def reasons(intervals: Iterable[Interval]) -> list[str]:
    """Why some of these lack, each reason with the most days or slots that there are of it."""
    most: dict[str, int] = {}
    for interval in intervals:
        if interval.estimate is not None and interval.low is None:
            doubt = interval.doubt or _SLOTS
            most[doubt] = max(most.get(doubt, 0), interval.clusters)
    return [doubt_in_words(doubt, n) for doubt, n in most.items()]


def doubt_in_words(doubt: str, n: int) -> str:
    """A doubt as part of a sentence.

    :param n: days, or slots, that there are.
    """
    words = _WORDS[doubt].format(n=n)
    return words.replace("these 1 days", "this one day").replace("these 1 slots", "this one slot")
