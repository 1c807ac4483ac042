"""``llm-bench questions draft``."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml


class TestADraft:
    def test_is_printed_and_written_nowhere(self, command, home: Path):
        before = sorted(home.rglob("*"))
        said = command("questions", "draft", "retail", "--count", "3")
        content = yaml.safe_load(said.out)
        assert (said.code, content["industry"], len(content["questions"])) == (0, "retail", 3)
        assert sorted(home.rglob("*")) == before

    def test_is_written_to_a_file(self, command, tmp_path: Path):
        said = command("questions", "draft", "retail", "--out", str(tmp_path / "draft.yaml"))
        assert said.code == 0
        assert yaml.safe_load((tmp_path / "draft.yaml").read_text(encoding="utf-8"))["industry"] == "retail"

    def test_never_takes_the_place_of_a_file(self, command, tmp_path: Path):
        (tmp_path / "retail.yaml").write_text("mine")
        said = command("questions", "draft", "retail", "--out", str(tmp_path / "retail.yaml"))
        assert said.code == 2
        assert "is there already. Name another file" in said.err
        assert (tmp_path / "retail.yaml").read_text() == "mine"

    def test_that_cannot_be_written_is_an_error(self, command, tmp_path: Path):
        said = command("questions", "draft", "retail", "--out", str(tmp_path / "none" / "draft.yaml"))
        assert said.code == 1
        assert "can't be written: No such file or directory" in said.err

    @pytest.mark.parametrize("industry", ["retial", "../knowledge/retail"])
    def test_of_an_industry_without_documents_is_refused(self, command, industry: str):
        said = command("questions", "draft", industry)
        assert said.code == 2
        assert "Known: finance, retail." in said.err
