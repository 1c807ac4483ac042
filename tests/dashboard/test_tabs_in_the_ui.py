"""The tabs on Airflow's own pages, clicked in a real browser on Airflow's API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from analysis.studies import thesis
from dashboard import serving
from dashboard.browser import chromium
from dashboard.conftest import SLOT
from llm_bench.store.base import object_path, open_store

pytestmark = pytest.mark.slow

PATIENCE_MSEC = 180_000
RUN = "scheduled__2026-12-07T07:51:25.714285+00:00"


@pytest.fixture(scope="module")
def dag_id(api_server, loaded, include) -> Iterator[str]:
    """The thesis study's DAG with a run of its second slot, as the UI finds them in the database."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.tasklog import LogTemplate
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import delete

    from llm_bench.airflow.dag import study_dag

    dag = study_dag(thesis(include))
    with create_session() as session:
        session.add_all([DagBundleModel(name="tabs"), LogTemplate(filename="", elasticsearch_id="")])
        session.flush()
        session.add(DagModel(dag_id=dag.dag_id, bundle_name="tabs", is_paused=False))
        session.flush()
        SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="tabs", session=session)
        session.flush()
        SerializedDagModel.get_dag(dag.dag_id, session=session).create_dagrun(
            run_id=RUN,
            logical_date=SLOT,
            data_interval=(SLOT, SLOT),
            run_after=SLOT,
            state="success",
            run_type=DagRunType.SCHEDULED,
            triggered_by=DagRunTriggeredByType.TIMETABLE,
            session=session,
        )
    yield dag.dag_id
    with create_session() as session:
        for model in (DagRun, SerializedDagModel, DagVersion, DagModel, DagBundleModel, LogTemplate):
            session.execute(delete(model))


@pytest.fixture(scope="module")
def opened(api_server, dag_id, loaded, results_of_gate):
    """Opens the DAG's page, or its run's, and a tab on it; what is in the tab."""
    with serving.served(api_server) as address, chromium() as browser:
        context = browser.new_context()
        context.add_cookies([{"name": "_token", "value": serving.token("ADMIN"), "url": address}])
        tab = context.new_page()

        def open_tab(name: str, path: str = ""):
            tab.goto(f"{address}/dags/{dag_id}{path}")
            # The menu beside has a link of this name, too.
            tabs = tab.locator(f"a[href*='/{dag_id}'][href*='/plugin/']")
            tabs.get_by_text(name, exact=True).click(timeout=PATIENCE_MSEC)
            return tab.frame_locator("iframe")

        yield open_tab


@pytest.fixture(scope="module")
def results_of_gate(loaded) -> None:
    """What the gate said of the run's slot."""
    results = {
        "runs": [RUN],
        "success": True,
        "records": {"valid": 80, "warned": 0, "refused": 0},
        "great_expectations_version": "1.24.1",
        "statistics": {},
        "expectations": [],
    }
    path = object_path("validations", "thesis", SLOT, "json")
    open_store("file://data", loaded).commit(path, json.dumps(results).encode(), 0)


class TestATab:
    def test_of_the_dag_shows_its_study(self, opened):
        heading = opened("llm-bench").get_by_role("heading", level=1)
        expect(heading).to_have_text("Overview", timeout=PATIENCE_MSEC)

    def test_of_a_run_shows_its_slot(self, opened):
        picked = opened("llm-bench", f"/runs/{RUN}").locator("#slot")
        expect(picked).to_contain_text("Slot 2", timeout=PATIENCE_MSEC)

    def test_of_a_runs_data_quality_shows_what_the_gate_said(self, opened):
        inside = opened("Data quality", f"/runs/{RUN}")
        expect(inside.get_by_text("80 valid")).to_be_visible(timeout=PATIENCE_MSEC)
