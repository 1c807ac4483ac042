from __future__ import annotations

import pytest

from llm_bench.analysis.doubts import doubt_in_words, doubts
from llm_bench.analysis.statistics import Interval, scopes, success

EVERY = (
    *(scopes.FEW_DAYS, scopes.FEW_QUESTIONS, scopes.FEW_BEYOND, scopes.DAYS_LAST),
    *(success.FEW_SLOTS, success.NO_FAILURES),
)


def without(doubt: str | None, clusters: int = 2) -> Interval:
    return Interval(1.0, None, None, 40, clusters, doubt)


KNOWN = Interval(1.0, 0.9, 1.1, 40, 4)


class TestDoubts:
    @pytest.mark.parametrize("doubt", EVERY)
    def test_are_all_said_in_words(self, doubt: str):
        assert doubt_in_words(doubt, 3).startswith("can't tell")

    def test_are_said_once_each_however_many_intervals_have_them(self):
        many = [KNOWN, without(scopes.FEW_DAYS), without(scopes.FEW_DAYS, 3), without(scopes.FEW_QUESTIONS)]
        assert doubts(many) == [
            "[—]: can't tell beyond these 3 days: it takes at least 4.",
            "[—]: can't tell for questions like these: it takes at least 6.",
        ]

    def test_are_one_sentence_where_there_is_no_interval_at_all(self):
        assert doubts([without(scopes.FEW_DAYS, 1), without(None)]) == [
            "There are no intervals: can't tell beyond this one day: it takes at least 4; no honest interval, e.g. "
            "with fewer than 6 slots."
        ]

    def test_are_none_where_there_are_intervals(self):
        assert doubts([KNOWN]) == []

    def test_are_of_slots_where_an_interval_by_slots_has_none_of_its_own(self):
        assert doubts([KNOWN, without(None)]) == ["[—]: no honest interval, e.g. with fewer than 6 slots."]

    def test_of_columns_without_any_interval_are_said_without_a_sign(self):
        assert doubts([KNOWN], [without(scopes.FEW_DAYS, 3)]) == [
            "Where no interval stands: can't tell beyond these 3 days: it takes at least 4."
        ]

    def test_arent_said_twice(self):
        assert doubts([KNOWN, without(None)], [without(None)]) == [
            "[—]: no honest interval, e.g. with fewer than 6 slots."
        ]

    def test_arent_raised_where_nothing_was_measured(self):
        assert doubts([Interval(None, None, None, 0, 0, scopes.FEW_DAYS)]) == []

    def test_name_a_single_day(self):
        assert doubt_in_words(scopes.FEW_DAYS, 1) == "can't tell beyond this one day: it takes at least 4"
