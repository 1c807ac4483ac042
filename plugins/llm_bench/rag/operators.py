"""The tasks before and after measuring: find the contexts, score the answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from llm_bench.errors import LLMBenchError
from llm_bench.paths import home, include
from llm_bench.study import Study

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llm_bench.records import Record


class PrepareOperator(BaseOperator):
    """Validates the study's questions and retrieves the context of each, once per study: the result is cached.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :return: nothing; the prompts of each industry are an XCom under the industry's name.
    """

    def __init__(self, *, study: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.study = study

    def execute(self, context: Context) -> None:
        from llm_bench.rag.knowledge import load_question_sets  # noqa: PLC0415
        from llm_bench.rag.retrieval import retrieve  # noqa: PLC0415

        study = Study.model_validate(self.study)
        try:
            load_question_sets(include(), study.industries)
            for industry in study.industries:
                prompts = retrieve(
                    include(),
                    industry,
                    study.retrieval.top_k,
                    study.retrieval.embedding_model,
                    home() / "data" / "cache",
                )
                context["ti"].xcom_push(key=industry, value=prompts)
                self.log.info("%s: %d questions, each with its context", industry, len(prompts))
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None


class ScoreOperator(BaseOperator):
    """Scores all answers of a batch, with one load of the model.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :param prompts: industry → the questions with their contexts.
    :param cells: the records of each cell that was measured.
    :return: all records of the batch, scored.
    """

    template_fields: Sequence[str] = ("prompts", "cells")

    def __init__(
        self,
        *,
        study: dict[str, Any],
        prompts: dict[str, list[dict[str, Any]]],
        cells: Iterable[list[Record]],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.study = study
        self.prompts = prompts
        self.cells = cells

    def execute(self, context: Context) -> list[Record]:  # noqa: ARG002
        from llm_bench.rag.embeddings import Embedder  # noqa: PLC0415
        from llm_bench.rag.scoring import score  # noqa: PLC0415

        records = [record for cell in self.cells if cell for record in cell]
        if not records:
            self.log.warning("No cell was measured, so there is nothing to score")
            return []
        contexts = {
            prompt["question_id"]: prompt["passages"] for prompts in self.prompts.values() for prompt in prompts
        }
        study = Study.model_validate(self.study)
        try:
            scored = score(records, contexts, Embedder(study.retrieval.embedding_model))
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None
        answered = sum(record["coverage_score"] is not None for record in scored)
        self.log.info("%d records, %d of them with an answer to score", len(scored), answered)
        return scored
