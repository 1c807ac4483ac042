"""What an archive holds, and that it is there whole or not at all."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import subprocess
import time
import zipfile
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from rocrate.rocrate import ROCrate

from archive.conftest import CANARY, Project, project
from llm_bench.archive.staging import size_of, study_file
from llm_bench.archive.words import Author, author
from llm_bench.errors import InputError, StorageError
from llm_bench.inputs import read_yaml
from llm_bench.records import FIELDS
from llm_bench.report.methods import settings
from llm_bench.store.base import FileStore, from_parquet
from llm_bench.store.compaction import compact
from llm_bench.study import parse_study


def content(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture(scope="module")
def held(archive: Path) -> dict[str, bytes]:
    return content(archive)


@pytest.fixture(scope="module")
def graph(held) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in json.loads(held["ro-crate-metadata.json"])["@graph"]}


class TestAnArchive:
    def test_holds_each_object_of_the_study_as_the_store_has_it(self, held, measured: Project):
        kinds = ("records", "contexts", "protocols", "calibrations", "validations", "grades")
        paths = [path for kind in kinds for path in measured.store.list(f"{kind}/study=mine/")]
        assert {name.removeprefix("data/") for name in held if name.startswith("data/")} == set(paths)
        assert all(held[f"data/{path}"] == measured.store.read(path)[0] for path in paths)

    def test_holds_what_the_questions_were_asked_with(self, held, measured: Project):
        names = {name for name in held if name.startswith("include/") and not name.endswith("studies/mine.yaml")}
        files = [path for part in ("questions", "knowledge") for path in (measured.include / part).rglob("*.*")]
        there = {path.relative_to(measured.home).as_posix(): path.read_bytes() for path in files}
        assert names == {*there, "include/prompts/own.yaml", "include/studies/mine.protocol.yaml"}
        assert {name: held[name] for name in there} == there

    def test_holds_the_study_as_it_was_read(self, held, measured: Project, tmp_path):
        file = tmp_path / "mine.yaml"
        file.write_bytes(held["include/studies/mine.yaml"])
        again = parse_study(read_yaml(file), file, measured.include)
        assert settings(again) == settings(measured.study)
        assert (again.zone, again.twins) == (measured.study.zone, measured.study.twins)
        assert (again.storage, again.alerts) == ("file://data", None)

    def test_holds_no_secret_and_no_address(self, archive, held, measured: Project):
        assert CANARY in measured.study.storage
        assert CANARY.encode() not in archive.read_bytes()
        assert [name for name, kept in held.items() if CANARY.encode() in kept or CANARY in name] == []
        home = str(measured.home).encode()
        assert [name for name, kept in held.items() if home in kept] == []

    def test_can_be_checked_with_what_every_system_has(self, archive, tmp_path):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(tmp_path)
        subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)
        listed = {line.partition("  ")[2] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()}
        assert listed == set(content(archive)) - {"SHA256SUMS"}

    def test_is_the_same_bytes_from_the_same_data_at_another_time(
        self, archive, measured: Project, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        try:
            made = measured.pack(tmp_path / "again.zip")
        finally:
            monkeypatch.undo()
            time.tzset()
        assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
        assert made.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()

    def test_says_who_measured_and_what_may_be_done_with_it(self, measured: Project, tmp_path):
        ada = author("Ada Lovelace 0000-0002-1825-0097")
        measured.pack(tmp_path / "a.zip", authors=[ada, author("Bob")], licence="CC-BY-4.0")
        held = content(tmp_path / "a.zip")
        cited = yaml.safe_load(held["CITATION.cff"])
        assert cited["authors"] == [
            {"name": "Ada Lovelace", "orcid": "https://orcid.org/0000-0002-1825-0097"},
            {"name": "Bob"},
        ]
        assert (cited["license"], cited["date-released"]) == ("CC-BY-4.0", "2026-12-07")
        assert b"Measured by: Ada Lovelace, Bob" in held["README.txt"]

    def test_has_a_dictionary_of_the_fields(self, held):
        rows = list(csv.DictReader(io.StringIO(held["data-dictionary.csv"].decode())))
        assert [(row["name"], row["unit"]) for row in rows] == [(field.name, field.unit) for field in FIELDS]

    def test_of_compacted_days_holds_each_record_once(self, include, tmp_path):
        made = project(tmp_path / "home", include, "file://data", slots=2)
        compact(made.store, "mine", date(2027, 1, 1))
        made.pack(tmp_path / "a.zip")
        days = [kept for name, kept in content(tmp_path / "a.zip").items() if name.startswith("data/records/")]
        ids = [record["record_id"] for day in days for record in from_parquet(day)]
        assert len(days) == 2
        assert len(ids) == len(set(ids)) > 0


class TestItsMetadata:
    """As https://www.researchobject.org/ro-crate/specification/1.2/root-data-entity wants them."""

    def test_have_a_descriptor_and_a_root(self, graph):
        descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
        assert descriptor["@type"] == "CreativeWork"
        assert descriptor["about"] == {"@id": "./"}
        assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
        assert root["@type"] == "Dataset"
        assert all(root[name] for name in ("name", "description", "datePublished", "license"))

    def test_are_dated_by_the_last_record(self, graph):
        assert graph["./"]["datePublished"] == "2026-12-07"
        assert graph["#measuring"]["startTime"] < graph["#measuring"]["endTime"] < "2026-12-07T12"

    def test_describe_each_file(self, graph, held):
        described = {unquote(name): entity for name, entity in graph.items() if entity["@type"] == "File"}
        assert set(described) == set(held) - {"ro-crate-metadata.json"}
        for name in set(described) - {"SHA256SUMS"}:
            kept, entity = held[name], described[name]
            assert entity["contentSize"] == str(len(kept))
            assert entity["sha256"] == hashlib.sha256(kept).hexdigest()
            assert entity["encodingFormat"] != "application/octet-stream"

    def test_link_only_to_what_they_describe(self, graph):
        def links(value: object) -> list[str]:
            if isinstance(value, dict):
                return [value["@id"]]
            return [link for item in value for link in links(item)] if isinstance(value, list) else []

        linked = {link for entity in graph.values() for value in entity.values() for link in links(value)}
        assert linked - set(graph) == {"https://w3id.org/ro/crate/1.2"}
        parts = {part["@id"] for part in graph["./"]["hasPart"]}
        assert parts >= {name for name, entity in graph.items() if entity["@type"] == "File"}

    def test_say_what_was_measured_with_what(self, graph):
        measuring = graph["#measuring"]
        software = [graph[link["@id"]] for link in measuring["instrument"]]
        assert {(item["@type"], item["name"]) for item in software} == {
            ("SoftwareApplication", "llm-bench"),
            ("SoftwareApplication", "LiteLLM"),
        }
        assert all(item["version"] and item["url"] for item in software)
        variables = [graph[link["@id"]] for link in graph["data/records/"]["variableMeasured"]]
        assert [variable["name"] for variable in variables] == [field.name for field in FIELDS]

    def test_can_be_loaded_as_a_crate(self, archive, tmp_path):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(tmp_path)
        crate = ROCrate(tmp_path)
        assert len(crate.data_entities) == len(content(archive))  # the metadata apart, and the folder of records more
        assert str(crate.root_dataset["name"]).startswith("Study mine")


