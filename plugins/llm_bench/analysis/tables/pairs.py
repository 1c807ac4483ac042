"""The table of what one LLM has over another. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries.shapes import EXPLORATORY
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Comparison


def name_of(metric: str) -> str:
    """The name of a comparison's files."""
    return f"compare-{metric.rsplit('_', 1)[0].replace('_', '-')}"


def differences(pairs: Sequence[Comparison], metric: str, looks: Looks) -> Table:
    """The paired differences in one metric; the primary ones are marked, where there are any.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    """
    known = METRICS.get(metric)
    made = Table(
        name_of(metric),
        f"Paired differences in {known.title.lower() if known else metric}, first minus second, with 95 % intervals",
        [
            table.llm(looks, "first", "First"),
            table.llm(looks, "second", "Second"),
            table.count("n", "Pairs"),
            table.count("left_out", "Left out"),
            table.difference("difference", "Difference", known.unit if known else "%"),
            table.chance("p", "p"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.effect("effect", "Effect"),
            table.words("role", "Role"),
        ],
        [
            [
                *(pair.first, pair.second, pair.n, pair.left_out, pair.difference),
                *(pair.p, pair.p_holm, pair.effect, pair.role),
            ]
            for pair in pairs
            if pair.metric == metric
        ],
        [
            f"On the same questions in the same slots. p, Holm: corrected {_corrected(pairs)}. Effect: "
            "rank-biserial correlation, positive where the first is larger."
        ],
    )
    return made if _primary(pairs) else made.without("role")


def _corrected(pairs: Sequence[Comparison]) -> str:
    primary = len(_primary(pairs))
    if not primary:
        return "over all comparisons here, all of them exploratory"
    return f"over the {primary} primary comparisons, which were sealed, and over the exploratory ones apart"


def _primary(pairs: Sequence[Comparison]) -> list[Comparison]:
    return [pair for pair in pairs if pair.role != EXPLORATORY]
