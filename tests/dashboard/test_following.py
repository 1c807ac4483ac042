"""What an open page does: it shows values where it is pointed at, a chosen part, and a batch that was loaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from analysis.studies import fill_study
from dashboard import serving
from dashboard.opening import drawn, reading
from dashboard.situations import Situation, make
from llm_bench.airflow.metadata import Cell
from llm_bench.dashboard import live
from llm_bench.store.base import open_store

expect.set_options(timeout=60_000)


@pytest.fixture
def study(include, tmp_path, monkeypatch):
    """A study that is under way."""
    shutil.copytree(include, tmp_path / "include")
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    return make("under-way", tmp_path, Situation(measured=2))


@pytest.fixture
def open_tab(study, api_server, browser):
    with serving.served(api_server) as address, reading(browser, f"{address}/llm-bench") as reader:
        yield lambda page, **options: reader.open(
            f"under-way/{page}", viewport={"width": 1280, "height": 900}, **options
        )


def plot(tab: Page) -> tuple[float, float, float]:
    """Where the plot of the first chart along time begins, ends, and is in the middle of its height."""
    chart = tab.locator("#over-time ~ .chart")
    chart.scroll_into_view_if_needed()
    drawn(tab)
    marks = chart.locator("[aria-roledescription=point]").all()
    boxes = [mark.bounding_box() for mark in marks]
    places = [box["x"] + box["width"] / 2 for box in boxes]
    around = chart.bounding_box()
    return min(places), max(places), around["y"] + 60


class TestAChartAlongTime:
    def test_shows_all_values_of_a_slot_anywhere_in_the_plot(self, open_tab):
        tab = open_tab("latency")
        left, _, middle = plot(tab)
        tab.mouse.move(left + 1, middle)
        tip = tab.locator("#vg-tooltip-element.visible")
        expect(tip).to_contain_text("llama3-70b-8192")
        expect(tip).to_contain_text("deepseek-r1-0528-qwen3-8b")
        expect(tip).to_contain_text("20 records")

    def test_opens_the_records_of_the_slot_that_is_clicked(self, open_tab):
        tab = open_tab("latency")
        left, _, middle = plot(tab)
        tab.mouse.click(left + 1, middle)
        tab.wait_for_url("**/records?start=**")
        expect(tab.get_by_text("80 records", exact=True)).to_be_visible()

    def test_shows_the_part_that_is_dragged_over_and_keeps_it_in_the_address(self, open_tab):
        tab = open_tab("latency")
        left, right, middle = plot(tab)
        tab.mouse.move(left - 4, middle)
        tab.mouse.down()
        tab.mouse.move((left + right) / 2, middle, steps=3)
        tab.mouse.up()
        tab.wait_for_url("**/latency?start=**")
        asked = parse_qs(urlparse(tab.url).query)
        assert asked["start"][0] < asked["end"][0]
        drawn(tab)
        expect(tab.locator(".chips")).to_contain_text("from")

    def test_shows_values_to_a_finger_before_it_opens_records(self, open_tab):
        tab = open_tab("latency", has_touch=True)
        left, _, middle = plot(tab)
        tab.touchscreen.tap(left + 1, middle)
        tab.wait_for_timeout(300)
        assert "/latency" in tab.url


class TestAPageThatStaysOpen:
    def test_shows_a_batch_that_was_loaded_meanwhile_and_what_was_unfolded_stays_so(
        self, open_tab, study, include, tmp_path: Path
    ):
        tab = open_tab("overview")
        expect(tab.locator("#calendar ~ .numbers")).to_contain_text("160 of 4,480")
        tab.get_by_text("How to read this").click()
        slots = list(study.window.schedule)
        fill_study(open_store(study.storage, tmp_path), study, include, slots=slots[2:3], seed=8)
        tab.wait_for_timeout(2_500)  # for as long a look at the store is taken for good
        tab.evaluate("lookAgain()")
        expect(tab.locator("#calendar ~ .numbers")).to_contain_text("240 of 4,480")
        expect(tab.get_by_role("table", name="Quality and cost of each LLM")).to_be_visible()

    def test_shows_how_far_the_cells_are_that_run(self, open_tab, monkeypatch):
        tab = open_tab("overview")
        expect(tab.get_by_role("heading", name="Measured now")).to_be_hidden()
        cells = [Cell("kimi-k2-instruct · retail", 6), Cell("kimi-k2-instruct · finance", 0)]
        monkeypatch.setattr(live, "running_cells", lambda dag_id: cells)
        tab.evaluate("lookAgain()")
        expect(tab.get_by_text("kimi-k2-instruct · retail: question 7 of 10")).to_be_visible()
        expect(tab.get_by_text("kimi-k2-instruct · finance: question 1 of 10")).to_be_visible()

    def test_isnt_disturbed_while_someone_types(self, open_tab, study, include, tmp_path: Path):
        tab = open_tab("records")
        tab.get_by_role("searchbox").fill("reven")
        version = tab.evaluate("document.body.dataset.version")
        slots = list(study.window.schedule)
        fill_study(open_store(study.storage, tmp_path), study, include, slots=slots[2:3], seed=8)
        tab.wait_for_timeout(2_500)
        tab.evaluate("lookAgain()")
        assert tab.evaluate("document.body.dataset.version") == version
