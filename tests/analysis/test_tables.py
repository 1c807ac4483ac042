from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llm_bench.analysis import charts, tables
from llm_bench.analysis.queries import Answered, Identity, Named, Neighbours

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


SLOT = datetime(2026, 12, 7, 8, tzinfo=UTC)
LATER = SLOT + timedelta(days=1)


def line(llm: str = "groq/a", p: float | None = 0.4, slots: int = 56) -> Answered:
    return Answered(llm, slots, 20 * slots, 3, 0.0, 0.5, p, None if p is None else LATER, None if p is None else SLOT)


def known(*lines: Answered, names: tuple[Named, ...] = (), looked_at: int = 56) -> Identity:
    return Identity(lines, [], names, looked_at, 56, 20, 20)


class TestWhatCanBeSaidOfAnswers:
    @pytest.mark.parametrize(
        ("p", "said"),
        [
            (0.0005, "the answers changed at Tue 08 Dec 08:00:00 (p < 0.001)"),
            (0.019, "the answers changed at Tue 08 Dec 08:00:00 (p = 0.019)"),
            (0.02, "no change seen (p = 0.020)"),
            (1.0, "no change seen (p = 1.000)"),
        ],
    )
    def test_is_a_change_only_below_the_level(self, p: float, said: str):
        assert tables.verdict(line(p=p), UTC) == said

    def test_is_nothing_of_too_few_slots(self):
        assert tables.verdict(line(p=None, slots=8), UTC) == "can't tell: 8 slots with answers, and it takes 11"

    def test_stands_in_the_table_with_the_temperature_that_was_asked_for(self):
        rows = known(line("groq/b", p=0.001), line("groq/a", p=None, slots=8), line("groq/gone"))
        looks = charts.looks(["groq/a", "groq/b", "groq/gone"])
        table = tables.identity(rows, looks, UTC, {"groq/a": None, "groq/b": 0.7})
        shown = table.only("llm", "verdict", "changed_at", "temperature", "later")
        assert [[cell.text for cell in row] for row in shown.cells] == [
            ["a", "can't tell", "—", "none sent", "50.0\u202f%"],
            ["b", "changed", "Tue 08 Dec 08:00:00", "0.7", "50.0\u202f%"],
            ["gone", "no change seen", "—", "—", "50.0\u202f%"],
        ]

    def test_comes_with_what_was_looked_at_where_that_isnt_all(self):
        assert tables.bounds(known(line())) == ""
        note = tables.bounds(known(line(), looked_at=14))
        assert note == "Looked at: 14 of 56 slots and 20 of 20 questions, evenly chosen."
        assert note in tables.identity(known(line(), looked_at=14), LOOKS, UTC, {}).all_notes


class TestWhatProvidersSay:
    NAME = Named("groq/a", "response_model", "llama", SLOT, LATER, 20, 1, new=False, p=None)

    def test_is_said_to_be_cut_where_there_is_more(self):
        assert len(tables.names(known(names=(self.NAME,)), LOOKS, UTC).all_notes) == 1
        more = replace(self.NAME, values=30)
        assert (
            tables.names(known(names=(more,)), LOOKS, UTC).all_notes[1] == "There are more than are shown: a model 30."
        )

    def test_is_a_change_only_where_a_name_is_new(self):
        new = replace(self.NAME, value="other", first=LATER, new=True, p=0.3)
        changed = tables.changes(known(line("groq/b", p=0.001), names=(self.NAME, new)), LOOKS, UTC)
        assert [[cell.text for cell in row[1:]] for row in changed.cells] == [
            ["a", "Model", "other", "0.300"],
            ["b", "Answers", "—", "0.001"],
        ]
