"""The gauges of a batch among Airflow's own metrics, and what is told of them outside the code."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import pytest
from airflow.sdk._shared.observability.metrics.validators import stat_name_default_handler
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from llm_bench.airflow.stats import COMPLETENESS, FAILURES, LATENCY, NAMES, START_LAG, Gauge, gauges, send
from llm_bench.gate.columns import Rows
from llm_bench.gate.completeness import Due
from llm_bench.records import FAILURE_KINDS, FIELD_NAMES, Record, utc_text
from llm_bench.study import Study

SLOT = datetime(2026, 12, 7, 7, 0, tzinfo=UTC)
STUDY = Study.model_validate(
    {
        "name": "mine",
        "llms": [{"model": "groq/fast"}, {"model": "openrouter/some/slow-1.5:free"}],
        "industries": ["retail"],
    }
)
DUE = Due(STUDY, SLOT, {"retail": {"retail-01": "Which leads?", "retail-02": "Which lags?"}})


def record(model: str, question: str = "retail-01", **changes: Any) -> Record:
    provider, _, name = model.partition("/")
    filled: Record = dict.fromkeys(FIELD_NAMES)
    filled |= {"llm_provider": provider, "llm_model": name, "industry": "retail", "question_id": question}
    filled |= {"run_type": "scheduled", "late_sec": 1.5, "success": True, "latency_sec": 0.8}
    return filled | changes


def failed(model: str, question: str, kind: str) -> Record:
    return record(model, question, success=False, latency_sec=None, failure_kind=kind)


BATCH = [
    record("groq/fast", latency_sec=0.5),
    record("groq/fast", "retail-02", latency_sec=0.7, late_sec=2.5),
    failed("openrouter/some/slow-1.5:free", "retail-01", "rate_limited"),
]


def values(name: str, records: list[Record]) -> dict[tuple[str, ...], float]:
    """Tags' values but the study's → value."""
    return {tuple(gauge.tags.values())[1:]: gauge.value for gauge in gauges(DUE, records) if gauge.name == name}


class TestTheGaugesOfABatch:
    def test_tell_how_complete_it_is(self):
        assert values(COMPLETENESS, BATCH) == {(): 0.75}
        assert values(COMPLETENESS, []) == {(): 0.0}

    def test_count_a_question_once_and_one_that_was_not_asked_not_at_all(self):
        assert values(COMPLETENESS, [BATCH[0], BATCH[0], record("groq/fast", "retail-99")]) == {(): 0.25}

    def test_count_warm_answers_towards_completeness_alone(self):
        due = Due(STUDY.model_copy(update={"cache": "both"}), SLOT, DUE.questions)
        warm = record("groq/fast", latency_sec=0.1, cache_probe="warm")
        by_name = {
            (gauge.name, *list(gauge.tags.values())[1:]): gauge.value for gauge in gauges(due, [*BATCH[:2], warm])
        }
        assert by_name[(COMPLETENESS,)] == 3 / 8
        assert by_name[LATENCY, "groq/fast"] == pytest.approx(0.6)

    def test_tell_each_llms_median_latency_where_it_is_known(self):
        assert values(LATENCY, BATCH) == {("groq/fast",): pytest.approx(0.6)}

    def test_tell_the_failures_of_each_kind_with_zeros_where_an_llm_was_asked(self):
        failures = values(FAILURES, BATCH)
        assert {tags: value for tags, value in failures.items() if value} == {
            ("openrouter/some/slow-1.5_free", "rate_limited"): 1
        }
        assert {kind for llm, kind in failures if llm == "groq/fast"} == set(FAILURE_KINDS)

    def test_say_nothing_of_an_llm_that_has_no_record(self):
        assert {tags[0] for tags in values(FAILURES, BATCH[:2])} == {"groq/fast"}

    def test_tell_how_late_the_first_question_was(self):
        assert values(START_LAG, BATCH) == {(): 1.5}

    @pytest.mark.parametrize("run_type", ["backfill", "manual"])
    def test_know_no_lag_of_a_batch_that_no_schedule_started(self, run_type: str):
        assert values(START_LAG, [record("groq/fast", run_type=run_type)]) == {}

    @given(st.lists(st.none() | st.floats(0.01, 100), max_size=20))
    def test_hold_no_number_that_was_not_measured(self, latencies: list[float | None]):
        records = [
            record("groq/fast", f"q{number}", success=value is not None, latency_sec=value)
            | {"failure_kind": None if value is not None else "timeout_total"}
            for number, value in enumerate(latencies)
        ]
        waited = [math.inf if value is None else value for value in latencies]
        middle = median(waited) if waited else math.inf
        assert list(values(LATENCY, records).values()) == ([middle] if math.isfinite(middle) else [])
        assert sum(values(FAILURES, records).values()) == latencies.count(None)


class TestANameWithoutTags:
    def test_has_each_tags_value_as_a_part_of_its_own(self):
        gauge = Gauge(FAILURES, 1, {"study": "mine", "llm": "openrouter/some/slow-1.5", "kind": "connection"})
        assert gauge.plain_name == "llm_bench.failures.mine.openrouter__some__slow-1__5.connection"

    @given(st.text(min_size=1, max_size=30) | st.text("./aé", min_size=180, max_size=200))
    def test_is_one_that_airflow_sends(self, model: str):
        llms = (STUDY.llms[0].model_copy(update={"model": f"groq/{model}"}),)
        study = STUDY.model_copy(update={"name": "s" * 63, "llms": llms})
        for gauge in gauges(Due(study, SLOT, DUE.questions), [record(f"groq/{model}")]):
            assert stat_name_default_handler(gauge.plain_name) == gauge.plain_name
            assert gauge.plain_name.count(".") == gauge.name.count(".") + len(gauge.tags)


class TestTheNameOfAnLLM:
    @given(st.lists(st.text(min_size=1, max_size=4) | st.text("./_é", min_size=199, max_size=200), unique=True))
    def test_is_no_others(self, llms: list[str]):
        made = [gauge for gauge in gauges(DUE, [record("groq/fast", llm=llm) for llm in llms]) if gauge.name == LATENCY]
        assert len({gauge.plain_name for gauge in made}) == len({gauge.tags["llm"] for gauge in made}) == len(llms)

    def test_stays_where_nothing_is_wrong_with_it(self):
        assert {tags[0] for tags in values(FAILURES, BATCH)} == {"groq/fast", "openrouter/some/slow-1.5_free"}

    def test_stays_when_an_llm_that_was_like_it_answers_nothing(self):
        llms = [STUDY.llms[0].model_copy(update={"name": name}) for name in ("a%", "a{")]
        due = Due(STUDY.model_copy(update={"llms": tuple(llms)}), SLOT, DUE.questions)
        both, alone = (
            {
                gauge.tags["llm"]
                for gauge in gauges(due, [record("groq/fast", llm=name) for name in names])
                if gauge.name == LATENCY
            }
            for names in (["a%", "a{"], ["a%"])
        )
        assert alone < both


@pytest.fixture
def server() -> Iterator[Callable[[], dict[str, float]]]:
    """A StatsD server: what it has received so far, gauge → value, with its address in ``server.port``."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.2)

        def received() -> dict[str, float]:
            gauges = {}
            while True:
                try:
                    text = listener.recv(65_536).decode()
                except TimeoutError:
                    return gauges
                for line in text.splitlines():
                    name, value = re.fullmatch(r"(.+):(.+)\|g", line).groups()  # type: ignore[union-attr]
                    gauges[name] = float(value)

        received.port = listener.getsockname()[1]  # type: ignore[attr-defined]
        yield received


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch, server: Any) -> Iterator[Callable[..., None]]:
    """Sets Airflow's ``[metrics]`` and has it begin anew, as at the start of a task."""
    from airflow.sdk import conf
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    def metrics(**options: str) -> None:
        for name, value in {"statsd_on": "True", "statsd_port": str(server.port), **options}.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", value)
        stats.initialize(factory=get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on"))

    yield metrics
    stats.initialize(factory=NoStatsLogger, export_legacy_names=True)


def rows(records: list[Record]) -> Rows:
    return Rows.of([{**record, "slot": utc_text(SLOT)} for record in records])


class TestAStatsDServer:
    def test_without_tags_is_told_one_name_for_each(self, metrics: Any, server: Any):
        metrics()
        send(DUE, rows(BATCH))
        gauges = server()
        assert len(gauges) == 3 + 2 * len(FAILURE_KINDS)
        assert gauges["airflow.llm_bench.completeness.mine"] == 0.75
        assert gauges["airflow.llm_bench.latency_sec.mine.groq__fast"] == pytest.approx(0.6)
        assert gauges["airflow.llm_bench.failures.mine.openrouter__some__slow-1__5_free.rate_limited"] == 1
        assert gauges["airflow.llm_bench.start_lag_sec.mine"] == 1.5

    def test_with_tags_is_told_them(self, metrics: Any, server: Any):
        metrics(statsd_influxdb_enabled="True")
        send(DUE, rows(BATCH))
        gauges = server()
        assert len(gauges) == 3 + 2 * len(FAILURE_KINDS)
        assert gauges["airflow.llm_bench.latency_sec,study=mine,llm=groq/fast"] == pytest.approx(0.6)
        assert gauges["airflow.llm_bench.failures,study=mine,llm=openrouter/some/slow-1.5_free,kind=rate_limited"] == 1

    def test_is_told_that_nothing_was_measured(self, metrics: Any, server: Any):
        metrics()
        send(DUE, None)
        assert server() == {"airflow.llm_bench.completeness.mine": 0.0}

    def test_that_is_not_there_stops_nothing(self, metrics: Any):
        metrics(statsd_host="nowhere.invalid")
        send(DUE, rows(BATCH))


PROCESS = """
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory
from tests.airflow.test_stats import BATCH, DUE, rows
from llm_bench.airflow.stats import send
stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
send(DUE, rows(BATCH))
"""
"""As short-lived as a task's."""


class Collector(BaseHTTPRequestHandler):
    """A collector of OpenTelemetry: keeps what it is sent, (gauge, attributes) → value."""

    gauges: ClassVar[dict[tuple[str, frozenset[tuple[str, str]]], float]] = {}

    def do_POST(self) -> None:
        sent = ExportMetricsServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for metric in (
            metric for part in sent.resource_metrics for scope in part.scope_metrics for metric in scope.metrics
        ):
            for point in metric.gauge.data_points:
                tags = frozenset((tag.key, tag.value.string_value) for tag in point.attributes)
                self.gauges[metric.name, tags] = point.as_double or point.as_int
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
class TestAnOpenTelemetryCollector:
    def test_is_told_the_tags_as_attributes_before_the_process_ends(self, project: Path):
        with HTTPServer(("127.0.0.1", 0), Collector) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            environment = os.environ | {
                "AIRFLOW__METRICS__OTEL_ON": "True",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            }
            done = subprocess.run(
                [sys.executable, "-c", PROCESS],
                env=environment,
                cwd=project,
                capture_output=True,
                text=True,
                check=False,
            )
            server.shutdown()
        assert done.returncode == 0, done.stderr
        fast = frozenset({"study": "mine", "llm": "groq/fast"}.items())
        assert Collector.gauges["airflow.llm_bench.latency_sec", fast] == pytest.approx(0.6)
        assert Collector.gauges["airflow.llm_bench.completeness", frozenset({("study", "mine")})] == 0.75
        assert len(Collector.gauges) == 3 + 2 * len(FAILURE_KINDS)


class TestWithoutAServer:
    def test_nothing_is_sent(self, server: Any):
        send(DUE, rows(BATCH))
        assert server() == {}


class TestThePage:
    def test_names_every_gauge(self, project: Path):
        page = (project / "docs" / "observability.md").read_text(encoding="utf-8")
        assert set(re.findall(r"\| `(llm_bench\.\w+)`", page)) == set(NAMES)


class TestTheGrafanaDashboard:
    def test_asks_for_our_gauges_and_shows_each(self, project: Path):
        dashboard = json.loads((project / "docs" / "grafana" / "llm-bench.json").read_text(encoding="utf-8"))
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        assert all(asked)
        named = {name for text in asked for name in re.findall(r"airflow_\w+", text)}
        assert named == {f"airflow_{name.replace('.', '_')}" for name in NAMES}

    def test_narrows_every_panel_to_the_study_that_is_chosen(self, project: Path):
        dashboard = json.loads((project / "docs" / "grafana" / "llm-bench.json").read_text(encoding="utf-8"))
        (chosen,) = dashboard["templating"]["list"]
        assert chosen["name"] == "study"
        assert chosen["definition"] == "label_values(airflow_llm_bench_completeness, study)"
        for panel in dashboard["panels"]:
            assert all('study="$study"' in target["expr"] for target in panel["targets"]), panel["title"]

    def test_groups_by_tags_that_the_gauge_has(self, project: Path):
        text = (project / "docs" / "grafana" / "llm-bench.json").read_text(encoding="utf-8")
        groups = re.findall(r"by \((\w+)\)", text) + re.findall(r"\{\{(\w+)\}\}", text)
        assert set(groups) <= {"study", "llm", "kind"}
