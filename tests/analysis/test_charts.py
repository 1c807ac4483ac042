from __future__ import annotations

import io
import json
import math
import re
import struct
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations, pairwise
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.drawn import (
    COVERAGE,
    FOUR,
    LATENCY,
    TWENTY,
    ZONE,
    answered,
    comparisons,
    every_chart,
    failing,
    record,
    series,
    slots,
    spreads,
    summaries,
)
from dashboard.browser import chromium
from llm_bench.analysis import charts
from llm_bench.analysis.charts import axes
from llm_bench.analysis.charts.axes import log_ticks
from llm_bench.analysis.charts.looks import Theme, config
from llm_bench.analysis.format import number
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Bin, Comparison, Point, Series, Spread, Summary
from llm_bench.analysis.statistics import Interval

CHARTS = dict(every_chart(FOUR, slots()))
BACKGROUNDS: dict[Theme, str] = {"light": "#ffffff", "dark": "#1a212b", "print": "#ffffff"}

# How the three cones' losses change linear RGB: Machado, Oliveira and Fernandes (IEEE TVCG 2009), severity 1.
BLIND = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def lab(rgb: list[float]) -> tuple[float, float, float]:
    """CIELAB of linear RGB, for D65."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(a * b for a, b in zip(row, rgb, strict=True)) for row in rows]
    x, y, z = (
        ratio ** (1 / 3) if ratio > 0.008856 else 7.787 * ratio + 16 / 116
        for ratio in (part / white for part, white in zip(xyz, (0.9505, 1.0, 1.089), strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen_by(blindness: str, colour: str) -> tuple[float, float, float]:
    rgb = [sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in BLIND[blindness]]
    return lab([min(1.0, max(0.0, part)) for part in rgb])


def difference(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


def text_of(svg: str) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The data of a chart, of all its layers."""
    return [row for rows in spec["datasets"].values() for row in rows]


class TestTheLooksOfLLMs:
    @pytest.mark.parametrize("theme", ["light", "dark", "print"])
    def test_colours_stand_out_from_the_background(self, theme: Theme):
        background = luminance(BACKGROUNDS[theme])
        for colour in charts.colours(TWENTY, theme).values():
            low, high = sorted([luminance(colour), background])
            assert (high + 0.05) / (low + 0.05) >= 3, colour

    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("blindness", BLIND)
    def test_the_first_four_colours_are_told_apart_with_any_colour_blindness(self, theme: Theme, blindness: str):
        seen = [seen_by(blindness, colour) for colour in charts.colours(FOUR, theme).values()]
        assert min(difference(*pair) for pair in combinations(seen, 2)) > 12

    def test_an_llm_looks_the_same_whichever_others_are_shown(self):
        looks = charts.looks(FOUR)
        alone = charts.spec(charts.bars(summaries(FOUR[2:3]), METRICS["throughput_tps"], looks))
        scale = alone["layer"][0]["encoding"]["color"]["scale"]
        assert scale["domain"].index(looks.names[FOUR[2]]) == 2
        assert config("light")["range"]["category"][2] == charts.colours(FOUR)[FOUR[2]]

    def test_sixty_four_llms_differ_in_colour_or_shape(self):
        llms = [f"p/m{n}" for n in range(64)]
        assert len(set(zip(charts.colours(llms).values(), charts.looks(llms).shapes, strict=True))) == 64

    def test_a_name_is_the_last_part_of_the_model(self):
        assert charts.looks(FOUR).names[FOUR[1]] == "kimi-k2-instruct"

    def test_a_baseline_is_called_one(self):
        assert charts.looks(["baseline/lead"]).names["baseline/lead"] == "baseline/lead"

    def test_models_of_the_same_name_are_told_apart_by_their_providers(self):
        assert set(charts.looks(["groq/x/m", "openrouter/x/m"]).names.values()) == {"groq/x/m", "openrouter/x/m"}

    @given(st.lists(st.from_regex(r"[a-z]{1,3}/[a-z/.-]{1,60}", fullmatch=True), unique=True, max_size=20))
    def test_no_two_llms_have_one_name(self, llms: list[str]):
        names = charts.looks(llms).names
        assert list(names) == llms
        assert len(set(names.values())) == len(llms)


