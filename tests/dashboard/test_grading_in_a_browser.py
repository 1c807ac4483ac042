"""Grading answers in a real browser: by keys, by a finger at 390 px, and without a script."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard import serving
from dashboard.opening import cut_off, reading
from dashboard.situations import Situation, make
from llm_bench.store.base import open_store
from llm_bench.store.grades import grading

expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def home(include, tmp_path_factory) -> Path:
    home: Path = tmp_path_factory.mktemp("graded")
    shutil.copytree(include, home / "include")
    make("graded", home, Situation(llms=["groq/llama3-70b-8192", "openrouter/a/b"], industries=1, measured=6))
    return home


@pytest.fixture(scope="module")
def address(api_server, home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        with serving.served(api_server) as address:
            yield f"{address}/llm-bench"


@pytest.fixture
def grader(browser, address):
    with reading(browser, address, "USER") as grader:
        yield grader


def first(tab: Page) -> Page:
    """Opens the first answer that isn't graded, of a sample that is drawn where there is none."""
    if tab.get_by_role("button", name="Draw").count():
        tab.get_by_role("button", name="Draw").click()
    tab.locator("a.button", has_text="Begin").or_(tab.locator("a.button", has_text="Go on")).click()
    return tab


def kept(home: Path) -> list[tuple[int | None, int | None]]:
    grades = grading(open_store(f"file://{home / 'data'}", home), "graded").grades
    return [(grade.coverage, grade.groundedness) for grade in grades]


class TestAnAnswerIsGraded:
    def test_by_three_keys(self, grader, home):
        before = kept(home)
        tab = first(grader.open("graded/grading"))
        graded = tab.url
        expect(tab.locator("[data-grades]")).to_be_focused()
        for key in ("3", "-", "Enter"):
            tab.keyboard.press(key)
        expect(tab).not_to_have_url(graded)
        expect(tab.locator(".where")).to_contain_text("1 of 40 graded by you")
        assert kept(home) == [*before, (3, None)]

    def test_by_keys_anew_and_only_where_one_is(self, grader):
        tab = first(grader.open("graded/grading"))
        expect(tab.locator("[data-grades]")).to_be_focused()
        tab.keyboard.press("1")
        tab.keyboard.press("2")
        assert tab.locator("[name=coverage]:checked").input_value() == "1"
        assert tab.locator("[name=groundedness]:checked").input_value() == "2"
        tab.locator("[name=coverage]:checked").focus()
        tab.keyboard.press("4")
        assert tab.locator("[name=coverage]:checked").input_value() == "4"
        assert tab.locator("[name=groundedness]:checked").input_value() == "2"

    def test_without_a_script(self, grader, home):
        before = len(kept(home))
        tab = first(grader.open("graded/grading", java_script_enabled=False))
        graded = tab.url
        tab.get_by_role("radio", name="4 all").first.check()
        tab.get_by_role("radio", name="0 nothing, or the opposite").check()
        tab.get_by_role("button", name="Keep").click()
        assert tab.url != graded
        assert kept(home)[before:] == [(4, 0)]

    def test_only_with_both_grades(self, grader, home):
        before = len(kept(home))
        tab = first(grader.open("graded/grading"))
        graded = tab.url
        tab.get_by_role("radio", name="4 all").first.check()
        tab.get_by_role("button", name="Keep").click()
        assert tab.url == graded
        assert len(kept(home)) == before

    def test_by_a_page_that_stays_while_batches_are_loaded(self, grader):
        tab = first(grader.open("graded/grading"))
        tab.get_by_role("radio", name="4 all").first.check()
        tab.evaluate("document.activeElement.blur(); document.body.dataset.version = 'earlier'; lookAgain()")
        assert tab.locator("[name=coverage]:checked").input_value() == "4"


def test_its_pages_are_accessible_and_whole(grader):
    tab = grader.open("graded/grading")
    for opened in (tab, first(grader.open("graded/grading"))):
        for theme in ("light", "dark"):
            opened.emulate_media(color_scheme=theme)
            for width in (1440, 1024, 390):
                opened.set_viewport_size({"width": width, "height": 900})
                violations = Axe().run(opened).response["violations"]
                assert [(violation["id"], violation["nodes"][0]["html"][:160]) for violation in violations] == []
                assert cut_off(opened) == []


def test_a_reader_without_the_right_sees_the_answers_alone(browser, address):
    with reading(browser, address, "ADMIN") as other:
        tab = other.open("graded/grading")
        if tab.get_by_role("button", name="Draw").count():
            tab.get_by_role("button", name="Draw").click()
    with reading(browser, address) as reader:
        tab = reader.open("graded/grading/1")
        expect(tab.get_by_role("heading", name="Answer", exact=True)).to_be_visible()
        expect(tab.locator("main form")).to_have_count(0)
