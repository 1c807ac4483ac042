"""README's step 1 in a browser, as a person goes through it: a key, its test, and a batch that is measured with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.browser import chromium

pytestmark = pytest.mark.airflow

PATIENCE_MS = 240_000
"""A machine with other work may take long to draw a page, and none of this is judged by its time."""


@pytest.fixture
def tab(airflow: Any) -> Iterator[Page]:
    """The browser of a person who has logged in."""
    expect.set_options(timeout=PATIENCE_MS)
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(airflow.api.url)
        page.locator("input[name=username]").fill(airflow.api.user)
        page.locator("input[name=password]").fill(airflow.api.password)
        page.get_by_role("button", name="Sign in").click()
        yield page
    expect.set_options(timeout=None)


def test_a_key_is_added_tested_and_measured_with(airflow: Any, tab: Page):
    add_connection(tab, airflow.key, airflow.provider.url)
    check_connection(tab)
    assert not [asked for asked in airflow.provider.asked if asked.model == "walked"]  # the test spent no token
    trigger_batch(tab)
    expect(tab.get_by_role("row").filter(has_text="Success")).to_have_count(4)  # the tasks, prepare to load
    assert [record["success"] for record in airflow.records("walked")] == [True] * 10
    assert {asked.key for asked in airflow.provider.asked if asked.model == "walked"} == {airflow.key}


# Not Groq, as in README: other tests here need it to have no key.
def add_connection(tab: Page, key: str, address: str) -> None:
    tab.get_by_role("button", name="Admin").click()
    tab.get_by_role("menuitem", name="Connections").click()
    tab.get_by_role("button", name="Add Connection").click()
    form = tab.get_by_role("dialog")
    form.get_by_label("Connection ID").fill("llm_mistral")
    form.get_by_role("combobox").click()
    tab.get_by_role("option", name="LLM API").click()
    form.get_by_label("Provider").fill("mistral")
    form.get_by_label("API key").fill(key)
    form.get_by_label("Port").fill("443")
    form.get_by_label("Base URL").fill(address)  # the one thing that README doesn't say: nothing leaves this machine
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)


def check_connection(tab: Page) -> None:
    tab.get_by_role("row", name="llm_mistral").get_by_role("button", name="Test Connection").click()
    expect(tab.get_by_text("Test Connection Successful")).to_be_visible()
    expect(tab.get_by_text("Key: accepted (this connection); models listed: 1.")).to_be_visible()


def trigger_batch(tab: Page) -> None:
    tab.get_by_role("link", name="Dags").click()
    tab.get_by_role("link", name="llm_bench_walked").click()
    tab.wait_for_url("**/dags/llm_bench_walked*")
    button = tab.get_by_role("button", name="Trigger")
    expect(button).to_have_count(1)  # the list of before, gone now, has one for each DAG
    button.click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_label("Unpause llm_bench_walked on trigger")).to_be_checked()
    dialog.get_by_role("button", name="Trigger").click()
    tab.wait_for_url("**/dags/llm_bench_walked/runs/manual__*")
