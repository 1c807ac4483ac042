from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from llm_bench.analysis import charts, tables
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Answered, Drift, HourTest, Identity, Named, Neighbours
from llm_bench.analysis.statistics import Interval

LOOKS = charts.looks(["groq/a", "groq/b"])
LATENCY = METRICS["latency_sec"]


def neighbours(llm: str = "groq/a", *, lasting: bool = False) -> Neighbours:
    return Neighbours(llm, 0.5, 0.01, 52, lasting)


class TestSlotsThatFollowOneAnother:
    def test_are_told_of_where_they_may_go_on_into_the_next_day(self):
        note = tables.slow_together([neighbours("groq/b", lasting=True), neighbours("groq/a")], LOOKS)
        assert note.startswith("What makes a slot of b slow may go on into the next day.")

    def test_are_not_told_of_else(self):
        assert tables.slow_together([neighbours()], LOOKS) == ""

    def test_stand_in_the_table_whatever_they_are(self):
        rows = [neighbours("groq/b", lasting=True), Neighbours("groq/a", None, None, 3, lasting=False)]
        assert [[cell.text for cell in row[1:]] for row in tables.neighbours(rows, LOOKS).cells] == [
            ["3", "—", "—", "yes"],
            ["52", "0.50", "0.010", "can't tell"],
        ]


SIZE = Interval(1.42, 1.2, 1.68, 56, 4)
UNKNOWN = Interval(1.42, None, None, 42, 3, "few days")
EARLY, LATE = (time(8), time(10, 34)), (time(16), time(18, 34))


class TestTheTimeOfDay:
    def test_is_said_with_its_size_and_its_days_where_it_matters(self):
        tests = [HourTest("groq/a", 0.01, SIZE, LATE, EARLY), HourTest("groq/b", 0.3, SIZE, LATE, EARLY)]
        assert tables.hours_matter(tests, LATENCY, LOOKS) == (
            "On days like these 4, latency of a in the slots from 16:00 to 18:34 is 1.42 times [1.20, 1.68] that in "
            "the slots from 08:00 to 10:34. No course that the days have in common is seen of b."
        )

    def test_cannot_be_said_of_few_days(self):
        said = tables.hours_matter([HourTest("groq/a", None, UNKNOWN, LATE, EARLY)], LATENCY, LOOKS)
        assert said.startswith("Whether the time of day matters can't be said: can't tell beyond these 3 days")

    def test_stands_in_the_table_with_its_interval(self):
        rows = tables.hour_tests([HourTest("groq/a", 0.01, SIZE, LATE, EARLY)], LATENCY, LOOKS).cells
        assert [cell.text for cell in rows[0][1:]] == [
            "4",
            "0.010",
            "1.42",
            "from 16:00 to 18:34",
            "from 08:00 to 10:34",
        ]
        assert rows[0][3].interval == "[1.20, 1.68]"


class TestADriftOverTheDays:
    def test_is_said_as_a_ratio_of_a_day_to_the_day_before(self):
        trends = [Drift("groq/a", 0.01, Interval(1.08, 1.02, 1.14, 56, 4)), Drift("groq/b", 0.9, SIZE)]
        assert tables.drifts(trends, LATENCY, LOOKS) == (
            "Over days like these 4, latency of a is 1.08 times [1.02, 1.14] what it was a day before. No drift over "
            "the days is seen of b."
        )

    def test_cannot_be_said_of_few_days(self):
        said = tables.drifts([Drift("groq/a", None, UNKNOWN)], LATENCY, LOOKS)
        assert said.startswith("Whether there is a drift over the days can't be said: can't tell beyond these 3 days")

    def test_stands_in_the_table_with_why_there_is_no_interval(self):
        table = tables.drift([Drift("groq/a", None, UNKNOWN)], LATENCY, LOOKS)
        assert [cell.text for cell in table.cells[0][1:]] == ["3", "—", "1.42"]
        assert any("can't tell beyond these 3 days" in note for note in table.all_notes)


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
