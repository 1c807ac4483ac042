"""What the wheel holds and says of itself. `make wheel-test` installs it."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

import llm_bench


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, project]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def tracked(project: Path, folder: str) -> set[str]:
    """The files of a folder that git knows, as far as they are there."""
    listed = subprocess.run(["git", "ls-files", folder], cwd=project, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.splitlines() if (project / name).exists()}


class TestTheWheel:
    def test_holds_the_package_and_the_project_that_init_writes(self, wheel: zipfile.ZipFile, project: Path):
        package = {name.removeprefix("plugins/") for name in tracked(project, "plugins/llm_bench")}
        template = {f"llm_bench/project/{name}" for name in tracked(project, "dags") | tracked(project, "include")}
        assert {name for name in wheel.namelist() if ".dist-info/" not in name} >= package | template
        assert "llm_bench/py.typed" in package

    def test_holds_nothing_else(self, wheel: zipfile.ZipFile):
        assert {name.split("/")[0] for name in wheel.namelist()} == {
            "llm_bench",
            f"llm_bench-{llm_bench.__version__}.dist-info",
        }
        assert not [name for name in wheel.namelist() if "__pycache__" in name]

    def test_says_its_version_and_licence(self, wheel: zipfile.ZipFile, project: Path):
        folder = f"llm_bench-{llm_bench.__version__}.dist-info"
        said = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
        assert said["Version"] == llm_bench.__version__
        assert said["License-Expression"] == "Apache-2.0"
        assert wheel.read(f"{folder}/licenses/LICENSE") == (project / "LICENSE").read_bytes()


class TestTheInstalledPackage:
    ENTRY_POINTS = (
        ("console_scripts", "llm-bench"),
        ("apache_airflow_provider", "provider_info"),
        ("airflow.plugins", "llm_bench"),
        ("airflow.policy", "llm_bench"),
    )

    @pytest.mark.parametrize(("group", "name"), ENTRY_POINTS)
    def test_has_entry_points_that_load(self, group: str, name: str):
        (point,) = distribution("llm-bench").entry_points.select(group=group, name=name)
        assert point.load()

    def test_has_a_provider_that_airflow_accepts(self):
        from airflow.providers_manager import ProvidersManager

        provider = ProvidersManager().providers["llm-bench"]
        assert provider.version == llm_bench.__version__

    def test_says_its_version_on_the_command_line(self):
        command = [Path(sys.executable).with_name("llm-bench"), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"llm-bench {llm_bench.__version__}\n"


class TestTheCitation:
    def test_has_what_the_format_requires_and_leaves_the_version_to_the_records(self, project: Path):
        citation = yaml.safe_load((project / "CITATION.cff").read_text())
        assert {"cff-version", "message", "title", "authors"} <= citation.keys()
        assert citation["license"] == "Apache-2.0"
        assert "version" not in citation
