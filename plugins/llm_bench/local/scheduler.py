"""Airflow's scheduler with LiteLLM imported beforehand: ``python -m llm_bench.local.scheduler``.

The LocalExecutor forks its workers from the scheduler, and a worker forks a process for each task. What the scheduler
has imported is there in every task, and takes memory once. Else each cell imports LiteLLM by itself, which takes 3 s of
a core, while others measure. (LiteLLM starts no thread when it is imported: that, a fork would not survive.)
"""

from __future__ import annotations

import sys

from airflow.__main__ import main

from llm_bench.measure.client import quiet_litellm

if __name__ == "__main__":
    quiet_litellm()
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    main()  # type: ignore[no-untyped-call]
