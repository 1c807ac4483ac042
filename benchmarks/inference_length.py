"""Made-up studies of two LLMs that are equally fast, of which one answers three times as long.

What makes their requests differ is as in `inference_studies`, and multiplies a latency of its own: a wait, and so many
characters at the same speed. So as measured one takes about 2.3 times as long as the other, and at equal length as
long. `benchmarks/inference.py` counts how often `llm_bench.analysis.statistics.length` says so.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference_studies import LONGER, PER_DAY, QUESTIONS, TIMES, Floats, Kind, Study, drawn
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.statistics.length import SEEN, Answers, Level, as_measured, at_length, conclude
from llm_bench.analysis.statistics.scopes import Scope

WAIT, SPEED = 0.5, 300.0
"""Seconds before an answer begins, and characters a second."""
SHORT, LONG = 300.0, 900.0
"""Median lengths of the two LLMs' answers, in characters."""
OF_QUESTION, OF_LLM, OF_REQUEST = 0.45, 0.2, 0.25
"""By how much the logarithms of lengths differ: by question, by LLM and question, and from request to request at
temperature 1."""
_SPIKE = 1.4
"""The mean logarithm of a spike."""
ONE, RATIO = "latency at equal length", "ratio at equal length, 1 answers 3 × as long"


@dataclass(frozen=True, slots=True)
class Lengthy:
    """A kind of study, and whether its answers' lengths vary from request to request.

    :param varies: by how much, of logarithms; 0 at temperature 0.
    """

    kind: Kind
    varies: float = 0.0


def lengthy() -> dict[str, Lengthy]:
    """The kinds, with 4 days and, some, with 14."""
    made = {name: Lengthy(kind) for name, kind in TIMES.items() if kind.request}
    made["LLM × question .25, temperature 1"] = Lengthy(TIMES["LLM × question .25"], OF_REQUEST)
    longer = [name for name in (*LONGER, "LLM × question .25, temperature 1") if name in made]
    return made | {f"{name}, 14 days": replace(made[name], kind=replace(made[name].kind, days=14)) for name in longer}


def at_equal_length(
    of: Lengthy, runs: int, tallies: Mapping[tuple[str, str], Any], carried: Callable[[Kind, Study], bool]
) -> None:
    """Counts what becomes of so many studies.

    :param tallies: (table, column) → where it is counted.
    :param carried: whether the product would say that days aren't clusters.
    """
    kind = of.kind
    seed = zlib.crc32(repr(of).encode())
    for run, study in enumerate(drawn(kind, runs)):
        lengths = _lengths(of, np.random.default_rng([seed, run]))
        known = ~(study.failed | np.isnan(study.levels))
        common = float(np.median(lengths[known]))
        typical = np.log(WAIT + lengths / SPEED)
        silent = carried(kind, study)
        fixed = np.broadcast_to(study.questions[:, None, :], lengths.shape)
        of_these = [_at(typical[i] + fixed[i], lengths[i], known[i], common, kind.days) for i in (0, 1)]
        levels = [_at(typical[i] + study.levels[i], lengths[i], known[i], common, kind.days) for i in (0, 1)]
        extra = kind.spikes * _SPIKE
        true = math.log(WAIT + common / SPEED) + extra
        _add(tallies[ONE, "these questions"], levels[0], "these questions", of_these[0].estimate + extra, silent)
        _add(tallies[ONE, "questions like these"], levels[0], "questions like these", true, silent)
        plain = [_cells(typical[i] + study.levels[i], lengths[i], known[i]) for i in (0, 1)]
        measured = as_measured(plain[0], kind.days, QUESTIONS).less(as_measured(plain[1], kind.days, QUESTIONS))
        ratio, of_both = levels[0].less(levels[1]), of_these[0].less(of_these[1])
        _alarm(tallies[RATIO, "as measured: false alarms"], measured, silent)
        _add(tallies[RATIO, "ratio, these questions"], ratio, "these questions", of_both.estimate, silent)
        _add(tallies[RATIO, "ratio, questions like these"], ratio, "questions like these", 0.0, silent)
        _alarm(tallies[RATIO, "ratio, questions like these: false alarms"], ratio, silent)


def _lengths(of: Lengthy, draw: np.random.Generator) -> Floats:
    shape = (2, of.kind.slots, QUESTIONS)
    middles = np.log([[LONG], [SHORT]]) + OF_QUESTION * draw.normal(size=QUESTIONS)
    middles = middles + OF_LLM * draw.normal(size=(2, QUESTIONS))
    whole: Floats = np.exp(middles[:, None, :] + of.varies * draw.normal(size=shape))
    return whole


def _at(levels: Floats, lengths: Floats, known: np.ndarray, common: float, days: int) -> Level:
    low, high = np.quantile(lengths[known], SEEN)
    return at_length(_cells(levels, lengths, known), common, (float(low), float(high)), days, QUESTIONS)[0]


def _cells(levels: Floats, lengths: Floats, known: np.ndarray) -> Answers:
    """What the product asks its database for: the means of each day's answers to a question."""
    slot, question = np.nonzero(known)
    cell = slot // PER_DAY * QUESTIONS + question
    counts = np.bincount(cell)
    there = np.flatnonzero(counts)
    level, length = (np.bincount(cell, values[known])[there] / counts[there] for values in (levels, lengths))
    return Answers(level, length, counts[there].astype(float), *np.divmod(there, QUESTIONS))


def _add(tally: Any, level: Level, scope: Scope, truth: float, silent: bool) -> None:
    interval = conclude(level, scope).interval
    tally.add(Interval(None, None, None, 0, 0) if silent else interval, math.exp(truth))


def _alarm(tally: Any, level: Level, silent: bool) -> None:
    concluded = conclude(level, "questions like these")
    p = concluded.p_value
    tally.hits.append(None if silent or concluded.doubt else p is None or p > 0.05)
