from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.scoring.numbers import Figure, Figures, figures, located


def values(text: str) -> list[float]:
    found, _ = figures(text)
    return [figure.value for figure in found]


def agree(text: str, other: str) -> bool:
    (one,), (another,) = figures(text)[0], figures(other)[0]
    return one.agrees(another)


FIGURES = st.builds(Figure, st.floats(0, 1e12), st.floats(0, 1e9))
AMOUNTS = st.integers(1, 10**9)
PIECES = st.sampled_from(
    ["one ", "ten", "twenty-", "two ", "thirds", " of the ", " in ", "out of every ", "a hundred", "about ", "€", "EUR",
     "4", "4.2", "1,000", "2024", "m", "%", " ", ".", ", ", "million", "ſix", "fıve", "٣", "½", "K"]
)  # fmt: skip


class TestOneFigure:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("4.2 million euros", 4_200_000),
            ("€4.2m", 4_200_000),
            ("€ 4.2 mn", 4_200_000),
            ("EUR4.2M", 4_200_000),
            ("EUR 4,200,000", 4_200_000),
            ("4 200 000", 4_200_000),
            ("4'200'000", 4_200_000),
            ("$1.5bn", 1_500_000_000),
            ("12k", 12_000),
            ("1,234.5", 1234.5),
            ("18.4%", 18.4),
            ("18 per cent", 18),
            ("18 percent", 18),
            ("twelve stores", 12),
            ("twenty-five stores", 25),
            ("three hundred people", 300),
            ("a hundred people", 100),
            ("one million people", 1_000_000),
            ("one percent", 1),
            ("half of the customers", 50),
            ("a third of it", 100 / 3),
            ("three quarters of it", 75),
            ("two-thirds of it", 200 / 3),
            ("nine in ten", 90),
            ("one in five", 20),
            ("3 in 100", 3),
            ("9 out of 10", 90),
            ("out of every ten visitors, nine came back", 90),
            ("over 1,000 people", 1000),
        ],
    )
    def test_is_read_in_each_way_of_writing_it(self, text, value):
        assert values(text) == pytest.approx([value])

    @pytest.mark.parametrize(
        "text", ["no figure", "CET1", "halfway", "a third party", "the third quarter", "one of them", "²", "Q3", "v1x"]
    )
    def test_is_nothing_that_only_looks_like_one(self, text):
        assert values(text) == []

    @pytest.mark.parametrize(("text", "found"), [("30 people in ten shops", [30, 10]), ("by 5 in five years", [5, 5])])
    def test_is_no_ratio_where_the_part_is_no_less_than_the_whole(self, text, found):
        assert values(text) == found


class TestYears:
    @pytest.mark.parametrize("text", ["in 2024", "2024", "FY 2024", "the 2024 report", "2024/25", "2024-25"])
    def test_are_no_figures(self, text):
        assert figures(text) == ((), {2024})

    @pytest.mark.parametrize("text", ["2,024 items", "€2024", "2024%", "2024 million", "2024.5"])
    def test_are_not_what_else_has_four_digits(self, text):
        found, years = figures(text)
        assert len(found) == 1
        assert not years

    def test_stand_apart_from_the_figures_beside_them(self):
        found, years = figures("€ 4.2m in 2025, after € 3.9m in 2024.")
        assert [figure.value for figure in found] == [4.2e6, 3.9e6]
        assert years == {2024, 2025}


class TestAgreement:
    @pytest.mark.parametrize(
        ("text", "other"),
        [
            ("€4.2m", "EUR 4,200,000"),
            ("€4.2m", "4.2 million euros"),
            ("4.23 million", "4.2 million"),
            ("18.4%", "18%"),
            ("18.4%", "about 18 %"),
            ("18.4%", "nearly one in five"),
            ("31%", "a third of"),
            ("38.4", "almost 40"),
            ("14.3", "some 14"),
            ("13.6 days", "around 14 days"),
            ("90%", "nine out of ten"),
            ("twelve", "12"),
        ],
    )
    def test_of_two_ways_to_say_it(self, text, other):
        assert agree(text, other)
        assert agree(other, text)

    @pytest.mark.parametrize(
        ("text", "other"),
        [
            ("18.4%", "17%"),
            ("18.4%", "18.5%"),
            ("3.9%", "4.9%"),
            ("€4.2m", "€4.2bn"),
            ("€4.2m", "€4.4m"),
            ("4.2 million", "42 million"),
            ("twelve", "thirteen"),
            ("27%", "a third of"),
            ("34.0", "almost 40"),
            ("38.4", "40"),
        ],
    )
    def test_not_of_two_figures(self, text, other):
        assert not agree(text, other)

    @given(FIGURES, FIGURES)
    def test_is_the_same_from_both_sides(self, figure, other):
        assert figure.agrees(other) == other.agrees(figure)

    @given(FIGURES)
    def test_of_a_figure_with_itself(self, figure):
        assert figure.agrees(figure)

    @given(AMOUNTS)
    def test_does_not_depend_on_separators_or_the_currency(self, amount):
        written = [f"{amount}€", f"€{amount:,}", f"EUR {amount:,}", f"{amount:,} euros", f"${amount:,}.0"]
        assert all(agree(one, other) for one, other in pairwise(written[1:]))

    @given(st.floats(1, 1e6, allow_nan=False), st.integers(0, 3))
    def test_of_a_figure_with_its_rounding(self, exact, digits):
        assert agree(f"{exact:.4f}%", f"{exact:.{digits}f}%")


class TestFigures:
    @given(st.lists(FIGURES), FIGURES)
    def test_agree_as_each_of_them_does(self, many, figure):
        assert list(Figures(many).agree(figure)) == [one.agrees(figure) for one in many]


class TestLocated:
    def test_are_figures_and_years_with_their_places(self):
        text = "In 2025 € 4.2m, 18.4%, a third of 1,000"
        found, years = located(text)
        assert {(one.at, one.unit) for one in found} == {
            (text.index("4.2"), "€"),
            (text.index("18.4"), "%"),
            (text.index("third"), "%"),
            (text.index("1,000"), ""),
        }
        assert years == [(2025, 3)]


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_text_can_be_read(text):
    found, years = figures(text)
    assert all(figure.value >= 0 and figure.tolerance >= 0 for figure in found)
    assert all(1900 <= year < 2100 for year in years)


@given(st.integers(1, 20_000))
def test_a_long_row_of_blanks_costs_no_time(count):
    assert values(f"5{' ' * count}%{' ' * count}") == [5]
