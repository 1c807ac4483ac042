"""Pages of studies that aren't as one expects: nothing measured, one slot, names of 80 letters. make trust does all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dashboard import serving
from dashboard.opening import cut_off, drawn, reading
from dashboard.situations import make

expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def address(api_server, include, tmp_path_factory):
    home: Path = tmp_path_factory.mktemp("situations")
    shutil.copytree(include, home / "include")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        for name in ("nothing", "one-slot", "all-failed", "long-names"):
            make(name, home)
        with serving.served(api_server) as address:
            yield f"{address}/llm-bench"


@pytest.fixture
def open_tab(browser, address):
    with reading(browser, address) as reader:
        yield reader.open


class TestAPhone:
    @pytest.mark.parametrize(
        "page",
        ["nothing/overview", "one-slot/compare", "all-failed/overview", "long-names/overview", "long-names/compare"],
    )
    def test_shows_each_page_whole_and_accessible(self, open_tab, page):
        tab = open_tab(page, viewport={"width": 390, "height": 844})
        drawn(tab)
        violations = Axe().run(tab).response["violations"]
        assert [(known["id"], known["nodes"][0]["html"][:200]) for known in violations] == []
        assert cut_off(tab) == []


class TestWithOneSlot:
    def test_nothing_was_tested_and_no_p_is_shown(self, open_tab):
        tab = open_tab("one-slot/compare")
        expect(tab.locator(".wins td[title]").first).to_have_text("·")
        assert "not tested" in (tab.locator(".wins td[title]").first.get_attribute("title") or "")
        drawn(tab)
        assert "≥" not in tab.locator("main").inner_text()


class TestWhereAllFailed:
    def test_a_sentence_says_so_in_place_of_empty_charts(self, open_tab):
        tab = open_tab("all-failed/latency")
        expect(tab.get_by_role("heading", name="All 640 records of this view failed")).to_be_visible()
        assert tab.locator(".chart").count() == 0


class TestTheTableOfLLMs:
    def test_is_sorted_by_a_title(self, open_tab):
        tab = open_tab("one-slot/overview")
        tab.get_by_role("columnheader", name="Latency").get_by_role("link").click()
        tab.wait_for_url("**sort=latency_sec**")
        expect(tab.get_by_role("columnheader", name="Latency")).to_have_attribute("aria-sort", "ascending")
        tab.get_by_role("columnheader", name="Latency").get_by_role("link").click()
        tab.wait_for_url("**order=down**")
        expect(tab.locator("#llms ~ .scroll tbody th").first).to_contain_text("deepseek")
