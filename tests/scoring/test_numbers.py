from __future__ import annotations

from itertools import pairwise

import pytest
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from llm_bench.scoring.numbers import Figure, Figures, figures, is_unit, located


def values(text: str, language: str = "en") -> list[float]:
    read_figures, _ = figures(text, language=language)
    return [figure.value for figure in read_figures]


def measured(text: str, language: str = "en") -> list[tuple[float, str]]:
    read_figures, _ = figures(text, language=language)
    return [(pytest.approx(figure.value), figure.unit) for figure in read_figures]


def agree(text: str, other: str) -> bool:
    (first,), (second,) = figures(text)[0], figures(other)[0]
    return first.agrees(second)


UNITS = st.sampled_from(["", "%", "EUR", "USD", "minute", "hour", "kilogram", "percentage point", "basis point"])
FIGURES = st.builds(Figure, st.floats(0, 1e12), st.floats(0, 1e9), UNITS)
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
        "text",
        ["no figure", "CET1", "halfway", "a third party", "the third quarter", "one of them", "²", "Q3", "v1x",
         "3.11.2", "COVID-19", "item AB-1234", "as shown [1]", "at 14:30", "one day", "thousands of people"],
    )  # fmt: skip
    def test_is_nothing_that_only_looks_like_one(self, text):
        assert values(text) == []

    @pytest.mark.parametrize(
        ("text", "expected"), [("30 people in ten shops", [30, 10]), ("by 5 in five years", [5, 5])]
    )
    def test_is_no_ratio_where_the_part_is_no_less_than_the_whole(self, text, expected):
        assert values(text) == expected


class TestYears:
    @pytest.mark.parametrize(
        "text", ["in 2024", "2024", "FY 2024", "FY24", "FY2024/25", "the 2024 report", "2024/25", "2024-25"]
    )
    def test_are_no_figures(self, text):
        assert figures(text) == ((), {2024})

    @pytest.mark.parametrize("text", ["2,024 items", "€2024", "2024%", "2024 million", "2024.5"])
    def test_are_not_what_else_has_four_digits(self, text):
        read_figures, years = figures(text)
        assert len(read_figures) == 1
        assert not years

    @pytest.mark.parametrize("text", ["in 2025 € 4.2m", "2025: EUR 4.2m", "2025 EUR 4.2m"])
    def test_are_no_amounts_of_the_currency_behind_them(self, text):
        assert figures(text) == ((Figure(4.2e6, 5e4, "EUR"),), {2025})

    def test_stand_apart_from_the_figures_beside_them(self):
        read_figures, years = figures("€ 4.2m in 2025, after € 3.9m in 2024.")
        assert [figure.value for figure in read_figures] == [4.2e6, 3.9e6]
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
    def test_does_not_depend_on_separators_or_how_the_currency_is_written(self, amount):
        written = [f"{amount}€", f"€{amount:,}", f"EUR {amount:,}", f"{amount:,} euros", f"{amount:,}.0"]
        assert all(agree(text, next_text) for text, next_text in pairwise(written))

    @given(st.floats(1, 1e6, allow_nan=False), st.integers(0, 3))
    def test_of_a_figure_with_its_rounding(self, exact, digits):
        assert agree(f"{exact:.4f}%", f"{exact:.{digits}f}%")


class TestFigures:
    @given(st.lists(FIGURES), FIGURES)
    def test_agree_as_each_of_them_does(self, many, figure):
        assert list(Figures(many).agree(figure)) == [other.agrees(figure) for other in many]


class TestLocated:
    def test_are_figures_and_years_with_their_places(self):
        text = "In 2025 € 4.2m, 18.4%, a third of 1,000"
        read_figures, years = located(text)
        assert {(place.at, place.figure.unit) for place in read_figures} == {
            (text.index("4.2"), "EUR"),
            (text.index("18.4"), "%"),
            (text.index("third"), "%"),
            (text.index("1,000"), ""),
        }
        assert years == [(2025, 3)]


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_text_can_be_read(text):
    read_figures, years = figures(text)
    assert all(figure.value >= 0 and figure.tolerance >= 0 for figure in read_figures)
    assert all(1900 <= year < 2100 for year in years)


