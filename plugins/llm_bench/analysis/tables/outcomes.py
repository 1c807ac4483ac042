"""Tables of what succeeded and what failed, and in which way. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.table import Table
from llm_bench.analysis.tables.llms import CUT
from llm_bench.analysis.tables.times import slot

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Failures, Success
    from llm_bench.analysis.statistics import Interval

CUT_OFTEN = 0.05
"""Share of an LLM's answers from which on it is said that they are cut."""


def success(outcomes: Sequence[Success], looks: Looks) -> Table:
    """How often each LLM succeeded."""
    return Table(
        "success",
        "Success of each LLM",
        [
            table.llm(looks),
            table.count("records", "Records"),
            table.count("succeeded", "Succeeded"),
            table.count("failed", "Failed"),
            table.rate("rate", "Rate"),
            table.count("cut", "Cut"),
            table.rate("cut_rate", "Cut of those that ended", remark=CUT),
        ],
        [
            [
                *(outcome.llm, outcome.records, outcome.succeeded, outcome.records - outcome.succeeded, outcome.rate),
                *(outcome.cut, outcome.cut_rate),
            ]
            for outcome in looks.ordered(outcomes)
        ],
        ["Rate: of all that were asked, with intervals for these questions."],
    )


def cut_often(rates: Mapping[str, Interval], looks: Looks) -> str:
    """Which LLMs' answers are cut so often that it matters, and what to do; nothing where there is none.

    :param rates: LLM → how often its answers are cut.
    """
    often = [
        f"{looks.names[llm]} {text.value(rate.estimate, '%')} of {text.count(rate.n)}"
        for llm, rate in rates.items()
        if rate.estimate is not None and rate.estimate > CUT_OFTEN
    ]
    if not often:
        return ""
    return (
        f"Answers are cut at their limit of tokens: {', '.join(often)}. A cut answer ends sooner and covers less than "
        "the LLM would have said. Give such an LLM a larger max_tokens in its entry of the study's file, or all of "
        "them in generation."
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
