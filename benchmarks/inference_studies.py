"""Made-up studies whose truth is known: two LLMs that are alike, on the same questions in the same slots. Pure.

A kind of study says what makes its requests differ. Times are exp of a sum of parts (logarithms of seconds), and a
score is 0.6 plus 0.15 of the same kind of sum; failures are drawn apart. Half of the variance of slots and of days is
the two LLMs' in common.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PER_DAY, QUESTIONS = 14, 20
"""Slots of a day, and questions: 10 of each of two industries."""
BASE, SCALE = 0.6, 0.15
_DRAWS = 2_000_000
_KEPT = 0.7


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of study is like; a part's size is its standard deviation, of logarithms.

    :param kept: the share of a slot's effect that goes on to the next.
    :param night: whether a day's slots are 12 hours, and the slots of the night aren't measured.
    :param diurnal: amplitude of a course over the day, the same on every day.
    :param question: what a question has for both LLMs.
    :param interaction: what it has for one of them.
    :param spikes: share of the requests whose time is drawn from a heavy tail (Pareto, exponent 2.5).
    :param fails: share of the requests that fail, each by itself.
    :param waves: how much that share goes up and down, each LLM's own: standard deviation of its logit, of which a slot
        keeps .7.
    :param worse: by how much more of the second LLM's requests fail, each by itself.
    :param outages: share of the slots in which all requests fail.
    :param length: slots of an outage.
    :param missed: slots at the end that weren't measured.
    :param faster: by how much the second LLM is, in logarithms.
    """

    days: int = 4
    kept: float = 0.0
    night: bool = True
    slot: float = 0.2
    day: float = 0.0
    diurnal: float = 0.0
    question: float = 0.0
    interaction: float = 0.0
    request: float = 0.4
    spikes: float = 0.0
    fails: float = 0.0
    waves: float = 0.0
    worse: float = 0.0
    outages: float = 0.0
    length: int = 1
    missed: int = 0
    faster: float = 0.0

    @property
    def slots(self) -> int:
        return self.days * PER_DAY

    @property
    def succeeds(self) -> float:
        """The first LLM's true rate of success."""
        return (1 - self.outages) * self.succeeds_alone

    @property
    def succeeds_alone(self) -> float:
        """The same where no outage is."""
        return 1 - float(_waved(self, np.random.default_rng(18).normal(size=_DRAWS)).mean())


USUAL = Kind(kept=0.5, day=0.1, diurnal=0.2, question=0.4, interaction=0.2, fails=0.02)
TIMES = {
    "independent slots": Kind(),
    "a slot keeps .3 of the one before": Kind(kept=0.3),
    "keeps .5": Kind(kept=0.5),
    "keeps .8": Kind(kept=0.8),
    "keeps .8 around the clock": Kind(kept=0.8, night=False),
    "days differ by .2": Kind(day=0.2),
    "a course over the day": Kind(diurnal=0.3),
    "questions differ by .4": Kind(question=0.4),
    "LLM × question .25": Kind(question=0.4, interaction=0.25),
    "answers fixed": Kind(slot=0.0, request=0.0, question=0.4, interaction=0.25),
    "heavy tails": Kind(spikes=0.03),
    "10 % time out": Kind(fails=0.1),
    "half of the last day missed": Kind(day=0.1, missed=7),
    "all of it": USUAL,
}
LONGER = (
    *("independent slots", "keeps .5", "keeps .8", "days differ by .2", "LLM × question .25", "answers fixed"),
    *("10 % time out", "all of it"),
)
"""Kinds that are simulated with 14 days, too."""
FASTER = {
    f"{name}{days}": replace(TIMES[name], faster=float(np.log(1.1)), days=number)
    for number, days in ((4, ""), (14, ", 14 days"))
    for name in ("independent slots", "keeps .5", "questions differ by .4", "LLM × question .25")
}
"""Kinds in which one LLM takes 1.1 times as long as the other."""
SHORT = {
    "isolated failures, 2.5 %": Kind(fails=0.025),
    "isolated failures, 10 %": Kind(fails=0.1),
    "outages of 1 slot, 10 %": Kind(outages=0.1),
    "outages of 1 slot, 10 %, and isolated": Kind(outages=0.1, fails=0.02),
    "outages of 4 slots, 15 %": Kind(outages=0.15, length=4),
    "outages of 4 slots, 15 %, and isolated": Kind(outages=0.15, length=4, fails=0.02),
    "failures in waves, 5 %": Kind(fails=0.05, waves=1.2),
}
FAILURES = SHORT | {f"{name}, 14 days": replace(kind, days=14) for name, kind in SHORT.items()}
WORSE = {
    f"{name}, {more:.0%} more fail": replace(SHORT[name], worse=more)
    for name in (
        "isolated failures, 2.5 %",
        "outages of 1 slot, 10 %, and isolated",
        "outages of 4 slots, 15 %, and isolated",
    )
    for more in (0.02, 0.05, 0.2)
}
"""Kinds in which more of the second LLM's requests fail."""


def kinds() -> dict[str, Kind]:
    """The kinds for times and scores, with 4 days and, some, with 14."""
    longer = {f"{name}, 14 days": replace(TIMES[name], days=14) for name in LONGER}
    return TIMES | longer


@dataclass(frozen=True, slots=True)
class Study:
    """A study: arrays (2 LLMs, slots, questions).

    :param levels: sums of the parts: logarithms of the times; NaN where it wasn't asked.
    :param failed: which requests did.
    :param down: (2, slots): which slots an outage hit.
    :param questions: (2, questions): what is fixed in it, each question's own part.
    """

    levels: Floats
    failed: npt.NDArray[np.bool_]
    down: npt.NDArray[np.bool_]
    questions: Floats


