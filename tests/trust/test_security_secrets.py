"""Keys"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from doubles.provider import Asked, Provider, Response, stream
from doubles.webhook import Webhook
from fixtures.started import logged_in, said_by, until
from fixtures.trust import Seen
from llm_bench.local.api import AirflowAPI
from llm_bench.local.services import free_port
from rehearsal.stack import patiently

PLACES = ("variable", "connection", "header", "stored", "webhook", "address")
"""Where a key is: an environment variable; a connection's password, its extra headers, one that the database keeps; the
password of the alerts' webhook and its address."""
KEYS = {
    place: f"canary/{place}+" + base64.b64encode(f"{place}:7f3a9c5e".encode() * 3).decode()[:40] for place in PLACES
}
DAG = "llm_bench_keys"
STUDY = """\
llms:
  - {{model: groq/by-variable, name: variable}}
  - {{model: hosted_vllm/by-connection, name: connection}}
  - {{model: hosted_vllm/by-stored, name: stored, connection: stored}}
  - {{model: hosted_vllm/refused, name: refused}}
  - {{model: hosted_vllm/failing, name: failing, parameters: {{extra_headers: {{X-Team: a}}, top_p: 0.9}}}}
industries: [retail]
alerts: {{connection: alerts}}
"""


def forms(key: str) -> dict[str, str]:
    """A key as it may stand somewhere: whole, its halves, and as programs write it."""
    half = len(key) // 2
    whole = key.encode()
    return {
        "whole": key,
        "first half": key[:half],
        "second half": key[half:],
        "URL-encoded": quote(key, safe=""),
        "in JSON": json.dumps(key)[1:-1].replace("/", r"\/"),
        **{
            f"base64 from byte {place}": base64.b64encode(b"\0" * place + whole).decode()[4 if place else 0 : -4]
            for place in range(3)
        },
        "base64 for URLs": base64.urlsafe_b64encode(whole).decode().rstrip("="),
    }


FORMS = {(place, form): text for place, key in KEYS.items() for form, text in forms(key).items()}


SENT = {"by-variable": ["variable"], "by-stored": ["stored"]}
"""Model → where the keys are that it is asked with; the connection and its header for all others."""


def told(model: str) -> str:
    """A provider's words with the keys that it was sent, in every form."""
    sent = SENT.get(model, ["connection", "header"])
    return " ".join(f"{form}: {text}" for (place, form), text in FORMS.items() if place in sent)


def play(asked: Asked) -> Response:
    """Answers with the keys that were sent, and refuses and fails with them."""
    body = [json.dumps({"error": {"message": told(asked.model), "type": "server_error"}}).encode()]
    headers = {"content-type": "application/json", "x-request-id": told(asked.model)[:200]}
    if asked.model == "refused":
        return Response(body, 401, headers)
    if asked.model == "failing":
        return Response(body, 500, headers)
    return Response(stream(f"It is {told(asked.model)}."))


@dataclass
class Installation:
    """A project that has measured a batch with Airflow and LiteLLM at DEBUG."""

    home: Path
    api: AirflowAPI
    environment: dict[str, str]
    provider: Provider
    webhook: Webhook
    run_id: str

    def command(self, *arguments: str) -> str:
        return said_by(self.environment, *arguments)


@pytest.fixture(scope="module")
def installation(include: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("keys")
    shutil.copytree(include, home / "include")
    for path in (home / "include" / "studies").glob("*.yaml"):
        path.unlink()
    (home / "include" / "studies" / "keys.yaml").write_text(STUDY.format())
    with Provider(play) as provider, Webhook() as webhook:
        given = {"conn_type": "llm", "host": provider.url, "password": KEYS["connection"]}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
            "LLM_BENCH_HOME": str(home),
            "LITELLM_LOG": "DEBUG",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "AIRFLOW__LOGGING__FAB_LOGGING_LEVEL": "DEBUG",
            "GROQ_API_KEY": KEYS["variable"],
            "GROQ_API_BASE": provider.url,
            "AIRFLOW_CONN_LLM_HOSTED_VLLM": json.dumps(given | {"extra": {"headers": {"X-Token": KEYS["header"]}}}),
            "AIRFLOW_CONN_ALERTS": json.dumps(
                {
                    "conn_type": "generic",
                    "host": f"{webhook.address}/{quote(KEYS['address'], safe='')}",
                    "password": KEYS["webhook"],
                }
            ),
        }
        with (home / "up.log").open("wb") as log:
            command = [sys.executable, "-m", "llm_bench", "up", "--port", str(free_port())]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            api = logged_in(home / "up.log", process, 600)
            assert api is not None, (home / "up.log").read_text()
            stored = {"connection_id": "stored", "conn_type": "llm", "host": provider.url, "password": KEYS["stored"]}
            api.request("POST", "/connections", json=stored)
            api.wait_for_dag(DAG)
            with api.unpaused(DAG):
                run_id = api.trigger(DAG)
                until(lambda: patiently(lambda: api.run(DAG, run_id))["state"] in {"success", "failed"}, 900)
            yield Installation(home, api, environment, provider, webhook, run_id)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)


