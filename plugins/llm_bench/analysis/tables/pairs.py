"""The table of what one LLM has over another. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Comparison


def name_of(metric: str) -> str:
    """The name of a comparison's files."""
    return f"compare-{metric.rsplit('_', 1)[0].replace('_', '-')}"


def differences(pairs: Sequence[Comparison], metric: str, looks: Looks) -> Table:
    """The paired differences in one metric.

    :param pairs: of all metrics.
    :param metric: the one to show: a name of METRICS, or "success".
    """
    known = METRICS.get(metric)
    return Table(
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
        ],
        [
            [pair.first, pair.second, pair.n, pair.left_out, pair.difference, pair.p, pair.p_holm, pair.effect]
            for pair in pairs
            if pair.metric == metric
        ],
        [
            "On the same questions in the same slots. p, Holm: corrected over all comparisons here. Effect: "
            "rank-biserial correlation, positive where the first is larger."
        ],
    )
