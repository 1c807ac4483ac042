"""Airflow's scheduler with what its tasks need imported beforehand: ``python -m llm_bench.local.scheduler``.

The LocalExecutor forks its workers from the scheduler, and a worker forks a process for each task. What the scheduler
has imported is there in every task, and takes memory once. Else each cell imports LiteLLM by itself (3 s of a core),
and the end of each batch the libraries that score and validate it (10 s), while cells of the next batch measure.

None of them starts a thread of Python's when it is imported: that, a fork would not survive.
"""

from __future__ import annotations

import sys
from importlib import import_module

from airflow.__main__ import main

from llm_bench.gate.validate import quietly
from llm_bench.languages import identifier
from llm_bench.local.output import without_what_has_no_room
from llm_bench.measure.library import quiet_litellm

LIBRARIES = ("torch", "great_expectations", "redis")
OURS = ("airflow.dag", "measure.asking", "measure.recording", "scoring.score")
"""What tasks import of the package: for its study's DAG, to measure and to score."""

if __name__ == "__main__":
    without_what_has_no_room()
    quiet_litellm()
    with quietly():
        for module in (*LIBRARIES, *(f"llm_bench.{name}" for name in OURS)):
            import_module(module)
    identifier()
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    main()  # type: ignore[no-untyped-call]
