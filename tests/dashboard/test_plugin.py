from __future__ import annotations

import subprocess
import sys

import pytest

from dashboard.conftest import PAGE, SLOT
from llm_bench.airflow.links import PREFIX, DataQualityLink, validation_path


class Run:
    """A task instance that has just ended, as far as the link asks it."""

    def __init__(self, logical_date):
        self.logical_date = logical_date
        self.run_after = SLOT

    def get_template_context(self):
        return {"dag_run": self}


class Validating:
    """The operator, as far as the link asks it."""

    dag_id = "llm_bench_thesis"


class TestTheLink:
    def test_leads_to_the_page(self):
        assert PREFIX + validation_path("thesis", SLOT) == PAGE

    @pytest.mark.parametrize("logical_date", [SLOT, None])
    def test_is_of_the_runs_slot(self, logical_date):
        assert DataQualityLink().get_link(Validating(), ti_key=Run(logical_date)) == PAGE

    @pytest.mark.parametrize("base_url", ["https://example.org/airflow", "https://example.org/airflow/"])
    def test_stays_under_the_path_that_airflow_is_served_from(self, monkeypatch, base_url):
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
        assert DataQualityLink().get_link(Validating(), ti_key=Run(SLOT)) == f"/airflow{PAGE}"


def test_loading_the_plugin_loads_no_web_framework(project):
    script = (
        "import sys, airflow.plugins_manager, llm_bench.plugin\n"
        "assert not {'fastapi', 'great_expectations'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=project / "plugins", check=True)
