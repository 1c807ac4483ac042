"""The dashboard's pages"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard import serving
from dashboard.opening import cut_off, drawn, reading
from dashboard.situations import SITUATIONS, make
from fixtures.trust import Seen
from llm_bench.dashboard.pages import NAVIGATION

pytestmark = pytest.mark.trust

expect.set_options(timeout=120_000)
WIDTHS, THEMES = (1440, 1024, 390), ("light", "dark")


@pytest.fixture(scope="module")
def address(include, tmp_path_factory):
    home: Path = tmp_path_factory.mktemp("situations")
    shutil.copytree(include, home / "include")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BENCH_HOME", str(home))
        for name in SITUATIONS:
            make(name, home)
        with serving.api_server() as app, serving.served(app) as address:
            yield f"{address}/llm-bench"


def faults(tab: Page, *, cut: bool) -> Iterator[tuple[str, ...]]:
    """What axe finds on a page, and which names and numbers aren't wholly there."""
    for violation in Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]:
        yield from ((violation["id"], node["html"][:160], node["failureSummary"]) for node in violation["nodes"])
    yield from (("cut", words) for words in (cut_off(tab) if cut else ()))


class TestInAnySituation:
    """The dashboard in any situation"""

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_is_accessible_and_whole(self, browser, address, situation, seen: Seen):
        """Every page was opened at 1440, 1024 and 390 px, light and dark, and looked at by axe."""
        wrong: dict[tuple[str, ...], set[str]] = {}
        with reading(browser, address) as reader:
            for page in NAVIGATION:
                tab = reader.open(f"{situation}/{page}")
                for theme in THEMES:
                    tab.emulate_media(color_scheme=theme)
                    for width in WIDTHS:
                        tab.set_viewport_size({"width": width, "height": 900})
                        drawn(tab)
                        for fault in faults(tab, cut=width == WIDTHS[-1]):
                            wrong.setdefault((page, *fault), set()).add(f"{width} {theme}")
                tab.close()
        assert not wrong, "\n".join(f"{fault}: {sorted(where)}" for fault, where in wrong.items())
        seen(f"{situation.replace('-', ' ').capitalize()}: nothing was found, and no name or number was cut.")
