"""The page that puts LLMs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import charts, queries
from llm_bench.analysis.metrics import METRICS
from llm_bench.dashboard import tables, text
from llm_bench.dashboard.components import Cell, Column, Figure, Table
from llm_bench.dashboard.form import form
from llm_bench.dashboard.measures import notices
from llm_bench.dashboard.templating import show

if TYPE_CHECKING:
    from fastapi import Response

    from llm_bench.analysis.queries import Comparison, Tradeoff
    from llm_bench.dashboard.context import Look


MOST = 8
"""LLMs that are compared pair by pair: 28 pairs are as many as anyone reads."""


def page(look: Look) -> Response:
    """Two or more LLMs side by side: those of the view, or all; the first of them pair by pair."""
    trade = look.looks.ordered(queries.tradeoff(look.records, look.view))
    llms = [one.llm for one in trade]
    found = queries.compare(look.records, look.view, llms[:MOST]) if len(llms) > 1 else []
    return show(
        look,
        "compare",
        form=form(look, "compare"),
        notices=notices(look, [*(one.approximate for one in found), *(one.approximate for one in trade)], scores=True),
        trade=_trade(look, trade),
        tradeoffs=[*_tradeoffs(look, trade)] if trade else [],
        comparisons=[*_comparisons(look, found)],
        alone=len(llms) == 1,
        compared=MOST if len(llms) > MOST else None,
    )


def _trade(look: Look, found: Sequence[Tradeoff]) -> Table:
    return Table(
        caption="Each LLM's quality, speed and price",
        columns=[
            Column("LLM", numeric=False),
            Column("Success", hint="rate"),
            Column("Coverage", hint="mean"),
            Column("Latency", hint="median"),
            Column("Throughput", hint="median"),
            Column("1,000 questions", hint="where the price is known"),
        ],
        rows=[
            [
                tables.llm_cell(one.llm, look.looks),
                text.value(one.success, "%"),
                text.value(one.coverage, ""),
                text.value(one.latency, "s", approximate=one.approximate),
                text.value(one.throughput, "tokens/s", approximate=one.approximate),
                text.value(one.cost_per_thousand, "USD"),
            ]
            for one in found
        ],
    )


def _tradeoffs(look: Look, found: Sequence[Tradeoff]) -> Iterable[Figure]:
    yield Figure("against-latency", charts.tradeoff(found, look.looks, "latency"))
    if any(one.cost_per_thousand is not None for one in found):
        yield Figure("against-cost", charts.tradeoff(found, look.looks, "cost_per_thousand"))
    else:
        yield Figure("against-throughput", charts.tradeoff(found, look.looks, "throughput"))


def _comparisons(look: Look, found: Sequence[Comparison]) -> Iterable[Figure]:
    for metric in dict.fromkeys(one.metric for one in found):
        pairs = [one for one in found if one.metric == metric]
        name = f"pairs-{metric.replace('_', '-')}"
        yield Figure(name, charts.comparison(found, metric, look.looks), [_pairs(look, metric, pairs)])


def _pairs(look: Look, metric: str, found: Sequence[Comparison]) -> Table:
    known = METRICS.get(metric)
    return Table(
        caption="Same questions in the same slots. Difference: first less second; p is Holm-corrected over all "
        "comparisons of this page; effect: rank-biserial correlation, positive where the first is larger.",
        columns=[
            Column("First", numeric=False),
            Column("Second", numeric=False),
            Column("Pairs"),
            Column("Left out"),
            Column("Difference", hint="95 % interval"),
            Column("p", hint="corrected"),
            Column("Effect"),
        ],
        rows=[_pair(look, one, "%" if known is None else known.unit) for one in found],
    )


def _pair(look: Look, one: Comparison, unit: str) -> list[Cell | str]:
    return [
        Cell(look.looks.names[one.first], llm=one.first),
        Cell(look.looks.names[one.second], llm=one.second),
        text.count(one.n),
        text.count(one.left_out),
        text.change(one.difference, unit),
        text.p_value(one.p_holm),
        text.NONE if one.effect is None else f"{one.effect:+.2f}".replace("-", "−"),
    ]
