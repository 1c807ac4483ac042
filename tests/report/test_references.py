"""The sources of a report: each is whole, and each is cited."""

from __future__ import annotations

import re

import pytest

from llm_bench.report.references import bibliography, cited, references
from report.everything import constants


def cites() -> set[str]:
    return {key for method in constants() for key in method.cites}


class TestTheSources:
    def test_have_each_that_a_method_cites(self):
        assert sorted(cites() - references().keys()) == []

    def test_have_none_that_no_method_cites(self):
        assert sorted(references().keys() - cites()) == []

    def test_are_whole(self):
        for source in references().values():
            assert all(source.field(name) for name in ("author", "title", "year", "annote")), source.key
            assert source.doi or source.address.startswith("http"), source.key
            assert re.fullmatch(r"10\.\d{4,9}/\S+", source.doi or "10.1000/none"), source.key
            assert source.field("year") in source.key, source.key
            assert source.field("annote").startswith("Cited for: "), source.key

    def test_have_no_entry_that_isnt_read(self):
        from pathlib import Path

        from llm_bench.report import references as module

        text = (Path(module.__file__).parent / module.FILE).read_text(encoding="utf-8")
        assert text.count("\n@") + 1 == len(references())
        assert list(references()) == re.findall(r"^@\w+\{([\w-]+),$", text, re.MULTILINE)

    def test_are_read_as_they_are_printed(self):
        source = references()["cameron2011"]
        assert source.authors == "A. Colin Cameron, Jonah B. Gelbach and Douglas L. Miller"
        assert source.venue == "Journal of Business & Economic Statistics 29(2), 238–249"
        assert source.address == "https://doi.org/10.1198/jbes.2010.07136"

    def test_without_a_digital_identifier_have_an_address(self):
        assert references()["holm1979"].address == "https://www.jstor.org/stable/4615733"

    def test_are_given_once_in_the_order_of_their_keys(self):
        assert [source.key for source in cited(["wilson1927", "holm1979", "wilson1927"])] == ["holm1979", "wilson1927"]
        made = bibliography(["wilson1927", "holm1979"]).decode()
        assert re.findall(r"^@\w+\{(\w+),", made, re.MULTILINE) == ["holm1979", "wilson1927"]
        assert made.count("{") == made.count("}")

    def test_that_arent_there_are_a_mistake(self):
        with pytest.raises(KeyError):
            cited(["nobody1900"])
