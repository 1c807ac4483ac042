"""What docs/contributing.md shows: each of its patches applies, touches no more than it says, and does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path("docs/examples")
COPIED = ("plugins", "dags", "docs", "include", "tests", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Example:
    """A change as a unified diff, ``docs/examples/<name>.patch``.

    :param files: how many it may touch beside those of tests/.
    :param check: arguments of Python, run in a copy of the project that has the change.
    """

    name: str
    files: int
    check: tuple[str, ...]


def tests(*paths: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths)


DISPERSION = """
from llm_bench.analysis import charts, tables
from llm_bench.analysis.metrics import METRICS
from llm_bench.analysis.queries import Spread, Summary
from llm_bench.analysis.statistics import dispersion

summaries = [Summary("a", None, None, 9, 0, None)]
spreads = [Spread("a", 9, 0, 1.0, 3.0, {0.25: 1.0, 0.75: 3.0}, [])]
shown = tables.quantiles(summaries, spreads, METRICS["latency_sec"], charts.looks(["a"]))
assert shown.only("dispersion").cells[0][0].text == "0.50"
assert dispersion(0, 0) is None
"""

EXAMPLES = (
    Example(
        "add_field", 3, tests("tests/test_stream_events.py", "tests/test_records.py", "tests/docs/test_metrics.py")
    ),
    Example("add_statistic", 4, ("-c", DISPERSION)),
    Example("add_page", 3, tests("tests/dashboard/test_pages.py", "-k", "cost")),
    Example("add_command", 2, tests("tests/cli/test_slots.py", "tests/cli/test_command_line.py")),
    Example("add_expectation", 1, tests("tests/gate/test_bad_rows.py", "-m", "not slow")),
)
each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """The parts of the project that a patch may change."""
    for name in COPIED:
        if (project / name).is_dir():
            shutil.copytree(project / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(project / name, tmp_path / name)
    return tmp_path


def apply(project: Path, example: Example, copy: Path) -> None:
    patch = FOLDER / f"{example.name}.patch"
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}  # the copy belongs to no repository
    done = subprocess.run(
        ["git", "apply", str(project / patch)], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (
        f"{patch} is stale:\n{done.stderr}\n"
        f"regenerate: git apply --3way {patch}, settle the conflicts, git diff HEAD -- . ':!docs/examples' > {patch}, "
        "take the change back"
    )


class TestAnExample:
    @each
    def test_touches_no_more_files_than_it_says(self, project: Path, example: Example):
        patch = (project / FOLDER / f"{example.name}.patch").read_text(encoding="utf-8")
        touched = re.findall(r"^diff --git a/(\S+) b/\S+$", patch, re.MULTILINE)
        assert len([path for path in touched if not path.startswith("tests/")]) <= example.files

    @each
    def test_is_shown(self, project: Path, example: Example):
        page = (project / "docs" / "contributing.md").read_text(encoding="utf-8")
        assert f"(examples/{example.name}.patch)" in page

    @each
    @pytest.mark.slow
    def test_does_what_it_says(self, project: Path, example: Example, copy: Path):
        apply(project, example, copy)
        environment = os.environ | {"PYTHONPATH": str(copy / "plugins")}
        done = subprocess.run(
            [sys.executable, *example.check], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_every_patch_is_tried(project: Path):
    assert {path.stem for path in (project / FOLDER).glob("*.patch")} == {example.name for example in EXAMPLES}
