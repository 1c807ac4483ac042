"""Screenshots of every page of the dashboard, light and dark, of a made-up study; ``make screenshots``.

They are taken from Airflow's own API server, in the machine's chromium. The study's window is moved so that now lies in
it; its records are made up (tests/analysis/studies.py), and the pages say nothing that they would not say of real ones.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from llm_bench.records import Record

PROJECT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1280, 2_000
PAGES = (
    *("overview", "latency", "throughput", "success", "coverage", "declining", "compare", "identity", "records"),
    *("record", "grading", "export", "validation"),
)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=PROJECT / "docs" / "screenshots")
    arguments.add_argument("--only", choices=PAGES, nargs="*", default=PAGES)
    arguments.add_argument("--width", type=int, default=WIDTH)
    given = arguments.parse_args()
    with TemporaryDirectory(prefix="llm-bench-") as scratch:
        _prepare(Path(scratch))
        for name, content in _taken(Path(scratch), given.only, given.width):
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / f"{name}.png").write_bytes(content)
            print(given.out / f"{name}.png", f"{len(content) / 1024:.0f} KiB")


def _prepare(home: Path) -> None:
    """An Airflow home and a project of their own, before Airflow is imported."""
    sys.path[:0] = [str(PROJECT / "plugins"), str(PROJECT / "tests")]
    shutil.copytree(PROJECT / "include", home / "include")
    (home / "include" / "studies" / "quickstart.yaml").unlink()
    # The middle of the third day, whatever day it is.
    start = datetime.now(UTC).replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=2)
    os.environ |= {
        "AIRFLOW_HOME": str(home / ".airflow"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__API__BASE_URL": "http://localhost:8080",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "LLM_BENCH_HOME": str(home),
        "LLM_BENCH_START": start.isoformat(),
    }


def _taken(home: Path, pages: list[str], width: int) -> Iterator[tuple[str, bytes]]:
    from dashboard.browser import chromium  # noqa: PLC0415  (now that the paths are known)
    from dashboard.serving import api_server, served, token  # noqa: PLC0415

    with api_server() as app, served(app) as address, chromium() as browser:
        record = _fill(home)
        for theme in THEMES:
            context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 800})
            context.add_cookies([{"name": "_token", "value": token("USER"), "url": address}])
            context.request.post(f"{address}/llm-bench/thesis/grading")  # draws the sample
            for page in pages:
                tab = context.new_page()
                tab.goto(f"{address}/llm-bench/{_path(page, record)}", wait_until="networkidle")
                _draw(tab)
                height = min(HEIGHT, tab.evaluate("document.documentElement.scrollHeight"))
                tab.set_viewport_size({"width": width, "height": height})
                yield f"{page}-{theme}", tab.screenshot()
                tab.close()


def _path(page: str, record: Record) -> str:
    if page == "record":
        return f"thesis/records/{record['record_id']}"
    if page == "grading":
        return "thesis/grading/1"
    if page == "validation":
        from llm_bench.airflow.links import validation_path  # noqa: PLC0415

        return validation_path("thesis", datetime.fromisoformat(record["slot"])).lstrip("/")
    return f"thesis/{page}"


def _draw(tab: Page) -> None:
    """Scrolls through the page, so that every chart is drawn, and waits for them."""
    tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    tab.evaluate("document.querySelectorAll('[data-chart]').forEach((chart) => draw(chart))")
    tab.locator("[data-chart]:not([data-drawn])").first.wait_for(state="detached")
    tab.evaluate("window.scrollTo(0, 0)")


def _fill(home: Path) -> Record:
    """The study with its records so far, a validation and its DAG in Airflow's database; one of the records."""
    import json  # noqa: PLC0415

    from analysis.studies import fill_study, make_prompts  # noqa: PLC0415, F401
    from llm_bench.store.base import from_parquet, object_path, open_store  # noqa: PLC0415
    from llm_bench.study import load_study  # noqa: PLC0415

    study = load_study(home / "include" / "studies" / "thesis.yaml")
    store = open_store(study.storage, home)
    assert study.window is not None
    past = [slot for slot in study.window.schedule if slot < datetime.now(UTC) - timedelta(minutes=5)]
    fill_study(store, study, home / "include", slots=past)
    stored = store.read(object_path("records", study.name, past[5]))
    assert stored is not None
    records = from_parquet(stored[0])
    record = next(
        record
        for record in records
        if record["success"] and record["reasoning_tokens"] and (record["coverage_score"] or 0) > 0.5
    )
    content = json.dumps(_validation(len(records))).encode()
    store.commit(object_path("validations", study.name, past[5], "json"), content, 0)
    _register(study.dag_id)
    return record


def _validation(count: int) -> dict[str, Any]:
    names = (
        "success says whether there is a latency_sec",
        "ttft_sec must be at most latency_sec",
        "attempt must be at least 1",
    )
    met = {"type": "expect_column_values_to_be_true", "severity": "critical", "success": True}
    expectations = [met | {"name": name, "unexpected_count": 0, "examples": []} for name in names]
    return {
        "runs": ["synthetic"],
        "success": True,
        "records": {"valid": count, "warned": 0, "refused": 0},
        "great_expectations_version": "1.24.1",
        "statistics": {},
        "expectations": expectations,
    }


def _register(dag_id: str) -> None:
    """A scheduler at work and a DAG that is switched on."""
    from airflow.jobs.job import Job  # noqa: PLC0415
    from airflow.models.dag import DagModel  # noqa: PLC0415
    from airflow.models.dagbundle import DagBundleModel  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    # Airflow's models have no types.
    dag_model: Any = DagModel
    job: Any = Job
    with create_session() as session:
        session.add(DagBundleModel(name="dags"))
        session.flush()
        session.add(dag_model(dag_id=dag_id, bundle_name="dags", is_paused=False))
        session.add(
            job(job_type="SchedulerJob", state="running", latest_heartbeat=datetime.now(UTC) + timedelta(hours=1))
        )


if __name__ == "__main__":
    main()
