"""A person's way through the pages, in a real browser and with Airflow's API server."""

from __future__ import annotations

import csv
import itertools

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from analysis.studies import HOSTILE
from dashboard import serving
from dashboard.conftest import SLOTS, thesis_slots
from llm_bench.dashboard.pages import NAVIGATION
from llm_bench.store.base import from_parquet, object_path, open_store

expect.set_options(timeout=60_000)  # a busy machine takes its time to draw
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def address(api_server, loaded):
    with serving.served(api_server) as address:
        yield f"{address}/llm-bench/thesis"


@pytest.fixture(scope="module")
def hostile(loaded, include):
    """The id of a record whose answer is full of markup."""
    store = open_store("file://data", loaded)
    for slot in thesis_slots(include)[:SLOTS]:
        for record in from_parquet(store.read(object_path("records", "thesis", slot))[0]):
            if any(text in (record["answer"] or "") for text in HOSTILE[:2]):
                return record["record_id"]
    raise AssertionError("no made-up answer is hostile")


@pytest.fixture
def open_tab(browser, address):
    """Opens a page as a reader of the DAG; what the tab complains of, and what it asks of others, fails the test."""
    contexts, faults = [], []
    origin = address.removesuffix("/llm-bench/thesis")

    def open_page(page: str, **options):
        context = browser.new_context(**({"color_scheme": "light"} | options))
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": serving.token("VIEWER"), "url": origin}])
        context.on("request", lambda sent: None if sent.url.startswith((origin, "blob:")) else faults.append(sent.url))
        tab = context.new_page()
        tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        tab.goto(f"{address}/{page}")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def drawn(tab) -> None:
    """Waits until every chart of the page is drawn."""
    tab.evaluate("document.querySelectorAll('[data-chart]').forEach((chart) => draw(chart))")
    expect(tab.locator("[data-chart]:not([data-drawn])")).to_have_count(0)


class TestEveryPage:
    @pytest.mark.parametrize(("page", "theme"), list(itertools.product([*NAVIGATION, "record"], ["light", "dark"])))
    def test_is_accessible_in_both_themes_and_fits_a_phone(self, open_tab, hostile, page, theme):
        tab = open_tab(page if page != "record" else f"records/{hostile}", color_scheme=theme)
        drawn(tab)
        tab.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        violations = [
            violation for violation in Axe().run(tab).response["violations"] if violation["impact"] in SERIOUS
        ]
        assert [
            (violation["id"], [node["html"][:200] for node in violation["nodes"][:3]]) for violation in violations
        ] == []
        tab.set_viewport_size({"width": 360, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360

    def test_can_be_read_without_a_script(self, open_tab):
        tab = open_tab("latency", java_script_enabled=False)
        assert not tab.locator(".chart svg").count()
        tab.get_by_text("The numbers").first.click()
        expect(tab.get_by_role("table", name="Latency, median of each slot")).to_be_visible()


class TestAWayThroughThePages:
    def test_leads_from_the_scores_to_how_sure_they_are(self, open_tab):
        tab = open_tab("coverage")
        tab.get_by_role("link", name="How sure the scores are").click()
        sets = tab.get_by_role("table", name="Agreement of the scores with people, on public sets")
        expect(sets).to_be_in_viewport()
        expect(sets.get_by_role("columnheader", name="Best simple way")).to_be_visible()

    def test_leads_from_a_filter_to_a_point_and_its_record(self, open_tab):
        tab = open_tab("overview")
        tab.get_by_role("navigation", name="Pages of the study").get_by_role("link", name="Latency", exact=True).click()
        tab.get_by_text("Filters").click()
        tab.get_by_role("checkbox", name="mistral-7b-instruct").check()
        tab.get_by_role("checkbox", name="retail").check()
        tab.get_by_role("button", name="Apply").click()
        tab.wait_for_url("**/latency?llm=openrouter%2Fmistralai%2Fmistral-7b-instruct&industry=retail")
        drawn(tab)
        tab.locator("#over-time ~ .chart [aria-roledescription=point]").nth(3).click()
        tab.wait_for_url("**/records?start=**")
        expect(tab.get_by_text("10 records", exact=True)).to_be_visible()
        tab.locator("tbody th a").first.click()
        expect(tab.get_by_role("heading", name="Where the time went")).to_be_visible()
        assert "industry=retail" in tab.url

    def test_leads_from_an_export_to_its_file(self, open_tab, tmp_path):
        tab = open_tab("export?industry=finance")
        with tab.expect_download() as download:
            tab.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == "thesis-records.csv"
        download.value.save_as(tmp_path / "records.csv")
        with (tmp_path / "records.csv").open(newline="") as file:
            assert sum(row["industry"] == "finance" for row in csv.DictReader(file)) == SLOTS * 40

    def test_can_be_gone_by_keyboard(self, open_tab):
        tab = open_tab("overview")
        tab.keyboard.press("Tab")
        expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
        tab.keyboard.press("Enter")
        tab.keyboard.press("Tab")
        assert "Filters" in tab.evaluate("document.activeElement.textContent")
        tab.get_by_role("link", name="Fastest").focus()
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/compare?metric=latency_sec#wins")
        cell = tab.locator(".wins td[title]").first
        cell.focus()
        tab.keyboard.press("ArrowDown")
        expect(tab.locator(".wins td[title]:focus")).to_have_count(1)
        expect(tab.locator("[data-said]")).to_contain_text("mistral-7b-instruct: ")


class TestHostileText:
    def test_runs_nothing(self, open_tab, hostile):
        tab = open_tab(f"records/{hostile}")
        drawn(tab)
        assert tab.title() != "pwned"
        assert "<" in tab.locator("#answer ~ p.text").inner_text()


class TestTheTheme:
    def test_is_the_one_that_was_chosen_in_airflow(self, open_tab):
        tab = open_tab("latency", color_scheme="light")
        drawn(tab)
        light = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        tab.evaluate("localStorage.setItem('theme', 'dark')")
        tab.reload()
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != light

    def test_changes_with_it_also_in_the_charts(self, open_tab):
        tab = open_tab("latency", color_scheme="light")
        drawn(tab)
        other = tab.context.new_page()
        other.goto(tab.url)
        other.evaluate("localStorage.setItem('theme', 'dark')")
        expect(tab.locator("html[data-theme=dark]")).to_have_count(1)
        expect(tab.locator("[data-chart]:not([data-drawn=dark])")).to_have_count(0)


class TestInAirflowsFrame:
    def test_the_dashboard_is_opened_from_the_navigation_and_left_for_airflow(self, open_tab, address):
        tab = open_tab("../../")
        tab.get_by_role("link", name="llm-bench").click()
        inside = tab.frame_locator("iframe")
        inside.get_by_role("link", name="thesis").click()
        tab.wait_for_url("**/plugin/llm-bench/llm-bench/thesis/overview", timeout=60_000)  # Airflow follows the frame
        inside.get_by_role("navigation", name="Pages of the study").get_by_role(
            "link", name="Latency", exact=True
        ).click()
        expect(inside.locator("#over-time ~ .chart svg")).to_be_visible()
        tab.wait_for_url("**/plugin/llm-bench/llm-bench/thesis/latency", timeout=60_000)  # so that a view can be shared
        expect(inside.get_by_role("link", name="Airflow", exact=True)).not_to_be_visible()
        inside.get_by_role("link", name="DAG in Airflow").click()
        tab.wait_for_url("**/dags/llm_bench_thesis")
