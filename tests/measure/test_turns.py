"""In which order a cell asks its questions, and what stands before each prompt."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cells import prompts
from llm_bench.measure.turns import Turn, UniqueLines, turns
from llm_bench.records import complete
from llm_bench.study import Study

SLOT = datetime(2026, 12, 7, 7, tzinfo=UTC)
SLOTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


def study(**content: Any) -> Study:
    given_content = {"name": "mine", "llms": [{"model": "groq/x"}], "industries": ["retail"]} | content
    return Study.model_validate(given_content)


def asked(of: Study, slot: datetime = SLOT, industry: str = "retail", count: int = 20) -> list[str]:
    """The ids of the questions in the order in which they are asked."""
    return [str(turn.prompt["question_id"]) for turn in turns(of, slot, industry, prompts(count))]


class TestTheOrder:
    @given(SLOTS, st.integers(0, 60))
    def test_is_a_permutation_of_the_questions(self, slot, count):
        assert sorted(asked(study(), slot, count=count)) == sorted(prompt["question_id"] for prompt in prompts(count))

    @given(SLOTS, st.integers(0, 60))
    def test_numbers_its_places_from_one_on(self, slot, count):
        assert [turn.position for turn in turns(study(), slot, "retail", prompts(count))] == list(range(1, count + 1))

    @given(SLOTS)
    def test_is_the_same_whatever_else_the_study_asks(self, slot):
        another = study(llms=[{"model": "groq/y", "max_tokens": 9}, {"model": "groq/z"}], warm_up=True)
        assert asked(study(), slot) == asked(another, slot)

    @given(SLOTS, st.timedeltas(timedelta(microseconds=1), timedelta(days=400)))
    def test_is_another_in_another_slot(self, slot, later):
        assert asked(study(), slot, count=40) != asked(study(), slot + later, count=40)

    def test_is_another_in_another_study_and_industry(self):
        assert len({tuple(asked(study(name=name), industry=of)) for name in ("a", "b") for of in ("c", "d")}) == 4

    def test_stays_what_it_was(self):
        assert asked(study(), count=5) == ["retail-2", "retail-1", "retail-3", "retail-0", "retail-4"]

    def test_gives_each_question_the_first_place_about_as_often(self):
        first = Counter(asked(study(), SLOT + timedelta(minutes=51 * number))[0] for number in range(1000))
        assert len(first) == 20
        assert max(first.values()) < 100  # of 50 that are due

    def test_leaves_the_prompts_as_they_were(self):
        given_prompts = prompts(5)
        turns(study(), SLOT, "retail", given_prompts)
        assert given_prompts == prompts(5)

    def test_as_written_is_that_of_the_question_set(self):
        assert asked(study(order="as_written")) == [prompt["question_id"] for prompt in prompts(20)]


class TestTheProbesOfACache:
    @pytest.mark.parametrize(("cache", "probe"), [("as_is", None), ("unique", "cold")])
    def test_are_one_a_question(self, cache, probe):
        made = turns(study(cache=cache), SLOT, "retail", prompts(20))
        assert [turn.cache_probe for turn in made] == [probe] * 20

    def test_are_cold_and_right_after_warm_where_both_are_asked(self):
        made = turns(study(cache="both"), SLOT, "retail", prompts(20))
        assert [turn.cache_probe for turn in made] == ["cold", "warm"] * 20
        assert [(turn.position, turn.prompt) for turn in made[::2]] == [
            (turn.position, turn.prompt) for turn in made[1::2]
        ]

    def test_have_the_order_that_one_of_them_alone_has(self):
        assert asked(study(cache="both"))[::2] == asked(study(cache="as_is"))

    def test_have_a_key_of_their_own(self):
        made = turns(study(cache="both"), SLOT, "retail", prompts(20))
        assert len({turn.key for turn in made}) == 40


def turn(number: int, probe: Any) -> Turn:
    return Turn(1, prompts(number + 1)[number], probe)


class TestAUniqueLine:
    def test_is_drawn_for_each_cold_request(self):
        lines = UniqueLines()
        drawn = [lines.of(turn(number, "cold")) for number in range(100)]
        assert len(set(drawn)) == 100
        assert all(re.fullmatch(r"Request [0-9]{15}\.", str(line)) for line in drawn)

    def test_is_the_cold_ones_for_the_warm_one_after_it(self):
        lines = UniqueLines()
        cold = lines.of(turn(0, "cold"))
        lines.of(turn(1, "cold"))
        assert lines.of(turn(0, "warm")) == cold

    def test_is_the_cold_ones_of_an_earlier_attempt(self):
        lines = UniqueLines([complete({"question_id": "retail-0", "unique_line": "Request 000000000000007."})])
        assert lines.of(turn(0, "warm")) == "Request 000000000000007."

    def test_is_another_where_a_question_is_asked_cold_again(self):
        lines = UniqueLines()
        first, again = (lines.of(turn(0, "cold")) for _ in range(2))
        assert first != again
        assert lines.of(turn(0, "warm")) == again

    def test_is_missing_where_a_prompt_is_asked_as_it_is(self):
        assert UniqueLines().of(turn(0, None)) is None
