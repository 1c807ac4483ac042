"""Hostile text through a batch in a real Airflow, on Postgres as in Docker Compose"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from doubles.webhook import Webhook
from fixtures import hostile
from fixtures.hostile import INDUSTRY, NAMES, NOTES, TEXT, questions, study_file
from fixtures.outlets import addresses, wrong_in
from fixtures.running import Project, installed
from fixtures.trust import Seen
from llm_bench import inert
from llm_bench.errors import SetupError
from llm_bench.local.servers import postgres
from llm_bench.records import Record

pytestmark = pytest.mark.trust

ASKED = len(questions())
CONTENT = study_file(*NAMES.values()) | {"industries": [INDUSTRY], "alerts": {"connection": "alerts"}}
MODELS = {label: llm["model"].partition("/")[2] for label, llm in zip(NAMES, CONTENT["llms"], strict=True)}


@dataclass
class Measured:
    """A project in which a batch was measured, and what was sent on."""

    place: Project
    run_id: str
    alerts: list[str]
    records: list[Record]

    def entries(self) -> Iterator[Any]:
        """What Airflow's API has of the run: its tasks as they were rendered, and their logs."""
        for task in self.place.api.tasks("llm_bench_hostile", self.run_id):
            yield task
            address = f"/dags/llm_bench_hostile/dagRuns/{self.run_id}/taskInstances/{task['task_id']}/logs"
            yield self.place.api.request(
                "GET",
                f"{address}/{max(task['try_number'], 1)}",
                params={"map_index": task["map_index"], "full_content": True},
                headers={"accept": "application/json"},
            )


@pytest.fixture(scope="module")
def measured(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Of six LLMs, one answers with errors, one refuses the key at its last question, and the others answer."""
    home = tmp_path_factory.mktemp("hostile")
    with ExitStack() as stage:
        try:
            url = stage.enter_context(postgres()).url
        except SetupError as lacking:
            pytest.skip(f"no Postgres to be had: {lacking}")
        webhook = stage.enter_context(Webhook())
        place = stage.enter_context(installed(project, home, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url))
        assert not (home / ".airflow" / "airflow.db").exists()
        place.failures |= {(MODELS["markup"], number): (500, TEXT) for number in range(1, ASKED + 1)}
        place.failures[MODELS["formula"], ASKED] = 401, TEXT
        place.words |= {(model, number): TEXT for model in MODELS.values() for number in range(1, ASKED + 1)}
        hook = {"connection_id": "alerts", "conn_type": "http", "host": webhook.url}
        place.api.request("POST", "/connections", json=hook)
        place.ask(*questions(), industry=INDUSTRY)
        place.document(f"{NOTES}\n\n{TEXT}", industry=INDUSTRY)
        place.write("hostile", **CONTENT)
        run_id = place.start("hostile")
        assert place.ended("hostile", run_id) == "failed"
        (records,) = place.records("hostile")
        yield Measured(place, run_id, webhook.texts, records)


def texts_in(value: Any) -> Iterator[str]:
    """Every text of a value of JSON."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(part)


class TestABatch:
    """Hostile text through a batch in a real Airflow, on Postgres as in Docker Compose"""

    def test_is_measured(self, measured: Measured, seen: Seen):
        """Names, questions, document, answers and errors are scripts, formulas, escapes, bidi, 200 letters and NUL."""
        of_llm = {name: [record for record in measured.records if record["llm"] == name] for name in NAMES.values()}
        counts = {label: len(of_llm[name]) for label, name in NAMES.items()}
        assert counts == dict.fromkeys(NAMES, ASKED) | {"formula": ASKED - 1}
        assert {record["failure_kind"] for record in of_llm[NAMES["markup"]]} == {"server_error"}
        answered = {record["answer"] for record in measured.records if record["success"]}
        assert answered == {inert.storable(" ".join(TEXT.split()))}
        assert measured.place.records("hostile", "quarantine") == []
        seen(
            f"{len(measured.records)} records with names and answers as they were, but for NUL; the cell whose key was "
            "refused failed"
        )

    def test_is_filled_into_no_template(self, measured: Measured, seen: Seen):
        """Its tasks are looked at as Airflow's API gives them, rendered."""
        cells = measured.place.cells("hostile", measured.run_id)
        assert any("{{7*7}}{{conn.llm_secret.password}}" in cell for cell in cells)
        assert all(cell.endswith(f" · {INDUSTRY}") for cell in cells)
        seen(f"{len(cells)} cells have their names; `{{{{7*7}}}}` is still `{{{{7*7}}}}`")

    def test_says_it_in_logs_as_text(self, measured: Measured, seen: Seen):
        """The logs of all tasks, as Airflow's page of a log shows them, and what `up` wrote to the terminal."""
        entries = list(measured.entries())
        logged = [text for entry in entries for text in texts_in(entry)]
        assert any(hostile.MARK in text for text in logged)
        assert [text[:200] for text in logged if hostile.unseen_in(text)] == []
        assert hostile.unseen_in((measured.place.home / "up.log").read_text()) == set()
        seen(f"{len(logged):,} texts of {len(entries) // 2} tasks: each letter can be seen")

    def test_is_shown_on_pages_as_text(self, measured: Measured, seen: Seen):
        """Every page of the dashboard, the gate's verdict and the exports."""
        opened = [address for held in addresses(measured.records).values() for address in held]
        for address in opened:
            reply = measured.place.api._http.get(f"{measured.place.api.url}/llm-bench{address}", timeout=120)
            assert reply.status_code in {200, 307, 404}, address
            kind = reply.headers.get("content-type", "text/html").partition(";")[0]
            ending = {"application/vnd.apache.parquet": "parquet"}.get(kind, kind.rpartition("/")[2])
            assert wrong_in(f"x.{ending}", reply.content) == [], address
        page = unescape(measured.place.page(f"hostile/records/{measured.records[-1]['record_id']}"))
        assert " ".join(NAMES["template"].split()) in " ".join(
            unescape(measured.place.page("hostile/overview")).split()
        )
        assert INDUSTRY in page
        seen(f"{len(opened)} pages and files: all of it is text")

    def test_leaves_in_files_as_text(self, measured: Measured, seen: Seen):
        """Its report, the export after the batch, and what the commands print."""
        said = {name: measured.place.command(name, "hostile") for name in ("report", "archive", "status")}
        assert [name for name, text in said.items() if hostile.unseen_in(text)] == []
        data = measured.place.home / "data"
        left = [path for path in (data / "reports").rglob("*") if path.is_file()] + list(
            data.glob("batch_eval_metrics.*")
        )
        assert [(path.name, wrong) for path in left for wrong in wrong_in(path.name, path.read_bytes())] == []
        rows = json.loads((data / "batch_eval_metrics.json").read_text())
        assert {row["llm"] for row in rows} == set(NAMES.values())
        assert "report.html" in {path.name for path in left}
        seen(f"{len(left)} files and {len(said)} commands: no element, no formula, no command of LaTeX's, no escape")

    def test_reaches_a_chat_as_text(self, measured: Measured, seen: Seen):
        """What the alerts posted: the batch was incomplete, and slots were missed."""
        assert any("is incomplete" in text for text in measured.alerts)
        for text in measured.alerts:
            assert hostile.unseen_in(text) == set()
            assert not re.search("[<>]", text)
        seen(f"{len(measured.alerts)} alerts without markup, links or letters that can't be seen")
