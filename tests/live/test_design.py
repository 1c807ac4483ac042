"""The default study with all that its design can do: asked cold and warm, with a twin, behind a router that routes."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from dashboard.parsed import Parsed
from doubles import groq
from doubles.provider import Asked, Provider
from doubles.router import UPSTREAMS, Router
from llm_bench.inputs import read_yaml
from llm_bench.local.api import AirflowAPI
from llm_bench.local.servers import postgres
from llm_bench.local.stack import Stack, running, settings
from llm_bench.records import Record, utc_text
from llm_bench.store.base import from_parquet
from llm_bench.study import START_VARIABLE, Study, parse_study
from rehearsal import PROJECT
from rehearsal.stack import QUICK, make_home

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.rehearsal]

STUDY = "thesis"
START = "2026-01-05T08:00:00+01:00"
"""Airflow takes no backfill of the future."""
SLOTS = 12
SWAPPED_AT = 6
"""The slot from which on another model answers under the name of ``SWAPPED``."""
TWINNED = "groq/llama3-70b-8192"
TWIN = "llama3 again"
SWAPPED = "openrouter/mistralai/mistral-7b-instruct"
CUT = "openrouter/deepseek/deepseek-r1-0528-qwen3-8b"
CLIENT = "hamburg"
PER_SLOT = 20 * 2
"""Requests to an LLM in a slot: each question cold and warm."""


def answer(asked: Asked, number: int) -> str:
    """Always the same for a question, until the model is swapped."""
    swapped = SWAPPED.endswith(asked.model) and number >= SWAPPED_AT * PER_SLOT
    digits = hashlib.sha256(f"{asked.question} {swapped}".encode()).hexdigest()
    return f"In {'short' if swapped else 'the year'} it was {int(digits[:4], 16)} of {int(digits[4:8], 16)}."


def fixed(asked: Asked) -> groq.Response:
    """Groq's answer to a question: always the same."""
    reply = groq.FORMAT(asked)
    return groq.Response(reply.stream(answer(asked, 0), first_token_sec=0.01), headers=reply.headers())


@dataclass
class Done:
    """The study when all its batches have ended."""

    stack: Stack
    api: AirflowAPI
    study: Study
    router: Router
    records: list[Record]

    @property
    def slots(self) -> list[datetime]:
        assert self.study.window is not None
        return list(self.study.window.schedule)

    def moment(self, slot: int) -> str:
        """When a slot was due, as pages have it."""
        return f"{self.slots[slot].astimezone(self.study.zone):%a %d %b %H:%M:%S}"

    def cells(self) -> dict[tuple[str, str, str], list[Record]]:
        """The records by slot, LLM and industry, as they were asked."""
        cells: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
        for record in sorted(self.records, key=lambda record: record["measured_at"]):
            cells[record["slot"], str(record["llm"]), record["industry"]].append(record)
        return cells

    def command(self, *arguments: str) -> str:
        """What a command of llm-bench prints."""
        return _command(self.stack, *arguments)

    def page(self, address: str) -> str:
        """A page of the study's dashboard."""
        reply = self.api._http.get(f"{self.api.url}/llm-bench/{STUDY}/{address}", timeout=60)
        assert reply.status_code == 200, reply.text
        return reply.text


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    home = tmp_path_factory.mktemp("design")
    path = PROJECT / "include" / "studies" / f"{STUDY}.yaml"
    content = read_yaml(path)
    content |= {"cache": "both", "warm_up": True, "storage": "file://data"}
    for llm in content["llms"]:
        llm.pop("requests_per_minute", None)
        if llm["model"] == TWINNED:
            llm["twin"] = TWIN
    window = parse_study(content, path, PROJECT / "include").window
    assert window is not None
    content["window"]["end"] = utc_text(window.schedule[SLOTS])
    make_home(home, {STUDY: content})
    router = Router(answer, cut=frozenset({CUT.partition("/")[2]}))
    with ExitStack() as stage:
        database = stage.enter_context(postgres())
        groqs, openrouters = stage.enter_context(Provider(fixed)), stage.enter_context(Provider(router))
        connections = {
            f"AIRFLOW_CONN_LLM_{name}": json.dumps({"conn_type": "http", "host": double.url, "password": "canary"})
            for name, double in (("GROQ", groqs), ("OPENROUTER", openrouters))
        }
        place = {START_VARIABLE: START, "LLM_BENCH_CLIENT": CLIENT}
        stack = Stack(home, QUICK | connections | place | settings(database={"sql_alchemy_conn": database.url}))
        study = parse_study(content, path, home / "include", START)
        assert study.window is not None
        api = stage.enter_context(running(stack))
        api.wait_for_dag(study.dag_id)
        _command(stack, "seal", STUDY)
        api.request("PATCH", f"/dags/{study.dag_id}", json={"is_paused": False})
        first, *_, last = study.window.schedule
        dates = ["--from-date", utc_text(first), "--to-date", utc_text(last)]
        created = stack.command("backfill", "create", "--dag-id", study.dag_id, *dates, "--max-active-runs", "2")
        assert created.returncode == 0, created.stderr
        _wait(api, study)
        files = sorted((home / "data" / "records").rglob("*.parquet"))
        records = [record for file in files for record in from_parquet(file.read_bytes())]
        yield Done(stack, api, study, router, records)


