"""The data docs of a slot: what the quality gate said of it, as one page. Pure.

Great Expectations' own page isn't used: it loads its styles and scripts from elsewhere, puts the offending values on
the page as markup, and speaks of the columns that the gate derives, not of records.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llm_bench.dashboard import templating

MOST_EXAMPLES = 20
"""Records named for each expectation, however many broke it."""


def page(results: dict[str, Any], study: str, slot: datetime) -> bytes:
    """The page, as UTF-8; its size depends on the number of expectations, not of records.

    :param results: as the gate stored them (``Verdict.results``).
    :param slot: aware.
    """
    expectations = results["expectations"]
    broken = [one for one in expectations if not one["success"]]
    return templating.render(
        "validation.html",
        study=study,
        slot=slot.astimezone(UTC),
        results=results,
        groups=[
            ("Broken: the records are quarantined", "bad", [one for one in broken if not _warns(one)]),
            ("Warnings: the records are loaded all the same", "warn", [one for one in broken if _warns(one)]),
        ],
        met=[one for one in expectations if one["success"]],
        most_examples=MOST_EXAMPLES,
    )


def _warns(expectation: dict[str, Any]) -> bool:
    return bool(expectation["severity"] == "warning")
