"""The parts of a page on who answered behind a gateway, and on where it was asked from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

from llm_bench.analysis import charts, queries, tables
from llm_bench.analysis.queries import Factor
from llm_bench.analysis.table import Row, Table
from llm_bench.dashboard.components import Figure
from llm_bench.dashboard.context import Look


@dataclass(frozen=True, slots=True)
class Part:
    """One factor: a table, and its charts.

    :param words: whether it matters.
    """

    name: Factor
    heading: str
    words: str
    table: Table
    tests: Table
    figures: list[Figure]


def parts(look: Look) -> Iterator[Part]:
    """Those of the factors that the view's records tell apart."""
    for factor in get_args(Factor):
        by_level = queries.by_level(look.records, look.view, factor)
        if by_level is None:
            continue
        shown = tables.levels(by_level, look.looks)
        figures = [
            Figure(f"latency-by-{factor}", charts.levels(by_level, look.looks)),
            Figure(f"first-token-by-{factor}", charts.levels(by_level, look.looks, "ttft_sec")),
        ]
        yield Part(
            name=factor,
            heading=tables.heading(factor),
            words=tables.levels_differ(by_level, look.looks),
            table=shown.linked("records", partial(_records, look, factor)),
            tests=tables.level_tests(by_level, look.looks),
            figures=figures,
        )


def _records(look: Look, factor: Factor, row: Row) -> str:
    view, level = look.only(row["llm"]), (row[factor],)
    chosen = replace(view, upstreams=level) if factor == "upstream" else replace(view, clients=level)
    return look.address("records", view=chosen)
