"""Tables of what succeeded and what failed, and in which way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.table import Table
from llm_bench.analysis.tables.times import slot

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Failures, Success


def success(outcomes: Sequence[Success], looks: Looks) -> Table:
    """How often each LLM succeeded."""
    return Table(
        "success",
        "Success of each LLM, with Wilson's 95 % interval",
        [
            table.llm(looks),
            table.count("records", "Records"),
            table.count("succeeded", "Succeeded"),
            table.count("failed", "Failed"),
            table.rate("rate", "Rate"),
        ],
        [
            [outcome.llm, outcome.records, outcome.succeeded, outcome.records - outcome.succeeded, outcome.rate]
            for outcome in looks.ordered(outcomes)
        ],
    )


def failures(outcomes: Sequence[Success], looks: Looks) -> Table:
    """How many records of each LLM failed in which way."""
    return Table(
        "failures",
        "Failures of each LLM by kind",
        [
            table.llm(looks),
            table.words("failure_kind", "Kind", text.words),
            table.count("n", "Records"),
            table.count("of", "Of"),
        ],
        [
            [outcome.llm, kind, n, outcome.records]
            for outcome in looks.ordered(outcomes)
            for kind, n in outcome.kinds.items()
        ],
    )


def rates_over_time(failures: Failures, looks: Looks, zone: tzinfo) -> Table:
    """How many records failed in each slot, of the slots in which some did."""
    some = {rate.at for rate in failures.rates if rate.succeeded < rate.n}
    return Table(
        "failed-over-time",
        "Failed records of all, in each slot in which some failed",
        [slot(failures.bucket, zone), table.llm(looks), table.share("failed", "Failed")],
        [
            [rate.at, rate.llm, (rate.n - rate.succeeded, rate.n)]
            for rate in sorted(failures.rates, key=lambda rate: rate.at)
            if rate.at in some
        ],
    )


def failures_over_time(failures: Failures, looks: Looks, zone: tzinfo) -> Table:
    """The failures of each slot, LLM and kind."""
    return Table(
        "failures-over-time",
        "Failed records by slot, LLM and kind",
        [
            slot(failures.bucket, zone),
            table.llm(looks),
            table.words("failure_kind", "Kind", text.words),
            table.count("n", "Records"),
        ],
        [[count.at, count.llm, count.kind, count.n] for count in failures.counts],
    )
