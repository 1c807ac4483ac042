"""A real browser for tests: the chromium that the machine has, as there is none to download without the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, headless; where there is none the test is skipped, but never in CI."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None and "CI" not in os.environ:
        pytest.skip("no browser here: install Debian's chromium, or Google Chrome")
    with sync_playwright() as playwright:
        # Its sandbox needs privileges that containers don't give; the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
