"""Which LLM is best in a metric, as the comparisons of each two say it; and whether an LLM is steady. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llm_bench.analysis.verdicts import better, untested, verdict

if TYPE_CHECKING:
    from llm_bench.analysis.queries.shapes import Comparison, Drift, HourTest

Outcome = Literal["better", "no difference that matters", "can't tell"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the LLMs stand to one another in a metric.

    :param pairs: of each two of them, without twins and without those that have no such number.
    :param llms: those that have it; the ones that are better than most come first.
    :param best: those than which none is shown to be better; empty where none is.
    :param beaten: LLM → those that it is better than.
    :param unknown: those that have no such number.
    """

    pairs: Sequence[Comparison]
    llms: Sequence[str]
    best: Sequence[str]
    beaten: Mapping[str, Sequence[str]]
    unknown: Sequence[str]

    @property
    def outcome(self) -> Outcome:
        """What can be said of the best: that one is better than others, that all of them are alike, or nothing."""
        if len(self.best) == 1 and self.beaten[self.best[0]]:
            return "better"
        among = self.among_the_best
        alike = bool(among) and all(pair.verdict == "no difference that matters" for pair in among)
        return "no difference that matters" if alike else "can't tell"

    @property
    def among_the_best(self) -> Sequence[Comparison]:
        """The pairs of which both are among the best."""
        return [pair for pair in self.pairs if {pair.first, pair.second} <= set(self.best)]

    @property
    def untested(self) -> bool:
        """Whether nothing was tested at all."""
        return all(untested(pair) for pair in self.pairs)


def standing(pairs: Iterable[Comparison], metric: str) -> Standing:
    """How the LLMs stand in a metric.

    :param pairs: of all metrics.
    """
    of_metric = [pair for pair in pairs if pair.metric == metric and not pair.twins]
    every = list(dict.fromkeys(llm for pair in of_metric for llm in (pair.first, pair.second)))
    known = [pair for pair in of_metric if pair.n]
    there = {llm for pair in known for llm in (pair.first, pair.second)}
    beaten: dict[str, list[str]] = {llm: [] for llm in every if llm in there}
    losses = dict.fromkeys(beaten, 0)
    for pair in known:
        winner = better(pair)
        if winner is not None:
            loser = pair.second if winner == pair.first else pair.first
            beaten[winner].append(loser)
            losses[loser] += 1
    return Standing(
        pairs=known,
        llms=sorted(beaten, key=lambda llm: losses[llm] - len(beaten[llm])),
        best=[llm for llm in beaten if not losses[llm]],
        beaten=beaten,
        unknown=[llm for llm in every if llm not in there],
    )


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Which LLMs' times stay as they are, by the hour and from day to day.

    :param steady: neither makes a difference that matters.
    :param by_hour: those that are slower at the same times of each day.
    :param by_day: those that become slower or faster from day to day.
    :param unknown: of which neither can be told.
    :param untested: nothing was tested at all.
    """

    steady: Sequence[str]
    by_hour: Sequence[str]
    by_day: Sequence[str]
    unknown: Sequence[str]
    untested: bool

    @property
    def outcome(self) -> Outcome:
        """What can be said of who is steadiest."""
        if not self.steady:
            return "can't tell"
        return "better" if self.by_hour or self.by_day else "no difference that matters"


def steadiness(hours: Sequence[HourTest], days: Sequence[Drift], interest: float | None) -> Steadiness:
    """Which LLMs are steady.

    :param hours: whether the time of day matters, of each LLM.
    :param days: whether it drifts, of each LLM.
    :param interest: the smallest ratio of times that matters to the study.
    """
    by_hour = {test.llm: verdict(test.size, test.p, is_ratio=True, interest=interest).verdict for test in hours}
    by_day = {drift.llm: verdict(drift.size, drift.p, is_ratio=True, interest=interest).verdict for drift in days}
    llms = list(dict.fromkeys([*by_hour, *by_day]))
    differ = {"more", "less"}
    moving = {llm for llm in llms if differ & {by_hour.get(llm), by_day.get(llm)}}
    still = {llm for llm in llms if {by_hour.get(llm), by_day.get(llm)} == {"no difference that matters"}}
    return Steadiness(
        steady=[llm for llm in llms if llm in still],
        by_hour=[llm for llm in llms if by_hour.get(llm) in differ],
        by_day=[llm for llm in llms if by_day.get(llm) in differ],
        unknown=[llm for llm in llms if llm not in moving | still],
        untested=all(p is None for p in (*(test.p for test in hours), *(drift.p for drift in days))),
    )
