"""What a batch's first task hands on: it then holds for the whole batch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm_bench.airflow.operators.answers import PrepareOperator
from llm_bench.rag import retrieval
from llm_bench.study import Study

STUDY = Study.model_validate(
    {
        "name": "mine",
        "llms": [{"model": "groq/a"}, {"model": "groq/b"}, {"model": "openai/c"}],
        "industries": ["retail", "finance"],
    }
)


@pytest.fixture
def handed_on(include: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Its XComs, and the cells that it returns."""
    monkeypatch.setenv("LLM_BENCH_HOME", str(tmp_path))
    (tmp_path / "include").symlink_to(include)
    monkeypatch.setattr(retrieval, "retrieve", lambda _include, industry, *_: [f"prompts of {industry}"])
    pushed: dict[str, Any] = {}
    operator = PrepareOperator(task_id="prepare", study=STUDY.model_dump(mode="json"))
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))}
    return pushed | {"cells": operator.execute(context)}


class TestWhatIsHandedOn:
    def test_is_the_study(self, handed_on: dict[str, Any]):
        assert Study.model_validate(handed_on["study"]) == STUDY

    def test_is_each_cell_by_its_names(self, handed_on: dict[str, Any]):
        assert len(handed_on["cells"]) == 6
        assert handed_on["cells"][2] == {"llm": "groq/b", "industry": "retail", "cell": "b · retail"}

    def test_is_the_pool_of_each_cell(self, handed_on: dict[str, Any]):
        assert handed_on["pools"] == [["llm_bench_mine_groq", 4], ["llm_bench_mine_openai", 2]]

    def test_is_what_each_industry_is_asked(self, handed_on: dict[str, Any]):
        assert handed_on["prompts retail"] == ["prompts of retail"]
        assert handed_on["prompts finance"] == ["prompts of finance"]
