"""The task that ends a batch: validate, load, report what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from llm_bench.airflow.links import DataQualityLink
from llm_bench.airflow.operators.answers import RECORDS, prompts_of, study_of
from llm_bench.airflow.stats import send
from llm_bench.errors import LLMBenchError
from llm_bench.gate.completeness import Due, account
from llm_bench.paths import client, home
from llm_bench.records import utc_text
from llm_bench.schedule import slot_of
from llm_bench.study import Study

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from llm_bench.batch.load import Loaded
    from llm_bench.gate.validate import Verdict
    from llm_bench.records import Record


def records_asset(study: Study) -> Asset:
    """A study's records, for other DAGs to wait for: named as the study's DAG, at their folder in the storage."""
    scheme, _, place = study.storage.partition("://")
    folder = home() / place if scheme == "file" else place.rstrip("/")
    return Asset(name=study.dag_id, uri=f"{scheme}://{folder}/records/study={study.name}")


class ValidateAndLoadOperator(BaseOperator):
    """Validates a batch's records, loads the valid ones exactly once and quarantines the rest.

    An incomplete batch is loaded too; then the task fails, naming what is missing, so that the run shows red. Where
    nothing at all was measured, the store stays as it is. The event of ``records_asset``, where that is an outlet, says
    ``slot``, ``path``, ``records`` and ``quarantined``; Airflow keeps it when the task succeeds: for a whole batch.

    :param prepare_task_id: the task of ``PrepareOperator``.
    :param records_task_id: the task whose XCom ``records`` holds the batch's scored records.
    :return: what was loaded: object path, records, quarantined.
    """

    operator_extra_links = (DataQualityLink(),)

    def __init__(self, *, prepare_task_id: str, records_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prepare_task_id = prepare_task_id
        self.records_task_id = records_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        study = study_of(context, self.prepare_task_id)
        run = context["dag_run"]
        records = context["ti"].xcom_pull(task_ids=self.records_task_id, key=RECORDS)
        if records is None:
            raise AirflowFailException(
                f"The task {self.records_task_id} left no records: see its log, fix the cause, and clear it with what "
                "comes after it. What was measured is kept."
            )
        try:
            prompts = {name: prompts_of(context, self.prepare_task_id, name) for name in study.industries}
            texts = {name: {asked["question_id"]: asked["question"] for asked in prompts[name]} for name in prompts}
            due = Due(study, slot_of(run.logical_date, run.run_after), texts, client())
            contexts = chain(*prompts.values())
            verdict, loaded = self._load(due, records, contexts, run.start_date) if records else (None, None)
        except LLMBenchError as fault:
            # Nothing is lost: the records stay in their XCom, and the retry, or clearing this task, loads them again.
            raise AirflowException(str(fault)) from None
        send(due, verdict.valid if verdict else None)
        shortfall = account(due, records, verdict.refused if verdict else [])
        if shortfall is not None or loaded is None:
            raise AirflowFailException(str(shortfall))
        outcome = asdict(loaded)
        for asset in self.outlets:  # one, of the study as its file is now
            context["outlet_events"][asset].extra = {"slot": utc_text(due.slot), **outcome}
        return outcome

    def _load(
        self, due: Due, records: list[Record], prompts: Iterable[dict[str, Any]], since: datetime | None
    ) -> tuple[Verdict, Loaded]:
        from llm_bench.batch.load import load  # noqa: PLC0415
        from llm_bench.gate.validate import validate  # noqa: PLC0415
        from llm_bench.store.base import open_store  # noqa: PLC0415
        from llm_bench.store.contexts import keep_contexts  # noqa: PLC0415
        from llm_bench.store.exports import export  # noqa: PLC0415

        store = open_store(due.study.storage, home())
        verdict = validate([records], due)
        for refused in verdict.refused:
            self.log.warning("Quarantined %s: %s", refused.record.get("record_id"), "; ".join(refused.broken))
        for rule in verdict.results["expectations"]:
            if "problem" in rule:
                self.log.warning("Couldn't check %r: %s", rule["name"], rule["problem"])
        warned = verdict.results["records"]["warned"]
        keep_contexts(store, due.study.name, prompts)
        loaded = load(store, due.study.name, due.slot, verdict, due.client, since=since)
        self.log.info(
            "Measured %d records: loaded %d (%d with warnings), quarantined %d; %s holds %d now",
            len(records),
            len(verdict.valid),
            warned,
            len(verdict.refused),
            loaded.path,
            loaded.records,
        )
        total = export(store, home() / "data")
        self.log.info("data/batch_eval_metrics.csv and .json now hold %d records", total)
        return verdict, loaded
