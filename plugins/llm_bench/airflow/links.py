"""Links from Airflow's UI to the pages of llm-bench."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from llm_bench.schedule import slot_of
from llm_bench.store.names import moment_name
from llm_bench.study import DAG_PREFIX

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/llm-bench"
"""Where the API server mounts the pages, under the path of its ``[api] base_url``."""

STUDY_OF_DAG = "-/{DAG_ID}"
BATCH_OF_RUN = "-/{DAG_ID}/{RUN_ID}"
QUALITY_OF_RUN = "-/{DAG_ID}/{RUN_ID}/quality"
"""Paths among the pages, as Airflow's tabs have them; no study is named ``-``."""


class DataQualityLink(BaseOperatorLink):
    """Leads to what the quality gate said of the run's slot; for an operator of a study's DAG."""

    name = "Data quality"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page's address on the API server. Airflow asks for it when the task ends, and keeps it as an XCom.

        :param ti_key: in fact the task instance that has just run.
        """
        run = cast("Any", ti_key).get_template_context()["dag_run"]
        study = operator.dag_id.removeprefix(DAG_PREFIX)
        return _address(validation_path(study, slot_of(run.logical_date, run.run_after)))


def validation_path(study: str, slot: datetime) -> str:
    """The path of a slot's validation among the pages.

    :param slot: aware.
    """
    return f"/validations/{study}/{moment_name(slot)}"


def _address(path: str) -> str:
    # Without a host: whatever name or tunnel leads a person to the UI leads to the page too.
    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/") + PREFIX + path
