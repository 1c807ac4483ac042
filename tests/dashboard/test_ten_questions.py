"""Ten questions that people have, each answered by the first screen of one page, or of the one that it leads to.

docs/dashboard.md says where.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard import serving
from dashboard.opening import drawn, reading
from dashboard.situations import make

SCREEN = {"width": 1440, "height": 900}
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def address(api_server, include, tmp_path_factory):
    home: Path = tmp_path_factory.mktemp("questions")
    shutil.copytree(include, home / "include")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        make("half-done", home)
        with serving.served(api_server) as address:
            yield f"{address}/llm-bench"


@pytest.fixture
def tab(browser, address):
    """The study's overview, at its top."""
    with reading(browser, address) as reader:
        yield reader.open("half-done/overview", viewport=SCREEN)


def read(part: Locator) -> str:
    """What stands in a part of the page; without scrolling, all of it has to be on the screen."""
    expect(part).to_be_visible()
    box = part.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= SCREEN["height"]
    return " ".join(part.inner_text().split())


def answer(tab: Page, question: str) -> Locator:
    """What the overview answers to one of its questions."""
    return tab.locator(".answers > div", has=tab.get_by_role("link", name=question, exact=True)).locator("dd")


class TestTenQuestions:
    def test_1_which_llm_is_fastest(self, tab):
        assert read(answer(tab, "Fastest")).startswith(
            "llama3-70b-8192: faster than kimi-k2-instruct, mistral-7b-instruct and deepseek-r1-0528-qwen3-8b"
        )

    def test_2_is_mistral_more_reliable_than_deepseek(self, tab):
        tab.get_by_role("link", name="Most reliable").click()
        row = tab.locator(".wins tbody tr", has=tab.get_by_role("link", name="mistral-7b-instruct"))
        tab.evaluate("window.scrollTo(0, 0)")
        cell = row.locator("td[title*='deepseek']")
        assert read(cell) == "?"
        cell.hover()
        assert read(tab.locator("[data-said]")).startswith(
            "mistral-7b-instruct: can't tell, beside deepseek-r1-0528-qwen3-8b; +1"
        )

    def test_3_when_did_kimi_fail_and_why(self, tab):
        row = tab.get_by_role("row", name=re.compile("kimi-k2-instruct"))
        row.get_by_role("link", name="12", exact=True).click()
        first = tab.locator(".records tbody tr").first
        said = read(first)
        assert re.search(r"\w{3} \d\d Nov \d\d:\d\d:\d\d", said)
        assert re.search("✗ (rate limited|server error)", said)

    def test_4_which_one_covers_most_and_is_it_sure(self, tab):
        assert read(answer(tab, "Best coverage")) == (
            "can't tell which of llama3-70b-8192, kimi-k2-instruct and deepseek-r1-0528-qwen3-8b; mistral-7b-instruct "
            "is worse than one of them."
        )

    def test_5_which_one_is_cheapest(self, tab):
        said = read(answer(tab, "Cheapest"))
        assert said.startswith("mistral-7b-instruct: cheaper than kimi-k2-instruct and deepseek-r1-0528-qwen3-8b")
        assert said.endswith("no price is known of llama3-70b-8192.")

    def test_6_does_the_time_of_day_matter(self, tab):
        assert "kimi-k2-instruct and deepseek-r1-0528-qwen3-8b with the time of day" in read(answer(tab, "Steadiest"))

    def test_7_does_it_go_as_planned(self, tab):
        slots = read(tab.locator("#calendar ~ .legend"))
        assert slots == "42 done 1 late 1 incomplete 12 missed"
        assert "3,510 of 4,480" in read(tab.locator("#calendar ~ .numbers"))

    def test_8_what_has_to_be_done(self, tab):
        assert "12 slots were missed" in read(tab.locator(".todo"))
        tab.get_by_text("12 slots were missed", exact=True).click()
        assert read(tab.locator(".todo pre").nth(1)).startswith("airflow backfill create --dag-id llm_bench_half-done")

    def test_9_how_much_slower_is_deepseek_than_llama(self, tab):
        tab.get_by_role("link", name="Fastest").click()
        row = tab.locator(".wins tbody tr", has=tab.get_by_role("link", name="deepseek"))
        row.locator("td[title*='llama3']").hover()
        said = read(tab.locator("[data-said]"))
        assert re.match(
            r"deepseek-r1-0528-qwen3-8b: slower than llama3-70b-8192; \d+\.\d times as long \[\d+\.\d, \d+\.\d\], p < ",
            said,
        )

    def test_10_was_it_the_same_model_all_the_time(self, tab):
        tab.get_by_role("link", name="Identity", exact=True).click()
        drawn(tab)
        assert "kimi-k2-instruct: " in read(tab.locator(".verdicts"))
