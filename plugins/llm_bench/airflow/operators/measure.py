"""The task that measures one cell: one LLM, one industry."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from llm_bench.airflow.operators.answers import prompts_of, study_of
from llm_bench.errors import LLMBenchError, RequestError, StorageError
from llm_bench.inert import line
from llm_bench.measure.standstill import StandstillError
from llm_bench.paths import client as client_name
from llm_bench.paths import home
from llm_bench.schedule import slot_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llm_bench.measure.asking import Asker
    from llm_bench.measure.client import LLMClient, Reply
    from llm_bench.measure.recording import Batch
    from llm_bench.measure.turns import Turn
    from llm_bench.measure.watchdog import Question
    from llm_bench.records import Record
    from llm_bench.study import Study


SO_FAR = "so_far"
"""XCom of the records of a cell that was stopped. A retry clears it and goes on with what the state store holds."""

_TERMINATED = 128 + signal.SIGTERM


class LLMBenchmarkOperator(BaseOperator):
    """Asks one LLM all questions of one industry, one after another, each with exactly one HTTP attempt.

    They are asked in the study's order, behind a unique line or not, once or twice, as its ``cache`` says.

    Every finished question is kept at once in the task state store, so that a retry asks only what is left; what was
    asked with another LLM, other settings, at another address or with another prompt is dropped, and the log says so.
    What holds a request beyond its deadlines is ended, be it with the process, and is a record of its own kind. A
    provider's fault is a record; a mistake of ours or the user's fails the task at once, without a retry. Refusals
    that are nobody's by their words are the user's where the first questions all meet the same one. What was open while
    this machine stood still is no record: a retry asks it again. Whatever stops the task, the records so far are the
    XCom :data:`SO_FAR`. Once a limit of a day is used up, the rest isn't asked: their records say so.

    :param llm: name of one of the study's LLMs.
    :param industry: one of the study's industries.
    :param cell: the cell's name in the UI and the log, e.g. "kimi-k2-instruct · retail".
    :param prepare_task_id: the task of ``PrepareOperator``, which holds the study and the questions of the batch.
    :return: one record for each question, not yet scored.
    """

    # Nothing of a study is a template: Airflow would fill "{{ conn.llm_groq.password }}" in.
    template_fields: Sequence[str] = ()

    _waiting = False
    """Whether it waits for a limit or an answer, and can be stopped at once."""
    _stopped = False

    def __init__(
        self,
        *,
        llm: str,
        industry: str,
        cell: str,
        prepare_task_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.llm = llm
        self.industry = industry
        self.cell = cell
        self.prepare_task_id = prepare_task_id

    def execute(self, context: Context) -> list[Record]:
        study = study_of(context, self.prepare_task_id)
        store: Any = context["task_state_store"]
        records: list[Record] = []
        try:
            batch = self._batch(study, context)
            client = self._client(study, batch)
            cell = self._turns(study, batch, context)
            records += self._take_up(store, client, cell)
            if records:
                self._hand_over(context, records)  # should this attempt be killed outright
            self._keep(self._measure(study, batch, client, cell, tuple(records)), cell, records, store)
        except BaseException as fault:
            self._hand_over(context, records)
            if isinstance(fault, StandstillError | StorageError):
                raise AirflowException(str(fault)) from None  # of this machine, and it passes: a retry goes on
            if isinstance(fault, LLMBenchError):
                raise AirflowFailException(str(fault)) from None
            raise
        store.clear()  # so that clearing this task measures anew
        return records

    @staticmethod
    def _client(study: Study, batch: Batch) -> LLMClient:
        # Imported here, as it brings LiteLLM, which the parsing of a DAG must not pay for.
        from llm_bench.airflow.hook import LiteLLMHook  # noqa: PLC0415

        return LiteLLMHook(llm=batch.llm).get_conn(study.generation, study.deadlines)

    def _turns(self, study: Study, batch: Batch, context: Context) -> list[Turn]:
        """The cell's requests, in their order."""
        from llm_bench.measure.turns import turns  # noqa: PLC0415

        prompts = prompts_of(context, self.prepare_task_id, self.industry)
        return turns(study, batch.slot, self.industry, prompts)

    def _take_up(self, store: Any, client: LLMClient, cell: Sequence[Turn]) -> list[Record]:
        """The records that an earlier attempt kept, as far as they were measured as they would be now."""
        from llm_bench.measure.kept import take_up  # noqa: PLC0415

        records, dropped = take_up(store, self.industry, client.settings, cell)
        if dropped:
            self.log.warning("%s: kept answers are dropped and asked anew: %s", self.cell, dropped)
        if records:
            self.log.info("%s: %d of %d answers were kept; going on", self.cell, len(records), len(cell))
        return records

    def _hand_over(self, context: Context, records: list[Record]) -> None:
        """Leaves the records so far to those who score and load them."""
        try:
            context["ti"].xcom_push(key=SO_FAR, value=records)
        except Exception as fault:  # what stopped the cell matters more, and the state store has the records
            self.log.warning("%s: the records so far can't be handed over: %s", self.cell, fault)

    def on_kill(self) -> None:
        """Stops the task: at once while it waits, or else as soon as the record in hand is kept."""
        self._stopped = True
        if self._waiting:
            raise SystemExit(_TERMINATED)

    def _keep(self, measured: Iterator[Record], cell: Sequence[Turn], records: list[Record], store: Any) -> None:
        """Adds what is measured to the records, each kept at once.

        :raises RequestError: the first questions were all refused alike.
        """
        from llm_bench.measure.refusals import refused_from_the_start  # noqa: PLC0415

        for record in measured:
            store.set(cell[len(records)].key, record)
            records.append(record)
            self.log.info("%s %d/%d · %s", self.cell, len(records), len(cell), _progress(record))
            if self._stopped:
                raise SystemExit(_TERMINATED)
            if refused_from_the_start(records):
                cause = f"{self.llm} refused the first {len(records)} questions alike: {record['error']}"
                store.clear()
                records.clear()  # a mistake's records would count against the provider
                raise RequestError(
                    cause,
                    "Correct what it names: the model or the settings in the study file, the Airflow connection, "
                    "or a firewall between; then clear the run's task prepare and this one.",
                )

    def _measure(
        self, study: Study, batch: Batch, client: LLMClient, cell: Sequence[Turn], earlier: Sequence[Record]
    ) -> Iterator[Record]:
        """The record of each request that has none.

        :param earlier: the records of the first ones.
        """
        from llm_bench.measure.asking import record_of  # noqa: PLC0415
        from llm_bench.measure.turns import UniqueLines  # noqa: PLC0415
        from llm_bench.rag.prompt import behind, messages_of  # noqa: PLC0415

        records = list(earlier)
        with client:
            asker = self._asker(study, batch, client)
            held = asker.held_before(cell[len(records)]) if len(records) < len(cell) else None
            if held is not None:
                self.log.warning("%s: the attempt before was ended with its process: %s", self.cell, held[1].error)
                records.append(record_of(batch, cell[len(records)], *held))
                yield records[-1]
            if study.warm_up and asker.resort.held is None and len(records) < len(cell):
                self._warm_up(asker)
            lines = UniqueLines(records)
            for turn in cell[len(records) :]:
                line = lines.of(turn)
                yield record_of(batch, turn, *self._ask(asker, turn.key, behind(line, messages_of(turn.prompt)), line))

    @staticmethod
    def _asker(study: Study, batch: Batch, client: LLMClient) -> Asker:
        from llm_bench.measure.accounts import open_account  # noqa: PLC0415
        from llm_bench.measure.asking import Asker  # noqa: PLC0415
        from llm_bench.measure.pacing import Pacer, rates_of  # noqa: PLC0415
        from llm_bench.measure.watchdog import LastResort  # noqa: PLC0415

        data = home() / "data"
        return Asker(
            client,
            Pacer(open_account(data / "pacing", batch.llm.account), rates_of(batch.llm)),
            LastResort(data / "held" / batch.cell_id),
            longest=batch.llm.asked_with(study.generation).max_tokens,
            total_sec=study.deadlines.total_sec,
            attempt=batch.attempt,
        )

    def _ask(
        self, asker: Asker, key: str, messages: list[dict[str, str]], line: str | None = None
    ) -> tuple[Question, Reply]:
        with self._interruptible():
            question, reply = asker.ask(key, messages, line)
        try:
            asker.learn(reply)
        except StorageError as fault:  # the reply counts all the same
            self.log.warning("%s: what the provider says of its limits can't be kept: %s", self.cell, fault)
        return question, reply

    def _warm_up(self, asker: Asker) -> None:
        """Makes a request that no record is kept of: it opens the connection, and wakes a model that sleeps."""
        _, reply = self._ask(asker, "", [{"role": "user", "content": "Reply with the one word: ready."}])
        self.log.info("%s: warmed up by a request that isn't measured: %s", self.cell, reply.failure_kind or "answered")

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """While nothing is half done, the task may be stopped at once."""
        self._waiting = True
        try:
            if self._stopped:
                raise SystemExit(_TERMINATED)
            yield
        finally:
            self._waiting = False

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
            client=client_name(),
        )


def _progress(record: Record) -> str:
    if record["failure_kind"]:
        return f"{record['failure_kind']}: {line(record['error'] or '')}"
    speed = record["throughput_tps"]
    return f"{record['latency_sec']:.2f} s" + (f" · {speed:.0f} tok/s" if speed is not None else "")
