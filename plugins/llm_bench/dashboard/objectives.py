"""What the pages show of a study's objectives of service: how far its LLMs attain them, and by when they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from llm_bench.analysis import charts, queries, tables
from llm_bench.dashboard.components import Figure
from llm_bench.objectives import Time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_bench.analysis.metrics import Metric
    from llm_bench.analysis.queries import Attainment
    from llm_bench.analysis.table import Table
    from llm_bench.dashboard.context import Look


def attained(look: Look) -> list[Attainment]:
    """How far each LLM attains each objective; nothing where the study has none, or the view no record."""
    return queries.attainment(look.records, look.view, look.study.slo)


def objectives(look: Look, attained: Sequence[Attainment]) -> Table | None:
    """The same as a table; None where there is nothing."""
    if not attained:
        return None
    return tables.attainment(attained, look.looks).linked(
        "asked", lambda row: look.address("records", view=look.only(row["llm"]))
    )


def figures(look: Look, metric: Metric, attained: Sequence[Attainment]) -> Iterator[Figure]:
    """The charts of a time: the objectives that are of it, and the share of all that was answered by when."""
    if metric.name not in get_args(Time):
        return
    time = cast(Time, metric.name)
    aims = [objective for objective in look.study.slo if objective.metric == time]
    if aims:
        known = [row for row in attained if row.objective in aims]
        yield Figure("attainment", charts.attainment(known, look.looks))
    drawn = queries.curves(look.records, look.view, time)
    yield Figure("answered-by", charts.curves(drawn, time, aims, look.looks))