class TestWriting:
    def test_shows_how_far_it_is(self, measured: Project, tmp_path):
        done: list[int] = []
        made = measured.pack(tmp_path / "a.zip", advance=done.append)
        assert size_of(measured.store, "mine") < sum(done)
        assert made.size == (tmp_path / "a.zip").stat().st_size

    @pytest.mark.parametrize("last", [3, -3])
    def test_that_is_interrupted_leaves_nothing(self, measured: Project, tmp_path, last):
        calls: list[int] = []
        measured.pack(tmp_path / "whole.zip", advance=calls.append)
        left = last % len(calls)

        def interrupt(_: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            measured.pack(tmp_path / "a.zip", advance=interrupt)
        assert {path.name for path in tmp_path.iterdir()} == {"whole.zip", ".lock"}

    def test_on_a_full_disk_says_so_and_leaves_nothing(self, measured: Project, tmp_path):
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "the disk")

        with pytest.raises(StorageError, match="No space left on device"):
            measured.pack(tmp_path / "a.zip", advance=full)
        assert not (tmp_path / "a.zip").exists()

    def test_over_a_file_is_refused(self, measured: Project, tmp_path):
        (tmp_path / "a.zip").write_text("mine")
        with pytest.raises(InputError, match="is there already"):
            measured.pack(tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_text() == "mine"

    def test_of_nothing_is_refused(self, measured: Project, tmp_path):
        empty = Project(measured.home, measured.study, FileStore(tmp_path / "empty"))
        with pytest.raises(InputError, match="Nothing of study mine was measured yet"):
            empty.pack(tmp_path / "a.zip")

    def test_of_an_object_that_cannot_be_read_names_it(self, include, tmp_path):
        made = project(tmp_path / "home", include, "file://data", slots=1)
        path = made.store.list("records/study=mine/")[0]
        kept, generation = made.store.read(path)
        made.store.commit(path, kept[:2000] + bytes(1000) + kept[3000:], generation)
        with pytest.raises(StorageError, match=path):
            made.pack(tmp_path / "a.zip")
        assert not (tmp_path / "a.zip").exists()

    def test_of_an_object_that_would_lie_elsewhere_is_refused(self, measured: Project, tmp_path):
        class Hostile(FileStore):
            def list(self, prefix: str) -> list[str]:
                return [f"{prefix}../../../x"] if prefix.startswith("contexts") else super().list(prefix)

            def read(self, path: str) -> tuple[bytes, int] | None:
                return super().read(path) or (b"", 1)

        hostile = Project(measured.home, measured.study, Hostile(measured.store.root))
        with pytest.raises(StorageError, match="would lie outside an archive"):
            hostile.pack(tmp_path / "a.zip")


@pytest.mark.slow
class TestABucket:
    def test_is_archived_as_a_folder_is_and_not_named(self, include, tmp_path, monkeypatch):
        from doubles import gcs

        with gcs.serving() as url:
            gcs.connect(url, monkeypatch)
            there = project(tmp_path / "there", include, f"gs://studies/{CANARY}", slots=1)
            there.pack(tmp_path / "there.zip")
        monkeypatch.undo()
        here = project(tmp_path / "here", include, "file://data", slots=1)
        here.pack(tmp_path / "here.zip")
        bucket, folder = content(tmp_path / "there.zip"), content(tmp_path / "here.zip")
        sealed = "data/protocols/study=mine/001.yaml"  # names the moment of its sealing
        others = {sealed, "include/studies/mine.protocol.yaml", "ro-crate-metadata.json", "SHA256SUMS"}
        assert bucket.keys() == folder.keys()
        assert [name for name in bucket if bucket[name] != folder[name] and name not in others] == []
        assert [name for name, kept in bucket.items() if CANARY.encode() in kept] == []


def test_an_author_is_a_name_with_or_without_an_orcid():
    assert author(" Ada  Lovelace 0000-0002-1825-009X ") == Author("Ada  Lovelace", "0000-0002-1825-009X")
    assert author("Ada 12") == Author("Ada 12")


def test_a_study_file_leaves_out_what_speaks_of_a_place(measured: Project):
    assert not {"storage", "alerts"} & yaml.safe_load(study_file(measured.study)).keys()