class TestAChart:
    @pytest.mark.parametrize("name", CHARTS)
    def test_is_valid_vega_lite_with_a_title_and_a_description(self, name: str):
        made = CHARTS[name].to_dict(validate=True)
        assert made["title"]["text"]
        assert len(made["description"]) > len(made["title"]["text"]) or name == "waterfall"

    @pytest.mark.parametrize("name", CHARTS)
    def test_asks_for_nothing_but_what_it_holds(self, name: str):
        text = json.dumps(charts.spec(CHARTS[name]))
        assert '"url"' not in text
        assert set(re.findall(r"https?://[^\"]*", text)) <= {"https://vega.github.io/schema/vega-lite/v6.4.1.json"}

    @pytest.mark.parametrize("name", CHARTS)
    def test_draws_only_what_is_known(self, name: str):
        drawn = charts.svg(CHARTS[name])
        assert not re.search(r"NaN|undefined|Infinity|\bnull\b", drawn)

    @pytest.mark.parametrize("name", ["over time", "distribution", "tradeoff"])
    def test_names_the_unit_at_its_axis(self, name: str):
        assert "Latency (s, log scale)" in text_of(charts.svg(CHARTS[name])) or name == "tradeoff"

    def test_is_the_same_when_made_again(self):
        again = dict(every_chart(FOUR, slots()))
        for name, chart in CHARTS.items():
            assert json.dumps(charts.spec(chart)) == json.dumps(charts.spec(again[name])), name

    def test_with_a_gradient_is_drawn_the_same_again(self):
        chart = CHARTS["failed over time"]
        assert "gradient" in charts.svg(chart)
        assert charts.svg(chart) == charts.svg(chart)

    @pytest.mark.parametrize(("llms", "times"), [(FOUR[:1], slots()), (FOUR, slots()[:1]), (FOUR, slots(60))])
    def test_draws_one_llm_one_slot_and_many_slots(self, llms: tuple[str, ...], times: list[datetime]):
        for name, chart in every_chart(llms, times):
            assert not re.search(r"NaN|undefined", charts.svg(chart)), name

    def test_says_so_where_there_is_nothing_to_draw(self):
        for name, chart in every_chart(FOUR, []):
            text = text_of(charts.svg(chart))
            assert re.search("No (records to show|time was taken|token came)", text), name

    def test_shows_hostile_names_as_text(self):
        name = '<script>alert(1)</script>"&'
        llm = f"groq/{name}"
        drawn = charts.svg(charts.bars(summaries([llm]), COVERAGE, charts.looks([llm])))
        assert "<script" not in drawn
        assert name.rsplit("/", 1)[-1][:5] in text_of(drawn)

    def test_without_a_title_has_it_as_text_instead(self):
        chart = CHARTS["over time"]
        assert "title" not in charts.spec(chart, titled=False)
        title, lines = charts.caption(chart)
        assert title == "Latency over time"
        assert any("left out" in line for line in lines)

    def test_leaves_no_failure_untold(self):
        lines = charts.caption(CHARTS["over time"]).lines
        points = series(FOUR, slots()).points
        assert lines[-2:] == (
            f"{sum(point.failed for point in points)} records failed: later than any answer",
            f"{sum(point.left_out for point in points)} records left out: no such number",
        )

    def test_never_has_an_infinite_number_in_its_data(self):
        inf = math.inf
        late = [
            Summary(FOUR[0], None, None, 60, 0, Interval(2.0, 1.5, inf, 60, 4), failed=9),
            Summary(FOUR[1], None, None, 60, 0, Interval(inf, 4.0, inf, 60, 4), failed=40),
        ]
        quantiles = {q: 1.0 + q if q < 0.9 else inf for q in (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)}
        spread = Spread(FOUR[0], 60, 0, 1.0, 3.0, quantiles, [Bin(1.0, 3.1, 50)], failed=10)
        points = [Point(FOUR[0], at, 20, 0, 1.0, inf if number % 2 else 2.0, inf) for number, at in enumerate(slots())]
        looks = charts.looks(FOUR)
        for drawn in (
            charts.bars(late, LATENCY, looks),
            charts.bars([replace(summary, group="retail") for summary in late], LATENCY, looks, "industry"),
            charts.distribution([spread], LATENCY, looks),
            charts.over_time(Series(points, 1, None), LATENCY, looks),
        ):
            assert "Infinity" not in json.dumps(charts.spec(drawn))
            assert any("edge" in line for line in charts.caption(drawn).lines)

    def test_leaves_no_interval_out_in_silence(self):
        few = Summary(FOUR[0], None, None, 60, 0, Interval(0.8, None, None, 60, 3))
        drawn = charts.svg(charts.bars([few], COVERAGE, charts.looks(FOUR)))
        assert "0.80" in text_of(drawn)
        assert "NaN" not in drawn