@given(st.integers(1, 20_000))
def test_a_long_row_of_blanks_costs_no_time(count):
    assert values(f"5{' ' * count}%{' ' * count}") == [5]


def read(text: str) -> Figure:
    (figure,) = figures(text)[0]
    return figure


class TestNumbersInWords:
    TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
    ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
             "nineteen")  # fmt: skip

    def test_are_exact(self):
        expected = {name: number for number, name in enumerate(self.ONES, 1) if number > 1}
        expected |= {name: number for number, name in enumerate(self.TEENS, 10)}
        for tens, name in enumerate(self.TENS, 2):
            expected |= {name: 10 * tens} | {f"{name}-{unit}": 10 * tens + n for n, unit in enumerate(self.ONES, 1)}
            expected |= {f"{name} {unit}": 10 * tens + n for n, unit in enumerate(self.ONES, 1)}
        assert {name: read(f"{name} stores") for name in expected} == {
            name: Figure(number, 0, "count") for name, number in expected.items()
        }

    def test_twenty_one_and_twelve_are_exact(self):
        assert read("twenty-one stores") == Figure(21, 0, "count")
        assert read("twelve stores") == Figure(12, 0, "count")
        assert not agree("twelve", "12.4")

    def test_with_a_scale_are_as_rough_as_that(self):
        assert read("two million") == Figure(2e6, 5e5)
        assert read("twelve thousand") == Figure(12_000, 500)

    def test_join_no_zero_to_tens(self):
        assert values("twenty zero percent") == [20, 0]

    def test_of_nothing_or_one_are_no_figures_unless_they_have_a_unit(self):
        assert [values(text) for text in ("zero", "one", "zero percent", "€ one", "one thousand")] == [
            [], [], [0], [1], [1000],
        ]  # fmt: skip


class TestTolerance:
    @pytest.mark.parametrize(
        ("text", "value", "tolerance"),
        [
            ("4", 4, 0.5),
            ("4.2", 4.2, 0.05),
            ("4.25%", 4.25, 0.005),
            ("4.2m", 4.2e6, 5e4),
            ("1,000", 1000, 0.5),
            ("about 100", 100, 5.5),
            ("about 4", 4, 0.5),
            ("~ 200", 200, 11),
            ("half of it", 50, 3.75),
            ("a third of it", 100 / 3, 2.5),
            ("a quarter of it", 25, 1.875),
            ("a fifth of it", 20, 1.5),
            ("a tenth of it", 10, 0.75),
            ("a twentieth of it", 5, 0.375),
            ("two thirds of it", 200 / 3, 5),
            ("three quarters of it", 75, 5.625),
            ("four fifths of it", 80, 6),
            ("nine tenths of it", 90, 6.75),
            ("nine in ten", 90, 5),
            ("one in five", 20, 10),
            ("450 out of 1,000", 45, 2.475),
            ("1 in 1000", 0.1, 0.05),
            ("3 in a hundred", 3, 0.5),
            ("3 in a thousand", 0.3, 0.05),
        ],
    )
    def test_is_half_of_the_last_digit_or_more_where_it_is_hedged(self, text, value, tolerance):
        figure = read(text)
        assert (figure.value, figure.tolerance) == pytest.approx((value, tolerance))

    def test_ends_where_it_says(self):
        assert Figure(10, 1).agrees(Figure(11, 0))
        assert Figure(10, 0).agrees(Figure(11, 1))
        assert not Figure(10, 1).agrees(Figure(11.001, 0))

    @pytest.mark.parametrize(
        ("texts", "scale"),
        [
            (["hundred"], 1e2),
            (["k", "thousand"], 1e3),
            (["m", "mn", "mio", "million"], 1e6),
            (["b", "bn", "billion"], 1e9),
        ],
    )
    def test_grows_with_the_scale(self, texts, scale):
        for text in texts:
            figure = read(f"3 {text}")
            assert (figure.value, figure.tolerance) == pytest.approx((3 * scale, scale / 2))

    def test_of_machine_numbers_is_no_difference(self):
        assert Figure(0.3, 0).agrees(Figure(0.1 + 0.2, 0))
        assert not Figure(0.3, 0).agrees(Figure(0.3 + 1e-9, 0))
        assert Figures([Figure(0.1 + 0.2, 0), Figure(0.3 + 1e-9, 0)]).agree(Figure(0.3, 0)).tolist() == [True, False]


