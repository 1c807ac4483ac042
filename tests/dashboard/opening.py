"""Pages in a real browser, opened as a reader of the DAG: what a tab complains of, and what it asks of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

from dashboard import serving


class Reader:
    """A reader of the DAG, with the tabs that were opened.

    :param address: of the dashboard.
    :param role: of the simple auth manager.
    """

    def __init__(self, browser: Browser, address: str, role: str = "VIEWER") -> None:
        self._browser, self._address, self._role = browser, address, role
        self._contexts: list[Any] = []
        self.faults: list[str] = []

    def open(self, page: str, **options: Any) -> Page:
        """A page of the dashboard in a tab of its own."""
        origin = self._address.removesuffix("/llm-bench")
        context = self._browser.new_context(**({"color_scheme": "light"} | options))
        self._contexts.append(context)
        context.add_cookies([{"name": "_token", "value": serving.token(self._role), "url": origin}])
        context.on(
            "request", lambda sent: None if sent.url.startswith((origin, "blob:")) else self.faults.append(sent.url)
        )
        tab = context.new_page()
        tab.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: self.faults.append(str(error)))
        tab.on("dialog", lambda dialog: self.faults.append(dialog.message))
        tab.goto(f"{self._address}/{page}", timeout=120_000)
        return tab

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def reading(browser: Browser, address: str, role: str = "VIEWER") -> Iterator[Reader]:
    """A reader whose tabs must not have complained."""
    reader = Reader(browser, address, role)
    yield reader
    reader.close()
    assert reader.faults == []


def drawn(tab: Page) -> None:
    """Waits until every chart of the page is drawn, as its width and the theme have it now."""
    tab.evaluate("Promise.all([...document.querySelectorAll('[data-chart]')].map((chart) => draw(chart)))")
    theme = tab.evaluate("theme()")
    expect(tab.locator(f"[data-chart]:not([data-drawn={theme}])")).to_have_count(0)


_CUT = """() => {
  const cut = [];
  const box = (part) => part.getBoundingClientRect();
  for (const part of document.querySelectorAll("main *")) {
    if (part.closest("pre, svg, .unseen, .clamp, .wins, noscript")) continue;
    const holds = part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
    if (holds && getComputedStyle(part).overflowX !== "visible" && !part.querySelector(".wins"))
      cut.push(part.textContent.trim().slice(0, 60));
  }
  for (const text of document.querySelectorAll(".chart svg text")) {
    const chart = box(text.closest(".chart"));
    const there = box(text);
    if (there.width && (there.left < chart.left - 1 || there.right > chart.right + 1)) cut.push(text.textContent);
    if (text.textContent.endsWith("…") && !text.querySelector("title")) cut.push(text.textContent);
  }
  if (document.documentElement.scrollWidth > innerWidth) cut.push("the page");
  return cut;
}"""


def cut_off(tab: Page) -> list[str]:
    """Names and numbers of a page that aren't wholly there; a matrix may be wider than a phone."""
    return tab.evaluate(_CUT)
