from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_bench import dashboard
from llm_bench.analysis import format as text
from llm_bench.analysis import table
from llm_bench.analysis.html import environment
from llm_bench.analysis.statistics import Interval
from llm_bench.analysis.table import Table
from llm_bench.report.latex import escape, latex

DASHBOARD = Path(dashboard.__file__).parent / "templates"


class Nobody:
    """What a page knows of LLMs: none."""

    llms = ()


class TestANumber:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (1.324, "1.32"),
            (0.01234, "0.0123"),
            (13.25, "13.2"),
            (999.6, "1,000"),
            (9.999, "10.0"),
            (123456.7, "123,457"),
            (-0.5, "−0.500"),
            (0, "0"),
        ],
    )
    def test_has_three_significant_digits(self, value, shown):
        assert text.number(value) == shown

    @pytest.mark.parametrize("value", [None, float("nan")])
    def test_that_there_is_none_of_is_a_dash(self, value):
        assert text.number(value) == text.value(value, "s", approximate=True) == "—"

    @given(st.floats(1e-9, 1e12))
    def test_reads_back_within_half_of_its_last_digit(self, value):
        assert float(text.number(value).replace(",", "")) == pytest.approx(value, rel=5.01e-3)


class TestAValue:
    def test_has_its_unit(self):
        assert text.value(1.324, "s") == "1.32\u202fs"

    def test_says_where_it_is_approximate(self):
        assert text.value(210.4, "tokens/s", approximate=True) == "≈\u202f210\u202ftokens/s"

    def test_that_is_a_score_has_two_decimals_and_no_unit(self):
        assert text.value(0.8249, "") == "0.82"

    def test_that_is_a_rate_is_in_percent(self):
        assert text.value(0.9321, "%") == "93.2\u202f%"


class TestAnInterval:
    def test_stands_behind_its_estimate(self):
        assert text.interval(Interval(1.32, 1.21, 1.44, 80, 4), "s") == "1.32\u202fs [1.21, 1.44]"

    def test_is_left_out_where_the_data_give_none(self):
        assert text.interval(Interval(1.32, None, None, 1, 1), "s") == "1.32\u202fs"

    @pytest.mark.parametrize("interval", [None, Interval(None, None, None, 0, 0)])
    def test_of_nothing_is_a_dash(self, interval):
        assert text.interval(interval, "s") == text.change(interval, "s") == "—"

    def test_of_a_difference_has_signs(self):
        interval = Interval(0.21, -0.15, 0.27, 80, 4)
        assert text.change(interval, "s") == "+0.210\u202fs [−0.150, +0.270]"

    def test_of_a_difference_of_rates_is_in_percentage_points(self):
        assert text.change(Interval(-0.02, -0.05, 0.01, 80, 4), "%") == "−2.0\u202fpp [−5.0, +1.0]"


class TestAnyNumber:
    """Wherever it is read, it is the same text."""

    @given(st.floats(-1e9, 1e9), st.sampled_from(["s", "tokens/s", "USD", ""]))
    def test_stands_alike_on_a_page_in_a_report_in_latex_and_on_a_terminal(self, value: float, unit: str):
        shown = Table("numbers", "Numbers", [table.words("llm", "LLM"), table.number("n", "N", unit)], [["a", value]])
        ((_, cell),) = shown.cells
        page = "{% import 'parts.html' as parts %}{{ parts.inside(look, cell) }}"
        html = environment(DASHBOARD).from_string(page).render(look=Nobody, cell=cell)
        assert " ".join(html.split()) == cell.text == text.bare(value, unit)
        assert f"& {escape(cell.text)} " in latex(shown)
        assert text.value(value, unit) == cell.text + text.behind(unit)

    @given(st.floats(0, 1e9), st.floats(0, 1e9), st.sampled_from(["s", ""]))
    def test_has_its_interval_written_alike(self, low: float, high: float, unit: str):
        between = Interval(low, low, high, 9, 9)
        ((cell,),) = Table("t", "T", [table.estimate("n", "N", unit)], [[between]]).cells
        assert text.interval(between, unit) == f"{cell.text}{text.behind(unit)} {cell.interval}"

    @given(st.floats(-1e9, 1e9))
    def test_that_is_a_difference_is_written_alike_with_its_sign(self, value: float):
        between = Interval(value, value, value, 9, 9)
        ((cell,),) = Table("t", "T", [table.difference("n", "N", "s")], [[between]]).cells
        assert text.change(between, "s") == f"{cell.text}{text.behind('s')} {cell.interval}"
        assert (cell.text[0] == "+") == (value > 0)