MANY = dict(every_chart(TWENTY, slots()))


class TestManyLLMs:
    @pytest.mark.parametrize("name", [name for name in MANY if name not in ("waterfall", "tokens")])
    def test_are_all_named(self, name: str):
        text = text_of(charts.svg(MANY[name]))
        for shown in charts.looks(TWENTY).names.values():
            # A name above a column may be cut at its end.
            assert shown[:12] in text, shown

    def test_get_a_row_each_where_lines_would_hide_one_another(self):
        assert charts.spec(MANY["over time"])["mark"]["type"] == "rect"

    def test_are_compared_in_a_square(self):
        made = charts.spec(MANY["comparison"])
        assert made["layer"][0]["mark"]["type"] == "rect"
        assert made["height"] < 600


class TestOverTime:
    def rows(self, points: list[Point]) -> list[dict[str, Any]]:
        made = charts.over_time(Series(points, 1, None), LATENCY, charts.looks(FOUR), ZONE)
        return rows_of(charts.spec(made))

    def test_no_line_bridges_a_slot_that_was_missed_or_a_night(self):
        times = slots(2)
        points = [Point(FOUR[0], at, 20, 0, 1.0, 1.1, 1.2) for n, at in enumerate(times) if n != 5]
        parts = [row["part"] for row in self.rows(points)]
        assert parts == [0] * 5 + [1] * 8 + [2] * 14

    def test_a_slot_in_which_all_failed_has_no_mark(self):
        times = slots(1)
        points = [
            Point(FOUR[0], at, *((0, 20, None, None, None) if n == 5 else (20, 0, 1.0, 1.1, 1.2)))
            for n, at in enumerate(times)
        ]
        rows = self.rows(points)
        assert len(rows) == 13
        assert {row["part"] for row in rows} == {0, 1}

    def test_tells_the_time_of_the_study_not_of_this_machine(self):
        point = Point(FOUR[0], datetime(2026, 12, 7, 7, tzinfo=UTC), 20, 0, 1.0, 1.1, 1.2)
        later = Point(FOUR[0], datetime(2026, 12, 7, 9, tzinfo=UTC), 20, 0, 1.0, 1.1, 1.2)
        made = charts.over_time(Series([point, later], 1, None), LATENCY, charts.looks(FOUR), ZONE)
        text = text_of(charts.svg(made))
        assert "08:00" in text
        assert "07:00" not in text
        assert "UTC+01:00" in text

    def test_a_mark_leads_where_it_is_told_to(self):
        made = charts.over_time(
            series(FOUR, slots()),
            LATENCY,
            charts.looks(FOUR),
            ZONE,
            link=lambda llm, at: f"records?llm={llm}&start={at.isoformat()}",
        )
        assert {row["href"].partition("&")[0] for row in rows_of(charts.spec(made))} == {
            f"records?llm={llm}" for llm in FOUR
        }

    def test_failures_are_placed_in_their_llms_rows(self):
        failed = failing(FOUR, slots())
        made = charts.spec(charts.failures_over_time(failed, charts.looks(FOUR), ZONE))
        assert sum(row["n"] for row in rows_of(made)) == sum(count.n for count in failed.counts)


