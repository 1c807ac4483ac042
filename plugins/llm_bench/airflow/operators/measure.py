"""The task that measures one cell: one LLM, one industry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from llm_bench.errors import LLMBenchError, RequestError
from llm_bench.paths import home
from llm_bench.schedule import slot_of
from llm_bench.study import Study

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llm_bench.measure.client import LLMClient
    from llm_bench.measure.recording import Batch
    from llm_bench.records import Record


class LLMBenchmarkOperator(BaseOperator):
    """Asks one LLM all questions of one industry, one after another, each with exactly one HTTP attempt.

    Every finished question is kept at once in the task state store, so that a retry asks only what is left; what was
    asked with another LLM, other settings, at another address or with another prompt is dropped, and the log says so.
    A provider's fault is a record; a mistake of ours or the user's fails the task at once, without a retry. Refusals
    that are nobody's by their words are the user's where the first questions all meet the same one.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :param llm: name of one of the study's LLMs.
    :param industry: one of the study's industries.
    :param cell: the cell's name in the UI and the log, e.g. "kimi-k2-instruct · retail".
    :param prompts_task_id: the task whose XCom named after the industry holds the questions with their contexts.
    :return: one record for each question, not yet scored.
    """

    template_fields: Sequence[str] = ("llm", "industry", "cell")

    def __init__(
        self,
        *,
        study: dict[str, Any],
        llm: str,
        industry: str,
        cell: str,
        prompts_task_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.study = study
        self.llm = llm
        self.industry = industry
        self.cell = cell
        self.prompts_task_id = prompts_task_id

    def execute(self, context: Context) -> list[Record]:
        from llm_bench.measure.refusals import refused_from_the_start  # noqa: PLC0415

        study = Study.model_validate(self.study)
        prompts = context["ti"].xcom_pull(task_ids=self.prompts_task_id, key=self.industry)
        store: Any = context["task_state_store"]
        try:
            batch = self._batch(study, context)
            client = self._client(study, batch)
            records = self._take_up(store, client, prompts)
            for record in self._measure(study, batch, client, list(enumerate(prompts, 1))[len(records) :]):
                store.set(record["question_id"], record)
                records.append(record)
                self.log.info("%s %d/%d · %s", self.cell, len(records), len(prompts), _progress(record))
                if refused_from_the_start(records):
                    store.clear()  # a mistake's records would count against the provider
                    raise RequestError(
                        f"{self.llm} refused the first {len(records)} questions alike: {record['error']}",
                        "Correct what it names: the model or the settings in the study file, the Airflow connection, "
                        "or a firewall between; then clear this task.",
                    )
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None
        store.clear()  # so that clearing this task measures anew
        return records

    @staticmethod
    def _client(study: Study, batch: Batch) -> LLMClient:
        # Imported here, as it brings LiteLLM, which the parsing of a DAG must not pay for.
        from llm_bench.airflow.hook import LiteLLMHook  # noqa: PLC0415

        return LiteLLMHook(llm=batch.llm).get_conn(study.generation, study.deadlines)

    def _take_up(self, store: Any, client: LLMClient, prompts: Sequence[dict[str, Any]]) -> list[Record]:
        """The records that an earlier attempt kept, as far as they were measured as they would be now."""
        from llm_bench.measure.kept import take_up  # noqa: PLC0415

        records, dropped = take_up(store, self.industry, client.settings, prompts)
        if dropped:
            self.log.warning("%s: kept answers are dropped and asked anew: %s", self.cell, dropped)
        if records:
            self.log.info("%s: %d of %d answers were kept; going on", self.cell, len(records), len(prompts))
        return records

    def _measure(
        self, study: Study, batch: Batch, client: LLMClient, prompts: Sequence[tuple[int, dict[str, Any]]]
    ) -> Iterator[Record]:
        """The record of each question.

        :param prompts: each with its place in the cell's order.
        """
        from llm_bench.measure.pacing import Pacer, most_tokens  # noqa: PLC0415
        from llm_bench.measure.recording import machine_load, make_record  # noqa: PLC0415
        from llm_bench.rag.prompt import messages_of  # noqa: PLC0415

        pacer = Pacer(home() / "data" / "pacing", batch.llm.model, batch.llm.requests_per_minute)
        longest = batch.llm.asked_with(study.generation).max_tokens
        with client:
            for position, prompt in prompts:
                messages = messages_of(prompt)
                waited = pacer.wait(most_tokens(messages, longest))
                load, measured_at = machine_load(), datetime.now(UTC)
                reply = client.ask(messages)
                pacer.learn(reply.exchange.status, reply.exchange.headers)
                yield make_record(
                    batch, prompt, reply, measured_at=measured_at, wait_sec=waited, load=load, position=position
                )

    def _batch(self, study: Study, context: Context) -> Batch:
        from llm_bench.measure.recording import Batch  # noqa: PLC0415
        from llm_bench.rag.embeddings import model_identity  # noqa: PLC0415

        run = context["dag_run"]
        return Batch(
            study=study.name,
            slot=slot_of(run.logical_date, run.run_after),
            run_id=run.run_id,
            run_type=run.run_type if run.run_type in {"scheduled", "backfill"} else "manual",
            attempt=context["ti"].try_number,
            llm=next(llm for llm in study.llms if llm.name == self.llm),
            industry=self.industry,
            embedding_model=model_identity(study.retrieval.embedding_model),
        )


def _progress(record: Record) -> str:
    if record["failure_kind"]:
        return f"{record['failure_kind']}: {record['error']}"
    speed = record["throughput_tps"]
    return f"{record['latency_sec']:.2f} s" + (f" · {speed:.0f} tok/s" if speed is not None else "")
