"""How far LLMs attain a study's objectives of service: the share of all that was asked that was answered in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import BIN, FLOOR
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.statistics.attainment import Verdict, attained, verdict
from llm_bench.analysis.statistics.sample import Interval
from llm_bench.analysis.view import View
from llm_bench.objectives import Objective, Time

POINTS = 200
"""Steps of a curve: it has a point wherever so much of the whole is answered anew."""


@dataclass(frozen=True, slots=True)
class Attainment:
    """How far an LLM attains an objective.

    :param asked: all that was asked, but for ``unknown``.
    :param met: of these, answered in time.
    :param unknown: answered, but nobody knows when.
    :param share: of ``asked``; its clusters are slots.
    """

    llm: str
    objective: Objective
    asked: int
    met: int
    unknown: int
    share: Interval
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Curve:
    """Which share of all that was asked an LLM has answered by when.

    :param asked: all that was asked; what failed is never answered.
    :param points: seconds and share, both ascending; the last at the latest answer of all LLMs.
    """

    llm: str
    asked: int
    points: Sequence[tuple[float, float]]


def attainment(records: Records, view: View, objectives: Sequence[Objective]) -> list[Attainment]:
    """Each LLM by each objective: by objective, then by the LLM's name."""
    scan = Scan.of(records, view, [])
    days = scan.buckets.day_of_each
    conditions = [f"success AND {objective.metric} <= {objective.within_sec!r}" for objective in objectives]
    conditions += [_unknown(objective.metric) for objective in objectives]
    counts = [scan.by_llm_and_slot(of_stratum) for of_stratum in strata.met(records, *conditions)] if objectives else []
    made = []
    for objective, met, unknown in zip(objectives, counts, counts[len(objectives) :], strict=False):
        asked = scan.by_llm_and_slot(strata.strata(records)["records"]) - unknown
        for place, llm in enumerate(scan.llms):
            share = attained(met[place], asked[place], days)
            made.append(
                Attainment(
                    llm=llm,
                    objective=objective,
                    asked=int(asked[place].sum()),
                    met=int(met[place].sum()),
                    unknown=int(unknown[place].sum()),
                    share=share,
                    verdict=verdict(share, objective.share),
                )
            )
    return made


def _unknown(metric: Time) -> str:
    """Answered, but nobody knows when: a condition of columns."""
    return f"success AND {metric} IS NULL"


def curves(records: Records, view: View, metric: Time) -> list[Curve]:
    """Each LLM's curve, in name order; exact at its points, which are the ends of bins."""
    scan = Scan.of(records, view, [])
    _, bins = strata.bins(records, metric)
    asked, unknown = map(scan.by_llm, (strata.strata(records)["records"], *strata.met(records, _unknown(metric))))
    answered_in = scan.often(METRICS[metric])[:, 1 : bins.size + 1]
    used = np.flatnonzero(answered_in.any(axis=0))
    last = int(bins[used[-1]]) if used.size else 0
    return [
        Curve(llm, int(n), _points(bins[mine := np.flatnonzero(of)], of[mine].cumsum() / max(n, 1), last))
        for llm, n, of in zip(scan.llms, asked - unknown, answered_in, strict=True)
    ]


def _points(bins: strata.Array, shares: strata.Array, last: int) -> list[tuple[float, float]]:
    """A curve's points: where it begins, each step of a whole, and where all of them end.

    :param bins: in which anything was answered, ascending.
    :param shares: answered by the end of each.
    """
    if not bins.size:
        return []
    steps = np.flatnonzero(np.diff(np.floor(shares * POINTS), prepend=-1))
    kept = np.union1d(steps, [bins.size - 1])
    ends = [*np.append(bins[0] - 1, bins[kept]).tolist(), last]
    levels = [0.0, *shares[kept].tolist(), float(shares[-1])]
    return [(FLOOR * float(np.exp(end * BIN)), level) for end, level in dict(zip(ends, levels, strict=True)).items()]
