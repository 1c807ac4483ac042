from __future__ import annotations

import numpy as np
import pytest

from llm_bench.analysis.statistics.declining import ALL_ALIKE, DECLINING, scope_of, share_of
from llm_bench.analysis.statistics.scopes import Grid, mean_of

DAYS, QUESTIONS = np.divmod(np.arange(4 * 18), 18)


def grid(shares: object) -> Grid:
    return Grid.of(np.broadcast_to(np.asarray(shares, float), DAYS.shape), DAYS, QUESTIONS, np.full(DAYS.size, 14))


class TestTheScope:
    @pytest.mark.parametrize(
        ("n", "scope"), [(2, "these questions"), (5, "these questions"), (6, "questions like these")]
    )
    def test_is_of_questions_like_these_from_six_on(self, n, scope):
        assert scope_of(n) == scope


class TestTheShareThatDeclines:
    def test_has_the_interval_of_a_mean_by_days_and_questions(self):
        declined = grid(np.where(QUESTIONS < 9, 0.6, 0.3))
        assert share_of(declined, "questions like these") == mean_of(declined, "questions like these").interval

    def test_stays_within_0_and_1(self):
        rare = grid(np.where(QUESTIONS == 0, 0.5, 0.0))
        assert mean_of(rare, "questions like these").interval.low < 0
        assert share_of(rare, "questions like these").low == 0
        assert share_of(grid(np.where(QUESTIONS == 0, 0.5, 1.0)), "questions like these").high == 1

    @pytest.mark.parametrize("always", [0, 1])
    def test_has_no_interval_where_all_answers_are_alike(self, always):
        interval = share_of(grid(always), "questions like these")
        assert (interval.estimate, interval.low, interval.high, interval.doubt) == (always, None, None, ALL_ALIKE)

    def test_says_first_that_there_are_few_days(self):
        few = Grid.of([0.0, 0.0], [0, 1], [0, 0])
        assert share_of(few, "these questions").doubt == "few days"

    def test_of_nothing_is_nothing(self):
        assert share_of(Grid.of([], [], []), "these questions").estimate is None


class TestTheMethod:
    def test_says_what_the_functions_do(self):
        for words in (
            "fewer than 6 such questions",
            "fewer than 4 days",
            "within 0 and 1",
            "into the next",
            "all answers are alike",
        ):
            assert words in DECLINING.text
