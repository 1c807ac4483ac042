"""How often the time of day, and a drift over the days, are seen in made-up studies that have none, and that have one.

A study is that of the first LLM of `inference_studies`, with a drift or with days that rise and fall added to it. The
functions are those of the product, on the medians of slots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from inference_studies import PER_DAY, TIMES, USUAL, Floats, Kind, drawn
from llm_bench.analysis.statistics import drift, time_of_day
from llm_bench.analysis.statistics.blocks import DAY

if TYPE_CHECKING:
    from inference import Tallies, Tally

LEVEL = 0.05
HOUR, SIZE, DRIFT = "time of day", "highest to lowest part of the day", "drift over the days"
"""Tables of what is right how often."""
FOUND_HOUR, FOUND_DRIFT = "found: a course of the day", "found: a drift over the days"
"""Tables of what is found how often."""
_SLOTS = np.arange(PER_DAY)
COURSES = {
    "a wave": np.sin(2 * np.pi * _SLOTS / PER_DAY),
    "slow at the ends": np.cos(2 * np.pi * _SLOTS / PER_DAY),
    "ever slower": 2 * _SLOTS / (PER_DAY - 1) - 1,
}
"""Courses of the day whose amplitude is 1."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a study has beside its kind.

    :param drift: over the study, per day, in logarithms; its sign is random.
    :param ramp: by which each day rises or falls, at random, from its first slot to its last.
    :param shape: of ``COURSES``.
    :param amplitude: of the course.
    """

    kind: Kind
    drift: float = 0.0
    ramp: float = 0.0
    shape: str = "a wave"
    amplitude: float = 0.0

    @property
    def of_day(self) -> Floats:
        """The course of the day, in logarithms."""
        whole: Floats = self.amplitude * COURSES[self.shape]
        return whole


_TIMED = {name: Course(kind) for name, kind in TIMES.items() if kind.request and not kind.diurnal}
_CLOCK = {
    f"{name} around the clock": Course(Kind(kept=kept, night=False))
    for name, kept in (("independent slots", 0.0), ("keeps .3", 0.3), ("keeps .5", 0.5))
}
NONE = {
    **_TIMED,
    **_CLOCK,
    "all of it, without a course": Course(replace(USUAL, diurnal=0.0)),
    "outages of 4 slots, 15 %, and isolated": Course(Kind(outages=0.15, length=4, fails=0.02)),
    "a drift of .1 a day": Course(Kind(), drift=0.1),
    "a drift of .3 a day": Course(Kind(), drift=0.3),
    "a drift of .1, days differ by .2": Course(Kind(day=0.2), drift=0.1),
    "a drift of .1, keeps .5": Course(Kind(kept=0.5), drift=0.1),
    "a drift of .1 around the clock": Course(Kind(night=False), drift=0.1),
    "a drift of .1, half of the last day missed": Course(Kind(missed=7), drift=0.1),
    "each day rises or falls by .3": Course(Kind(), ramp=0.3),
    "each day rises or falls by .6, keeps .5": Course(Kind(kept=0.5), ramp=0.6),
}
"""Studies without a course of the day; some have a drift."""
REAL = {
    f"{shape} of {amplitude:g}{keeps}": Course(Kind(kept=kept), shape=shape, amplitude=amplitude)
    for shape in COURSES
    for kept, keeps in ((0.0, ""), (0.5, ", keeps .5"))
    for amplitude in (0.1, 0.2, 0.3)
}
"""Studies with a course of the day."""
DRIFTS = {
    f"{size:g} a day{name}": Course(replace(kind, day=day), drift=size)
    for size in (0.05, 0.1, 0.2)
    for name, kind, day in (
        ("", Kind(), 0.0),
        (", keeps .5", Kind(kept=0.5), 0.0),
        (", days differ by .1", Kind(), 0.1),
    )
}
"""Studies with a drift."""
NOT_MET = {(SIZE, f"{name}{days}") for name, course in NONE.items() if course.ramp for days in ("", ", 14 days")}
"""Where the method says beforehand that it can't hold: its interval is for numbers that vary like a normal, not for
days of which each rises or falls by the same."""


def course_tables(runs: int, tally: type[Tally], only: str = "") -> Iterator[tuple[str, Tallies]]:
    """Each kind of study, with what became of its numbers.

    :param runs: studies of each kind.
    :param tally: what counts.
    :param only: kinds whose name has this.
    """
    for days in (4, 14):
        for known, measure in ((NONE, _right), (REAL, _course_found), (DRIFTS, _drift_found)):
            for name, course in known.items():
                whole = f"{name}, 14 days" if days == 14 else name
                if only in whole:
                    tallies: Tallies = defaultdict(tally)
                    measure(replace(course, kind=replace(course.kind, days=days)), runs, tallies)
                    yield whole, dict(tallies)


def studies(course: Course, runs: int) -> Iterator[tuple[Floats, Floats, Floats, float]]:
    """Medians of slots, infinite where most failed, with their days, times of day, and the true drift."""
    kind = course.kind
    days, slots = np.divmod(np.arange(kind.slots), PER_DAY)
    times = slots * (DAY / (2 * PER_DAY if kind.night else PER_DAY))
    for run, study in enumerate(drawn(kind, runs)):
        draw = np.random.default_rng([18, run])
        slope = float(draw.choice([-1, 1])) * course.drift
        ramps = draw.choice([-1, 1], kind.days)[days] * course.ramp * (slots / (PER_DAY - 1) - 0.5)
        levels = np.median(np.where(study.failed[0], np.inf, study.levels[0]), axis=1)
        levels += slope * (days + times / DAY) + ramps + course.of_day[slots]
        yield np.exp(levels), days.astype(float), times, slope


def _right(course: Course, runs: int, tallies: Tallies) -> None:
    for values, days, times, slope in studies(course, runs):
        hour, trend = time_of_day(values, days, times), drift(values, days, times)
        tallies[HOUR, "new: false alarms"].hits.append(None if hour.p_value is None else hour.p_value > LEVEL)
        tallies[SIZE, "new"].add(hour.size, 1.0)
        tallies[DRIFT, "new"].add(trend.size, float(np.exp(slope)))
        if not course.drift:
            tallies[DRIFT, "new: false alarms"].hits.append(None if trend.p_value is None else trend.p_value > LEVEL)


def _course_found(course: Course, runs: int, tallies: Tallies) -> None:
    for values, days, times, _ in studies(course, runs):
        hour = time_of_day(values, days, times)
        tallies[FOUND_HOUR, "new: found"].hits.append(hour.p_value is not None and hour.p_value <= LEVEL)
        if hour.highest and hour.lowest:
            high, low = (
                (times[:PER_DAY] >= part[0]) & (times[:PER_DAY] <= part[1]) for part in (hour.highest, hour.lowest)
            )
            true = float(np.exp(course.of_day[high].mean() - course.of_day[low].mean()))
            tallies[FOUND_HOUR, "new"].add(hour.size, true)


def _drift_found(course: Course, runs: int, tallies: Tallies) -> None:
    for values, days, times, _ in studies(course, runs):
        trend = drift(values, days, times)
        tallies[FOUND_DRIFT, "new: found"].hits.append(trend.p_value is not None and trend.p_value <= LEVEL)
