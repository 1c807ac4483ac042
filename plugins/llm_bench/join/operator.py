"""The task that ends a batch: validate, load, tell what is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from llm_bench.errors import LLMBenchError
from llm_bench.join.completeness import account
from llm_bench.paths import home, include
from llm_bench.rag.operators import RECORDS
from llm_bench.schedule import slot_of
from llm_bench.study import Study

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llm_bench.join.quality import Refused
    from llm_bench.records import Record


class ValidateAndLoadOperator(BaseOperator):
    """Validates a batch's records, loads the valid ones exactly once and quarantines the rest.

    An incomplete batch is loaded too; then the task fails, naming what is missing, so that the run shows red. Where
    nothing at all was measured, the store stays as it is.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :param records_task_id: the task whose XCom ``records`` holds the batch's scored records.
    :return: what was loaded: object path, records, quarantined.
    """

    def __init__(self, *, study: dict[str, Any], records_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.study = study
        self.records_task_id = records_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        from llm_bench.rag.knowledge import load_question_sets  # noqa: PLC0415

        study = Study.model_validate(self.study)
        records = context["ti"].xcom_pull(task_ids=self.records_task_id, key=RECORDS)
        if records is None:
            raise AirflowFailException(
                f"The task {self.records_task_id} left no records: see its log, mend the cause, and clear it with what "
                "comes after it. What was measured is kept."
            )
        try:
            questions = load_question_sets(include(), study.industries)
            loaded, refused = self._load(context, study, records) if records else ({}, [])
        except LLMBenchError as fault:
            # Nothing is lost: the records stay in their XCom, and the retry, or clearing this task, loads them again.
            raise AirflowException(str(fault)) from None
        expected = {industry: [question.id for question in asked] for industry, asked in questions.items()}
        shortfall = account(study, expected, records, refused)
        if shortfall is not None:
            raise AirflowFailException(str(shortfall))
        return loaded

    def _load(self, context: Context, study: Study, records: list[Record]) -> tuple[dict[str, Any], list[Refused]]:
        from llm_bench.join.exports import export  # noqa: PLC0415
        from llm_bench.join.load import load  # noqa: PLC0415
        from llm_bench.join.quality import validate  # noqa: PLC0415
        from llm_bench.join.store import open_store  # noqa: PLC0415

        run = context["dag_run"]
        store = open_store(study.storage, home())
        verdict = validate(records)
        for refused in verdict.refused:
            self.log.warning("Quarantined %s: %s", refused.record.get("record_id"), "; ".join(refused.broken))
        loaded = load(store, study.name, slot_of(run.logical_date, run.run_after), verdict)
        self.log.info("Loaded %d records to %s, quarantined %d", loaded.records, loaded.path, loaded.quarantined)
        total = export(store, home() / "data")
        self.log.info("data/batch_eval_metrics.csv and .json now hold %d records", total)
        return asdict(loaded), verdict.refused
