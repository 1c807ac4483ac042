from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.browser import chromium
from llm_bench.dashboard.pages import NAVIGATION

pytestmark = pytest.mark.airflow

TASK = "validate_and_load"


@pytest.fixture(scope="module")
def link(airflow: Any) -> str:
    """The link on the task that validated a batch."""
    run_id = airflow.run("quickstart")
    path = f"/dags/llm_bench_quickstart/dagRuns/{run_id}/taskInstances/{TASK}/links"
    links: dict[str, str] = airflow.api.request("GET", path)["extra_links"]
    return links["Data quality"]


@pytest.fixture(scope="module")
def login(airflow: Any) -> str:
    """A token of the user who is logged in."""
    user = {"username": airflow.api.user, "password": airflow.api.password}
    return str(httpx.post(f"{airflow.api.url}/auth/token", json=user, timeout=30).json()["access_token"])


@pytest.fixture
def tab() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page()


class TestTheDataQualityLink:
    def test_leads_a_person_over_the_login_to_the_page_of_the_slot(self, airflow: Any, link: str, tab: Page):
        tab.goto(airflow.api.url + link)
        tab.locator("input[name=username]").fill(airflow.api.user)
        tab.locator("input[name=password]").fill(airflow.api.password)
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url(airflow.api.url + link)
        expect(tab.get_by_text("80 valid")).to_be_visible()

    def test_stands_among_the_details_of_the_task(self, airflow: Any, link: str, login: str, tab: Page):
        tab.context.add_cookies([{"name": "_token", "value": login, "url": airflow.api.url}])
        run = airflow.api.request("GET", "/dags/llm_bench_quickstart/dagRuns?order_by=-run_after")["dag_runs"][0]
        tab.goto(f"{airflow.api.url}/dags/llm_bench_quickstart/runs/{run['dag_run_id']}/tasks/{TASK}/details")
        tab.get_by_role("link", name="Data quality").click(timeout=30_000)
        tab.wait_for_url(airflow.api.url + link)
        expect(tab.get_by_text("80 valid")).to_be_visible()


class TestTheDashboard:
    def test_opens_from_airflows_navigation_and_leads_through_every_page(self, airflow: Any, link: str, tab: Page):
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on(
            "request",
            lambda sent: None if sent.url.startswith((airflow.api.url, "data:", "blob:")) else faults.append(sent.url),
        )
        tab.goto(airflow.api.url)
        tab.locator("input[name=username]").fill(airflow.api.user)
        tab.locator("input[name=password]").fill(airflow.api.password)
        tab.get_by_role("button", name="Sign in").click()
        tab.get_by_role("link", name="llm-bench").click(timeout=30_000)
        inside = tab.frame_locator("iframe")
        inside.get_by_role("link", name="quickstart").click()
        tab.wait_for_url("**/plugin/llm-bench/llm-bench/quickstart/overview")  # Airflow follows the frame
        tabs = inside.get_by_role("navigation", name="Pages of the study")
        for page in NAVIGATION:
            tabs.get_by_role("link", name=page.capitalize(), exact=True).click()
            expect(inside.get_by_role("heading", level=1)).to_have_text(page.capitalize())
            tab.wait_for_url(f"**/plugin/llm-bench/llm-bench/quickstart/{page}")  # so that a view can be shared
        tabs.get_by_role("link", name="Records", exact=True).click()
        inside.locator("tbody th a").first.click()
        expect(inside.get_by_role("heading", name="Where the time went")).to_be_visible()
        inside.get_by_role("link", name="run in Airflow").click()
        tab.wait_for_url("**/dags/llm_bench_quickstart/runs/**")
        assert faults == []


class TestThePages:
    def test_are_closed_to_a_stranger(self, airflow: Any, link: str):
        reply = httpx.get(airflow.api.url + link)
        assert reply.status_code == 401
        assert "quickstart" not in reply.text

    def test_forbid_scripts_and_anything_from_elsewhere(self, airflow: Any, link: str, login: str):
        reply = httpx.get(airflow.api.url + link, headers={"authorization": f"Bearer {login}"}, timeout=30)
        assert reply.status_code == 200
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
