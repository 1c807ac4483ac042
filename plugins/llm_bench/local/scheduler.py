"""Airflow's scheduler with what its tasks need imported beforehand: ``python -m llm_bench.local.scheduler``.

The LocalExecutor forks its workers from the scheduler, and a worker forks a process for each task. What the scheduler
has imported is there in every task, and takes memory once. Else each cell imports LiteLLM by itself (3 s of a core),
and the end of each batch the libraries that score and validate it (10 s), while cells of the next batch measure.

None of them starts a thread of Python's when it is imported: that, a fork would not survive.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

from llm_bench.local.output import without_what_has_no_room
from llm_bench.rag.embeddings import keeping_all

LIBRARIES = ("airflow.__main__", "torch", "great_expectations")
IF_INSTALLED = ("redis",)
"""Nothing that llm-bench is installed with: it comes with a part of Airflow's, for several hosts."""
OURS = ("airflow.dag", "measure.asking", "measure.recording", "scoring.score")
"""What tasks import of the package: for its study's DAG, to measure and to score."""


def load() -> None:
    """Imports it all, and has done once what is the same in every task. To be called without the search for rubbish."""
    from llm_bench.gate.validate import quietly  # noqa: PLC0415
    from llm_bench.languages import identifier  # noqa: PLC0415
    from llm_bench.measure.library import quiet_litellm  # noqa: PLC0415
    from llm_bench.measure.transport import ssl_context  # noqa: PLC0415

    quiet_litellm().ModelResponse()  # the first one builds its classes
    with quietly():
        for module in (*LIBRARIES, *filter(find_spec, IF_INSTALLED), *(f"llm_bench.{name}" for name in OURS)):
            import_module(module)
    identifier()
    ssl_context()


if __name__ == "__main__":
    without_what_has_no_room()
    try:
        with keeping_all():
            load()
    except Exception as fault:  # whatever it is, tasks meet it by themselves, and say what to do
        sys.stderr.write(f"Each task imports for itself: {type(fault).__name__}: {fault}\n")
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    import_module("airflow.__main__").main()
