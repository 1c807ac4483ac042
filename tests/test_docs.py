"""README and docs/: their links, blocks, files and names. (Commands: test_docs_commands.py.)"""

from __future__ import annotations

import configparser
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from llm_bench.airflow import stats
from llm_bench.rag.documents import load_documents
from llm_bench.rag.questions import load_question_sets
from llm_bench.store.sync import KINDS
from llm_bench.study import parse_study, read_yaml
from manual.lookup import connection_type, is_setting, known
from manual.reading import Block, Page, anchor, pages

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "llm_bench"
PAGES = pages(ROOT)
BLOCKS = [block for page in PAGES for block in page.blocks]
SPANS = sorted({(page.name, span) for page in PAGES for span in page.spans})

LANGUAGES = {"sh", "crontab", "yaml", "json", "ini", "python", "markdown", "mermaid", "text"}
AT_RUNTIME = ("data/", ".airflow/", ".venv/")
"""What these folders hold is made by running it."""
FILE = re.compile(r"\.?[\w.-]+(/[\w.<>…=*-]+)*(/|\.(py|md|yaml|toml|txt|lock))")


def each(values: list[Any]) -> Any:
    return pytest.mark.parametrize("value", values, ids=str)


def named(pattern: str | re.Pattern[str]) -> Any:
    """Each page with what stands there in backticks and is of this form."""
    return each([(page, span) for page, span in SPANS if re.fullmatch(pattern, span)])


def test_every_page_is_linked_from_the_index():
    (index,) = (page for page in PAGES if page.name == "docs/README.md")
    names = {Path(page.name).name for page in PAGES if page.name not in {"README.md", "docs/README.md"}}
    assert names <= {link.partition("#")[0] for link in index.links}


class TestALink:
    @each([(page.name, link) for page in PAGES for link in page.links if "://" not in link])
    def test_leads_somewhere(self, value: tuple[str, str]):
        page, link = value
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists()
        if fragment:
            (there,) = (other for other in PAGES if (ROOT / other.name).samefile(target))
            assert fragment in there.anchors

    @pytest.mark.parametrize(
        ("heading", "expected"),
        [("Start on Monday at 08:00", "start-on-monday-at-0800"), ("Keys (`KeyError`)", "keys-keyerror")],
    )
    def test_has_the_anchor_that_github_makes(self, heading: str, expected: str):
        assert anchor(heading) == expected


class TestABlock:
    @each(BLOCKS)
    def test_is_of_a_language_that_is_looked_at(self, value: Block):
        assert value.language in LANGUAGES

    @each([block for block in BLOCKS if block.language == "json"])
    def test_of_json_is_a_connection(self, value: Block):
        assert connection_type(value.text) == "llm"

    @each([block for block in BLOCKS if block.language == "ini"])
    def test_of_settings_names_some_that_airflow_has(self, value: Block):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read_string(value.text)
        told = [(section, key) for section in settings.sections() for key in settings[section]]
        assert told
        assert [pair for pair in told if not is_setting(*pair)] == []

    @each([block for block in BLOCKS if block.language == "yaml" and block.file is None])
    def test_of_yaml_is_part_of_a_study(self, value: Block, tmp_path: Path):
        file = tmp_path / "fragment.yaml"
        file.write_text(value.text, encoding="utf-8")
        least = {"llms": [{"model": "groq/a"}], "industries": ["retail"]}
        parse_study(least | read_yaml(file), file, ROOT / "include")


class TestTheFilesOfAPage:
    """Those whose path stands before them; together they make studies that can be used."""

    @each([page for page in PAGES if any(block.file for block in page.blocks)])
    def test_can_be_used_as_they_stand(self, value: Page, tmp_path: Path):
        shipped = [path for kind in ("questions", "knowledge") for path in (ROOT / "include" / kind).rglob("*.*")]
        files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in shipped}
        shown = {block.file: block.text for block in value.blocks if block.file}
        for name, text in (files | shown).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        include = tmp_path / "include"
        paths = [tmp_path / name for name in shown if "/studies/" in name]
        assert paths
        for study in [parse_study(read_yaml(path), path, include) for path in paths]:
            for industry in load_question_sets(include, study.industries):
                assert load_documents(include, industry)


class TestANameInBackticks:
    @named(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+(=\S*)?")
    def test_of_a_variable_is_one_that_is_read(self, value: tuple[str, str]):
        assert known(value[1].partition("=")[0])

    @named(r"llm_bench(\.\w+)+")
    def test_of_a_module_or_a_gauge_is_there(self, value: tuple[str, str]):
        assert value[1] in stats.NAMES or importlib.util.find_spec(value[1])

    @named(FILE)
    def test_of_a_file_is_there(self, value: tuple[str, str]):
        page, span = value
        shown = {block.file for block in BLOCKS if block.page == page and block.file}
        if (
            span.startswith(AT_RUNTIME)
            or span.partition("/")[0] in KINDS
            or any(path.startswith(span) for path in shown)
        ):
            return
        pattern = re.sub(r"<\w+>|…", "*", span).rstrip("/")
        assert any(any(folder.glob(pattern)) for folder in (ROOT, PACKAGE, ROOT / "docs", ROOT / "include/studies"))
