"""The public API: its names, what it costs to import it, and the DAG files of docs/api.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

import llm_bench
from llm_bench import load_study, records_asset
from manual.reading import read

ROOT = Path(__file__).resolve().parents[1]
PAGE = read(ROOT / "docs" / "api.md", ROOT)
IMPORTS, *FILES = (block.text for block in PAGE.blocks if block.language == "python")


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


class TestTheNames:
    def test_are_those_that_the_page_lists(self):
        (statement,) = ast.parse(IMPORTS).body
        assert isinstance(statement, ast.ImportFrom)
        listed = {re.split(r"\W", row.cells[0].strip("`"))[0] for row in PAGE.rows if row.cells}
        assert {alias.name for alias in statement.names} == set(llm_bench.__all__) == listed

    @pytest.mark.parametrize("name", llm_bench.__all__)
    def test_are_all_there(self, name: str):
        assert getattr(llm_bench, name).__name__ == name
        assert name in dir(llm_bench)

    def test_are_no_others(self):
        with pytest.raises(AttributeError, match="'llm_bench' has no attribute 'Nonsense'"):
            llm_bench.Nonsense  # noqa: B018


class TestImporting:
    def test_the_package_imports_nothing_else(self):
        assert {"airflow", "pydantic", "yaml"}.isdisjoint(modules_after("import llm_bench"))

    def test_all_of_its_names_imports_nothing_heavy(self):
        heavy = {"litellm", "torch", "pandas", "great_expectations", "duckdb", "pyarrow"}
        assert heavy.isdisjoint(modules_after("from llm_bench import *"))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> DagBag:
    """The page's files in a project's folder."""
    project = tmp_path_factory.mktemp("project")
    (project / "include").symlink_to(ROOT / "include")
    for text in FILES:
        file = project / text.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return DagBag(dag_folder=str(project / "dags"), bundle_name="tests")


class TestTheDagFilesOfThePage:
    def test_load_without_an_error(self, bag: DagBag):
        assert bag.import_errors == {}
        assert set(bag.dags) == {"llm_bench_thesis", "follow_thesis"}

    def test_add_a_task_after_the_load(self, bag: DagBag):
        dag = bag.dags["llm_bench_thesis"]
        assert dag.get_task("validate_and_load").downstream_task_ids == {"publish"}
        assert dag.timetable.summary == "56 batches, 14 per 12 h"

    def test_follow_the_asset_that_the_load_updates(self, bag: DagBag):
        asset = records_asset(load_study(str(ROOT / "include" / "studies" / "thesis.yaml")))
        assert asset in bag.dags["llm_bench_thesis"].get_task("validate_and_load").outlets
        assert bag.dags["follow_thesis"].timetable.asset_condition == asset
