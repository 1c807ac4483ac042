"""Two workers and two API servers that share no disk: a bucket, Postgres and Redis alone are between them."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from doubles import gcs
from doubles.limits import GroqLimits
from doubles.provider import Asked, Provider, Response, stream
from fixtures.started import until
from fixtures.trust import Seen
from llm_bench.errors import SetupError
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres, redis_server
from llm_bench.local.services import free_port
from llm_bench.local.stack import AIRFLOW, PROCESSES, Stack, running, settings
from llm_bench.measure.accounts import PACING_VARIABLE
from llm_bench.records import Record
from llm_bench.store.base import from_parquet
from llm_bench.store.gcs import GCSStore
from rehearsal.stack import make_home, patiently

LLMS, RECORDS = ("one", "two"), 40
PER_MINUTE = 10
"""What the study says, and what the provider counts by: when a request comes. Two accounts would send 20."""
STUDY = {
    "llms": [{"model": f"hosted_vllm/{name}", "requests_per_minute": PER_MINUTE} for name in LLMS],
    "industries": ["retail", "finance"],
    "storage": "gs://studies/hosts",
}
DAG = "llm_bench_hosts"
HOSTS = ("first", "second")


class Hosts(NamedTuple):
    """A batch that they measured."""

    folders: dict[str, Path]
    """Host → its project, with data of its own."""
    pages: dict[str, httpx.Client]
    """Host → a reader of its API server."""
    state: str
    records: list[Record]
    asked: Counter[str]
    """LLM → requests that the provider got."""
    limited: int
    """Of them, those that it refused with 429."""
    worked: dict[str, int]
    """Host → tasks that its worker did."""


def on(host: Path, main: Path, *command: str, **environment: object) -> list[str]:
    """A command as it runs on a host: with a project, and a home of Airflow's, of its own.

    :param main: the home of Airflow whose settings the host has, too.
    """
    own = host / ".airflow"
    given = {"AIRFLOW_HOME": own, "LLM_BENCH_HOME": host, **environment}
    words = shlex.join(["env", *(f"{name}={value}" for name, value in given.items()), *command])
    copied = f"mkdir -p {own} && sed 's#{main}#{own}#g' {main}/airflow.cfg > {own}/airflow.cfg"
    return ["sh", "-c", f"{copied} && exec {words}"]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("main", *HOSTS)}
    for folder in folders.values():
        make_home(folder, {"hosts": STUDY})
    limits = {name: GroqLimits(PER_MINUTE, 10**9) for name in LLMS}
    refused: list[int] = []

    def answer(asked: Asked) -> Response:
        status, headers = limits[asked.model].ask(1)
        if status != 200:
            refused.append(status)
            return Response([b"{}"], status, headers)
        return Response(stream("word " * 20, token_sec=0.02), headers=headers | {"content-type": "text/event-stream"})

    with ExitStack() as stage, pytest.MonkeyPatch.context() as patch:
        try:
            database, broker = stage.enter_context(postgres()), stage.enter_context(redis_server())
        except SetupError as lacking:
            pytest.skip(f"no Postgres or Redis to be had: {lacking}")
        bucket, provider = stage.enter_context(gcs.serving()), stage.enter_context(Provider(answer))
        connection = json.dumps({"conn_type": "llm", "host": provider.url, "password": "none"})
        environment = gcs.settings(bucket) | {
            "AIRFLOW_CONN_LLM_HOSTED_VLLM": connection,
            PACING_VARIABLE: broker.url.rpartition("/")[0] + "/1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",
            **settings(
                core={"executor": "CeleryExecutor"},
                celery={"broker_url": broker.url, "worker_concurrency": 2, "worker_prefetch_multiplier": 1},
                database={"sql_alchemy_conn": database.url},
                common_io={"xcom_objectstorage_path": "gs://google_cloud_default@studies/xcom"},
            ),
        }
        main, ports = folders["main"] / ".airflow", {name: free_port() for name in HOSTS}
        processes = {**PROCESSES, "scheduler": [*AIRFLOW, "scheduler"]}
        for name in HOSTS:
            worker = [*AIRFLOW, "celery", "worker", "-H", f"{name}@%h", "--skip-serve-logs"]
            processes[f"worker-{name}"] = on(folders[name], main, *worker)
            server = [*AIRFLOW, "api-server", "--port", str(ports[name])]
            processes[f"pages-{name}"] = on(folders[name], main, *server)
        stack = Stack(folders["main"], environment, processes, lambda _: None)
        api = stage.enter_context(running(stack))
        api.wait_for_dag(DAG, 600)
        with api.unpaused(DAG):
            run_id = api.trigger(DAG)
            until(lambda: patiently(lambda: api.run(DAG, run_id))["state"] in {"success", "failed"}, 900)
        gcs.connect(bucket, patch)
        yield Hosts(
            {name: folders[name] for name in HOSTS},
            {name: reader(api, ports[name]) for name in HOSTS},
            api.run(DAG, run_id)["state"],
            stored(),
            Counter(asked.model for asked in provider.asked),
            len(refused),
            {name: (stack.logs / f"worker-{name}.log").read_text().count("] received ") for name in HOSTS},
        )


def reader(api: AirflowAPI, port: int) -> httpx.Client:
    """A reader of the pages that the API server at a port of this machine serves."""
    address = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=f"{address}/llm-bench/hosts", headers=dict(api._http.headers), timeout=120)
    client.headers["accept"] = "text/html"
    until(lambda: _answers(client), 300)
    return client


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/overview").status_code == 200
    except httpx.HTTPError:
        return False


def stored() -> list[Record]:
    store = GCSStore("studies", "hosts")
    return [record for path in store.list("records/") for record in from_parquet((store.read(path) or (b"",))[0])]


@pytest.mark.trust
class TestHostsWithoutACommonDisk:
    """Two workers and two API servers, each with folders of its own, over a bucket, Redis and Postgres"""

    def test_measure_one_study(self, hosts: Hosts, seen: Seen):
        """A batch of 4 cells, of which each worker does 2 at once."""
        assert hosts.state == "success"
        assert len({record["record_id"] for record in hosts.records}) == len(hosts.records) == RECORDS
        assert all(record["success"] for record in hosts.records)
        assert min(hosts.worked.values()) > 0
        seen(f"{len(hosts.records)} of {RECORDS} records; tasks per worker: {sorted(hosts.worked.values())}")

    def test_keep_to_one_account_of_the_limits(self, hosts: Hosts, seen: Seen):
        """Each LLM's limit is one for both workers; the provider counts, and refuses what is over it."""
        assert hosts.limited == 0
        assert set(hosts.asked.values()) == {RECORDS // len(LLMS)}
        seen(f"{hosts.asked.total()} requests, each asked once; none was refused with 429")

    def test_show_the_same_pages(self, hosts: Hosts, seen: Seen):
        """The overview, the records and the export of both API servers, each of which has a cache of its own."""
        pages = {name: [hosts.pages[name].get(page).text for page in ("/overview", "/records")] for name in HOSTS}
        exports = {name: hosts.pages[name].get("/export/records.csv").content for name in HOSTS}
        assert all("40 of 40" in " ".join(overview.split()) for overview, _ in pages.values())
        assert exports["first"] == exports["second"]
        assert exports["first"].count(b"\n") == RECORDS + 1
        caches = {name: list((hosts.folders[name] / "data" / "cache").rglob("*.duckdb")) for name in HOSTS}
        assert all(caches.values())
        seen("both said 40 of 40 and gave the same bytes of CSV, from a cache each")

    def test_keep_no_record_on_a_disk_of_theirs(self, hosts: Hosts, seen: Seen):
        """Their folders are searched for what the others would miss."""
        for folder in hosts.folders.values():
            assert not list((folder / "data").rglob("*.parquet"))
            assert not list((folder / ".airflow").rglob("xcom/**/*.json"))
        seen("neither holds records or results of tasks; both are in the bucket")