class TestOverlaps:
    def test_a_part_that_is_as_large_as_the_whole_is_no_ratio(self):
        assert values("10 in ten") == [10, 10]

    def test_what_stands_right_behind_a_ratio_counts(self):
        assert values("nine in ten, 5") == [90, 5]
        assert values("nine in ten") == [90]

    def test_a_year_is_one_without_unit_from_1900_to_2099(self):
        assert [figures(text)[1] for text in ("1899", "1900", "2099", "2100")] == [set(), {1900}, {2099}, set()]

    def test_what_counts_a_range_counts_both_its_ends(self):
        assert measured("10–12 %") == [(10, "%"), (12, "%")]
        assert measured("from 10 to 12 days") == [(10, "day"), (12, "day")]
        assert measured("by 9.4% to € 6.99 billion") == [(9.4, "%"), (6.99e9, "EUR")]


class TestUnits:
    @pytest.mark.parametrize(
        ("text", "value", "unit"),
        [
            ("€4.2 million", 4.2e6, "EUR"),
            ("4.2 mln EUR", 4.2e6, "EUR"),
            ("$4.2m", 4.2e6, "USD"),
            ("US$ 4.2bn", 4.2e9, "USD"),
            ("$4.2T", 4.2e12, "USD"),
            ("4.2M dollars", 4.2e6, "USD"),
            ("£4,200", 4200, "GBP"),
            ("CHF 1'200'000", 1.2e6, "CHF"),
            ("12.5 per cent", 12.5, "%"),
            ("one in eight", 12.5, "%"),
            ("an eighth of it", 12.5, "%"),
            ("three out of four", 75, "%"),
            ("3.9 percentage points", 3.9, "percentage point"),
            ("39 basis points", 39, "basis point"),
            ("47 minutes", 47, "minute"),
            ("a 31-day wait", 31, "day"),
            ("3.5 kg", 3.5, "kilogram"),
            ("2½ kg", 2.5, "kilogram"),
            ("1.2 GWh", 1.2, "gigawatt hour"),
            ("420 tCO2", 420, "tonne"),
            ("the 17th century", 17, "rank"),
            ("4.2 million people", 4.2e6, ""),
            ("four point two million euros", 4.2e6, "EUR"),
            ("nine and a half million euros", 9.5e6, "EUR"),
            ("two hundred and fifty stores", 250, "count"),
            ("-4.2 %", 4.2, "%"),
            ("(4.2)", 4.2, ""),
            ("+3", 3, ""),
        ],
    )
    def test_stand_before_or_behind_a_number(self, text, value, unit):
        assert measured(text) == [(value, unit)]

    @pytest.mark.parametrize(
        ("text", "value", "unit"),
        [
            ("Revenue (EUR m): 4.2", 4.2e6, "EUR"),
            ("Revenue, EUR million: 4.2", 4.2e6, "EUR"),
            ("Revenue in EUR million: 4.2", 4.2e6, "EUR"),
            ("2025 (in thousands): 420", 420e3, ""),
            ("Loss (€ '000): (420)", 420e3, "EUR"),
            ("Share (%): 12.5", 12.5, "%"),
            ("Wait (days): 11.4", 11.4, "day"),
            ("Revenue (EUR m): $3", 3, "USD"),
            ("Stores (Denmark): 4", 4, ""),
        ],
    )
    def test_are_those_of_the_columns_head_where_a_number_has_none(self, text, value, unit):
        assert measured(text) == [(value, unit)]

    @pytest.mark.parametrize(
        ("text", "value", "unit"),
        [
            (r"\$4.2 million", 4.2e6, "USD"),
            (r"$1{,}200{,}000$ stores", 1.2e6, "count"),
            (r"4.2\,\%", 4.2, "%"),
        ],
    )
    def test_and_numbers_may_be_written_in_latex(self, text, value, unit):
        assert measured(text) == [(value, unit)]

    @pytest.mark.parametrize(
        ("text", "other"),
        [
            ("47 minutes", "0.8 hours"),
            ("two weeks", "14 days"),
            ("1.2 GWh", "1,200 MWh"),
            ("39 basis points", "0.39 percentage points"),
            ("12.5 %", "0.125"),
            ("one in eight", "0.125"),
            ("4.2 million", "€4.2 million"),
            ("12 March", "March 12th"),
        ],
    )
    def test_may_differ_where_the_figure_is_the_same(self, text, other):
        assert agree(text, other)
        assert agree(other, text)

    @pytest.mark.parametrize(
        ("text", "other"),
        [
            ("€4.2m", "$4.2m"),
            ("3.9 %", "3.9 percentage points"),
            ("3.9 percentage points", "3.9 basis points"),
            ("12 kg", "12 km"),
            ("12 minutes", "12 hours"),
            ("12 %", "€12"),
            ("12 March", "12 kg"),
            ("1.25", "125 %"),
            ("the 3rd", "3 days"),
        ],
    )
    def test_of_two_kinds_never_agree(self, text, other):
        assert not agree(text, other)
        assert not agree(other, text)

    @pytest.mark.parametrize("word", ["EUR", "million", "Euros", "kg"])
    def test_are_known_by_their_words(self, word):
        assert is_unit(word)
        assert not is_unit(f"{word}x")


