"""How often answers decline, and for which questions that can be said. Pure."""

from __future__ import annotations

from dataclasses import replace

from llm_bench.analysis.statistics.sample import Interval
from llm_bench.analysis.statistics.scopes import LEAST_DAYS, LEAST_QUESTIONS, Grid, Scope, Table, mean_of
from llm_bench.method import Method

ALL_ALIKE = "all alike"
"""Why there is no interval: no answer that differs from all others was seen, so that nothing says how often one comes;
what slots of a day share goes on into the next day."""

DECLINING = Method(
    "Declining",
    "An answer declines where it says that the context lacks what was asked, or a part of it. Of the answers to "
    "questions that the documents can't answer, the share that declines does so rightly; of the answers to all others, "
    "wrongly. Failed requests and answers that weren't scored are left out. The 95 % interval is by days and questions "
    f"as crossed random factors, with Satterthwaite's degrees of freedom, for questions like these; with fewer than "
    f"{LEAST_QUESTIONS} such questions it is by days alone, with Student's t, for these questions. It is kept within 0 "
    f"and 1. There is none with fewer than {LEAST_DAYS} days, where what slots of a day share may go on into the next, "
    "and where all answers are alike.",
    ("satterthwaite1946",),
)


def scope_of(questions: int) -> Scope:
    """The widest scope that so many questions bear."""
    return "questions like these" if questions >= LEAST_QUESTIONS else "these questions"


def share_of(values: Grid | Table, scope: Scope) -> Interval:
    """The mean of values from 0 to 1, with its interval within these; none where all are 0, or all 1."""
    interval = mean_of(values, scope).interval
    if interval.estimate in {0.0, 1.0}:
        return replace(interval, low=None, high=None, doubt=interval.doubt or ALL_ALIKE)
    return interval.within(0.0, 1.0)