class TestWhichModelAnswered:
    def test_is_dated_by_a_line_where_answers_changed(self):
        layers = charts.spec(CHARTS["answers over time"])["layer"]
        assert [layer["mark"]["type"] for layer in layers] == ["line", "point", "rule"]
        (row,) = charts.spec(CHARTS["answers over time"])["datasets"][layers[-1]["data"]["name"]]
        assert (row["llm"], row["p"]) == ("kimi-k2-instruct", "0.002")

    def test_has_no_line_where_none_did(self):
        known = answered(FOUR[2:], slots())
        lines = [replace(line, p=0.4) for line in known.llms]
        made = charts.answers_over_time(replace(known, llms=lines), charts.looks(FOUR), ZONE)
        assert [layer["mark"]["type"] for layer in charts.spec(made)["layer"]] == ["line", "point"]

    def test_has_a_mark_of_its_kind_for_each_change(self):
        rows = rows_of(charts.spec(CHARTS["changes"]))
        assert sorted((row["llm"], row["kind"], row["what"]) for row in rows) == [
            ("deepseek-r1-0528-qwen3-8b", "another fingerprint", "fp_b"),
            ("kimi-k2-instruct", "the answers changed", "—"),
            ("llama3-70b-8192", "another fingerprint", "fp_b"),
        ]

    def test_says_that_no_change_is_seen_where_there_is_none(self):
        known = replace(answered(FOUR[2:3], slots()), names=[])
        assert "No change seen" in text_of(charts.svg(charts.changes(known, charts.looks(FOUR), ZONE)))


class TestValues:
    @given(st.floats(1e-9, 1e12))
    def test_are_written_without_exponent_to_three_digits(self, value: float):
        written = number(value)
        assert re.fullmatch(r"[0-9,]+(\.[0-9]+)?", written)
        assert float(written.replace(",", "")) == pytest.approx(value, rel=0.0051)

    def test_that_differ_greatly_are_on_a_logarithmic_axis(self):
        assert "log scale" in text_of(charts.svg(charts.distribution(spreads(FOUR), LATENCY, charts.looks(FOUR))))

    def test_that_are_alike_are_on_an_axis_from_zero(self):
        alone = charts.over_time(series(FOUR[:1], slots()), LATENCY, charts.looks(FOUR), ZONE)
        assert "log scale" not in text_of(charts.svg(alone))

    def test_of_nothing_are_on_no_logarithmic_axis(self):
        spread = Spread(
            FOUR[0], 3, 0, 0.0, 9.0, dict.fromkeys((0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99), 0.0), [Bin(0, 1, 3)]
        )
        drawn = charts.svg(charts.distribution([spread], LATENCY, charts.looks(FOUR)))
        assert "log scale" not in text_of(drawn)

    @given(st.floats(1e-6, 1e6), st.floats(30, 1e9))
    def test_have_few_ticks_within_their_range(self, low: float, ratio: float):
        ticks = log_ticks(low, low * ratio)
        assert 2 <= len(ticks) <= 16 or ratio < 100
        assert all(low <= tick <= low * ratio for tick in ticks)


class TestComparison:
    def pair(self, metric: str, *ends: float | None, **changes: Any) -> Comparison:
        size = Interval(*ends, 9, 4) if ends else None
        return Comparison(metric, FOUR[0], FOUR[1], 9, 9, 4, 9, 40, size, 0.01, 0.01, **changes)

    def test_is_of_the_first_named_to_the_second(self):
        pair = self.pair("latency_sec", 1.4, 1.2, 1.6, is_ratio=True, verdict="more")
        text = text_of(charts.svg(charts.comparison([pair], "latency_sec", charts.looks(FOUR))))
        assert "llama3-70b-8192 to kimi-k2-instruct" in text
        assert "slower" in text

    def test_takes_the_second_from_the_first_named(self):
        pair = self.pair("coverage_score", 0.1, 0.05, 0.15)
        text = text_of(charts.svg(charts.comparison([pair], "coverage_score", charts.looks(FOUR))))
        assert "llama3-70b-8192 − kimi-k2-instruct" in text

    def test_of_times_is_on_a_logarithmic_axis_with_1_as_no_difference(self):
        pair = self.pair("latency_sec", 1.4, 1.2, 1.6, is_ratio=True)
        made = charts.spec(charts.comparison([pair], "latency_sec", charts.looks(FOUR)))
        assert {layer["encoding"]["x"]["scale"]["type"] for layer in made["layer"]} == {"log"}
        assert {"alike": 1} in rows_of(made)

    def test_shades_what_is_too_small_to_matter(self):
        pair = self.pair("latency_sec", 1.4, 1.2, 1.6, is_ratio=True, interest=1.25)
        made = charts.spec(charts.comparison([pair], "latency_sec", charts.looks(FOUR)))
        assert {"from": 0.8, "to": 1.25} in rows_of(made)
        assert "Shaded green: 0.800 to 1.25 times, too small to matter" in " ".join(made["title"]["subtitle"])

    def test_shows_a_small_difference_of_shares(self):
        pair = self.pair("coverage_score", -0.0041, -0.01, 0.002)
        made = charts.spec(charts.comparison([pair], "coverage_score", charts.looks(FOUR)))
        row = next(row for row in rows_of(made) if "shown" in row)
        assert row["shown"] == "−0.00410"

    def test_leaves_out_a_pair_without_a_difference(self):
        pair = self.pair("latency_sec")
        assert "No records" in text_of(charts.svg(charts.comparison([pair], "latency_sec", charts.looks(FOUR))))

    def test_a_square_marks_those_that_differ(self):
        made = charts.spec(charts.comparison(comparisons(TWENTY), "latency_sec", charts.looks(TWENTY)))
        rows = rows_of(made)
        assert len(rows) == 190
        assert all((row["dot"] == "•") == (row["verdict"] == "slower") for row in rows)