def places(found: list[str]) -> list[str]:
    """Leaks in short: each place once."""
    return sorted({re.sub(r"run_id=[^/]*|[0-9a-f-]{36}|\\d+", "…", leak) for leak in found})


def leaks(name: str, content: bytes) -> list[str]:
    """The keys that stand in a content, by the place that they are of, and in which form."""
    return [f"{name}: {place}, {form}" for (place, form), text in FORMS.items() if text.encode() in content]


def contents(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a project, what is packed in it and every value of its database."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and "include" not in path.relative_to(home).parts:
            yield str(path.relative_to(home)), path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    yield from ((f"{path.name}/{name}", packed.read(name)) for name in packed.namelist())
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                yield f"{path.name} as text", repr(pq.read_table(path).to_pylist()).encode()
    with sqlite3.connect(f"file:{home}/.airflow/airflow.db?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield f"table {table}", repr(row).encode()


def pages(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """What Airflow's API and our pages give a reader of the batch."""
    api, dag, run = installation.api, DAG, quote(installation.run_id, safe="")

    def get(path: str) -> Any:
        return patiently(lambda: api.request("GET", path))

    for task in api.tasks(dag, installation.run_id):
        base, index = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task['task_id']}", task["map_index"]
        yield f"{task['task_id']}, rendered", json.dumps(get(f"{base}/{index}")).encode()
        for entry in get(f"{base}/xcomEntries?map_index={index}")["xcom_entries"]:
            key = quote(entry["key"], safe="")
            value = get(f"{base}/xcomEntries/{key}?map_index={index}&stringify=true")
            yield f"{task['task_id']}, XCom {entry['key']}", json.dumps(value).encode()
        # The last attempt's: the files of all are searched, too.
        log = get(f"{base}/logs/{max(task['try_number'], 1)}?map_index={index}&full_content=true")
        yield f"{task['task_id']}, log", json.dumps(log).encode()
    yield "the connections", json.dumps(get("/connections")).encode()
    yield "the DAG's source", json.dumps(get(f"/dags/{dag}/details")).encode()
    with httpx.Client(base_url=api.url, headers=dict(api._http.headers), timeout=120) as reader:
        for page in ("overview", "success", "records", "identity", "export/records.csv", "export/records.json"):
            reply = reader.get(f"/llm-bench/keys/{page}")
            assert reply.status_code == 200, page
            yield page, reply.content


@pytest.mark.trust
class TestKeys:
    """Keys in variables, connections, headers, the database and a webhook, with Airflow and LiteLLM at DEBUG"""

    def test_reach_the_provider(self, installation: Installation, seen: Seen):
        """A batch with a key from each place; the provider answers, refuses and fails with all of them in its words."""
        keys = {asked.key for asked in installation.provider.asked}
        assert {KEYS["variable"], KEYS["connection"], KEYS["stored"]} <= keys
        sent = [headers["authorization"] for _, headers, _ in installation.webhook.got]
        assert set(sent) == {f"Bearer {KEYS['webhook']}"}
        seen(f"{len(installation.provider.asked)} requests and {len(sent)} alerts had the right key")

    def test_stand_in_no_file_and_no_table(self, installation: Installation, seen: Seen):
        """A report and an archive are made, and every file and row is searched for each key: whole, halves, coded."""
        said = [installation.command(*words) for words in (("status", "keys"), ("report", "keys"), ("archive", "keys"))]
        searched = [*contents(installation.home), *((f"command {n}", text.encode()) for n, text in enumerate(said))]
        assert any(name.endswith(".zip") for name, _ in searched)
        assert any("DEBUG" in content.decode(errors="replace") for name, content in searched if "logs/" in name)
        found = [leak for name, content in searched for leak in leaks(name, content)]
        assert places(found) == []
        assert [leak for text in installation.webhook.texts for leak in leaks("alert", text.encode())] == []
        seen(
            f"{len(searched):,} files and rows were searched for {len(FORMS)} forms of {len(KEYS)} keys: none holds one"
        )

    def test_stand_on_no_page(self, installation: Installation, seen: Seen):
        """What Airflow's API gives of each task (rendered, XCom, log), its connections, and the dashboard's pages."""
        searched = list(pages(installation))
        assert places([leak for name, content in searched for leak in leaks(name, content)]) == []
        seen(f"{len(searched)} pages and values were searched: none holds a key")
