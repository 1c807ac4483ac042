"""README and docs/: their links, blocks, files and names. (Commands: test_commands.py.)"""

from __future__ import annotations

import configparser
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_bench.airflow import stats
from llm_bench.inputs import read_yaml
from llm_bench.rag.documents import load_documents
from llm_bench.rag.questions import load_question_sets
from llm_bench.store.sync import KINDS
from llm_bench.study import parse_study
from manual.checking import check_each, report
from manual.lookup import connection_type, is_setting, known
from manual.reading import Block, Word, anchor, pages

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugins" / "llm_bench"
PAGES = pages(ROOT)
BLOCKS = [block for page in PAGES for block in page.blocks]
LINKS = [link for page in PAGES for link in page.links if "://" not in link.text]
SPANS = [span for page in PAGES for span in page.spans]

LANGUAGES = {"sh", "crontab", "yaml", "json", "ini", "python", "markdown", "mermaid", "text"}
AT_RUNTIME = ("data/", ".airflow/", ".venv/")
"""What these folders hold is made by running it."""
FILE = re.compile(r"\.?[\w.-]+(/[\w.<>…=*-]+)*(/|\.(py|md|yaml|toml|txt|lock))")


def of_language(*languages: str) -> Iterator[Block]:
    return (block for block in BLOCKS if block.language in languages)


def spans(pattern: str | re.Pattern[str]) -> Iterator[Word]:
    """What stands in backticks and is of this form."""
    return (span for span in SPANS if re.fullmatch(pattern, span.text))


def test_every_page_is_linked_from_the_index():
    (index,) = (page for page in PAGES if page.name == "docs/README.md")
    names = {Path(page.name).name for page in PAGES if page.name not in {"README.md", "docs/README.md"}}
    report(names - {link.text.partition("#")[0] for link in index.links})


class TestALink:
    def test_leads_somewhere(self):
        def check(link: Word) -> None:
            path, _, fragment = link.text.partition("#")
            target = (ROOT / link.page).parent / path if path else ROOT / link.page
            assert target.exists()
            if fragment:
                (there,) = (other for other in PAGES if (ROOT / other.name).samefile(target))
                assert fragment in there.anchors

        check_each(LINKS, check)

    @pytest.mark.parametrize(
        ("heading", "expected"),
        [("Start on Monday at 08:00", "start-on-monday-at-0800"), ("Keys (`KeyError`)", "keys-keyerror")],
    )
    def test_has_the_anchor_that_github_makes(self, heading: str, expected: str):
        assert anchor(heading) == expected


class TestABlock:
    def test_is_of_a_language_that_is_looked_at(self):
        report(f"{block}: {block.language}" for block in BLOCKS if block.language not in LANGUAGES)

    def test_of_json_is_a_connection(self):
        def check(block: Block) -> None:
            assert connection_type(block.text) == "llm"

        check_each(of_language("json"), check)

    def test_of_settings_names_some_that_airflow_has(self):
        def check(block: Block) -> None:
            settings = configparser.ConfigParser(interpolation=None)
            settings.read_string(block.text)
            named = [(section, key) for section in settings.sections() for key in settings[section]]
            assert named
            assert [pair for pair in named if not is_setting(*pair)] == []

        check_each(of_language("ini"), check)

    def test_of_yaml_is_part_of_a_study(self, tmp_path: Path):
        def check(block: Block) -> None:
            file = tmp_path / "fragment.yaml"
            file.write_text(block.text, encoding="utf-8")
            least = {"llms": [{"model": "groq/a"}], "industries": ["retail"]}
            parse_study(least | read_yaml(file), file, ROOT / "include")

        check_each((block for block in of_language("yaml") if block.file is None), check)


class TestTheFilesOfAPage:
    """Those whose path stands before them; together they make studies that can be used."""

    def test_can_be_used_as_they_stand(self, tmp_path: Path):
        for page in PAGES:
            blocks = [block for block in page.blocks if block.file]
            self.use(blocks, tmp_path / Path(page.name).stem)

    def use(self, blocks: list[Block], folder: Path) -> None:
        shipped = [path for kind in ("questions", "knowledge") for path in (ROOT / "include" / kind).rglob("*.*")]
        files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in shipped}
        for name, text in (files | {str(block.file): block.text for block in blocks}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        include = folder / "include"

        def check(block: Block) -> None:
            path = folder / str(block.file)
            study = parse_study(read_yaml(path), path, include)
            for industry in load_question_sets(include, study.industries):
                assert load_documents(include, industry)

        if blocks:
            check_each((block for block in blocks if "/studies/" in str(block.file)), check)


class TestANameInBackticks:
    def test_of_a_variable_is_one_that_is_read(self):
        def check(span: Word) -> None:
            assert known(span.text.partition("=")[0])

        check_each(spans(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+(=\S*)?"), check)

    def test_of_a_module_or_a_gauge_is_there(self):
        def check(span: Word) -> None:
            assert span.text in stats.NAMES or importlib.util.find_spec(span.text)

        check_each(spans(r"llm_bench(\.\w+)+"), check)

    def test_of_a_file_is_there(self):
        def check(span: Word) -> None:
            shown = {block.file for block in BLOCKS if block.page == span.page and block.file}
            pattern = re.sub(r"<\w+>|…", "*", span.text).rstrip("/")
            assert (
                span.text.startswith(AT_RUNTIME)
                or span.text.partition("/")[0] in KINDS
                or any(path.startswith(span.text) for path in shown)
                or any(any(folder.glob(pattern)) for folder in (ROOT, PACKAGE, ROOT / "docs", ROOT / "include/studies"))
            )

        check_each(spans(FILE), check)