class TestRatios:
    @given(st.floats(0.02, 1), st.floats(1, 50))
    def test_have_few_ticks_with_1_among_them(self, low: float, high: float):
        ticks = axes.ratios([low, high], "Times as long").ticks
        assert 1 in ticks
        assert len(ticks) <= 16
        assert all(low <= tick <= high for tick in ticks)


class TestWaterfall:
    def phases(self, **changes: Any) -> list[tuple[str, float, float]]:
        made = charts.spec(charts.waterfall(record(**changes)))
        return [(row["phase"], round(row["from"], 3), round(row["to"], 3)) for row in rows_of(made)]

    def test_connecting_is_before_the_clock_starts(self):
        assert self.phases()[0] == ("connecting", -0.08, 0.0)

    def test_each_phase_begins_where_the_one_before_ends(self):
        phases = self.phases()
        assert [name for name, _, _ in phases] == [
            "connecting",
            "to the headers",
            "to the first token",
            "reasoning",
            "answer",
        ]
        assert all(before[2] == after[1] for before, after in pairwise(phases))

    def test_an_llm_that_doesnt_reason_has_no_such_phase(self):
        assert "reasoning" not in {name for name, _, _ in self.phases(first_answer_sec=0.92)}

    def test_a_failure_ends_with_what_was_seen(self):
        times = [0.92, 1.0, 1.4]
        phases = self.phases(
            latency_sec=None, first_answer_sec=None, event_times_sec=times, failure_kind="timeout_total"
        )
        assert phases[-1] == ("what came", 0.92, 1.4)

    def test_tells_the_kind_of_a_failure(self):
        chart = charts.waterfall(record(latency_sec=None, failure_kind="timeout_total"))
        assert "Failed: timeout total" in charts.caption(chart).lines

    def test_many_tokens_are_thinned_out_but_for_the_last(self):
        times = [number / 100 for number in range(20_000)]
        rows = rows_of(charts.spec(charts.tokens_over_time(record(event_times_sec=times, first_answer_sec=0.0))))
        assert len(rows) <= 502
        assert rows[-1] == {"at": 199.99, "n": 20_000}


_OVERLAPS = """() => {
  const box = (part) => part.getBoundingClientRect();
  const signs = [...document.querySelectorAll(".role-legend-symbol path")].map(box);
  const names = [...document.querySelectorAll(".role-legend-label text")].map(box);
  const across = (name, sign) => name.right > sign.left && name.left < sign.right;
  const meets = (name, sign) => across(name, sign) && name.bottom > sign.top && name.top < sign.bottom;
  return [names.length, names.filter((name) => signs.some((sign) => meets(name, sign))).length];
}"""


