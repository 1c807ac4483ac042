"""Tables of LLMs by who answered behind a gateway, and by where it was asked from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llm_bench.analysis import table
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.noise import LEVEL
from llm_bench.analysis.table import Table

if TYPE_CHECKING:
    from llm_bench.analysis.charts import Looks
    from llm_bench.analysis.queries import ByLevel, Factor

TITLES: Mapping[Factor, str] = {"upstream": "who answered", "client": "where it was asked from"}


def heading(factor: Factor) -> str:
    """The heading of what is said of it."""
    return TITLES[factor].capitalize()


def levels(by_level: ByLevel, looks: Looks) -> Table:
    """Each LLM's records, success and times by upstream or client."""
    bins, upstream = by_level.approximate, by_level.factor == "upstream"
    return Table(
        f"by-{by_level.factor}",
        f"Each LLM by {TITLES[by_level.factor]}",
        [
            table.llm(looks),
            table.words(by_level.factor, by_level.factor.title()),
            table.count("records", "Records"),
            *([table.rate("share", "Share of its records")] if upstream else []),
            table.rate("success", "Success"),
            table.metric("latency_sec", METRICS["latency_sec"], approximate=bins),
            table.metric("ttft_sec", METRICS["ttft_sec"], "First token", approximate=bins),
        ],
        [
            [
                *(level.llm, level.level, level.records),
                *([level.share] if upstream else []),
                *(level.success, level.latency, level.ttft),
            ]
            for level in looks.ordered(by_level.levels)
        ],
        [
            "Medians of times.",
            *(["Unnamed: nobody is named, as when a request fails before it is passed on."] if upstream else []),
        ],
    )


def level_tests(by_level: ByLevel, looks: Looks) -> Table:
    """Whether each LLM's latency differs by upstream or client."""
    return Table(
        f"by-{by_level.factor}-tests",
        f"Whether latency differs by {TITLES[by_level.factor]}",
        [
            table.llm(looks),
            table.count("levels", f"{by_level.factor.title()}s"),
            table.count("slots", "Slots", hint="with several"),
            table.chance("p_holm", "p, Holm", hint="corrected"),
        ],
        [[test.llm, len(test.levels), test.slots, test.p] for test in looks.ordered(by_level.tests)],
        ["By ranks within each slot, so that what a slot does to all doesn't count; p is corrected over the LLMs."],
    )


def levels_differ(by_level: ByLevel, looks: Looks) -> str:
    """The same in words."""
    tests = looks.ordered(by_level.tests)
    tested = [(test, test.p) for test in tests if test.p is not None]
    said = (
        (f"Latency differs by {TITLES[by_level.factor]} for", [test for test, p in tested if p < LEVEL]),
        ("No difference in latency is found for", [test for test, p in tested if p >= LEVEL]),
        (f"Too few slots have several {by_level.factor}s to compare for", [test for test in tests if test.p is None]),
    )
    return " ".join(f"{words} {', '.join(looks.names[test.llm] for test in of)}." for words, of in said if of)
