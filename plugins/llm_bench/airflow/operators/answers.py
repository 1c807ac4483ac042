"""The tasks before and after measuring: take up the study and find the contexts, score the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from llm_bench.airflow import POOLS
from llm_bench.errors import LLMBenchError
from llm_bench.paths import home, include
from llm_bench.study import Study
from llm_bench.templates import load_template

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

    from llm_bench.records import Record

STUDY = "study"
"""XCom of the study as it stood when its batch began."""
PROMPTS = "prompts "
"""How the name of an industry's XCom begins: its questions, each with its context."""
RECORDS = "records"
"""XCom of the scored records. A task that fails has no return value, but keeps what it pushed."""
_LONGEST_CELL = 250
"""Letters of a mapped task's name in Airflow's database, where it is Postgres; of a longer one, no task could end."""


def study_of(context: Context, prepare_task_id: str) -> Study:
    """The study as it stood when the batch began, whatever became of its file since.

    Each task reads the DAG file anew when it starts. Were the study of that moment used, an edit in mid-batch would
    give a retried cell another cell's LLM, and the cells of one batch different settings.

    :param prepare_task_id: the task of :class:`PrepareOperator`.
    """
    dump = context["ti"].xcom_pull(task_ids=prepare_task_id, key=STUDY)
    if dump is None:
        raise AirflowFailException(
            f"The task {prepare_task_id} left no study: see its log, fix the cause, and clear it with what comes after."
        )
    return Study.model_validate(dump)


def prompts_of(context: Context, prepare_task_id: str, industry: str) -> list[dict[str, Any]]:
    """The questions that the batch asks of an industry, each with its context."""
    return list(context["ti"].xcom_pull(task_ids=prepare_task_id, key=PROMPTS + industry))


def cells_of(study: Study) -> list[dict[str, str]]:
    """What each cell is: the arguments of its task."""
    return [
        {"llm": llm.name, "industry": industry, "cell": _cell(study.label(llm), industry)}
        for llm, industry in study.cells
    ]


def _cell(llm: str, industry: str) -> str:
    """A cell's name; of an LLM's that is too long for it, the middle is left out."""
    room = _LONGEST_CELL - len(f" · {industry}")
    half = room // 2
    return f"{llm if len(llm) <= room else f'{llm[: half - 1]}…{llm[-half:]}'} · {industry}"


class PrepareOperator(BaseOperator):
    """Fixes what a batch asks: the study as it stands, its questions, and the context of each.

    Contexts are retrieved once per study: the result is cached. What the file says later holds from the next batch on,
    or once this task is cleared.

    :param study: the study, as ``Study.model_dump(mode="json")`` gives it.
    :return: the cells, as :func:`cells_of` gives them. The study is the XCom :data:`STUDY`; the prompts of each
        industry are an XCom of their own.
    """

    def __init__(self, *, study: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.study = study

    def execute(self, context: Context) -> list[dict[str, str]]:
        from llm_bench.rag.questions import load_question_sets  # noqa: PLC0415
        from llm_bench.rag.retrieval import retrieve  # noqa: PLC0415

        study = Study.model_validate(self.study)
        try:
            load_question_sets(include(), study.industries)
            template = load_template(include(), study.prompt)
            for industry in study.industries:
                prompts = retrieve(include(), industry, study.retrieval, home() / "data" / "cache", template)
                context["ti"].xcom_push(key=PROMPTS + industry, value=prompts)
                self.log.info("%s: %d questions, each with its context", industry, len(prompts))
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None
        context["ti"].xcom_push(key=STUDY, value=self.study)
        pools = groupby(study.pool(llm.provider) for llm, _ in study.cells)
        context["ti"].xcom_push(key=POOLS, value=[[pool, len(list(cells))] for pool, cells in pools])
        return cells_of(study)


class ScoreOperator(BaseOperator):
    """Scores all answers of a batch, with one load of the model.

    When cells are missing it scores the others, and what was measured of the missing ones, and then fails: so clearing
    a run's failed tasks, once the missing cells can be measured, scores and loads the whole batch again.

    :param prepare_task_id: the task of :class:`PrepareOperator`.
    :param cells: the records of each cell that was measured, or the output of the tasks that measured them.
    :param so_far: the records of each cell that was stopped, or the XCom of that name of those tasks.
    :return: nothing; the scored records are the XCom :data:`RECORDS`.
    """

    template_fields: Sequence[str] = ("cells", "so_far")

    def __init__(
        self,
        *,
        prepare_task_id: str,
        cells: Sequence[list[Record]] | XComArg,
        so_far: Sequence[list[Record]] | XComArg = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prepare_task_id = prepare_task_id
        self.cells: Any = cells
        self.so_far: Any = so_far

    def execute(self, context: Context) -> None:
        study = study_of(context, self.prepare_task_id)
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
                "this run's failed tasks; where the cause was in the study file, its task prepare first."
            )

    def _score(self, context: Context, study: Study, records: list[Record]) -> list[Record]:
        from llm_bench.scoring.model import load  # noqa: PLC0415
        from llm_bench.scoring.score import score  # noqa: PLC0415

        prompts = {
            prompt["question_id"]: prompt
            for industry in study.industries
            for prompt in prompts_of(context, self.prepare_task_id, industry)
        }
        cache = home() / "data" / "cache" / "embeddings"
        try:
            embedder, encoder = load(study.scoring.model, study.retrieval.embedding_model)
            scored = score(records, prompts, embedder, study.language, encoder, cache=cache)
        except LLMBenchError as mistake:
            raise AirflowFailException(str(mistake)) from None
        answered = sum(record["declined"] is not None for record in scored)
        for note, count in Counter(record["score_note"] for record in scored if record["score_note"]).items():
            self.log.warning("%d records not scored: %s", count, note)
        self.log.info("%d records, %d of them with an answer to score", len(scored), answered)
        return scored
