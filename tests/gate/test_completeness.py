from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llm_bench.gate.completeness import Due, account, due_of
from llm_bench.study import parse_study

QUESTIONS = {"retail": {"r1": "?", "r2": "?"}, "finance": {"f1": "?"}}
SLOT = datetime(2026, 12, 7, tzinfo=UTC)


@pytest.fixture
def due(include: Path) -> Due:
    content = {"llms": [{"model": "groq/a/one"}, {"model": "groq/two"}], "industries": ["retail", "finance"]}
    return Due(parse_study(content, Path("mine.yaml"), include), SLOT, QUESTIONS)


def batch(due: Due) -> list[dict[str, Any]]:
    return [
        {"llm_provider": llm.provider, "llm_model": llm.model_name, "industry": industry, "question_id": question}
        for llm, industry in due.study.cells
        for question in QUESTIONS[industry]
    ]


class TestABatch:
    def test_that_is_whole_is_no_error(self, due: Due):
        assert account(due, batch(due), []) is None

    def test_that_lacks_records_names_each_cell_and_how_many(self, due: Due):
        error = account(due, batch(due)[1:-1], [])
        assert "2 of 6 records are missing: one · retail (1 of 2), two · finance (1 of 1)" in str(error)
        assert "clear this run's failed tasks" in str(error)

    def test_with_refused_records_says_where_they_are(self, due: Due):
        assert "1 records were refused by the quality gate and are in quarantine" in str(
            account(due, batch(due), [object()])
        )

    def test_with_refused_records_says_how_to_load_them(self, due: Due):
        assert "llm-bench requeue mine" in str(account(due, batch(due), [object()]))

    def test_of_values_of_any_type_is_accounted_for(self, due: Due):
        junk = [{"industry": ["retail"], "question_id": {}}, {"question_id": 7}, {}]
        assert "1 of 6 records are missing" in str(account(due, [*junk, *batch(due)[1:]], []))


def test_a_batch_is_due_to_hold_every_question_of_the_study(include: Path):
    study = parse_study({"llms": [{"model": "groq/a"}], "industries": ["retail"]}, Path("mine.yaml"), include)
    due = due_of(study, SLOT, include)
    assert list(due.questions) == ["retail"]
    assert due.questions["retail"]["retail-01"] == "Which product category generates the highest revenue?"