class TestCounts:
    @pytest.mark.parametrize(
        ("text", "other"), [("ten books", "10 days"), ("4 titles", "four weeks"), ("7 shops", "7%")]
    )
    def test_are_of_no_other_unit(self, text, other):
        assert not agree(text, other)

    @pytest.mark.parametrize(
        ("text", "other"), [("ten books", "10 titles"), ("12 shops", "12"), ("5 working days", "5 days")]
    )
    def test_may_be_of_anything(self, text, other):
        assert agree(text, other)

    @pytest.mark.parametrize("text", ["rose from 140 to", "65 mph", "in 2024 people"])
    def test_are_none_without_a_word_for_what_is_counted(self, text):
        assert all(figure.unit == "" for figure in figures(text)[0])


class TestDates:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("on 12 March 2025", "en"),
            ("on March 12, 2025", "en"),
            ("on the 12th of March 2025", "en"),
            ("on 2025-03-12", "en"),
            ("on 12.03.2025", "en"),
            ("on 12/03/2025", "en"),
            ("on 12 Mar 2025", "en"),
            ("am 12.3.2025", "de"),
            ("am 12. März 2025", "de"),
        ],
    )
    def test_have_a_year_and_a_day_of_a_month_that_only_agrees_with_another_dates(self, text, language):
        assert figures(text, language=language) == ((Figure(312, 0, "date"),), {2025})

    def test_have_the_month_first_where_the_other_number_is_none(self):
        assert figures("on 5/14/2019") == figures("on 14 May 2019")

    @pytest.mark.parametrize("other", ["14 March 2019", "15 May 2019", "14 patients"])
    def test_agree_with_no_other_day(self, other):
        assert not agree("14 May 2019", other)

    def test_of_another_century_keep_it(self):
        assert figures("born 13 April 1944")[1] == {1944}


