from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_bench.scoring.surroundings import Surroundings, content, counted

from llm_bench.scoring.statements import features

LOSSES = "Gross losses were € 7.8m in 2025. Net losses came to € 5.7m."
SHARES = "The stores have a share of 62%, the web one of 38%."
RATE = "The default rate was 1.42% in 2025, after 1.25% in 2024."
NORTH = ("Customers had no power for 47 minutes.", frozenset({2025}), content("Northern region"))
SOUTH = ("Customers had no power for 19 minutes.", frozenset({2025}), content("Southern region"))


def trust(sentence: str, *context: str | tuple, year: int = 2025) -> list[float]:
    nowhere = [
        (passage, frozenset({2025}), frozenset()) if isinstance(passage, str) else passage for passage in context
    ]
    around = Surroundings(nowhere)
    return [around.trust(figure, features(sentence).years or frozenset({year})) for figure in counted(sentence)]


class TestSurroundings:
    @pytest.mark.parametrize(
        ("right", "wrong", "context"),
        [
            pytest.param("Gross: € 7.8m", "Gross: € 5.7m", LOSSES.split(". "), id="of another sentence"),
            pytest.param(
                "The stores had 62%, the web 38%.", "The web had 62%, the stores 38%.", [SHARES], id="swapped"
            ),
            pytest.param("1.42% in 2025", "1.25% in 2025", [RATE], id="of another year"),
            pytest.param(
                "Northern region: 47 minutes", "Northern region: 19 minutes", [NORTH, SOUTH], id="below another heading"
            ),
        ],
    )
    def test_tell_a_figure_that_belongs_to_something_else(self, right, wrong, context):
        assert trust(right, *context) == pytest.approx([1] * len(counted(right)))
        assert all(value < 0.95 for value in trust(wrong, *context))

    @pytest.mark.parametrize("sentence", [*LOSSES.split(". "), SHARES, RATE, NORTH[0], SOUTH[0]])
    def test_trust_the_context_itself(self, sentence):
        assert trust(sentence, *LOSSES.split(". "), SHARES, RATE, NORTH, SOUTH) == pytest.approx(
            [1] * len(counted(sentence))
        )

    def test_know_the_year_that_is_meant(self):
        old = ("Customers had no power for 58 minutes.", frozenset({2024}), frozenset())
        assert trust("58 minutes", old, NORTH, year=2024) == [1]
        assert trust("58 minutes", old, NORTH, year=2025)[0] < 1

    def test_hold_a_figure_against_those_of_its_unit_alone(self):
        context = "The forge earned € 5, which was 7% of what the bakery earned."
        assert trust("The bakery got € 5.", context) == [1]

    @pytest.mark.parametrize("context", [[], ["The forge earned € 5."], ["No figure."]])
    def test_trust_a_figure_that_is_not_there(self, context):
        assert trust("The bakery earned € 6.", *context) == [1]

    @given(st.lists(st.sampled_from([*LOSSES.split(". "), SHARES, RATE, NORTH, SOUTH]), max_size=6), st.randoms())
    def test_do_not_depend_on_the_order_of_the_context(self, context, random):
        before = trust(f"{SHARES} {RATE}", *context)
        random.shuffle(context)
        after = trust(f"{SHARES} {RATE}", *context)
        assert after == pytest.approx(before)
        assert all(0 < value <= 1 for value in after)


def near(sentence: str) -> dict[str, float]:
    (figure,) = counted(sentence)
    return dict(figure.near)


class TestNearness:
    def test_falls_by_a_fifth_with_each_word_between(self):
        words = near("Bright Acme forge yields 40 steel pieces daily")
        assert words == pytest.approx(
            {"yields": 1, "forge": 0.8, "acme": 0.64, "bright": 0.512, "steel": 1, "pieces": 0.8, "daily": 0.64}
        )

    def test_falls_as_by_five_words_with_a_comma_or_a_conjunction(self):
        assert near("forge, 40") == pytest.approx({"forge": 0.8**5})
        assert near("forge whereas 40") == pytest.approx({"forge": 0.8**6})

    def test_is_that_of_the_nearest_of_a_words_places(self):
        assert near("forge steel 40 forge") == pytest.approx({"forge": 1, "steel": 1})

    def test_leaves_out_short_and_idle_words_and_other_numbers_but_not_years(self):
        assert near("the ox and its 40 cattle in 2024") == pytest.approx({"cattle": 1, "2024": 0.64})

    def test_knows_a_word_by_its_six_first_letters(self):
        assert content("The Europeans and Europe, in 2024") == {"europe", "2024"}


class TestTrust:
    def test_is_the_share_of_what_the_best_figure_shares_with_what_the_rival_does(self):
        forge, bakery = ("forge 7%", frozenset(), frozenset()), ("bakery 8%", frozenset(), frozenset())
        (claim,) = counted("bakery 7%")
        assert Surroundings([forge, bakery]).trust(claim, frozenset()) == pytest.approx(0.6 / 1.6)

    def test_counts_the_words_of_a_heading_and_the_year_for_less(self):
        north = ("47 minutes", frozenset({2024}), content("North"))
        south = ("19 minutes", frozenset({2025}), content("South"))
        around = Surroundings([north, south])
        (claim,) = counted("north 19 minutes")
        assert around.trust(claim, frozenset()) == pytest.approx(1.6 / 1.9)
        assert around.trust(claim, frozenset({2024})) == pytest.approx(1.6 / 2.2)
        assert around.trust(claim, frozenset({2025})) == pytest.approx(1)