def drawn(kind: Kind, runs: int) -> Iterator[Study]:
    """So many studies of a kind: the same ones at every call, and others than those of another kind."""
    seed = zlib.crc32(repr(kind).encode())
    for run in range(runs):
        yield _study(kind, np.random.default_rng([seed, run]))


def _study(kind: Kind, draw: np.random.Generator) -> Study:
    common, *own = (_course(kind, draw) for _ in range(3))
    time = (common + np.array(own)) / np.sqrt(2) + np.tile(course_of_day(kind), kind.days)
    shared = kind.question * draw.normal(size=QUESTIONS)
    questions = shared + kind.interaction * draw.normal(size=(2, QUESTIONS))
    shape = (2, kind.slots, QUESTIONS)
    levels = time[:, :, None] + questions[:, None, :] + _requests(kind, draw, shape)
    levels[0] += kind.faster
    levels[:, kind.slots - kind.missed :] = np.nan
    chances, down = draw.random(shape), _outages(kind, draw)
    failed = chances < _failing(kind, draw)[:, :, None]
    if kind.worse:
        failed[1] |= chances[1] < kind.fails + kind.worse
    return Study(levels, failed | down[:, :, None], down, questions)


def _failing(kind: Kind, draw: np.random.Generator) -> Floats:
    """What share of the requests fails in each slot, each by itself: (2, slots)."""
    if not kind.waves:
        return np.full((2, kind.slots), kind.fails)
    steps = draw.normal(size=(2, kind.slots)) * np.sqrt(1 - _KEPT**2)
    steps[:, 0] /= np.sqrt(1 - _KEPT**2)
    for place in range(1, kind.slots):
        steps[:, place] += _KEPT * steps[:, place - 1]
    return _waved(kind, steps)


def _waved(kind: Kind, steps: Floats) -> Floats:
    """The share that fails, as often as not less than in the middle."""
    if not kind.waves:
        return np.full_like(steps, kind.fails)
    middle = np.log(kind.fails / (1 - kind.fails))
    shares: Floats = 1 / (1 + np.exp(-(middle + kind.waves * steps)))
    return shares


def _course(kind: Kind, draw: np.random.Generator) -> Floats:
    """What slots have, one after another, and their days."""
    measured = 2 * PER_DAY if kind.night else PER_DAY
    steps = draw.normal(size=kind.days * measured) * np.sqrt(1 - kind.kept**2)
    steps[0] /= np.sqrt(1 - kind.kept**2)
    for place in range(1, steps.size if kind.kept else 0):
        steps[place] += kind.kept * steps[place - 1]
    by_day = steps.reshape(kind.days, measured)[:, :PER_DAY]
    whole: Floats = (kind.slot * by_day + kind.day * draw.normal(size=(kind.days, 1))).ravel()
    return whole


def course_of_day(kind: Kind) -> Floats:
    """What the times of day have: mean 0."""
    wave: Floats = kind.diurnal * np.sin(2 * np.pi * np.arange(PER_DAY) / PER_DAY)
    return wave


def _requests(kind: Kind, draw: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    levels = kind.request * draw.normal(size=shape)
    if kind.spikes:
        spikes = 1 + np.log1p(draw.pareto(2.5, shape))
        levels = np.where(draw.random(shape) < kind.spikes, spikes, levels)
    return levels


def _outages(kind: Kind, draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """In which slots all fails: outages begin at any moment, before the first slot, too, and may overlap."""
    begins = 1 - (1 - kind.outages) ** (1 / kind.length)
    starts = draw.random((2, kind.slots + kind.length - 1)) < begins
    down: npt.NDArray[np.bool_] = np.any([starts[:, lag : lag + kind.slots] for lag in range(kind.length)], axis=0)
    return down


class Truth:
    """The true numbers of a kind, by two million draws."""

    def __init__(self, kind: Kind) -> None:
        draw = np.random.default_rng(18)
        spread = np.hypot(kind.slot, kind.day)
        time = spread * draw.normal(size=_DRAWS) + draw.choice(course_of_day(kind), _DRAWS)
        self._fails = 1 - kind.succeeds
        self._levels = np.sort(time + _requests(kind, draw, (_DRAWS,)))
        self._any = np.sort(
            self._levels + np.hypot(kind.question, kind.interaction) * draw.normal(size=_DRAWS)
            if kind.question or kind.interaction
            else self._levels
        )
        self._mean = float(np.exp(self._levels).mean())
        self.mean = float(np.exp(self._any).mean())

    def quantile(self, q: float) -> float:
        """Of the times of all that are asked, questions like these; infinite where it is a failure."""
        place = q / (1 - self._fails)
        return float(np.exp(self._any[int(place * _DRAWS)])) if place < 1 else np.inf

    def quantile_of(self, questions: Floats, q: float) -> float:
        """The same of these questions."""
        place = q / (1 - self._fails)
        if place >= 1:
            return np.inf
        low, high = -20.0, 20.0
        for _ in range(50):
            middle = (low + high) / 2
            below = float(np.searchsorted(self._levels, middle - questions).mean()) / _DRAWS
            low, high = (middle, high) if below < place else (low, middle)
        return float(np.exp(high))

    def mean_of(self, questions: Floats) -> float:
        """The mean of the answered times of these questions."""
        return self._mean * float(np.exp(questions).mean())
