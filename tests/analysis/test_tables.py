from __future__ import annotations

import pytest

from llm_bench.analysis import charts, tables
from llm_bench.analysis.queries import Neighbours

LOOKS = charts.looks(["groq/a", "groq/b"])


def neighbours(llm: str = "groq/a", correlation: float | None = 0.5, p: float | None = 0.01) -> Neighbours:
    return Neighbours(llm, correlation, p, None if correlation is None else 1.73, 52)


class TestSlotsThatFollowOneAnother:
    def test_are_told_of_with_what_would_be_safe_where_they_go_together(self):
        note = tables.slow_together([neighbours("groq/b"), neighbours("groq/a", p=0.3)], LOOKS)
        assert note.endswith("So many times as wide would be safe: b 1.73.")

    @pytest.mark.parametrize(("correlation", "p"), [(0.5, 0.05), (None, None)], ids=["by chance", "not known"])
    def test_are_not_told_of_else(self, correlation, p):
        assert tables.slow_together([neighbours(correlation=correlation, p=p)], LOOKS) == ""

    def test_stand_in_the_table_whatever_they_are(self):
        rows = [neighbours("groq/b"), neighbours("groq/a", None, None)]
        assert [[cell.text for cell in row[1:]] for row in tables.neighbours(rows, LOOKS).cells] == [
            ["52", "—", "—", "—"],
            ["52", "0.50", "0.010", "1.73"],
        ]