class TestPrint:
    DRAWN = charts.svg(CHARTS["over time"])

    def test_a_legend_keeps_its_columns_apart_where_another_font_is_wider(self):
        llms = TWENTY[4:9]
        drawn = charts.svg(charts.over_time(series(llms, slots()[:8]), LATENCY, charts.looks(llms), ZONE))
        wider = drawn.replace("Liberation Sans, Arial, sans-serif", "DejaVu Sans, Verdana, sans-serif")
        with chromium() as browser:
            tab = browser.new_page()
            tab.set_content(wider)
            assert tab.evaluate(_OVERLAPS) == [len(llms), 0]

    def test_a_pdf_is_as_wide_as_a_page_of_text_and_has_its_text(self):
        page = pypdf.PdfReader(io.BytesIO(charts.pdf(self.DRAWN))).pages[0]
        assert page.mediabox.width == 450
        assert "kimi-k2-instruct" in page.extract_text()

    @pytest.mark.parametrize("name", CHARTS)
    def test_a_pdf_is_the_same_bytes_each_time(self, name: str):
        drawn = charts.svg(CHARTS[name])
        assert len({charts.pdf(drawn) for _ in range(4)}) == 1

    def test_a_pdf_tells_no_time_and_no_place(self):
        assert set(pypdf.PdfReader(io.BytesIO(charts.pdf(self.DRAWN))).metadata or {}) <= {"/Producer"}

    def test_a_png_has_three_hundred_dots_to_the_inch(self):
        made = charts.png(self.DRAWN)
        assert made.startswith(b"\x89PNG")
        assert struct.unpack(">I", made[16:20]) == (1875,)
        place = made.index(b"pHYs")
        assert struct.unpack(">II", made[place + 4 : place + 12]) == (11811, 11811)

    def test_a_png_is_the_same_bytes_each_time(self):
        assert charts.png(self.DRAWN) == charts.png(charts.svg(dict(every_chart(FOUR, slots()))["over time"]))

    @pytest.mark.slow
    def test_is_the_same_in_another_time_zone_and_language(self):
        code = (
            "import hashlib; from analysis.drawn import *; chart = dict(every_chart(FOUR, slots()))['over time'];"
            "print(hashlib.sha256(charts.svg(chart).encode()).hexdigest())"
        )
        path = f"{Path(charts.__file__).parents[3]}:{Path(__file__).parents[1]}"
        digests = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={"PYTHONPATH": path, "TZ": zone, "LANG": language},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for zone, language in (("UTC", "C.UTF-8"), ("Asia/Kolkata", "de_DE.UTF-8"))
        }
        assert len(digests) == 1


@pytest.mark.slow
class TestAPage:
    PAGE = (
        "<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'; "
        "style-src 'unsafe-inline'\"><body><script type=module src=vega.js></script>"
        "<script type=module src=draw.js></script>"
    )
    DRAW = """
        window.faults = []
        for (const [name, spec] of Object.entries(SPECS)) {
          const place = document.createElement('div')
          place.style.width = '100%'
          document.body.append(place)
          try { await vegaEmbed(place, spec, {actions: false, ast: true, defaultStyle: false, renderer: 'svg'}) }
          catch (fault) { faults.push(name + ': ' + fault) }
        }
        window.finished = true
    """

    @pytest.mark.parametrize("width", [360, 1000])
    def test_draws_all_charts_without_eval_and_in_its_width(self, tmp_path: Path, width: int):
        import vl_convert

        made = [*every_chart(FOUR, slots()), *((f"20 {name}", chart) for name, chart in every_chart(TWENTY, slots()))]
        specs = {name: charts.spec(chart, titled=False) for name, chart in made}
        (tmp_path / "vega.js").write_text(vl_convert.javascript_bundle())
        (tmp_path / "draw.js").write_text(f"const SPECS = {json.dumps(specs)};{self.DRAW}")
        (tmp_path / "index.html").write_text(self.PAGE)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
        Thread(target=server.serve_forever, daemon=True).start()
        said: list[str] = []
        try:
            with chromium() as browser:
                page = browser.new_page(viewport={"width": width, "height": 800})
                page.on("console", lambda message: said.append(message.text))
                page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
                page.wait_for_function("window.finished", timeout=120_000)
                assert page.evaluate("faults") == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert page.locator("svg.marks").count() == len(specs)
        finally:
            server.shutdown()
        assert [line for line in said if "favicon" not in line and "404" not in line] == []


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_bucket_of_slots_is_told():
    points = [Point(FOUR[0], slots()[0] + timedelta(days=n), 20, 0, 1.0, 1.1, 1.2) for n in range(5)]
    chart = charts.over_time(Series(points, 14, timedelta(days=1), approximate=True), LATENCY, charts.looks(FOUR), ZONE)
    assert "of each 14 slots" in charts.caption(chart).lines[0]
    assert "≈ Latency" in text_of(charts.svg(chart))
