"""A project is found, though nobody says where it lies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llm_bench import paths
from llm_bench.errors import SetupError


def make_project(root: Path, include: str = "include") -> Path:
    """A folder with DAGs and studies."""
    (root / "dags").mkdir(parents=True, exist_ok=True)
    (root / include / "studies").mkdir(parents=True)
    return root


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder in no project, of a process with neither Airflow nor a checkout."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LLM_BENCH_HOME", raising=False)
    monkeypatch.delitem(sys.modules, "airflow.configuration", raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(folder / "airflow"))
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "lib" / "site-packages" / "llm_bench")
    return folder


class TestHome:
    def test_is_the_named_folder_before_all_others(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(make_project(elsewhere / "project"))
        monkeypatch.setenv("LLM_BENCH_HOME", "/named")
        assert paths.home() == Path("/named")

    def test_is_the_project_around_the_current_folder(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        root = make_project(elsewhere / "project")
        (root / "notebooks" / "drafts").mkdir(parents=True)
        monkeypatch.chdir(root / "notebooks" / "drafts")
        assert paths.home() == root

    @pytest.mark.parametrize("include", ["include", "dags/include"])
    def test_is_the_folder_above_airflows_dags(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, include: str):
        root = make_project(elsewhere / "gcs", include)
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(root / "dags"))
        assert paths.home() == root
        assert paths.include() == root / include

    def test_is_around_the_dags_folder_of_the_airflow_that_runs(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        root = make_project(elsewhere / "project", "dags/include")

        class Configuration:
            class conf:  # noqa: N801  (as Airflow calls it)
                @staticmethod
                def get(*key: str) -> str:
                    assert key == ("core", "dags_folder")
                    return str(root / "dags")

        monkeypatch.setitem(sys.modules, "airflow.configuration", Configuration)  # type: ignore[arg-type]
        assert paths.home() == root

    def test_is_the_default_dags_folders_where_only_airflow_home_is_named(self, elsewhere: Path):
        root = make_project(elsewhere / "airflow")
        assert paths.home() == root

    def test_is_the_checkout_last(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        checkout = make_project(elsewhere.parent / "checkout")
        monkeypatch.setattr(paths, "PACKAGE", checkout / "plugins" / "llm_bench")
        assert paths.home() == checkout

    def test_is_an_error_that_names_init_where_there_is_none(self, elsewhere: Path):
        with pytest.raises(SetupError, match="llm-bench init") as raised:
            paths.home()
        assert str(elsewhere) in raised.value.cause


class TestInclude:
    def test_lies_beside_the_dags_before_it_lies_in_them(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        root = make_project(make_project(elsewhere / "project"), "dags/include")
        monkeypatch.chdir(root)
        assert paths.include() == root / "include"

    def test_is_where_it_belongs_when_it_is_missing(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LLM_BENCH_HOME", str(elsewhere))
        assert paths.include() == elsewhere / "include"


class TestWhatIsShipped:
    def test_lies_in_the_checkout_of_an_editable_install(self, project: Path):
        assert paths.shipped() == project

    def test_lies_in_the_package_that_a_wheel_brought(self, elsewhere: Path):
        make_project(paths.PACKAGE / "project")
        assert paths.shipped() == paths.PACKAGE / "project"