def _command(stack: Stack, *arguments: str) -> str:
    done = stack.run([sys.executable, "-m", "llm_bench", *arguments])
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def _wait(api: AirflowAPI, study: Study, patience_sec: float = 900) -> None:
    deadline = time.monotonic() + patience_sec
    states: Counter[str] = Counter()
    while states["success"] < SLOTS:
        assert time.monotonic() < deadline, states
        assert not states["failed"], states
        time.sleep(1)
        states = Counter(run["state"] for run in api.request("GET", f"/dags/{study.dag_id}/dagRuns")["dag_runs"])


class TestTheRecords:
    def test_are_all_there_cold_and_warm_of_each_llm_and_the_twin(self, done: Done):
        assert Counter((str(record["llm"]), record["cache_probe"]) for record in done.records) == {
            (llm.name, probe): SLOTS * 20 for llm in done.study.llms for probe in ("cold", "warm")
        }
        assert TWIN in {llm.name for llm in done.study.llms}

    def test_of_a_question_are_asked_cold_and_right_after_warm_behind_the_same_line(self, done: Done):
        for cell in done.cells().values():
            for cold, warm in zip(cell[::2], cell[1::2], strict=True):
                assert (cold["question_id"], warm["question_id"]) == (cold["question_id"], cold["question_id"])
                assert (cold["cache_probe"], warm["cache_probe"]) == ("cold", "warm")
                assert cold["unique_line"] == warm["unique_line"]

    def test_never_share_a_line_otherwise(self, done: Done):
        lines = Counter(record["unique_line"] for record in done.records)
        assert set(lines.values()) == {2}

    def test_stand_in_another_order_in_each_slot_the_same_for_all_llms(self, done: Done):
        orders: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
        for (slot, _, industry), cell in done.cells().items():
            orders[slot, industry].add(tuple(record["question_id"] for record in cell[::2]))
        assert {len(order) for order in orders.values()} == {1}
        assert len({next(iter(order)) for order in orders.values()}) == SLOTS * 2

    def test_name_the_place_and_the_upstream_and_know_the_round_trip(self, done: Done):
        assert {record["client"] for record in done.records} == {CLIENT}
        routed = [record for record in done.records if record["llm_provider"] == "openrouter"]
        assert {record["upstream_provider"] for record in routed} == set(UPSTREAMS)
        assert all(record["network_rtt_sec"] is not None for record in done.records)

    def test_of_warm_requests_say_what_the_cache_held(self, done: Done):
        routed = [record for record in done.records if record["llm_provider"] == "openrouter"]
        cached = {
            probe: [r["cached_tokens"] for r in routed if r["cache_probe"] == probe] for probe in ("cold", "warm")
        }
        assert set(cached["cold"]) == {0}
        assert all(cached["warm"])

    def test_lie_in_objects_of_their_place(self, done: Done):
        folder = done.stack.config.home / "data" / "records" / f"study={STUDY}"
        assert [path.name for path in folder.iterdir()] == [f"client={CLIENT}"]

    def test_are_not_kept_of_the_requests_that_warm_up(self, done: Done):
        routed = sum(record["llm_provider"] == "openrouter" for record in done.records)
        assert len(done.router.served) == routed + SLOTS * 2 * 2


class TestThePages:
    def test_show_what_is_left_out_cut_and_cached_and_that_the_study_is_sealed(self, done: Done):
        page = text_of(done.page("overview"))
        assert re.search(r"sealed on .*, before the first record", page)
        assert f"{len(done.records) // 2:,} warm records are left out" in page
        assert "Cached" in page
        assert "Cut" in page

    def test_show_what_a_cache_is_worth(self, done: Done):
        page = text_of(done.page("caching"))
        assert "mistral-7b-instruct" in page
        assert "saves" in page

    def test_show_the_noise_floor_and_who_answered(self, done: Done):
        page = text_of(done.page("compare"))
        assert "noise floor" in page.lower()
        assert all(upstream in page for upstream in UPSTREAMS)

    def test_show_the_network(self, done: Done):
        assert "round trip" in text_of(done.page("latency")).lower()

    def test_find_the_model_that_was_swapped_and_no_other(self, done: Done):
        page = text_of(done.page("identity"))
        assert page.count("the answers changed at") == 1
        assert f"the answers changed at {done.moment(SWAPPED_AT)}" in page
        assert page.count("no change seen") >= len(done.study.llms) - 1

    def test_can_be_filtered_by_upstream_and_probe(self, done: Done):
        whole, one = done.page("records?cache=all"), done.page("records?upstream=Nebius&cache=warm")
        assert f"{len(done.records):,}" in text_of(whole)
        routed = [r for r in done.records if r["upstream_provider"] == "Nebius" and r["cache_probe"] == "warm"]
        assert f"{len(routed):,}" in text_of(one)


class TestTheReport:
    def test_says_it_all(self, done: Done, tmp_path: Path):
        done.command("report", STUDY, "--out", str(tmp_path / "report"))
        report = text_of((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
        for words in (
            "Cache",
            "Who answered",
            "Which model answered",
            "noise floor",
            "What was sealed",
            "shuffled anew in each slot",
            f"{CLIENT}: {len(done.records) // 2:,} records",
            "round trip",
            "Cut answers",
        ):
            assert words in report, words
        assert re.search(rf"mistral-7b-instruct changed \S+ {done.moment(SWAPPED_AT)}", report)


class TestThePlan:
    def test_counts_what_was_asked_and_the_requests_that_warm_up(self, done: Done):
        printed = done.stack.run([sys.executable, "-m", "llm_bench", "plan", STUDY, "--json"]).stdout
        assert json.loads(printed)["whole"]["requests"] == len(done.records) + SLOTS * len(done.study.cells)


def text_of(page: str) -> str:
    """What a person reads of it."""
    return Parsed(page.encode()).text
