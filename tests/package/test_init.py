"""``llm-bench init``: what it writes into which kind of folder, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import llm_bench
from llm_bench.cli.main import main
from llm_bench.study import load_studies

REQUIREMENT = f"llm-bench=={llm_bench.__version__}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """Path → content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestInAnEmptyFolder:
    def test_writes_a_project_with_all_that_is_shipped(self, folder: Path, project: Path):
        assert main(["init"]) == 0
        written = files(folder)
        for part, pattern in (("dags", "*.py"), ("include", "**/*.*")):
            shipped = {str(path.relative_to(project)) for path in (project / part).glob(pattern) if path.is_file()}
            assert shipped
            assert {name for name in written if name.startswith(part)} == shipped
        assert {name for name in written if "/" not in name} == {".env.example", "README.md", "requirements.txt"}
        assert written["requirements.txt"] == REQUIREMENT.encode()

    def test_writes_studies_that_load(self, folder: Path):
        main(["init"])
        studies, mistakes = load_studies(folder / "include")
        assert [study.name for study in studies] == ["quickstart", "thesis"]
        assert mistakes == []

    def test_writes_no_protocol_of_another_project(
        self, folder: Path, tmp_path_factory: pytest.TempPathFactory, project: Path, monkeypatch: pytest.MonkeyPatch
    ):
        source = tmp_path_factory.mktemp("source")
        shutil.copytree(project / "dags", source / "dags")
        shutil.copytree(project / "include", source / "include")
        (source / "include/studies/thesis.protocol.yaml").write_text("study: thesis")
        monkeypatch.setattr("llm_bench.cli.init.shipped", lambda: source)
        main(["init"])
        assert sorted(path.name for path in (folder / "include/studies").iterdir()) == [
            "quickstart.yaml",
            "thesis.yaml",
        ]

    def test_says_what_it_wrote_and_what_comes_next(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        main(["init"])
        lines = capsys.readouterr().out.splitlines()
        assert "wrote    dags/llm_bench_studies.py" in lines
        assert lines[-1] == "Next: llm-bench run quickstart"

    def test_makes_the_folder_that_it_is_given(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        assert main(["init", "my/study"]) == 0
        assert (folder / "my/study/include/studies/thesis.yaml").exists()
        assert capsys.readouterr().out.splitlines()[-1] == "Next: cd my/study && llm-bench run quickstart"


class TestWhatIsThere:
    def test_stays_as_it_is(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        (folder / "include/studies").mkdir(parents=True)
        (folder / "include/studies/thesis.yaml").write_text("mine")
        (folder / "README.md").write_text("mine, too")
        main(["init"])
        assert (folder / "include/studies/thesis.yaml").read_text() == "mine"
        assert (folder / "README.md").read_text() == "mine, too"
        lines = capsys.readouterr().out.splitlines()
        assert {"left     include/studies/thesis.yaml", "left     README.md"} <= set(lines)

    def test_is_all_of_it_the_second_time(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        main(["init"])
        before = files(folder)
        capsys.readouterr()
        assert main(["init"]) == 0
        assert files(folder) == before
        assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[:-1]} == {"left"}

    def test_is_not_followed_to_where_a_dangling_link_leads(self, folder: Path):
        (folder / "README.md").symlink_to(folder / "elsewhere.md")
        main(["init"])
        assert not (folder / "elsewhere.md").exists()

    @pytest.mark.parametrize("line", ["llm-bench==0.0.1", "LLM_Bench @ file:///llm_bench.whl", " llm.bench"])
    def test_counts_as_a_requirement_of_llm_bench_in_any_spelling(self, folder: Path, line: str):
        (folder / "requirements.txt").write_text(f"pandas\n{line}\n")
        main(["init"])
        assert (folder / "requirements.txt").read_text() == f"pandas\n{line}\n"

    @pytest.mark.parametrize("before", ["pandas==3.1.1", "pandas==3.1.1\n", "not-llm-bench\n"])
    def test_gets_the_requirement_on_a_line_of_its_own(self, folder: Path, before: str):
        (folder / "requirements.txt").write_text(before)
        main(["init"])
        assert (folder / "requirements.txt").read_text() == before.rstrip("\n") + "\n" + REQUIREMENT

    def test_is_an_error_in_one_line_where_it_is_in_the_way(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        (folder / "include").write_text("a file")
        assert main(["init"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "include" in line
        assert "llm-bench init FOLDER" in line


class TestInAProjectOfAnotherTool:
    def test_of_astronomers_cli(self, folder: Path):
        for name in ("dags", "include", "plugins", "tests"):
            (folder / name).mkdir()
        made = {"Dockerfile": "FROM astro-runtime", "packages.txt": "", "requirements.txt": "", "README.md": "Astro"}
        made |= {"airflow_settings.yaml": "airflow:", "dags/example_astronauts.py": "", ".env": "", ".dockerignore": ""}
        for name, content in made.items():
            (folder / name).write_text(content)
        main(["init"])
        assert (folder / "include/studies/quickstart.yaml").exists()
        assert (folder / "requirements.txt").read_text() == REQUIREMENT
        assert {name: (folder / name).read_text() for name in made.keys() - {"requirements.txt"}} == {
            name: content for name, content in made.items() if name != "requirements.txt"
        }

    def test_that_syncs_its_dags_alone(self, folder: Path):
        (folder / "dags").mkdir()
        main(["init"])
        assert (folder / "dags/include/studies/quickstart.yaml").exists()
        assert not (folder / "include").exists()
        before = files(folder)
        main(["init"])
        assert files(folder) == before


class TestTheDagsOfAProject:
    """They find their studies wherever Airflow has its DAGs folder."""

    @pytest.mark.parametrize("dags_alone", [False, True])
    def test_load_without_llm_bench_home(self, folder: Path, dags_alone: bool):
        root = folder / "airflow"
        (root / "dags").mkdir(parents=True)
        if not dags_alone:
            (root / "include").mkdir()
        main(["init", str(root)])
        (folder / "elsewhere").mkdir()
        code = (
            "from airflow.dag_processing.dagbag import DagBag\n"
            "bag = DagBag(bundle_name='tests')\nprint(sorted(bag.dags), bag.import_errors)\n"
            "from llm_bench.paths import home; print(home())"
        )
        environment = {**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags")}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder / "elsewhere",
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-2:] == ["['llm_bench_quickstart', 'llm_bench_thesis'] {}", str(root)]


class TestACommandOutsideOfAProject:
    def test_is_an_error_that_names_init(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setattr("llm_bench.paths.PACKAGE", folder / "site-packages" / "llm_bench")
        assert main(["check", "thesis"]) == 1
        assert "`llm-bench init` writes one" in capsys.readouterr().err
