from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fixtures.cells import pulls
from llm_bench.airflow.operators.answers import RECORDS, ScoreOperator
from llm_bench.study import Study

STUDY = Study.model_validate({"name": "mine", "llms": [{"model": "groq/a"}], "industries": ["retail", "finance"]})


class Unscored(ScoreOperator):
    """Leaves the records as they are: scoring has its own tests."""

    def _score(self, context: Any, study: Study, records: list[Any]) -> list[Any]:
        return records


def cell(name: str, *questions: int) -> list[Any]:
    return [{"record_id": f"{name}-{number}"} for number in questions]


def scored(*cells: list[Any], so_far: tuple[list[Any], ...] = ()) -> list[str]:
    """The ids of the records that go on to be loaded."""
    pushed: dict[str, Any] = {}
    operator = Unscored(task_id="score", prepare_task_id="prepare", cells=cells, so_far=so_far)
    push = lambda key, value: pushed.update({key: value})  # noqa: E731
    context: Any = {"ti": SimpleNamespace(xcom_pull=pulls(STUDY, []), xcom_push=push)}
    if len(cells) == len(STUDY.cells):
        operator.execute(context)
    else:
        with pytest.raises(AirflowFailException, match="clear this run's failed tasks"):
            operator.execute(context)
    return [record["record_id"] for record in pushed[RECORDS]]


class TestACellThatWasStopped:
    def test_is_scored_as_far_as_it_came(self):
        assert scored(cell("retail", 1, 2), so_far=(cell("finance", 1),)) == ["retail-1", "retail-2", "finance-1"]

    def test_and_measured_whole_by_its_retry_is_scored_once(self):
        whole = cell("retail", 1, 2), cell("finance", 1, 2)
        assert scored(*whole, so_far=(cell("finance", 1),)) == ["retail-1", "retail-2", "finance-1", "finance-2"]

    def test_before_its_first_answer_leaves_the_others_as_they_are(self):
        assert scored(cell("retail", 1), so_far=([],)) == ["retail-1"]

    def test_is_all_that_there_is_where_no_cell_was_measured_whole(self):
        assert scored(so_far=(cell("retail", 1), cell("finance", 1, 2))) == ["retail-1", "finance-1", "finance-2"]

    def test_is_counted_in_what_the_task_says(self):
        operator = Unscored(
            task_id="score",
            prepare_task_id="prepare",
            cells=[cell("retail", 1)],
            so_far=[cell("finance", 1, 2)],
        )
        context: Any = {"ti": SimpleNamespace(xcom_pull=pulls(STUDY, []), xcom_push=lambda key, value: None)}
        with pytest.raises(
            AirflowFailException, match=r"1 of 2 cells were not measured whole; .* and 2 records of these"
        ):
            operator.execute(context)
