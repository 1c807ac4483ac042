"""The table of how far LLMs attain a study's objectives of service. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import Attainment


def attainment(attained: Sequence[Attainment], looks: Looks) -> Table:
    """Each objective, and how far each LLM attains it."""
    unknown = sum(row.unknown for row in attained)
    order = {row.objective.words: place for place, row in enumerate(attained)}
    return Table(
        "objectives",
        "Objectives of service: the share of all that was asked that was answered in time",
        [
            table.words("objective", "Objective"),
            table.llm(looks),
            table.count("asked", "Asked"),
            table.count("met", "In time"),
            table.rate("share", "Share"),
            table.words("verdict", "Verdict"),
        ],
        [
            [row.objective.words, row.llm, row.asked, row.met, row.share, row.verdict]
            for row in sorted(looks.ordered(attained), key=lambda row: order[row.objective.words])
        ],
        [
            "What failed misses every objective. Attained: the whole interval is at or above the objective's share; "
            "missed: the whole interval is below; can't tell: neither, or there is no interval. Intervals are of these "
            "questions, by slots.",
            *_alike(attained),
            *([f"{text.count(unknown)} answers whose time isn't known are left out."] if unknown else []),
        ],
    )


def _alike(attained: Sequence[Attainment]) -> list[str]:
    """What an interval rests on where all were in time, or none; nothing where no LLM's is like that."""
    if not any(row.share.estimate in {0.0, 1.0} and row.share.low is not None for row in attained):
        return []
    return [
        "Where all were in time, or none, how misses come together can't be seen, and each day counts as one trial: "
        "the interval is as wide as few days make it."
    ]


def attained_in_words(attained: Sequence[Attainment], looks: Looks) -> list[str]:
    """Of each objective, which LLMs attain it: a sentence each."""
    said = {"attained": "attained by {}", "missed": "missed by {}", "can't tell": "can't tell of {}"}
    lines = []
    for objective in dict.fromkeys(row.objective for row in attained):
        rows = [row for row in looks.ordered(attained) if row.objective == objective]
        named = {verdict: ", ".join(looks.names[row.llm] for row in rows if row.verdict == verdict) for verdict in said}
        lines.append(f"{objective.words}: {'; '.join(said[key].format(llms) for key, llms in named.items() if llms)}.")
    return lines
