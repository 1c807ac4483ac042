"""docs/providers.md: its tables are those that `make bench-providers ARGS=--write` wrote."""

from __future__ import annotations

import json

import wires  # noqa: F401  (it puts the doubles on the path)
from wires.listed import LISTED
from wires.page import COLUMNS, PAGE, RESULT, page

KEPT = json.loads(RESULT.read_text(encoding="utf-8"))


class TestTheTablesOfProviders:
    def test_are_made_from_the_kept_result(self):
        text = PAGE.read_text(encoding="utf-8")
        assert page(text, KEPT) == text, "run make bench-providers ARGS=--write"

    def test_have_every_provider_that_is_tried(self):
        assert [row["model"] for row in KEPT] == [listed.model for listed in LISTED]

    def test_have_at_least_two_dozen_measured_and_no_wrong_cell(self):
        measured = [row for row in KEPT if not row["refused"]]
        assert len(measured) >= 24
        assert [row["wrong"] for row in KEPT if row["wrong"]] == []
        assert all(set(COLUMNS) <= set(row["cells"]) for row in measured)

    def test_say_why_one_is_refused(self):
        assert all("can't be measured" in row["refused"] for row in KEPT if row["refused"])
