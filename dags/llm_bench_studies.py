"""One DAG for each study in include/studies. (What is wrong with a study file: llm_bench_study_errors.py.)"""

from __future__ import annotations

from llm_bench.airflow.dag import study_dag
from llm_bench.paths import include
from llm_bench.study import load_studies

for study in load_studies(include())[0]:
    globals()[study.dag_id] = study_dag(study)