@pytest.mark.parametrize(("p", "shown"), [(None, "—"), (0.00049, "< 0.001"), (0.0449, "0.045"), (1, "1.000")])
def test_a_probability_is_never_zero(p, shown):
    assert text.p_value(p) == shown


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(seconds=52.4), "52\u202fs"),
        (timedelta(minutes=51, seconds=25), "51\u202fmin"),
        (timedelta(hours=3, minutes=20), "3\u202fh 20\u202fmin"),
        (timedelta(hours=24), "24\u202fh"),
        (timedelta(days=4, hours=2), "4\u202fd 2\u202fh"),
    ],
)
def test_a_span_is_in_the_unit_that_fits(span, shown):
    assert text.span(span) == shown


def test_a_moment_is_told_in_the_zone_of_the_study():
    slot = datetime(2026, 12, 7, 7, 51, 25, 714285, tzinfo=UTC)
    assert text.moment(slot, timezone(timedelta(hours=1))) == "Mon 07 Dec 08:51:25"


class TestTheBorders:
    @pytest.mark.parametrize(
        ("span", "shown"),
        [
            (timedelta(seconds=99.4), "99\u202fs"),
            (timedelta(seconds=100), "2\u202fmin"),
            (timedelta(minutes=99), "99\u202fmin"),
            (timedelta(minutes=100), "1\u202fh 40\u202fmin"),
            (timedelta(hours=47), "47\u202fh"),
            (timedelta(hours=48), "2\u202fd"),
            (timedelta(hours=49), "2\u202fd 1\u202fh"),
        ],
    )
    def test_of_a_spans_units(self, span, shown):
        assert text.span(span) == shown

    def test_of_a_probability_is_a_thousandth(self):
        assert text.p_value(0.001) == "0.001"
        assert text.p_value(0.000999) == "< 0.001"

    def test_of_a_difference_is_zero_which_has_no_sign(self):
        assert text.change(Interval(0.0, None, None, 1, 1), "s") == "0\u202fs"

    @pytest.mark.parametrize(("low", "high"), [(None, 1.4), (1.2, None)])
    def test_an_interval_has_both_ends(self, low, high):
        half = Interval(1.3, low, high, 9, 9)
        assert (text.interval(half, "s"), text.change(half, "s")) == ("1.30\u202fs", "+1.30\u202fs")

    def test_an_end_that_nothing_bounds_is_open(self):
        assert text.interval(Interval(1.3, 1.2, float("inf"), 9, 9), "s") == "1.30\u202fs [1.20, open]"

    def test_a_score_or_a_rate_that_is_below_zero_has_a_minus(self):
        assert (text.bare(-0.5, ""), text.bare(-0.5, "%")) == ("−0.50", "−50.0")

    @pytest.mark.parametrize("unit", ["", "%", "s"])
    @pytest.mark.parametrize("value", [None, float("nan"), -float("inf")])
    def test_a_number_that_is_none_is_a_dash_in_any_unit(self, value, unit):
        assert text.bare(value, unit) == "—"

    def test_a_time_among_the_failures_is_no_number(self):
        assert text.bare(math.inf, "s") == text.value(math.inf, "s", approximate=True) == "failed"
        assert text.interval(Interval(math.inf, 4.2, math.inf, 9, 9), "s") == "failed [4.20, open]"
        assert text.ends(math.inf, math.inf, "s") == "[failed, open]"

    def test_an_interval_may_be_open_below(self):
        assert text.ends(-math.inf, 2.0, "s") == "[open, 2.00]"


def test_a_count_has_its_thousands_apart():
    assert (text.count(None), text.count(1234567)) == ("—", "1,234,567")


def test_a_day_has_its_year_in_the_zone_of_the_study():
    slot = datetime(2026, 12, 7, 23, 30, tzinfo=UTC)
    assert text.day(slot) == "07 Dec 2026"
    assert text.day(slot, timezone(timedelta(hours=1))) == "08 Dec 2026"
    assert text.day(None) == text.moment(None) == "—"


def test_a_name_is_told_in_words():
    assert text.words("timeout_first_token") == "timeout first token"
