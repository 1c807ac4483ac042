"""How far LLMs attain a study's objectives of service: the share of all that was asked that was answered in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_bench.analysis.cache import Records
from llm_bench.analysis.layout import BIN, FLOOR
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.numbers import buckets, llm_names, ranked
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
    if not objectives:
        return []
    where, parameters = view.where()
    columns = ", ".join(
        f"count(*) FILTER (success AND {objective.metric} <= $within_{number}) AS met_{number}, "
        f"count(*) FILTER (success AND {objective.metric} IS NULL) AS unknown_{number}"
        for number, objective in enumerate(objectives)
    )
    within = {f"within_{number}": objective.within_sec for number, objective in enumerate(objectives)}
    counted = strata.table(
        records,
        f"SELECT llm_no, slot_no, count(*) AS asked, {columns} FROM records WHERE {where} GROUP BY ALL",  # noqa: S608
        parameters | within,
    )
    slots = buckets(records, view)
    llms, rank = ranked(counted["llm_no"], llm_names(records))
    size = len(slots.slots)
    places = rank[counted["llm_no"]] * size + slots.place[counted["slot_no"]]
    days = np.zeros(size, np.intp)
    days[slots.place[slots.place >= 0]] = slots.day[slots.place >= 0]

    def by_slot(name: str) -> strata.Array:
        return np.bincount(places, counted[name], len(llms) * size).reshape(len(llms), size)

    made = []
    for number, objective in enumerate(objectives):
        met, unknown = by_slot(f"met_{number}"), by_slot(f"unknown_{number}")
        asked = by_slot("asked") - unknown
        for place, llm in enumerate(llms):
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


def curves(records: Records, view: View, metric: Time) -> list[Curve]:
    """Each LLM's curve, in name order; exact at its points, which are the ends of bins."""
    where, parameters = view.where()
    counted = strata.table(
        records,
        f"SELECT llm_no, CASE WHEN success THEN {metric}_bin ELSE -1 END AS bin, count(*) AS n FROM records "  # noqa: S608
        f"WHERE {where} AND NOT (success AND {metric} IS NULL) GROUP BY ALL ORDER BY ALL",
        parameters,
    )
    names = llm_names(records)
    numbers, bins = counted["llm_no"], counted["bin"].astype(np.int64)
    last = int(bins.max(initial=-1))
    made = []
    for number in sorted(np.unique(numbers).tolist(), key=lambda no: names[no]):
        mine = numbers == number
        asked = int(counted["n"][mine].sum())
        answered = mine & (bins >= 0)
        points = _points(bins[answered], counted["n"][answered].cumsum() / asked, last)
        made.append(Curve(names[number], asked, points))
    return made


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
