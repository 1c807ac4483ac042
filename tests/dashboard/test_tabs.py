"""The ways from Airflow's pages of a DAG and of a run to those of the study."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dashboard.conftest import PAGE, SLOT

RUN, TRIAL = "scheduled__2026-12-07T07:51:25.714285+00:00", "manual__2026-12-01T09:30:00+00:00"


@pytest.fixture
def runs(api_server) -> Iterator[None]:
    """A run of the second slot, and a trial that is of none."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    def run(run_id: str, kind: str, logical_date: datetime | None, run_after: datetime) -> DagRun:
        made = DagRun(dag_id="llm_bench_thesis", run_id=run_id, logical_date=logical_date, run_type=kind)
        made.run_after = run_after
        return made

    with create_session() as session:
        trial = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
        session.add_all([run(RUN, "scheduled", SLOT, SLOT), run(TRIAL, "manual", None, trial)])
    yield
    with create_session() as session:
        session.execute(delete(DagRun))


@pytest.fixture
def led(home, visitor):
    """Where a path of a tab leads."""

    def lead(path: str, role: str = "VIEWER") -> tuple[int, str, str]:
        reply = visitor(role).get(f"/llm-bench/-/{path}")
        return reply.status_code, reply.headers.get("location", ""), reply.text

    return lead


class TestTheTabOfADag:
    def test_leads_to_its_study(self, led):
        assert led("llm_bench_thesis")[:2] == (307, "/llm-bench/thesis/overview")

    def test_says_of_another_dag_that_it_is_no_study(self, led):
        status, _, text = led("nightly_etl")
        assert status == 404
        assert "nightly_etl is no study of llm-bench" in text

    def test_says_of_a_study_whose_file_is_gone_where_it_was_looked_for(self, led):
        status, _, text = led("llm_bench_gone")
        assert status == 404
        assert "include/studies has no gone.yaml" in text

    def test_is_closed_to_a_stranger(self, home, visitor):
        assert "/auth/login" in visitor().get("/llm-bench/-/llm_bench_thesis").headers["location"]

    def test_is_closed_to_whom_the_dag_is(self, home, visitor):
        assert visitor(None).get("/llm-bench/-/llm_bench_thesis").status_code == 403


class TestTheTabsOfARun:
    def test_lead_to_its_slot_in_the_overview(self, led, runs):
        assert led(f"llm_bench_thesis/{RUN}")[:2] == (307, "/llm-bench/thesis/overview?slot=2#slot")

    def test_lead_to_the_records_of_a_trial(self, led, runs):
        _, location, _ = led(f"llm_bench_thesis/{TRIAL}")
        assert location.startswith("/llm-bench/thesis/records?start=2026-12-01T09%3A30%3A00%2B00%3A00&end=")

    def test_lead_to_its_data_quality(self, led, runs):
        assert led(f"llm_bench_thesis/{RUN}/quality")[:2] == (307, PAGE)

    def test_say_that_there_is_no_such_run(self, led):
        status, _, text = led("llm_bench_thesis/gone/quality")
        assert (status, "Airflow has no run gone of llm_bench_thesis." in text) == (404, True)


def test_are_what_the_plugin_puts_on_airflows_pages():
    from llm_bench.plugin import LLMBenchPlugin

    tabs = [(view["destination"], view["name"], view["href"]) for view in LLMBenchPlugin.external_views]
    assert tabs == [
        ("nav", "llm-bench", "llm-bench/"),
        ("dag", "llm-bench", "llm-bench/-/{DAG_ID}"),
        ("dag_run", "llm-bench", "llm-bench/-/{DAG_ID}/{RUN_ID}"),
        ("dag_run", "Data quality", "llm-bench/-/{DAG_ID}/{RUN_ID}/quality"),
    ]