class TestGerman:
    @pytest.mark.parametrize(
        ("text", "value", "unit"),
        [
            ("4,2 Mio. €", 4.2e6, "EUR"),
            ("4,2 Millionen Euro", 4.2e6, "EUR"),
            ("1,5 Mrd. Euro", 1.5e9, "EUR"),
            ("420 Tsd. €", 420e3, "EUR"),
            ("1.200.000,50 €", 1200000.5, "EUR"),
            ("1'200'000 CHF", 1.2e6, "CHF"),
            ("eine Million Euro", 1e6, "EUR"),
            ("vier Komma zwei Millionen Euro", 4.2e6, "EUR"),
            ("zwölf Prozent", 12, "%"),
            ("fünfundzwanzig Filialen", 25, "count"),
            ("anderthalb Jahre", 1.5, "year"),
            ("in 47 Tagen", 47, "day"),
            ("ein Drittel der Kunden", 100 / 3, "%"),
            ("zwei Drittel der Kunden", 200 / 3, "%"),
            ("die Hälfte der Kunden", 50, "%"),
            ("jeder fünfte Kunde", 20, "%"),
            ("drei von vier Kunden", 75, "%"),
            ("3,9 Prozentpunkte", 3.9, "percentage point"),
            ("Umsatz (Mio. €): 4,2", 4.2e6, "EUR"),
        ],
    )
    def test_is_read(self, text, value, unit):
        assert measured(text, "de") == [(value, unit)]

    def test_year_is_no_number_of_years(self):
        assert figures("Im Jahr 2024 waren es 12 Prozent.", language="de")[1] == {2024}

    def test_hedge_widens(self):
        assert figures("rund 200 Filialen", language="de")[0][0].tolerance == 11

    @pytest.mark.parametrize(("text", "english", "german"), [("1.200", 1.2, 1200), ("1,200", 1200, 1.2)])
    def test_parts_thousands_by_points(self, text, english, german):
        assert (values(text), values(text, "de")) == ([english], [german])

    @pytest.mark.parametrize("text", ["1.200.000,5", "1,200,000.5", "1 200 000.5"])
    def test_and_english_are_told_apart_where_a_number_shows_it(self, text):
        assert values(text) == values(text, "de") == [1200000.5]


class TestFormattedByTheCldr:
    """Babel writes as the CLDR has it."""

    LOCALES = (("en", "en"), ("de", "de"), ("de_CH", "de"), ("fr_CH", "de"))

    @pytest.mark.parametrize(("locale", "language"), LOCALES)
    @given(number=st.decimals(0, 10**9, places=2) | st.integers(3, 10**12))
    def test_a_number_reads_as_itself(self, locale, language, number):
        text = f"x {format_decimal(number, '#,##0.##', locale=locale)} "
        read_figures, years = figures(text, language=language)
        assert [figure.value for figure in read_figures] + list(years) == [pytest.approx(float(number))]

    @pytest.mark.parametrize(("locale", "language"), LOCALES[:2])
    @given(cents=st.integers(0, 10**11), currency=st.sampled_from(["EUR", "USD", "GBP"]))
    def test_money_reads_as_itself(self, locale, language, cents, currency):
        text = format_currency(cents / 100, currency, locale=locale)
        assert measured(text, language) == [(pytest.approx(cents / 100), currency)]

    @pytest.mark.parametrize(("locale", "language"), LOCALES[:2])
    @given(st.integers(1, 999), st.sampled_from([1e6, 1e9]))
    def test_millions_and_billions_read_as_themselves(self, locale, language, number, scale):
        text = format_compact_currency(number * scale, "EUR", locale=locale, fraction_digits=0)
        assert measured(text, language) == [(number * scale, "EUR")]

    @pytest.mark.parametrize(("locale", "language"), LOCALES)
    @given(st.integers(0, 10_000))
    def test_a_share_reads_as_itself(self, locale, language, share):
        text = format_percent(share / 1000, "#,##0.0 %", locale=locale)
        assert measured(text, language) == [(pytest.approx(share / 10), "%")]
