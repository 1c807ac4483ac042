from __future__ import annotations

import pytest

from dashboard.conftest import SLOT
from llm_bench.dashboard.security import HEADERS
from llm_bench.dashboard.validation import page

ADDRESS = "http://airflow.invalid/llm-bench/validations/thesis/slot"


@pytest.fixture(params=["light", "dark"])
def tab(browser, request):
    """A tab without network, in either colour scheme; what it asked for and what it complained of."""
    context = browser.new_context(color_scheme=request.param)
    tab = context.new_page()
    tab.asked, tab.complaints = [], []
    tab.on("request", lambda sent: tab.asked.append(sent.url))
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("dialog", lambda dialog: tab.complaints.append(dialog.message))
    yield tab
    context.close()


def show(tab, content: bytes, headers: dict[str, str]) -> None:
    """Opens the page as the API server would send it; everything else meets a dead network."""

    def answer(route) -> None:
        if route.request.url == ADDRESS:
            route.fulfill(body=content, headers={"content-type": "text/html; charset=utf-8"} | headers)
        else:
            route.abort("internetdisconnected")

    tab.route("**/*", answer)
    tab.goto(ADDRESS)
    tab.wait_for_load_state("networkidle")


class TestWithoutANetwork:
    def test_the_page_is_whole(self, tab, results):
        show(tab, page(results, "thesis", SLOT), HEADERS)
        assert tab.asked == [ADDRESS]
        assert tab.complaints == []
        for text in (
            "records are quarantined",
            "wait_sec must be at least 0",
            "0123abcd",
            "cost_usd must be at most 1",
        ):
            assert tab.get_by_text(text).first.is_visible()

    def test_what_is_met_unfolds_without_a_script(self, tab, results):
        show(tab, page(results, "thesis", SLOT), HEADERS)
        met = tab.get_by_text("attempt must be at least 1")
        assert not met.is_visible()
        tab.locator("summary").click()
        assert met.is_visible()

    def test_it_fits_a_phone(self, tab, results):
        results["expectations"][0]["examples"] = ["x" * 100]
        tab.set_viewport_size({"width": 360, "height": 800})
        show(tab, page(results, "thesis", SLOT), HEADERS)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_hostile_text_is_shown_and_runs_nothing_even_without_our_headers(tab, results):
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    for expectation in results["expectations"]:
        expectation |= {"name": script, "examples": [script, f'"><svg onload="{script}">']}
    show(tab, page(results, script, SLOT), {})
    assert tab.asked == [ADDRESS]
    assert tab.complaints == []
    assert tab.get_by_text(script).first.is_visible()
