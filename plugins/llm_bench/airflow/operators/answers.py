"""The tasks before and after measuring: find the contexts, score the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from llm_bench.errors import LLMBenchError
from llm_bench.paths import home, include
from llm_bench.study import Study
from llm_bench.templates import load_template

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

    from llm_bench.records import Record

RECORDS = "records"
"""XCom of the scored records. A task that fails has no return value, but keeps what it pushed."""


class PrepareOperator(BaseOperator):
    """Validates the study's questions and retrieves the context of each, once per study: the result is cached.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :return: nothing; the prompts of each industry are an XCom under the industry's name.
    """

    def __init__(self, *, study: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.study = study

    def execute(self, context: Context) -> None:
        from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415
        from llm_bench.rag.retrieval import retrieve  # noqa: PLC0415

        study = Study.model_validate(self.study)
        try:
            load_question_sets(include(), study.industries)
            template = load_template(include(), study.prompt)
            for industry in study.industries:
                prompts = retrieve(include(), industry, study.retrieval, home() / "data" / "cache", template)
                context["ti"].xcom_push(key=industry, value=prompts)
                self.log.info("%s: %d questions, each with its context", industry, len(prompts))
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None


class ScoreOperator(BaseOperator):
    """Scores all answers of a batch, with one load of the model.

    When cells are missing it scores the others, and what was measured of the missing ones, and then fails: so clearing
    a run's failed tasks, once the missing cells can be measured, scores and loads the whole batch again.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :param prompts_task_id: the task whose XCom named after each industry holds the questions with their contexts.
    :param cells: the records of each cell that was measured, or the output of the tasks that measured them.
    :param so_far: the records of each cell that was stopped, or the XCom of that name of those tasks.
    :return: nothing; the scored records are the XCom :data:`RECORDS`.
    """

    template_fields: Sequence[str] = ("cells", "so_far")

    def __init__(
        self,
        *,
        study: dict[str, Any],
        prompts_task_id: str,
        cells: Sequence[list[Record]] | XComArg,
        so_far: Sequence[list[Record]] | XComArg = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.study = study
        self.prompts_task_id = prompts_task_id
        self.cells: Any = cells
        self.so_far: Any = so_far

    def execute(self, context: Context) -> None:
        study = Study.model_validate(self.study)
        # As a slice: Airflow fetches it at once, and logs an error at the end of each sequence that it goes through.
        cells = [cell for cell in self.cells[:] if cell]
        records = [record for cell in cells for record in cell]
        whole = {record["record_id"] for record in records}  # a cell may have been stopped before it was done
        stopped = [record for part in self.so_far[:] for record in part if record["record_id"] not in whole]
        records += stopped
        context["ti"].xcom_push(key=RECORDS, value=self._score(context, study, records) if records else [])
        missing = len(study.cells) - len(cells)
        if missing:
            raise AirflowFailException(
                f"{missing} of {len(study.cells)} cells were not measured whole; the others are scored, and "
                f"{len(stopped)} records of these. See the log of the failed measure tasks, fix the cause, and clear "
                "this run's failed tasks."
            )

    def _score(self, context: Context, study: Study, records: list[Record]) -> list[Record]:
        from llm_bench.scoring.model import load  # noqa: PLC0415
        from llm_bench.scoring.score import score  # noqa: PLC0415

        prompts = {
            prompt["question_id"]: prompt
            for industry in study.industries
            for prompt in context["ti"].xcom_pull(task_ids=self.prompts_task_id, key=industry)
        }
        try:
            scored = score(records, prompts, *load(study.scoring.model, study.retrieval.embedding_model))
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None
        answered = sum(record["declined"] is not None for record in scored)
        self.log.info("%d records, %d of them with an answer to score", len(scored), answered)
        return scored
