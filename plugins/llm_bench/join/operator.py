"""The task that ends a batch: validate, load, tell what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from llm_bench.errors import LLMBenchError
from llm_bench.join.completeness import account
from llm_bench.paths import home, include
from llm_bench.study import Study

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llm_bench.records import Record


class ValidateAndLoadOperator(BaseOperator):
    """Validates a batch's records, loads the valid ones exactly once and quarantines the rest.

    An incomplete batch is loaded too; then the task fails, naming what is missing, so that the run shows red.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :param records: the batch's records, scored.
    :return: what was loaded: object path, records, quarantined.
    """

    template_fields: Sequence[str] = ("records",)

    def __init__(self, *, study: dict[str, Any], records: list[Record], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.study = study
        self.records = records

    def execute(self, context: Context) -> dict[str, Any]:
        from llm_bench.join.exports import export  # noqa: PLC0415
        from llm_bench.join.load import load  # noqa: PLC0415
        from llm_bench.join.quality import validate  # noqa: PLC0415
        from llm_bench.join.store import open_store  # noqa: PLC0415
        from llm_bench.rag.knowledge import load_question_sets  # noqa: PLC0415

        study = Study.model_validate(self.study)
        run = context["dag_run"]
        slot = run.logical_date or run.run_after
        try:
            questions = load_question_sets(include(), study.industries)
            store = open_store(study.storage, home())
            verdict = validate(self.records)
            loaded = load(store, study.name, slot, verdict)
            total = export(store, home() / "data")
        except LLMBenchError as fault:
            # Nothing is lost: the records are this task's input, and clearing it loads them again.
            raise AirflowException(str(fault)) from None
        self.log.info(
            "Loaded %d records to %s, quarantined %d; data/batch_eval_metrics.csv and .json now hold %d records",
            loaded.records,
            loaded.path,
            loaded.quarantined,
            total,
        )
        expected = {industry: [question.id for question in asked] for industry, asked in questions.items()}
        shortfall = account(study, expected, self.records, verdict.refused)
        if shortfall is not None:
            raise AirflowFailException(str(shortfall))
        return {"path": loaded.path, "records": loaded.records, "quarantined": loaded.quarantined}
