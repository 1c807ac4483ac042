"""Whether a question's place in its cell is mixed up with the question, and whether the first place is a slow one."""

from __future__ import annotations

import numpy as np

from llm_bench.analysis import statistics
from llm_bench.analysis.cache import Records
from llm_bench.analysis.metrics import Metric
from llm_bench.analysis.queries import strata
from llm_bench.analysis.queries.comparisons import unless_days_last
from llm_bench.analysis.queries.numbers import Scan
from llm_bench.analysis.queries.shapes import FirstPlace, Order
from llm_bench.analysis.statistics.scopes import Grid, ratio_of_logarithms
from llm_bench.analysis.view import View
from llm_bench.method import Method

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
_FIRST = """
    WITH placed AS (
            SELECT llm, slot_no, question_no, industry, client_no, position, ln({name}) AS level
            FROM records WHERE position IS NOT NULL AND {name} > 0 AND {where}),
        rest AS (
            SELECT llm, slot_no, industry, client_no, avg(level) AS level FROM placed WHERE position > 1 GROUP BY ALL)
    SELECT llm, slot_no, question_no, placed.level - rest.level AS more
    FROM placed JOIN rest USING (llm, slot_no, industry, client_no) WHERE position = 1
    ORDER BY llm, slot_no, question_no, more
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


FIRST_PLACE = Method(
    "Position",
    "The first question of each cell is set in relation to the geometric mean of the cell's others. The ratio's mean, "
    "interval and p are made as those of differences of scores, on the logarithms; days and the questions that stood "
    "first are what varies. p is corrected over the LLMs by Holm.",
)


def first_places(records: Records, view: View, metric: Metric) -> list[FirstPlace]:
    """How the first question of a cell goes beside the others, for each LLM in name order; p corrected over the LLMs.

    The first one of each cell is set in relation to the geometric mean of the cell's others. Days and the questions
    that stood first are what varies.

    :param metric: of values above 0.
    """
    where, parameters = view.where()
    rows = records.rows(_MIDDLES.format(name=metric.name, where=where), parameters)
    if not rows:
        return []
    firsts = strata.table(records, _FIRST.format(name=metric.name, where=where), parameters)
    scan = Scan.of(records, view, [metric])
    lasts = dict(zip(scan.llms, scan.days_last(metric).tolist(), strict=True))
    days = scan.buckets.day[firsts["slot_no"].astype(np.intp)]
    tests = []
    for row in rows:
        mine = firsts["llm"] == row["llm"]
        grid = Grid.of(firsts["more"][mine], days[mine], firsts["question_no"][mine])
        ratio = ratio_of_logarithms(grid, "questions like these")
        tests.append(unless_days_last(ratio, days_last=bool(lasts.get(row["llm"]))))
    adjusted = statistics.holm([test.p_value for test in tests])
    return [
        FirstPlace(**row, ratio=test.interval if test.interval.n else None, p=p)
        for row, test, p in zip(rows, tests, adjusted, strict=True)
    ]
