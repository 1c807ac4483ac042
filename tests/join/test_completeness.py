from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm_bench.join.completeness import account
from llm_bench.study import Study, parse_study

EXPECTED = {"retail": ["r1", "r2"], "finance": ["f1"]}


@pytest.fixture
def study(include: Path) -> Study:
    content = {"llms": [{"model": "groq/a/one"}, {"model": "groq/two"}], "industries": ["retail", "finance"]}
    return parse_study(content, Path("mine.yaml"), include)


def batch(study: Study) -> list[dict[str, Any]]:
    return [
        {"llm_provider": llm.provider, "llm_model": llm.model_name, "industry": industry, "question_id": question}
        for llm, industry in study.cells
        for question in EXPECTED[industry]
    ]


class TestABatch:
    def test_that_is_whole_is_no_error(self, study: Study):
        assert account(study, EXPECTED, batch(study), []) is None

    def test_that_lacks_records_names_each_cell_and_how_many(self, study: Study):
        error = account(study, EXPECTED, batch(study)[1:-1], [])
        assert "2 of 6 records are missing: one · retail (1 of 2), two · finance (1 of 1)" in str(error)
        assert "clear this run's failed tasks" in str(error)

    def test_with_refused_records_says_where_they_are(self, study: Study):
        assert "1 records were refused by the quality gate and are in quarantine" in str(
            account(study, EXPECTED, batch(study), [object()])
        )
