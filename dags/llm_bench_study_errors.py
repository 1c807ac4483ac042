"""No DAG of its own: shows in Airflow's UI, as an import error, what is wrong with a study or its questions.

Airflow takes all DAGs of a file with an import error off the schedule. Were the error raised in
llm_bench_studies.py, one mistake in one study would stop all others.
"""

from __future__ import annotations

from llm_bench.airflow.dag import question_faults, study_dags
from llm_bench.paths import include

mistakes = [*study_dags(include())[1], *question_faults(include())]
if mistakes:
    raise ExceptionGroup("These studies can't be measured until these files are corrected", mistakes)
