"""Finds keys outside a task, in the same places and order as a measuring task does."""

from __future__ import annotations

import os
from pathlib import Path

from llm_bench.local.config import Config
from llm_bench.measure.client import Endpoint
from llm_bench.study import LLM


def use_airflow(home: Path) -> None:
    """Makes this process read connections as Airflow does. To be called before Airflow is imported.

    It is the local Airflow of ``home`` where there is one or no other is named, else that of ``AIRFLOW_HOME``.
    """
    config = Config(home, 0)
    if (config.airflow_home / "airflow.cfg").exists() or "AIRFLOW_HOME" not in os.environ:
        os.environ.update(config.environment())
    # As `airflow connections get` does: connections are then looked for in the metadata database, too.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


def find_key(llm: LLM) -> Endpoint:
    """The address of the LLM, with its key.

    :raises CredentialsError: there is no key.
    :raises RequestError: LiteLLM knows no such provider.
    """
    from llm_bench.airflow.hook import LiteLLMHook  # noqa: PLC0415  (it imports Airflow)

    return LiteLLMHook(llm=llm).endpoint()
