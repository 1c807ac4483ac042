"""The table of what a cache of prompts is worth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.table import Table
from llm_bench.analysis.tables.llms import CACHED

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import CacheWorth


def cache_worth(worth: Sequence[CacheWorth], looks: Looks) -> Table:
    """What each LLM's requests save when their prompt is known already."""
    return Table(
        "cache-worth",
        "Cold beside warm: what a known prompt saves",
        [
            table.llm(looks),
            table.count("asked", "Pairs"),
            table.count("n", "Compared", hint="both have a first token"),
            table.ratio("ttft_ratio", "First token", "times as long cold"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
            table.difference("usd_per_thousand", "1,000 questions", "USD"),
            table.count("usd_n", "Cost known"),
            table.rate("cached_cold", "Cached, cold"),
            table.rate("cached_warm", "Cached, warm"),
        ],
        [
            [
                *(saved.llm, saved.asked, saved.n, saved.ttft, saved.p_holm, saved.usd, saved.usd_n),
                *(saved.cached_cold, saved.cached_warm),
            ]
            for saved in looks.ordered(worth)
        ],
        [
            "The same question in the same slot, asked twice; for questions like these, on days like these. First "
            "token: how many times as long it takes cold as warm. 1,000 questions: cold less warm.",
            CACHED,
        ],
    )
