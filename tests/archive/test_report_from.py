"""The report of an archive is that of the project it came from, wherever it is made."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from analysis.studies import Circumstances, fill_study
from archive.conftest import Project, project
from llm_bench.analysis.cache import Cache
from llm_bench.cli.main import main

PLUGINS = Path(__file__).parents[2] / "plugins"


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    """What the command line says, in a process of its own with this environment alone."""
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PLUGINS), "COLUMNS": "200"}
    command = [sys.executable, "-m", "llm_bench", *arguments]
    done = subprocess.run(command, cwd=cwd, env=known | environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, include: Path) -> Project:
    """A project whose slots were loaded, and read, in no order."""
    made = project(tmp_path_factory.mktemp("there"), include, "file://data", slots=0)
    slots = list(made.study.window.schedule)
    random.Random(3).shuffle(slots)
    (pdf,) = (made.include / "knowledge" / "retail").glob("*.pdf")
    kept = pdf.rename(made.home / "kept.pdf")
    for part in (slots[:6], slots[6:]):
        for client in ("tokyo", "frankfurt"):
            fill_study(made.store, made.study, made.include, slots=part, circumstances=Circumstances(client=client))
        Cache(made.home).records(made.study)
    kept.rename(pdf)
    return made


@pytest.fixture(scope="module")
def elsewhere(there: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on another machine, with the archive and nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    said = run("archive", "mine", "--out", str(folder / "mine.zip"), cwd=there.home, LLM_BENCH_HOME=str(there.home))
    assert "records" in said
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--industry", "retail", "--client", "tokyo", "--start", "2026-12-07T09:00")])
def test_a_report_is_the_same_bytes_on_another_machine(there: Project, elsewhere: Path, tmp_path: Path, options):
    run("report", "mine", "--out", str(tmp_path / "there"), *options, cwd=there.home, LLM_BENCH_HOME=str(there.home))
    strange = {"HOME": str(tmp_path), "TZ": "Asia/Tokyo", "LC_ALL": "C", "LLM_BENCH_CLIENT": "lab"}
    strange |= {"LLM_BENCH_START": "2030-01-01T00:00:00+00:00", "PYTHONHASHSEED": "7"}
    run("report", "--from", "mine.zip", "--out", str(tmp_path / "here"), *options, cwd=elsewhere, **strange)
    sums = (tmp_path / "there" / "SHA256SUMS").read_text()
    assert sums.count("figures/") > 30
    assert (tmp_path / "here" / "SHA256SUMS").read_text() == sums
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "here", check=True)
    assert {path.name for path in elsewhere.iterdir()} <= {"mine.zip", ".lock"}


class TestTheCommands:
    @pytest.fixture
    def said(self, capfd, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")

        def said(*arguments: str) -> tuple[int, str]:
            code = main(list(arguments))
            return code, "".join(capfd.readouterr())

        return said

    def test_want_a_study_or_an_archive(self, said, archive):
        assert said("report") == (2, said("report", "mine", "--from", str(archive))[1])
        assert "Name one of the two" in said("report")[1]

    def test_refuse_a_changed_archive_and_write_nothing(self, said, changed, tmp_path):
        code, words = said("report", "--from", str(changed({"README.txt": b"short"})))
        assert code == 2
        assert "README.txt isn't what its SHA256SUMS says" in words
        assert not (tmp_path / "report-of-mine").exists()

    def test_refuse_a_view_of_what_an_archive_does_not_know(self, said, archive):
        code, words = said("report", "--from", str(archive), "--llm", "groq/none")
        assert (code, "Study mine has no LLM 'groq/none'" in words) == (2, True)

    def test_say_the_checksum_and_refuse_to_write_over_an_archive(self, said, measured: Project, monkeypatch, tmp_path):
        monkeypatch.setenv("LLM_BENCH_HOME", str(measured.home))
        code, words = said("archive", "mine", "--out", "a.zip", "--license", "CC-BY-4.0", "--author", "Ada")
        assert code == 0
        digest = subprocess.run(["sha256sum", "a.zip"], text=True, capture_output=True, check=True).stdout.split()[0]
        assert f"SHA-256  {digest}" in words
        with zipfile.ZipFile("a.zip") as packed:
            assert b"Measured by: Ada" in packed.read("README.txt")
        assert said("archive", "mine", "--out", "a.zip")[0] == 2

    def test_refuse_what_is_no_licence(self, said):
        with pytest.raises(SystemExit):
            said("archive", "mine", "--license", "my own")
