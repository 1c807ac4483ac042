"""Whether a question's place in its cell is mixed up with the question, and whether the first place is a slow one."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries.shapes import FirstPlace, Order
from llm_bench.analysis.view import View

_RUNS = 100
"""Runs of slots that a comparison of many slots rests on, at most."""

_ORDER = """
    WITH asked AS (
            SELECT industry, question_id, slot, position, max(position) OVER (PARTITION BY industry, slot) AS size
            FROM records WHERE position IS NOT NULL AND {}),
        cells AS (
            SELECT industry, question_id, slot, any_value(size) AS size, min(position) AS low, max(position) AS high
            FROM asked WHERE size > 1 GROUP BY ALL)
    SELECT question_id, avg((low - 1) / (size - 1)) AS place, count(*) FILTER (low = 1) AS first, count(*) AS slots,
        count(*) FILTER (low <> high) AS apart
    FROM cells GROUP BY industry, question_id
"""
_MIDDLES = """
    SELECT llm, count({name}) FILTER (position = 1) AS n, count({name}) FILTER (position > 1) AS n_others,
        median({name}) FILTER (position = 1) AS first, median({name}) FILTER (position > 1) AS others
    FROM records WHERE position IS NOT NULL AND {where} GROUP BY llm ORDER BY llm
"""
_BY_SLOT = """
    SELECT llm, slot, avg({name}) FILTER (position = 1) - avg({name}) FILTER (position > 1) AS difference
    FROM records WHERE position IS NOT NULL AND {where} GROUP BY llm, slot ORDER BY llm, slot
"""


def order(records: Records, view: View) -> Order | None:
    """What places the questions had; None where no record says its own."""
    where, parameters = view.where()
    rows = records.rows(_ORDER.format(where), parameters)
    if not rows:
        return None
    places = [row["place"] for row in rows]
    return Order(
        questions=len(rows),
        first=sum(row["first"] > 0 for row in rows),
        lowest=min(places),
        highest=max(places),
        asked=sum(row["slots"] for row in rows),
        apart=sum(row["apart"] for row in rows),
    )


def first_places(records: Records, view: View, metric: Metric) -> list[FirstPlace]:
    """What the first question of a cell has over the others, for each LLM in name order; p corrected over the LLMs.

    Each slot counts once, with the difference of its means; with many slots, runs of them, at most 100.
    """
    where, parameters = view.where()
    differences: dict[str, list[float]] = defaultdict(list)
    for row in records.rows(_BY_SLOT.format(name=metric.name, where=where), parameters):
        if row["difference"] is not None:
            differences[row["llm"]].append(row["difference"])
    rows = records.rows(_MIDDLES.format(name=metric.name, where=where), parameters)
    tests = [_test(differences[row["llm"]]) for row in rows]
    adjusted = statistics.holm([test.p_value for test in tests])
    return [
        FirstPlace(**row, difference=test.difference if test.difference.n else None, p=p)
        for row, test, p in zip(rows, tests, adjusted, strict=True)
    ]


def _test(differences: list[float]) -> statistics.Paired:
    run = max(1, -(-len(differences) // _RUNS))
    return statistics.paired(np.array(differences), np.arange(len(differences)) // run)
