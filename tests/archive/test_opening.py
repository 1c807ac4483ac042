"""An archive that may come from anyone: what is taken, and what is refused before anything is read of it."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path

import pytest

from archive.conftest import Project
from llm_bench.archive.opening import opened
from llm_bench.archive.versions import differences, made_with
from llm_bench.errors import InputError, StudyError
from llm_bench.study import START_VARIABLE

RECORD = "data/records/study=mine/client=tokyo/date=2026-12-07/20261207T070000.000000Z.parquet"


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match), opened(path):
        pass


def sealed(contents: dict[str, bytes | None], archive: Path) -> dict[str, bytes | None]:
    """The changes with checksums and sizes that fit, as whoever forges an archive makes them."""
    with zipfile.ZipFile(archive) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    metadata = json.loads(held["ro-crate-metadata.json"])
    for name, content in contents.items():
        metadata["@graph"] = [entity for entity in metadata["@graph"] if entity["@id"] != name]
        if content is not None:
            metadata["@graph"].append({"@id": name, "@type": "File", "contentSize": str(len(content))})
    forged = held | contents | {"ro-crate-metadata.json": json.dumps(metadata).encode()}
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in forged.items()
        if content is not None and name != "SHA256SUMS"
    ]
    return contents | {
        "ro-crate-metadata.json": forged["ro-crate-metadata.json"],
        "SHA256SUMS": "".join(lines).encode(),
    }


class TestAnArchive:
    def test_is_a_project_with_the_study(self, archive, measured: Project):
        with opened(archive) as held:
            assert held.study.name == "mine"
            assert (held.root / RECORD).is_file()
            assert held.study.llms == measured.study.llms
            root = held.root
        assert not root.exists()

    def test_keeps_its_window_whatever_the_environment_says(self, archive, measured: Project, monkeypatch):
        monkeypatch.setenv(START_VARIABLE, "2030-01-01T00:00:00+00:00")
        with opened(archive) as held:
            assert held.study.window == measured.study.window

    def test_is_taken_as_another_program_packed_it(self, archive, tmp_path):
        with zipfile.ZipFile(archive) as source, zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            packed.writestr("include/", b"")
            for name in source.namelist():
                packed.writestr(name, source.read(name))
        with opened(tmp_path / "a.zip") as held:
            assert held.study.name == "mine"

    def test_with_what_no_report_reads_is_not_unpacked_there(self, archive, changed):
        with opened(changed(sealed({"data/cache/mine/0.duckdb": b"x", "new.txt": b"y"}, archive))) as held:
            assert not (held.root / "data" / "cache").exists()
            assert not (held.root / "new.txt").exists()


class TestAChangedByte:
    @pytest.mark.parametrize("name", [RECORD, "include/questions/retail.yaml", "README.txt", "versions.json"])
    def test_of_a_file_is_refused_with_its_name(self, archive, changed, name):
        with zipfile.ZipFile(archive) as packed:
            content = bytearray(packed.read(name))
        content[len(content) // 2] ^= 1
        refused(changed({name: bytes(content)}), f"was changed since it was made: {name} isn't")

    def test_of_the_metadata_is_refused(self, changed):
        refused(changed({"ro-crate-metadata.json": b"{}"}), "ro-crate-metadata.json isn't")

    def test_of_the_packed_file_is_refused_with_the_name_of_what_lies_there(self, archive, tmp_path):
        with zipfile.ZipFile(archive) as packed:
            entry = packed.getinfo(RECORD)
        content = bytearray(archive.read_bytes())
        content[entry.header_offset + 2000] ^= 1
        (tmp_path / "a.zip").write_bytes(content)
        refused(tmp_path / "a.zip", f"{RECORD} isn't")

    def test_of_a_length_is_refused(self, changed):
        refused(changed({"README.txt": b"short"}), "README.txt isn't")


class TestAForgedArchive:
    def test_with_a_file_that_is_not_listed_is_refused(self, changed):
        refused(changed({"data/records/study=mine/x.parquet": b"x"}), r"doesn't hold what its SHA256SUMS lists: data/")

    def test_without_a_file_that_is_listed_is_refused(self, changed):
        refused(changed({"README.txt": None}), "doesn't hold what its SHA256SUMS lists: README.txt")

    @pytest.mark.parametrize("name", ["../x", "/tmp/x", "data/../../x", "a\\b", ".llm-bench/x"])
    def test_with_a_path_that_leads_elsewhere_is_refused(self, archive, changed, name):
        refused(changed(sealed({name: b"x"}, archive)), "as no archive does")

    def test_with_a_link_is_refused(self, archive, tmp_path):
        target = tmp_path / "a.zip"
        target.write_bytes(archive.read_bytes())
        link = zipfile.ZipInfo("include/questions/link.yaml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(target, "a") as packed:
            packed.writestr(link, "/etc/passwd")
        refused(target, "as no archive does")

    def test_with_two_files_of_a_name_is_refused(self, archive, tmp_path):
        target = tmp_path / "a.zip"
        target.write_bytes(archive.read_bytes())
        with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(target, "a") as packed:
            packed.writestr("README.txt", "another")
        refused(target, "as no archive does")

    def test_that_unpacks_to_more_than_it_says_is_refused(self, archive, changed):
        bomb = sealed({"data/records/study=mine/x.parquet": bytes(10)}, archive)
        refused(changed(bomb | {"data/records/study=mine/x.parquet": bytes(50_000_000)}), "x.parquet isn't")

    def test_that_unpacks_to_more_than_the_disk_has_is_refused(self, archive, monkeypatch):
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
        refused(archive, r"unpacks to 0\.0 GB, and 0\.0 GB are free")

    def test_with_a_list_without_end_is_refused(self, changed):
        refused(changed({"SHA256SUMS": bytes(70_000_000)}), "SHA256SUMS of 70,000,000 bytes")

    def test_with_another_study_than_a_file_s_is_refused(self, archive, changed):
        versions = json.dumps({"study": "../../x", "made_with": {}}).encode()
        with pytest.raises(StudyError), opened(changed(sealed({"versions.json": versions}, archive))):
            pass


class TestAnotherFile:
    def test_that_is_not_there_is_said(self, tmp_path):
        refused(tmp_path / "none.zip", "There is no archive")

    def test_that_is_no_zip_is_said(self, tmp_path):
        (tmp_path / "a.zip").write_text("hello")
        refused(tmp_path / "a.zip", "is no archive that can be read")

    def test_that_is_another_zip_is_said(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            packed.writestr("x", "y")
        refused(tmp_path / "a.zip", "no archive of llm-bench: it has no SHA256SUMS")


class TestVersions:
    def test_that_are_the_same_are_not_worth_a_word(self, archive):
        with opened(archive) as held:
            assert list(differences(held.versions)) == []

    def test_that_differ_are_named(self):
        (said,) = differences({"format": 1, "schema": 1, "made_with": made_with() | {"llm-bench": "0.0.1"}})
        assert said.startswith("Made with llm-bench 0.0.1 (here ")

    def test_of_a_newer_record_are_named(self):
        (said,) = differences({"format": 1, "schema": 99, "made_with": made_with()})
        assert said.startswith("This is records of schema 99, which is newer than 2")

    def test_of_a_newer_archive_do_not_stop_it(self, archive, changed):
        versions = {"study": "mine", "format": 99, "schema": 99, "made_with": made_with()}
        with opened(changed(sealed({"versions.json": json.dumps(versions).encode()}, archive))) as held:
            assert held.study.name == "mine"
