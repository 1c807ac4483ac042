"""What an open page asks now and then: whether a batch was loaded since, and how far the cells are that run now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from llm_bench.airflow.metadata import Cell, running_cells
from llm_bench.dashboard.context import records_of
from llm_bench.dashboard.questions import questions_by_industry
from llm_bench.dashboard.security import ReadableStudy
from llm_bench.study import Study

router = APIRouter()


@router.get("/{study}/live")
def state(study: ReadableStudy) -> dict[str, Any]:
    """The version of the records, and a line for each cell that runs."""
    return {"version": records_of(study).version, "running": running(study)}


def running(study: Study) -> Sequence[str]:
    """The cells that are measured now: "kimi-k2-instruct · retail: question 7 of 10"."""
    cells = running_cells(study.dag_id)
    return [_line(study, cell) for cell in cells]


def _line(study: Study, cell: Cell) -> str:
    # The questions of a cell are those of its industry, which its name ends with; asked twice where it asks both ways.
    asked = questions_by_industry(study).get(cell.name.rpartition(" · ")[2])
    if asked is None:
        return f"{cell.name}: {cell.answered} answered"
    of = asked * (2 if study.cache == "both" else 1)
    return f"{cell.name}: question {min(cell.answered + 1, of)} of {of}"
