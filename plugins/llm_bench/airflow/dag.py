"""The DAG of a study."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, XComArg

from llm_bench.airflow.notifier import deadline, incomplete_batch, missed_slots
from llm_bench.airflow.operators.answers import PrepareOperator, ScoreOperator
from llm_bench.airflow.operators.load import ValidateAndLoadOperator, records_asset
from llm_bench.airflow.operators.measure import SO_FAR, LLMBenchmarkOperator
from llm_bench.airflow.timetable import SlotTimetable
from llm_bench.errors import QuestionSetError
from llm_bench.rag.questions import load_question_sets
from llm_bench.schedule import EPOCH
from llm_bench.study import Study, load_studies


def study_dags(include: Path) -> tuple[dict[str, DAG], list[Exception]]:
    """The DAG of each study of a project by its id, and what is wrong with the studies that have none.

    :param include: the folder that holds ``studies/``.
    """
    studies, mistakes = load_studies(include)
    dags: dict[str, DAG] = {}
    faults: list[Exception] = [*mistakes]
    for study in studies:
        try:
            dags[study.dag_id] = study_dag(study)
        except Exception as fault:
            fault.add_note(f"in the DAG of include/studies/{study.name}.yaml")
            faults.append(fault)
    return dags, faults


def question_faults(include: Path) -> list[QuestionSetError]:
    """What is wrong with the questions of a project's studies, so that it shows before a batch is due.

    A study whose questions are wrong keeps its DAG: a batch that has begun has its questions already.

    :param include: the folder that holds ``studies/``.
    """
    faults: dict[str, QuestionSetError] = {}
    for study in load_studies(include)[0]:
        try:
            load_question_sets(include, study.industries)
        except QuestionSetError as fault:
            fault.add_note(f"in the questions of include/studies/{study.name}.yaml")
            faults.setdefault(str(fault), fault)
    return list(faults.values())


def study_dag(study: Study) -> DAG:
    """A study's DAG: prepare → measure (one per LLM × industry) → score → validate_and_load.

    Tasks can be added: the last one of the study has the task id ``validate_and_load``.

    :param study: as :func:`llm_bench.load_study` gives it.
    """
    with DAG(
        study.dag_id,
        auto_register=False,  # a file has the DAGs that it names: none that is only half built, nor one in two files
        description=study.description,
        # The timetable holds the window. As the DAG's start_date and end_date it would also forbid a trial run by hand
        # before the study starts: Airflow gives such a run no tasks.
        schedule=SlotTimetable(study.window.schedule) if study.window else None,
        catchup=study.catchup,
        # Airflow catches up from a start date on; the timetable knows the first slot.
        start_date=EPOCH if study.catchup else None,
        # The slot's own batch, one that outlasts its slot, and one that a person started or cleared: none holds up the
        # others, and none can harm them, as the pools bound how many cells ask at once and each slot has an object of
        # its own. A bound all the same: were every batch too slow for its slot, they would pile up, each later than the
        # one before. Runs of a backfill aren't counted.
        max_active_runs=3,
        deadline=deadline(study),
        # The first comes soon, for a cell whose process was killed. Together they outlast a start of Airflow's API
        # server on a busy machine, without which no task goes on.
        default_args={"retries": 7, "retry_delay": timedelta(seconds=1), "retry_exponential_backoff": 2.0},
        tags=["llm-bench"],
        doc_md="prepare → measure (one per LLM × industry) → score → validate_and_load",
    ) as dag:
        prepare = PrepareOperator(
            task_id="prepare",
            study=study.model_dump(mode="json"),
            on_success_callback=missed_slots(study),
            on_failure_callback=missed_slots(study),
        )
        measure = LLMBenchmarkOperator.partial(
            task_id="measure",
            prepare_task_id=prepare.task_id,
            map_index_template="{{ task.cell }}",
        ).expand_kwargs(prepare.output)
        score = ScoreOperator(
            task_id="score",
            prepare_task_id=prepare.task_id,
            cells=measure.output,
            so_far=XComArg(measure, key=SO_FAR),
            trigger_rule="all_done",
        )
        load = ValidateAndLoadOperator(
            task_id="validate_and_load",
            prepare_task_id=prepare.task_id,
            records_task_id=score.task_id,
            outlets=[records_asset(study)],
            trigger_rule="all_done",
            on_failure_callback=incomplete_batch(study),
        )
        prepare >> measure >> score >> load
    return dag
