from __future__ import annotations

import pytest

from llm_bench.archive.layout import is_inside, is_of_a_project, media_type
from llm_bench.bundles import from_sums, to_sums


class TestAName:
    @pytest.mark.parametrize(
        "name", ["README.txt", "data/records/study=x/date=2026-12-07/20261207T07.parquet", "a b/ü"]
    )
    def test_leads_into_the_folder(self, name):
        assert is_inside(name)

    @pytest.mark.parametrize(
        "name",
        [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/./b",
            "",
            "a/",
            "C:\\x",
            "a\\..\\x",
            "a\0b",
            "a\nb",
            ".hidden/x",
        ],
    )
    def test_that_leads_elsewhere_or_is_hidden_is_none(self, name):
        assert not is_inside(name)

    @pytest.mark.parametrize("name", ["include/studies/x.yaml", "data/records/study=x/a.parquet"])
    def test_of_what_a_report_reads(self, name):
        assert is_of_a_project(name)

    @pytest.mark.parametrize("name", ["data/cache/x/0.duckdb", "dags/x.py", "plugins/x.py", "README.txt", "include/x"])
    def test_of_anything_else_is_not_unpacked(self, name):
        assert not is_of_a_project(name)


def test_checksums_are_read_as_they_are_written():
    written = to_sums({"b c": "f" * 64, "a": "0" * 64})
    assert written == b"0" * 64 + b"  a\n" + b"f" * 64 + b"  b c\n"
    assert from_sums(written.decode().splitlines()) == {"a": "0" * 64, "b c": "f" * 64}


def test_a_media_type_follows_from_the_ending():
    assert media_type("a/B.PDF") == "application/pdf"
    assert media_type("SHA256SUMS") == "application/octet-stream"
