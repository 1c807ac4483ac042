"""One DAG for each study in include/studies. (What is wrong with a study: llm_bench_study_errors.py.)"""

from __future__ import annotations

from llm_bench.airflow.dag import study_dags
from llm_bench.paths import include

dags, _ = study_dags(include())
globals().update(dags)
